/* SPDX-License-Identifier: BSD-3-Clause */
/* receiver.c - see receiver.h */

#include <string.h>

#include "pagewire/check.h"
#include "placement.h"
#include "receiver.h"
#include "wire.h"

#include "hot.h"

#define CREDIT_STEP (PW_STREAM_SLOTS / 4)	/* worth an ack of its own: the sender may be waiting */

void pw_receiver_init(struct pw_receiver *r, struct pw_transfer *transfer, struct pw_link *link,
		      struct pw_path_stats *stats, uint32_t peer_cid, uint16_t path)
{
	memset(r, 0, sizeof(*r));
	r->transfer = transfer;
	r->link = link;
	r->stats = stats;
	r->peer_cid = peer_cid;
	r->path = path;
	r->intake.room = PW_WINDOW_SLOTS;
	pw_replay_init(&r->replay);
	pw_acker_init(&r->acker);
}

static void drop(struct pw_receiver *r, uint64_t *stat)
{
	pw_stat_add(stat, 1);
	r->dropped++;
}

/* An older epoch was superseded: what it carries is not needed, and saying so
 * stops the sender. A newer one cannot be: CLOSE comes first. */
static bool epoch_ok(struct pw_receiver *r, const struct pw_datagram *d, bool *place)
{
	const struct pw_slice_in *slices = r->transfer->slice_in[d->id];

	switch (pw_slice_check(&slices[d->offset >> r->transfer->slice_shift], d->epoch)) {
	case PW_EPOCH_OPEN:
		*place = true;
		return true;
	case PW_EPOCH_STALE:
		pw_stat_add(&r->stats->rx_stale_epoch, 1);
		*place = false;
		return true;
	default:
		drop(r, &r->stats->rx_early_epoch);
		return false;
	}
}

/* The address, or NULL: not this region's, or across the border of a slice. */
static uint8_t *place_of(struct pw_receiver *r, const struct pw_datagram *d, uint64_t bytes)
{
	unsigned shift = r->transfer->slice_shift;

	if (d->id >= PW_REGIONS_MAX || !bytes ||
	    d->offset >> shift != (d->offset + bytes - 1) >> shift)
		return NULL;
	return pw_region_ptr(&r->transfer->region[d->id], d->offset, bytes);
}

static bool on_data(struct pw_receiver *r, const struct pw_datagram *d)
{
	uint8_t *to = place_of(r, d, d->length);
	bool place;

	if (!to) {
		drop(r, &r->stats->rx_out_of_bounds);
		return false;
	}
	if (!epoch_ok(r, d, &place))
		return false;
	if (place) {
		pw_placement_copy(to, d->payload, d->length);
		pw_stat_add(&r->stats->rx_payload_bytes, d->length);
	}
	return true;
}

/* Bytes of the chunk up to its last page that the map names; 0: an empty map. */
static uint64_t map_reach(const uint64_t map[PW_CHUNK_WORDS])
{
	for (unsigned w = PW_CHUNK_WORDS; w-- > 0;)
		if (map[w])
			return (uint64_t)(64 * w + 64 - (unsigned)__builtin_clzll(map[w]))
			       << PW_PAGE_SHIFT;
	return 0;
}

static bool on_zero(struct pw_receiver *r, const struct pw_datagram *d)
{
	uint64_t map[PW_CHUNK_WORDS];
	uint8_t *to;
	bool place;

	memcpy(map, d->payload, sizeof(map));
	to = place_of(r, d, map_reach(map));
	if (!to) {
		drop(r, &r->stats->rx_out_of_bounds);
		return false;
	}
	if (!epoch_ok(r, d, &place))
		return false;
	for (unsigned w = 0; place && w < PW_CHUNK_WORDS; w++)
		for (uint64_t bits = map[w]; bits; bits &= bits - 1) {
			uint64_t page = 64 * w + (unsigned)__builtin_ctzll(bits);

			pw_placement_zero(to + (page << PW_PAGE_SHIFT), PW_PAGE_BYTES);
			pw_stat_add(&r->stats->rx_zero_pages, 1);
		}
	return true;
}

static bool on_stream(struct pw_receiver *r, const struct pw_datagram *d, unsigned *events)
{
	struct pw_stream_in *stream = NULL;

	if (d->id < PW_STREAMS_MAX)
		/* acquire; pairs with the release that published the stream */
		stream = atomic_load_explicit(&r->transfer->stream_in[d->id], memory_order_acquire);
	if (!stream) {
		drop(r, &r->stats->rx_out_of_bounds);
		return false;
	}
	switch (pw_stream_in_place(stream, d)) {
	case PW_STREAM_PLACED:
		pw_stat_add(&r->stats->rx_payload_bytes, d->length);
		*events |= PW_EVENT_STREAM;
		return true;
	case PW_STREAM_DUPLICATE:
		return true;
	case PW_STREAM_BAD:
		drop(r, &r->stats->rx_out_of_bounds);
		return false;
	default:
		drop(r, &r->stats->rx_no_room);
		return false;
	}
}

