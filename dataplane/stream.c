/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.c - see stream.h */

#include <string.h>

#include "pagewire/check.h"
#include "placement.h"
#include "stream.h"

#include "hot.h"

#define MASK (PW_STREAM_SLOTS - 1)

#define LOAD(x)	    atomic_load_explicit(&(x), memory_order_relaxed)
#define STORE(x, v) atomic_store_explicit(&(x), (v), memory_order_relaxed)

/* Grains from byte from up to byte to of a slot; an empty slot has one. */
static uint64_t grains_of(uint32_t from, uint32_t to)
{
	uint32_t first = from / PW_STREAM_GRAIN;
	uint32_t end = to ? (to + PW_STREAM_GRAIN - 1) / PW_STREAM_GRAIN : 1;

	return (end >= 64 ? UINT64_MAX : (1ull << end) - 1) & ~((1ull << first) - 1);
}

void pw_stream_out_init(struct pw_stream_out *s, uint8_t *ring)
{
	memset(s, 0, sizeof(*s));
	s->ring = ring;
	atomic_init(&s->credit, PW_STREAM_SLOTS);
}

/* Slots whose every grain is acknowledged, in order, are free again. */
static void take_back(struct pw_stream_out *s)
{
	uint64_t filled = LOAD(s->filled);

	while (s->freed < filled) {
		unsigned i = s->freed & MASK;
		uint64_t want = grains_of(0, LOAD(s->bytes[i]));

		/* acquire; pairs with the release in pw_stream_out_placed() */
		if ((atomic_load_explicit(&s->placed[i], memory_order_acquire) & want) != want)
			return;
		s->freed++;
	}
}

uint32_t pw_stream_out_room(struct pw_stream_out *s, uint8_t **room)
{
	uint64_t filled = LOAD(s->filled);
	uint64_t slots, until_end = PW_STREAM_SLOTS - (filled & MASK);

	take_back(s);
	slots = PW_STREAM_SLOTS - (filled - s->freed);
	*room = s->ring + (filled & MASK) * PW_STREAM_SLOT_BYTES;
	return (uint32_t)(slots < until_end ? slots : until_end);
}

void pw_stream_out_fill(struct pw_stream_out *s, uint16_t bytes, bool last)
{
	uint64_t filled = LOAD(s->filled);
	unsigned i = filled & MASK;

	PW_HOT_CHECK(bytes <= PW_STREAM_SLOT_BYTES && (bytes || last));
	PW_HOT_CHECK(filled - s->freed < PW_STREAM_SLOTS);
	STORE(s->bytes[i], bytes);
	STORE(s->last[i], last);
	STORE(s->placed[i], 0);
	/* release; pairs with the acquire in pw_stream_out_claim() */
	atomic_store_explicit(&s->filled, filled + 1, memory_order_release);
}

bool pw_stream_out_settled(struct pw_stream_out *s)
{
	take_back(s);
	return s->freed == LOAD(s->filled);
}

bool pw_stream_out_claim(struct pw_stream_out *s, uint16_t stream, struct pw_extent *extent)
{
	uint64_t slot = LOAD(s->claimed);

	do {
		if (slot >= LOAD(s->credit) ||
		    slot >= atomic_load_explicit(&s->filled, memory_order_acquire))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&s->claimed, &slot, slot + 1,
							memory_order_relaxed, memory_order_relaxed));
	*extent = (struct pw_extent){
		.offset = slot * PW_STREAM_SLOT_BYTES,
		.id = stream,
		.bytes = LOAD(s->bytes[slot & MASK]),
		.kind = PW_EXTENT_STREAM,
		.flags = LOAD(s->last[slot & MASK]) ? PW_F_END : 0,
	};
	return true;
}

void pw_stream_cut(struct pw_extent *extent, uint16_t payload_bytes, struct pw_extent *rest)
{
	uint16_t most = (uint16_t)(payload_bytes / PW_STREAM_GRAIN * PW_STREAM_GRAIN);

	*rest = *extent;
	if (extent->bytes <= most) {
		rest->kind = PW_EXTENT_NONE;
		return;
	}
	extent->bytes = most;
	rest->offset += most;
	rest->bytes = (uint16_t)(rest->bytes - most);
}

const uint8_t *pw_stream_out_ptr(const struct pw_stream_out *s, const struct pw_extent *extent,
				 uint16_t *slot_bytes)
{
	uint64_t slot = extent->offset / PW_STREAM_SLOT_BYTES;

	*slot_bytes = LOAD(s->bytes[slot & MASK]);
	return s->ring + extent->offset % PW_STREAM_RING_BYTES;
}

void pw_stream_out_placed(struct pw_stream_out *s, const struct pw_extent *extent)
{
	uint64_t slot = extent->offset / PW_STREAM_SLOT_BYTES;
	uint32_t from = (uint32_t)(extent->offset % PW_STREAM_SLOT_BYTES);

	/* release; pairs with the acquire in take_back() */
	atomic_fetch_or_explicit(&s->placed[slot & MASK], grains_of(from, from + extent->bytes),
				 memory_order_release);
}

