/* SPDX-License-Identifier: BSD-3-Clause */
/* sender.c - see sender.h */

#include <string.h>

#include "pagewire/check.h"
#include "sender.h"

#include "hot.h"

#define TX_TIME_SHIFT 6	/* 64 ns units: 32 bits go round in 274 s */

static_assert((PW_WINDOW_SLOTS & (PW_WINDOW_SLOTS - 1)) == 0, "the retry list is a masked ring");

static const uint8_t type_of[] = {
	[PW_EXTENT_DATA] = PW_DATA,
	[PW_EXTENT_ZERO] = PW_ZERO,
	[PW_EXTENT_STREAM] = PW_STREAM,
	[PW_EXTENT_PING] = PW_PING,
};

void pw_sender_init(struct pw_sender *s, struct pw_transfer *transfer, struct pw_link *link,
		    struct pw_path_stats *stats, const struct pw_sender_config *config,
		    uint64_t now_ns)
{
	PW_CHECK(config->payload_bytes >= PW_PAYLOAD_MIN && config->payload_bytes <= PW_PAYLOAD_MAX);
	memset(s, 0, sizeof(*s));
	s->transfer = transfer;
	s->link = link;
	s->stats = stats;
	s->config = *config;
	s->credit_pn = PW_WINDOW_SLOTS;
	pw_loss_init(&s->loss, now_ns);
	pw_congestion_init(&s->congestion, &config->congestion);
	pw_pacer_init(&s->pacer, config->rate_bytes_per_s, now_ns);
	pw_runlist_init(&s->runlist);
	pw_window_init(&s->window);
}

bool pw_sender_idle(const struct pw_sender *s)
{
	return s->window.in_flight == 0 && s->retry_count == 0 && s->outbox_count == 0;
}

/* The retry list: what was lost, oldest first. Together with the window it never
 * holds more than PW_WINDOW_SLOTS, because nothing new is sent while it is not
 * empty. */
static void push_retry(struct pw_sender *s, const struct pw_extent *extent)
{
	PW_HOT_CHECK(s->retry_count < PW_WINDOW_SLOTS);
	s->retry[(s->retry_head + s->retry_count++) & (PW_WINDOW_SLOTS - 1)] = *extent;
}

static struct pw_extent pop_retry(struct pw_sender *s)
{
	struct pw_extent extent = s->retry[s->retry_head & (PW_WINDOW_SLOTS - 1)];

	s->retry_head++;
	s->retry_count--;
	extent.flags |= PW_F_AGAIN;
	return extent;
}

/* A lost probe has served; what it asked for is asked by the next. */
static void give_up(struct pw_sender *s, const struct pw_extent *lost)
{
	pw_stat_add(&s->stats->lost_datagrams, 1);
	if (lost->kind != PW_EXTENT_PING)
		push_retry(s, lost);
}

static void take_lost(struct pw_sender *s, uint64_t now_ns)
{
	uint64_t before_ns = pw_loss_before_ns(&s->loss, now_ns);
	uint64_t tail_before_ns = pw_loss_tail_before_ns(&s->loss, now_ns);
	struct pw_extent lost;
	uint32_t count = 0;

	while (pw_window_take_lost(&s->window, PW_LOSS_DISTANCE, before_ns, &lost) ||
	       pw_window_take_lost(&s->window, 0, tail_before_ns, &lost)) {
		give_up(s, &lost);
		count++;
	}
	if (count)
		pw_congestion_on_loss(&s->congestion, count, s->loss.srtt_ns, now_ns);
}

/* Streams take turns, one slot each. */
static bool next_stream_extent(struct pw_sender *s, struct pw_extent *extent)
{
	if (s->stream_rest.kind != PW_EXTENT_NONE) {
		*extent = s->stream_rest;
		pw_stream_cut(extent, s->config.payload_bytes, &s->stream_rest);
		return true;
	}
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++) {
		uint16_t id = (uint16_t)((s->next_stream + i) % PW_STREAMS_MAX);
		/* acquire; pairs with the release that published the stream */
		struct pw_stream_out *stream =
			atomic_load_explicit(&s->transfer->stream_out[id], memory_order_acquire);

		if (stream && pw_stream_out_claim(stream, id, extent)) {
			s->next_stream = (uint16_t)(id + 1);
			pw_stream_cut(extent, s->config.payload_bytes, &s->stream_rest);
			return true;
		}
	}
	return false;
}

/* What goes next: the lost, then device state (its target still has to load
 * it), then memory. */
static bool next_extent(struct pw_sender *s, struct pw_extent *extent, unsigned *events)
{
	bool settled = false, found;

	if (s->retry_count) {
		*extent = pop_retry(s);
		return true;
	}
	if (next_stream_extent(s, extent))
		return true;
	found = pw_runlist_next(&s->runlist, &s->transfer->slices, s->transfer->region,
				s->config.payload_bytes, extent, &settled);
	if (settled)
		*events |= PW_EVENT_SLICE;
	return found;
}