/* True: placed, or in no need of placing. */
static bool place(struct pw_receiver *r, const struct pw_datagram *d, unsigned *events)
{
	if (atomic_load_explicit(&r->transfer->sealed, memory_order_acquire)) {
		if (d->type == PW_PING)
			return true;
		drop(r, &r->stats->rx_sealed);
		return false;
	}
	switch (d->type) {
	case PW_DATA:
		return on_data(r, d);
	case PW_ZERO:
		return on_zero(r, d);
	case PW_STREAM:
		return on_stream(r, d, events);
	default:
		return true;
	}
}

/* False: seen before, or not to be taken. A duplicate is acknowledged again:
 * the ack of the first may be what got lost. */
static bool replay_ok(struct pw_receiver *r, const struct pw_datagram *d, uint64_t now_ns)
{
	pw_replay_give_up(&r->replay, d->pn - d->span);
	switch (pw_replay_check(&r->replay, d->pn)) {
	case PW_REPLAY_NEW:
		return true;
	case PW_REPLAY_DUPLICATE:
		pw_stat_add(&r->stats->rx_duplicate, 1);
		pw_acker_on_duplicate(&r->acker, now_ns);
		return false;
	default:
		pw_stat_add(&r->stats->rx_too_old, 1);
		return false;
	}
}

unsigned pw_receiver_on_datagram(struct pw_receiver *r, const uint8_t *bytes, uint32_t n,
				 bool marked, uint64_t now_ns)
{
	struct pw_datagram d;
	unsigned events = 0;
	bool gap;

	if (!pw_wire_parse(bytes, n, &d)) {
		drop(r, &r->stats->rx_bad_header);
		return 0;
	}
	if (!pw_wire_payload_ok(&d)) {
		drop(r, &r->stats->rx_bad_payload);
		return 0;
	}
	if (!replay_ok(r, &d, now_ns) || !place(r, &d, &events))
		return 0;

	if (d.flags & PW_F_STUN)
		r->stun_ns = now_ns;
	if (marked) {	/* of a datagram that passed all guards: nobody else slows us down */
		r->marked++;
		pw_stat_add(&r->stats->rx_marked, 1);
	}
	gap = d.pn != r->replay.top;
	pw_replay_mark(&r->replay, d.pn);
	pw_acker_on_datagram(&r->acker, d.tx_time, gap || d.flags & PW_F_ACK_NOW, now_ns);
	pw_stat_add(&r->stats->rx_datagrams, 1);
	return events;
}

/* Credits of up to PW_ACK_CREDITS_MAX streams, in turn. */
static void add_credits(struct pw_receiver *r, struct pw_ack *ack)
{
	for (unsigned i = 0; i < PW_STREAMS_MAX && ack->num_credits < PW_ACK_CREDITS_MAX; i++) {
		uint16_t id = (uint16_t)((r->credit_turn + i) % PW_STREAMS_MAX);
		const struct pw_stream_in *stream =
			atomic_load_explicit(&r->transfer->stream_in[id], memory_order_acquire);

		if (!stream)
			continue;
		r->credit_told[id] = pw_stream_in_credit(stream);
		ack->credits[ack->num_credits++] =
			(struct pw_credit){ .stream = id, .slots = r->credit_told[id] };
		if (ack->num_credits == PW_ACK_CREDITS_MAX)
			r->credit_turn = (uint16_t)(id + 1);
	}
}

static bool credit_due(const struct pw_receiver *r)
{
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++) {
		const struct pw_stream_in *stream =
			atomic_load_explicit(&r->transfer->stream_in[i], memory_order_acquire);

		if (stream && r->credit_told[i] &&
		    pw_stream_in_credit(stream) - r->credit_told[i] >= CREDIT_STEP)
			return true;
	}
	return false;
}

static void fill_ack(struct pw_receiver *r, struct pw_ack *ack, uint64_t now_ns)
{
	uint64_t dwell_ns = now_ns - r->acker.newest_ns;

	*ack = (struct pw_ack){
		.next = r->replay.next,
		.echo = r->acker.newest_tx_time,
		.dwell_ns = dwell_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)dwell_ns,
		.marked = r->marked,
		.dropped = r->dropped,
		.grant_mbps = r->intake.grant_mbps,
		.credit = r->intake.room,
		.ring_fill = r->intake.fill,
	};
	ack->words = (uint8_t)pw_replay_bitmap(&r->replay, ack->bitmap);
	add_credits(r, ack);
}

void pw_receiver_poll(struct pw_receiver *r, uint64_t now_ns, unsigned *moved)
{
	const struct pw_envelope env = { .cid = r->peer_cid, .path = r->path };
	struct pw_frame frame = { .header = r->ack, .region = PW_FRAME_NO_REGION };
	struct pw_ack ack;

	if (!pw_acker_due(&r->acker, now_ns) && !credit_due(r))
		return;
	fill_ack(r, &ack, now_ns);
	frame.header_bytes = (uint16_t)pw_wire_pack_ack(r->ack, &ack, &env, r->ack_pn);
	pw_placement_fence();	/* what is acknowledged is visible */
	if (r->link->ops->send(r->link, &frame, 1) != 1) {
		pw_stat_add(&r->stats->tx_busy, 1);
		return;
	}
	r->ack_pn++;
	pw_acker_on_sent(&r->acker);
	pw_stat_add(&r->stats->tx_datagrams, 1);
	pw_stat_add(&r->stats->tx_acks, 1);
	(*moved)++;
}
