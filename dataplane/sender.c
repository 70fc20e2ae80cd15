/* SPDX-License-Identifier: BSD-3-Clause */
/* sender.c - poll: what was lost, probes, a burst of datagrams: see sender.h */

#include <string.h>

#include "pagewire/check.h"
#include "sender_parts.h"

#include "hot.h"

#define DISTANCE_MIN 3u	/* of few in flight none may ever be 16 later */

static const uint8_t type_of[] = {
	[PW_EXTENT_DATA] = PW_DATA,
	[PW_EXTENT_ZERO] = PW_ZERO,
	[PW_EXTENT_STREAM] = PW_STREAM,
	[PW_EXTENT_PING] = PW_PING,
	[PW_EXTENT_PROBE] = PW_PROBE,
};

void pw_sender_init(struct pw_sender *s, struct pw_transfer *transfer, struct pw_link *link,
		    struct pw_path_stats *stats, const struct pw_sender_config *config,
		    uint64_t now_ns)
{
	PW_CHECK(config->path < PW_PATHS_MAX && !transfer->spill[config->path]);
	memset(s, 0, sizeof(*s));
	s->transfer = transfer;
	s->link = link;
	s->stats = stats;
	s->config = *config;
	s->credit = PW_WINDOW_SLOTS;
	pw_loss_init(&s->loss, now_ns);
	pw_congestion_init(&s->congestion, &config->congestion);
	pw_pacer_init(&s->pacer, config->rate_bytes_per_s, now_ns);
	pw_mtu_init(&s->mtu, config->payload_bytes);
	pw_runlist_init(&s->runlist, config->path);
	pw_spill_init(&s->spill);
	pw_window_init(&s->window);
	transfer->spill[config->path] = &s->spill;
	transfer->zero_maps[config->path] = &s->runlist.maps;
	transfer->paths++;
}

/* Probes of a path that is down are nobody's bytes. */
bool pw_sender_idle(const struct pw_sender *s)
{
	return (s->window.in_flight == 0 || (s->down && s->transfer->paths > 1)) &&
	       s->retry_count == 0 && s->outbox_count == 0 &&
	       s->stream_rest.kind == PW_EXTENT_NONE && pw_spill_left(&s->spill) == 0;
}

bool pw_sender_busy(const struct pw_sender *s)
{
	return !s->down && !pw_sender_idle(s);
}

/* A lost ping has served: what it asked for is asked by the next. A lost probe
 * says something of the way, and nothing of how full it is. */
void pw_sender_give_up(struct pw_sender *s, const struct pw_sent *lost, uint64_t now_ns)
{
	const struct pw_extent *extent = &lost->extent;

	pw_stat_add(&s->stats->lost_datagrams, 1);
	if (extent->kind == PW_EXTENT_PING || extent->kind == PW_EXTENT_PROBE)
		return;
	pw_sender_push_retry(s, extent);
	if (pw_mtu_on_lost(&s->mtu, extent->bytes, lost->sent_ns, now_ns))
		pw_stat_add(&s->stats->mtu_downs, 1);
}

static uint64_t loss_distance(const struct pw_sender *s)
{
	uint32_t half = s->window.in_flight / 2;

	return half < DISTANCE_MIN ? DISTANCE_MIN : half < PW_LOSS_DISTANCE ? half : PW_LOSS_DISTANCE;
}

static void take_lost(struct pw_sender *s, uint64_t now_ns)
{
	uint64_t before_ns = pw_loss_before_ns(&s->loss, now_ns);
	uint64_t tail_before_ns = pw_loss_tail_before_ns(&s->loss, now_ns);
	uint64_t distance = loss_distance(s);
	struct pw_sent lost;
	uint32_t count = 0;

	while (pw_window_take_lost(&s->window, distance, before_ns, &lost) ||
	       pw_window_take_lost(&s->window, 0, tail_before_ns, &lost)) {
		pw_sender_give_up(s, &lost, now_ns);
		count += lost.extent.kind != PW_EXTENT_PROBE;
	}
	if (count)
		pw_congestion_on_loss(&s->congestion, count, s->loss.srtt_ns, now_ns);
}

static void set_payload(struct pw_sender *s, const struct pw_extent *extent, struct pw_frame *frame,
			struct pw_datagram *d)
{
	static const uint8_t padding[PW_PAYLOAD_MAX];