static void set_payload(struct pw_sender *s, const struct pw_extent *extent, struct pw_frame *frame,
			struct pw_datagram *d)
{
	frame->region = PW_FRAME_NO_REGION;
	switch (extent->kind) {
	case PW_EXTENT_DATA:
		frame->region = extent->id;
		d->payload = pw_region_ptr(&s->transfer->region[extent->id], extent->offset,
					   extent->bytes);
		PW_HOT_CHECK(d->payload);
		break;
	case PW_EXTENT_ZERO:
		d->payload = pw_runlist_map(&s->runlist, extent->zero_map);
		break;
	case PW_EXTENT_STREAM:
		d->payload = pw_stream_out_ptr(
			atomic_load_explicit(&s->transfer->stream_out[extent->id],
					     memory_order_relaxed),
			extent, &d->epoch);
		break;
	default:
		d->payload = NULL;
	}
	frame->payload = d->payload;
	frame->payload_bytes = extent->bytes;
}

static void count_sent(struct pw_sender *s, const struct pw_extent *extent)
{
	struct pw_slice_out *slice = &s->transfer->slices.slot[extent->slot];

	pw_stat_add(&s->stats->tx_datagrams, 1);
	pw_stat_add(&s->stats->tx_payload_bytes, extent->bytes);
	if (extent->flags & PW_F_AGAIN) {
		pw_stat_add(&s->stats->tx_again_datagrams, 1);
		pw_stat_add(&s->stats->tx_again_bytes, extent->bytes);
	} else if (extent->kind == PW_EXTENT_DATA) {
		atomic_fetch_add_explicit(&slice->sent_bytes, extent->bytes, memory_order_relaxed);
	} else if (extent->kind == PW_EXTENT_ZERO) {
		uint64_t pages = extent->settles >> PW_PAGE_SHIFT;

		pw_stat_add(&s->stats->tx_zero_pages, pages);
		atomic_fetch_add_explicit(&slice->zero_pages, pages, memory_order_relaxed);
	}
}

/* Give extent a pn and put it into the outbox. */
static void stage(struct pw_sender *s, const struct pw_extent *extent, uint64_t now_ns)
{
	uint16_t at = (uint16_t)(s->outbox_first + s->outbox_count);
	struct pw_frame *frame = &s->outbox[at];
	struct pw_datagram d = {
		.offset = extent->offset,
		.cid = s->config.peer_cid,
		.tx_time = (uint32_t)(now_ns >> TX_TIME_SHIFT),
		.path = s->config.path,
		.id = extent->id,
		.epoch = extent->epoch,
		.length = extent->bytes,
		.type = type_of[extent->kind],
		.flags = extent->flags,
	};

	if (s->config.payload_crc && extent->bytes)
		d.flags |= PW_F_PAYLOAD_CRC;
	set_payload(s, extent, frame, &d);
	d.pn = pw_window_send(&s->window, extent, now_ns);
	d.span = (uint16_t)(d.pn - s->window.head);
	frame->header = s->headers[at];
	frame->header_bytes = (uint16_t)pw_wire_pack(s->headers[at], &d);
	s->outbox_count++;
	pw_pacer_spend(&s->pacer, frame->header_bytes + extent->bytes);
	count_sent(s, extent);
}

/* False: the link is full and something is still waiting. */
static bool flush(struct pw_sender *s, unsigned *moved)
{
	uint16_t sent;

	if (s->outbox_count) {
		sent = s->link->ops->send(s->link, &s->outbox[s->outbox_first], s->outbox_count);
		PW_HOT_CHECK(sent <= s->outbox_count);
		s->outbox_first = (uint16_t)(s->outbox_first + sent);
		s->outbox_count = (uint16_t)(s->outbox_count - sent);
		*moved += sent;
	}
	if (s->outbox_count) {
		pw_stat_add(&s->stats->tx_busy, 1);
		return false;
	}
	s->outbox_first = 0;
	return true;
}

static bool may_send(struct pw_sender *s, uint64_t now_ns)
{
	return !pw_window_full(&s->window) && s->window.tail < s->credit_pn && !s->down &&
	       s->window.in_flight < pw_congestion_window(&s->congestion) &&
	       pw_pacer_may(&s->pacer, now_ns);
}

/* Something is owed to us: an ack, or credit for a stream that has bytes. */
static bool is_waiting(const struct pw_sender *s)
{
	if (s->window.in_flight)
		return true;
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++) {
		struct pw_stream_out *stream =
			atomic_load_explicit(&s->transfer->stream_out[i], memory_order_acquire);

		if (stream && pw_stream_out_needs_credit(stream))
			return true;
	}
	return false;
}

/* Silence: ask. A full window gives up its oldest to make place for the probe. */
static unsigned probe(struct pw_sender *s, uint64_t now_ns)
{
	static const struct pw_extent ping = { .kind = PW_EXTENT_PING, .flags = PW_F_ACK_NOW };
	struct pw_extent oldest;

	if (!is_waiting(s) || !pw_loss_probe_due(&s->loss, now_ns))
		return 0;
	if (pw_window_full(&s->window)) {
		pw_window_give_up(&s->window, &oldest);
		give_up(s, &oldest);
	}
	stage(s, &ping, now_ns);
	pw_stat_add(&s->stats->probes, 1);
	if (!pw_loss_is_down(&s->loss) || s->down)
		return 0;
	s->down = true;
	return PW_EVENT_DOWN;
}

