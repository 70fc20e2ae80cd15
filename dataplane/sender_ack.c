/* SPDX-License-Identifier: BSD-3-Clause */
/* sender_ack.c - what an ack settles and teaches: see sender.h */

#include "pagewire/check.h"
#include "sender_parts.h"

#include "hot.h"

#define BYTES_PER_MBIT 125000u

static void on_probe_arrived(struct pw_sender *s, uint16_t bytes, uint64_t now_ns)
{
	if (pw_mtu_on_probe_acked(&s->mtu, bytes, now_ns))
		pw_stat_add(&s->stats->mtu_ups, 1);
}

/* Hand an acknowledged extent back to whom it belongs to. */
static unsigned settle_extent(struct pw_sender *s, const struct pw_extent *extent, uint64_t now_ns)
{
	struct pw_stream_out *stream;

	switch (extent->kind) {
	case PW_EXTENT_ZERO:
		pw_zero_maps_put(s->transfer->zero_maps[PW_ZERO_MAP_PATH(extent->zero_map)],
				 PW_ZERO_MAP_NUMBER(extent->zero_map));
		return 0;
	case PW_EXTENT_STREAM:
		stream = atomic_load_explicit(&s->transfer->stream_out[extent->id],
					      memory_order_relaxed);
		pw_stream_out_placed(stream, extent);
		return PW_EVENT_STREAM;
	case PW_EXTENT_PROBE:
		on_probe_arrived(s, extent->bytes, now_ns);
		return 0;
	default:
		return 0;
	}
}

/* Settle n extents. The counter of a slice is shared by all workers: bytes of
 * the same slice in a row become one subtraction. */
static unsigned settle(struct pw_sender *s, const struct pw_extent *extents, unsigned n,
		       uint64_t now_ns)
{
	struct pw_slices_out *slices = &s->transfer->slices;
	unsigned events = 0, slot = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		events |= settle_extent(s, &extents[i], now_ns);
		pw_mtu_on_acked(&s->mtu, extents[i].bytes);
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
	uint64_t elapsed_ns = (uint64_t)((uint32_t)(now_ns >> PW_TX_TIME_SHIFT) - ack->echo)
			      << PW_TX_TIME_SHIFT;

	if (!settled || elapsed_ns >> 37 || elapsed_ns <= ack->dwell_ns ||
	    ack->dwell_ns == UINT32_MAX)	/* it was longer than that field can say */
		return 0;
	return elapsed_ns - ack->dwell_ns;
}

static void take_credits(struct pw_sender *s, const struct pw_ack *ack)
{
	s->credit = ack->credit;
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

/* The lower of our ceiling and what the receiver grants. */
static void take_grant(struct pw_sender *s, const struct pw_ack *ack, uint64_t now_ns)
{
	uint64_t rate = (uint64_t)ack->grant_mbps * BYTES_PER_MBIT;

	if (!rate || (s->config.rate_bytes_per_s && s->config.rate_bytes_per_s < rate))
		rate = s->config.rate_bytes_per_s;
	if (rate != s->pacer.rate_bytes_per_s)
		pw_pacer_set_rate(&s->pacer, rate, now_ns);
	pw_stat_set(&s->stats->grant_mbps, ack->grant_mbps);
}

/* Marks that are new since the last ack. The counter goes round, an older ack
 * says less than is known, and no datagram is marked twice. */
static uint32_t new_marks(struct pw_sender *s, const struct pw_ack *ack, uint32_t settled)
{
	int32_t more = (int32_t)(ack->marked - s->marked);

	if (more <= 0)
		return 0;
	s->marked = ack->marked;
	return (uint32_t)more < settled ? (uint32_t)more : settled;
}

static void learn(struct pw_sender *s, const struct pw_ack *ack, int settled, uint64_t now_ns)
{
	struct pw_congestion_sample sample = {
		.now_ns = now_ns,
		.rtt_ns = rtt_of(ack, settled, now_ns),
		.acked = (uint32_t)settled,
		.marked = new_marks(s, ack, (uint32_t)settled),
		.ring_fill = ack->ring_fill,
	};

	pw_loss_on_ack(&s->loss, sample.rtt_ns, now_ns);
	sample.rtt_min_ns = s->loss.min_ns;
	if (settled)
		pw_congestion_on_ack(&s->congestion, &sample);
	take_credits(s, ack);
	take_grant(s, ack, now_ns);
}

static void show(struct pw_sender *s)
{
	pw_stat_set(&s->stats->srtt_ns, s->loss.srtt_ns);
	pw_stat_set(&s->stats->rtt_min_ns, s->loss.min_ns);
	pw_stat_set(&s->stats->window_datagrams, pw_congestion_window(&s->congestion));
	pw_stat_set(&s->stats->payload_bytes, pw_mtu_payload(&s->mtu));
}

/* It hears again: window and round trip from before say nothing of how the way is
 * now. On a longer one every delay would be above the target for ever. */
static unsigned come_up(struct pw_sender *s, uint64_t now_ns)
{
	if (!s->down)
		return 0;
	s->down = false;
	pw_loss_init(&s->loss, now_ns);
	pw_congestion_init(&s->congestion, &s->config.congestion);
	return PW_EVENT_UP;
}

unsigned pw_sender_on_ack(struct pw_sender *s, const uint8_t *bytes, uint32_t n, uint64_t now_ns)
{
	struct pw_ack ack;
	unsigned events;
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
	learn(s, &ack, settled, now_ns);
	events = come_up(s, now_ns);	/* behind it: what it took is the outage's length */
	events |= settle(s, s->settled, (unsigned)settled, now_ns);
	show(s);
	return events;
}