void pw_stream_out_credit(struct pw_stream_out *s, uint64_t slots)
{
	uint64_t old = LOAD(s->credit);

	while (slots > old &&
	       !atomic_compare_exchange_weak_explicit(&s->credit, &old, slots, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void pw_stream_in_init(struct pw_stream_in *s, uint8_t *ring)
{
	memset(s, 0, sizeof(*s));
	s->ring = ring;
}

/* The fragment lies inside its slot, on grains, and only the last one of a slot
 * ends off them. */
static bool in_bounds(const struct pw_datagram *d)
{
	uint64_t from = d->offset % PW_STREAM_SLOT_BYTES;

	return from % PW_STREAM_GRAIN == 0 && from + d->length <= d->epoch &&
	       (d->length % PW_STREAM_GRAIN == 0 || from + d->length == d->epoch);
}

/* Try to claim the grains in mask of a slot. What a worker claimed it places, or
 * gives back at once: a fragment that met such a claim was dropped and comes again. */
static enum pw_stream_verdict claim(struct pw_stream_in *s, uint64_t slot, uint64_t mask)
{
	unsigned i = slot & MASK;
	uint64_t others = atomic_fetch_or_explicit(&s->claims[i], mask, memory_order_acq_rel) & mask;
	uint64_t placed = atomic_load_explicit(&s->grains[i], memory_order_acquire) & mask;
	enum pw_stream_verdict verdict;

	/* The claim was made first: if the slot was drained before it, this shows. */
	if (slot < atomic_load_explicit(&s->drained, memory_order_acquire))
		verdict = PW_STREAM_DUPLICATE;
	else if (placed == mask)
		return PW_STREAM_DUPLICATE;
	else if (others & ~placed)
		verdict = PW_STREAM_BUSY;
	else
		return PW_STREAM_PLACED;
	atomic_fetch_and_explicit(&s->claims[i], ~(mask & ~others), memory_order_acq_rel);
	return verdict;
}

enum pw_stream_verdict pw_stream_in_place(struct pw_stream_in *s, const struct pw_datagram *d)
{
	uint64_t slot = d->offset / PW_STREAM_SLOT_BYTES;
	uint32_t from = (uint32_t)(d->offset % PW_STREAM_SLOT_BYTES);
	uint64_t drained = atomic_load_explicit(&s->drained, memory_order_acquire);
	uint64_t mask = grains_of(from, from + d->length);
	unsigned i = slot & MASK;
	enum pw_stream_verdict verdict;

	if (!in_bounds(d))
		return PW_STREAM_BAD;
	if (slot < drained)
		return PW_STREAM_DUPLICATE;
	if (slot - drained >= PW_STREAM_SLOTS)
		return PW_STREAM_NO_ROOM;
	verdict = claim(s, slot, mask);
	if (verdict != PW_STREAM_PLACED)
		return verdict;

	pw_placement_copy(s->ring + d->offset % PW_STREAM_RING_BYTES, d->payload, d->length);
	pw_placement_fence();
	STORE(s->bytes[i], d->epoch);
	STORE(s->last[i], (d->flags & PW_F_END) != 0);
	/* release; pairs with the acquire in pw_stream_in_peek() */
	atomic_fetch_or_explicit(&s->grains[i], mask, memory_order_acq_rel);
	return PW_STREAM_PLACED;
}

bool pw_stream_in_peek(struct pw_stream_in *s, const uint8_t **from, uint16_t *bytes, bool *last)
{
	return pw_stream_in_peek_at(s, 0, from, bytes, last);
}

bool pw_stream_in_peek_at(struct pw_stream_in *s, uint32_t ahead, const uint8_t **from,
			  uint16_t *bytes, bool *last)
{
	unsigned i = (LOAD(s->drained) + ahead) & MASK;
	uint64_t grains = atomic_load_explicit(&s->grains[i], memory_order_acquire);
	uint64_t want;

	if (!grains)
		return false;
	*bytes = LOAD(s->bytes[i]);
	*last = LOAD(s->last[i]);
	*from = s->ring + i * (uint64_t)PW_STREAM_SLOT_BYTES;
	want = grains_of(0, *bytes);
	return (grains & want) == want;
}

/* The order matters. All grains stay claimed until drained has moved, so that
 * the next lap's fragments wait (BUSY) and a late duplicate finds either its
 * grains claimed or, having claimed them, drained beyond its slot. */
void pw_stream_in_drain(struct pw_stream_in *s)
{
	uint64_t drained = LOAD(s->drained);
	unsigned i = drained & MASK;

	atomic_fetch_or_explicit(&s->claims[i], UINT64_MAX, memory_order_acq_rel);
	STORE(s->grains[i], 0);
	/* release; pairs with the acquires in pw_stream_in_place() and claim() */
	atomic_store_explicit(&s->drained, drained + 1, memory_order_release);
	/* release; pairs with the fetch-or in claim() */
	atomic_store_explicit(&s->claims[i], 0, memory_order_release);
}