unsigned pw_sender_poll(struct pw_sender *s, uint64_t now_ns, unsigned *moved)
{
	unsigned before = *moved, events = 0;
	struct pw_extent extent;

	if (!flush(s, moved))
		return 0;
	take_lost(s, now_ns);
	events |= probe(s, now_ns);
	while (s->outbox_count < PW_BURST && may_send(s, now_ns) && next_extent(s, &extent, &events))
		stage(s, &extent, now_ns);
	flush(s, moved);
	if (*moved != before)
		pw_loss_on_send(&s->loss, now_ns);
	return events;
}

/* Hand an acknowledged extent back to whom it belongs to. */
static unsigned settle_extent(struct pw_sender *s, const struct pw_extent *extent)
{
	struct pw_stream_out *stream;

	switch (extent->kind) {
	case PW_EXTENT_ZERO:
		pw_runlist_put_map(&s->runlist, extent->zero_map);
		return 0;
	case PW_EXTENT_STREAM:
		stream = atomic_load_explicit(&s->transfer->stream_out[extent->id],
					      memory_order_relaxed);
		pw_stream_out_placed(stream, extent);
		return PW_EVENT_STREAM;
	default:
		return 0;
	}
}

/* Settle n extents. The counter of a slice is shared by all workers: bytes of
 * the same slice in a row become one subtraction. */
static unsigned settle(struct pw_sender *s, const struct pw_extent *extents, unsigned n)
{
	struct pw_slices_out *slices = &s->transfer->slices;
	unsigned events = 0, slot = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		events |= settle_extent(s, &extents[i]);
		if (!extents[i].settles)
			continue;
		if (bytes && extents[i].slot != slot) {
			events |= pw_slices_settle(slices, slot, bytes) ? PW_EVENT_SLICE : 0;
			bytes = 0;
		}
		slot = extents[i].slot;
		bytes += extents[i].settles;
	}
	if (bytes && pw_slices_settle(slices, slot, bytes))
		events |= PW_EVENT_SLICE;
	return events;
}

/* 0: the ack settled nothing new, or its times make no sense. */
static uint64_t rtt_of(const struct pw_ack *ack, int settled, uint64_t now_ns)
{
	uint64_t elapsed_ns = (uint64_t)((uint32_t)(now_ns >> TX_TIME_SHIFT) - ack->echo)
			      << TX_TIME_SHIFT;

	if (!settled || elapsed_ns >> 37 || elapsed_ns <= ack->dwell_ns ||
	    ack->dwell_ns == UINT32_MAX)	/* it was longer than that field can say */
		return 0;
	return elapsed_ns - ack->dwell_ns;
}

static void take_credits(struct pw_sender *s, const struct pw_ack *ack)
{
	if (ack->next + ack->credit > s->credit_pn)
		s->credit_pn = ack->next + ack->credit;
	for (unsigned i = 0; i < ack->num_credits; i++) {
		uint16_t id = ack->credits[i].stream;
		struct pw_stream_out *stream;

		if (id >= PW_STREAMS_MAX)
			continue;
		stream = atomic_load_explicit(&s->transfer->stream_out[id], memory_order_acquire);
		if (stream)
			pw_stream_out_credit(stream, ack->credits[i].slots);
	}
}

static void show(struct pw_sender *s)
{
	pw_stat_set(&s->stats->srtt_ns, s->loss.srtt_ns);
	pw_stat_set(&s->stats->rtt_min_ns, s->loss.min_ns);
	pw_stat_set(&s->stats->window_datagrams, pw_congestion_window(&s->congestion));
}

unsigned pw_sender_on_ack(struct pw_sender *s, const uint8_t *bytes, uint32_t n, uint64_t now_ns)
{
	struct pw_congestion_sample sample = { .now_ns = now_ns };
	struct pw_ack ack;
	int settled;

	if (!pw_wire_parse_ack(bytes, n, &ack)) {
		pw_stat_add(&s->stats->rx_bad_header, 1);
		return 0;
	}
	settled = pw_window_ack(&s->window, &ack, s->settled);
	if (settled < 0) {
		pw_stat_add(&s->stats->rx_bad_ack, 1);
		return 0;
	}
	pw_stat_add(&s->stats->rx_datagrams, 1);
	pw_stat_add(&s->stats->rx_acks, 1);

	s->down = false;
	sample.rtt_ns = rtt_of(&ack, settled, now_ns);
	pw_loss_on_ack(&s->loss, sample.rtt_ns, now_ns);
	sample.rtt_min_ns = s->loss.min_ns;
	sample.acked = (uint32_t)settled;
	sample.marked = ack.marked > s->marked ? ack.marked - s->marked : 0;
	s->marked += sample.marked;
	sample.ring_fill = ack.ring_fill;
	if (settled)
		pw_congestion_on_ack(&s->congestion, &sample);
	take_credits(s, &ack);
	show(s);
	return settle(s, s->settled, (unsigned)settled);
}