	frame->region = PW_FRAME_NO_REGION;
	switch (extent->kind) {
	case PW_EXTENT_DATA:
		frame->region = extent->id;
		d->payload = pw_region_ptr(&s->transfer->region[extent->id], extent->offset,
					   extent->bytes);
		PW_HOT_CHECK(d->payload);
		break;
	case PW_EXTENT_ZERO:
		d->payload = (const uint8_t *)
			s->transfer->zero_maps[PW_ZERO_MAP_PATH(extent->zero_map)]
				->map[PW_ZERO_MAP_NUMBER(extent->zero_map)];
		break;
	case PW_EXTENT_STREAM:
		d->payload = pw_stream_out_ptr(
			atomic_load_explicit(&s->transfer->stream_out[extent->id],
					     memory_order_relaxed),
			extent, &d->epoch);
		break;
	case PW_EXTENT_PROBE:
		d->payload = padding;
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
	if (extent->kind == PW_EXTENT_PROBE)
		return;
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
		.tx_time = (uint32_t)(now_ns >> PW_TX_TIME_SHIFT),
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
	return !pw_window_full(&s->window) && s->window.in_flight < s->credit && !s->down &&
	       s->window.in_flight < pw_congestion_window(&s->congestion) &&
	       pw_pacer_may(&s->pacer, now_ns);
}

/* Something is owed to us: an ack, or credit for a stream that has bytes, or the
 * path's life. */
static bool is_waiting(const struct pw_sender *s)
{
	if (s->window.in_flight || s->down)
		return true;
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++) {
		struct pw_stream_out *stream =
			atomic_load_explicit(&s->transfer->stream_out[i], memory_order_acquire);

		if (stream && pw_stream_out_needs_credit(stream))
			return true;
	}
	return false;
}

static bool keepalive_due(const struct pw_sender *s, uint64_t now_ns)
{
	bool stun = atomic_load_explicit(&s->transfer->stun, memory_order_relaxed);

	return now_ns - s->loss.waiting_since_ns >= (stun ? PW_KEEPALIVE_STUN_NS : PW_KEEPALIVE_NS);
}

static void ping(struct pw_sender *s, uint64_t now_ns)
{
	static const struct pw_extent extent = { .kind = PW_EXTENT_PING, .flags = PW_F_ACK_NOW };

	stage(s, &extent, now_ns);
	pw_stat_add(&s->stats->probes, 1);
}

/* Silence: ask. A full window gives up its oldest to make place for the ping. */
static unsigned break_silence(struct pw_sender *s, uint64_t now_ns)
{
	struct pw_sent oldest;

	if (!is_waiting(s)) {
		if (keepalive_due(s, now_ns))
			ping(s, now_ns);
		return 0;
	}
	if (!pw_loss_probe_due(&s->loss, now_ns))
		return 0;
	if (pw_window_full(&s->window)) {
		pw_window_give_up(&s->window, &oldest);
		pw_sender_give_up(s, &oldest, now_ns);
	}
	ping(s, now_ns);
	if (!pw_loss_is_down(&s->loss) || s->down)
		return 0;
	s->down = true;
	return PW_EVENT_DOWN;
}

/* Do longer datagrams arrive by now? */
static void probe_mtu(struct pw_sender *s, uint64_t now_ns)
{
	struct pw_extent extent = { .kind = PW_EXTENT_PROBE, .flags = PW_F_ACK_NOW };

	if (may_send(s, now_ns) && pw_mtu_probe_due(&s->mtu, now_ns, &extent.bytes))
		stage(s, &extent, now_ns);
}

unsigned pw_sender_poll(struct pw_sender *s, uint64_t now_ns, unsigned *moved)
{
	unsigned before = *moved, events = 0;
	struct pw_extent extent;

	if (s->down)
		pw_sender_pour_out(s);
	if (!flush(s, moved))
		return 0;
	take_lost(s, now_ns);
	events |= break_silence(s, now_ns);
	probe_mtu(s, now_ns);
	while (s->outbox_count < PW_BURST && may_send(s, now_ns) &&
	       pw_sender_next(s, &extent, &events))
		stage(s, &extent, now_ns);
	flush(s, moved);
	if (*moved != before)
		pw_loss_on_send(&s->loss, now_ns);
	return events;
}
