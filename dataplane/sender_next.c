/* SPDX-License-Identifier: BSD-3-Clause */
/* sender_next.c - what goes next, and what a path that is down leaves: see sender.h */

#include "pagewire/check.h"
#include "sender_parts.h"

#include "hot.h"

#define RETRY_MASK (PW_RETRY_SLOTS - 1)

static_assert((PW_RETRY_SLOTS & RETRY_MASK) == 0, "the retry list is a masked ring");

void pw_sender_push_retry(struct pw_sender *s, const struct pw_extent *extent)
{
	PW_HOT_CHECK(s->retry_count < PW_RETRY_SLOTS);
	s->retry[(s->retry_head + s->retry_count++) & RETRY_MASK] = *extent;
}

static struct pw_extent *retry_head(struct pw_sender *s)
{
	return &s->retry[s->retry_head & RETRY_MASK];
}

/* Split what got too long: the first part in *extent, what remains in its place. */
static void cut(struct pw_extent *extent, uint16_t payload_bytes, struct pw_extent *rest)
{
	if (extent->kind == PW_EXTENT_STREAM) {
		pw_stream_cut(extent, payload_bytes, rest);
		return;
	}
	*rest = *extent;
	extent->bytes = payload_bytes;
	extent->settles = payload_bytes;
	rest->offset += payload_bytes;
	rest->bytes = (uint16_t)(rest->bytes - payload_bytes);
	rest->settles = rest->bytes;
}

/* The oldest that was lost, or the first part of it. A list without room for one
 * more part is gone round until one is found that goes whole: there are some, or
 * it would not be full. */
static bool pop_retry(struct pw_sender *s, struct pw_extent *extent)
{
	uint16_t payload_bytes = pw_mtu_payload(&s->mtu);

	for (unsigned i = 0; i < PW_BURST && s->retry_count; i++) {
		*extent = *retry_head(s);
		extent->flags |= PW_F_AGAIN;
		if (extent->bytes > payload_bytes &&
		    s->window.in_flight + s->retry_count < PW_RETRY_SLOTS) {
			cut(extent, payload_bytes, retry_head(s));
			return true;
		}
		s->retry_head++;
		s->retry_count--;
		if (extent->bytes <= payload_bytes)
			return true;
		pw_sender_push_retry(s, extent);
	}
	return false;
}

/* Work of a path that is down. It goes through the retry list, where it is cut
 * to what this path carries. */
static bool take_over(struct pw_sender *s)
{
	struct pw_transfer *t = s->transfer;
	struct pw_extent extent;

	/* relaxed: what is seen too late is seen at the next poll */
	if (!atomic_load_explicit(&t->spilled, memory_order_relaxed))
		return false;
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		if (!t->spill[i] || !pw_spill_take(t->spill[i], &extent))
			continue;
		atomic_fetch_sub_explicit(&t->spilled, 1, memory_order_relaxed);
		pw_sender_push_retry(s, &extent);
		pw_stat_add(&s->stats->tx_taken_over, 1);
		return true;
	}
	return false;
}

static bool next_stream_rest(struct pw_sender *s, struct pw_extent *extent)
{
	if (s->stream_rest.kind == PW_EXTENT_NONE)
		return false;
	*extent = s->stream_rest;
	pw_stream_cut(extent, pw_mtu_payload(&s->mtu), &s->stream_rest);
	return true;
}

/* Streams take turns, one slot each. */
static bool next_stream(struct pw_sender *s, struct pw_extent *extent)
{
	if (next_stream_rest(s, extent))
		return true;
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++) {
		uint16_t id = (uint16_t)((s->next_stream + i) % PW_STREAMS_MAX);
		/* acquire; pairs with the release that published the stream */
		struct pw_stream_out *stream =
			atomic_load_explicit(&s->transfer->stream_out[id], memory_order_acquire);

		if (stream && pw_stream_out_claim(stream, id, extent)) {
			s->next_stream = (uint16_t)(id + 1);
			pw_stream_cut(extent, pw_mtu_payload(&s->mtu), &s->stream_rest);
			return true;
		}
	}
	return false;
}

/* What was lost, then what others left, then device state (its target still has
 * to load it), then memory. */
bool pw_sender_next(struct pw_sender *s, struct pw_extent *extent, unsigned *events)
{
	bool settled = false, found;

	if (s->retry_count)
		return pop_retry(s, extent);
	if (s->yields && !atomic_load_explicit(&s->transfer->stun, memory_order_relaxed))
		return false;
	if (take_over(s))
		return pop_retry(s, extent);
	if (next_stream(s, extent))
		return true;
	found = pw_runlist_next(&s->runlist, &s->transfer->slices, s->transfer->region,
				pw_mtu_payload(&s->mtu), extent, &settled);
	if (settled)
		*events |= PW_EVENT_SLICE;
	return found;
}

/* What was begun and is nobody else's: the rest of a slot, the chunk in hand. */
static void finish_begun(struct pw_sender *s)
{
	uint16_t payload_bytes = pw_mtu_payload(&s->mtu);
	struct pw_extent extent;

	while (s->retry_count < PW_WINDOW_SLOTS &&
	       (next_stream_rest(s, &extent) ||
		pw_runlist_rest(&s->runlist, s->transfer->region, payload_bytes, &extent)))
		pw_sender_push_retry(s, &extent);
}

static void pour_retries(struct pw_sender *s)
{
	struct pw_extent *room = pw_spill_room(&s->spill);
	uint32_t count = 0;

	if (!s->retry_count || pw_spill_left(&s->spill))
		return;
	for (; s->retry_count && count < PW_WINDOW_SLOTS; s->retry_count--)
		room[count++] = s->retry[s->retry_head++ & RETRY_MASK];
	/* Before: who takes one subtracts it. */
	atomic_fetch_add_explicit(&s->transfer->spilled, count, memory_order_relaxed);
	pw_spill_pour(&s->spill, count);
}

void pw_sender_pour_out(struct pw_sender *s)
{
	struct pw_sent lost;

	if (s->transfer->paths < 2)
		return;	/* nobody to take over */
	s->outbox_first = 0;	/* what did not leave is in the window too */
	s->outbox_count = 0;
	while (s->window.head < s->window.tail) {
		pw_window_give_up(&s->window, &lost);
		if (lost.extent.kind != PW_EXTENT_PING && lost.extent.kind != PW_EXTENT_PROBE)
			pw_sender_push_retry(s, &lost.extent);
	}
	finish_begun(s);
	pour_retries(s);
}
