/* SPDX-License-Identifier: BSD-3-Clause */
/* slice.c - see slice.h */

#include <errno.h>
#include <string.h>

#include "pagewire/check.h"
#include "slice.h"

#include "hot.h"

#define NUMBER_BITS 32	/* of next_chunk; above them: chunks of the order */

void pw_slices_init(struct pw_slices_out *s, unsigned slice_shift)
{
	PW_CHECK(slice_shift >= PW_PAGE_SHIFT && slice_shift <= PW_SLICE_SHIFT);
	memset(s, 0, sizeof(*s));
	s->slice_shift = slice_shift;
}

static uint64_t dirty_bytes(const struct pw_slice_order *order)
{
	uint64_t pages = 0;

	for (uint64_t i = 0; i < (uint64_t)order->chunks * PW_CHUNK_WORDS; i++)
		pages += (unsigned)__builtin_popcountll(order->bitmap[i]);
	return pages << PW_PAGE_SHIFT;
}

int pw_slices_open(struct pw_slices_out *s, const struct pw_slice_order *order)
{
	PW_CHECK(order->chunks > 0);
	for (unsigned i = 0; i < PW_SLICES_OPEN_MAX; i++) {
		struct pw_slice_out *slot = &s->slot[i];

		if (atomic_load_explicit(&slot->state, memory_order_acquire) != PW_SLICE_FREE)
			continue;
		slot->order = *order;
		atomic_store_explicit(&slot->sent_bytes, 0, memory_order_relaxed);
		atomic_store_explicit(&slot->zero_pages, 0, memory_order_relaxed);
		atomic_store_explicit(&slot->unsettled, dirty_bytes(order) + order->chunks,
				      memory_order_relaxed);
		atomic_store_explicit(&slot->state, PW_SLICE_OPEN, memory_order_relaxed);
		/* release; pairs with the fetch-add in claim_number(): S1 */
		atomic_store_explicit(&slot->next_chunk, (uint64_t)order->chunks << NUMBER_BITS,
				      memory_order_release);
		return (int)i;
	}
	return -ENOSPC;
}

void pw_slices_free(struct pw_slices_out *s, unsigned slot)
{
	PW_CHECK(atomic_load_explicit(&s->slot[slot].state, memory_order_acquire) ==
		 PW_SLICE_SETTLED);
	atomic_store_explicit(&s->slot[slot].next_chunk, 0, memory_order_relaxed);
	atomic_store_explicit(&s->slot[slot].state, PW_SLICE_FREE, memory_order_release);
}

bool pw_slices_settle(struct pw_slices_out *s, unsigned slot, uint64_t bytes)
{
	struct pw_slice_out *out = &s->slot[slot];
	/* acq_rel: who brings it to 0 has seen all that the others did to the slice */
	uint64_t before = atomic_fetch_sub_explicit(&out->unsettled, bytes, memory_order_acq_rel);

	PW_HOT_CHECK(before >= bytes);
	if (before != bytes)
		return false;
	/* release; pairs with the acquire of the control thread that looks for it */
	atomic_store_explicit(&out->state, PW_SLICE_SETTLED, memory_order_release);
	return true;
}

static bool is_chunk(uint64_t next_chunk)
{
	return (uint32_t)next_chunk < next_chunk >> NUMBER_BITS;
}

/* Take the number of a chunk that nobody has. The plain load keeps idle workers
 * from counting next_chunk up for ever. */
static bool claim_number(struct pw_slice_out *slot, uint32_t *number)
{
	uint64_t next = atomic_load_explicit(&slot->next_chunk, memory_order_relaxed);

	if (!is_chunk(next))
		return false;
	/* acquire; pairs with the release in pw_slices_open(): S1 */
	next = atomic_fetch_add_explicit(&slot->next_chunk, 1, memory_order_acq_rel);
	*number = (uint32_t)next;
	return is_chunk(next);
}

/* Copy the words of a chunk; false if no page of it is dirty. */
static bool copy_words(const struct pw_slice_out *slot, uint32_t number, struct pw_chunk *chunk)
{
	const uint64_t *words = slot->order.bitmap + (uint64_t)number * PW_CHUNK_WORDS;
	uint64_t any = 0;

	for (unsigned i = 0; i < PW_CHUNK_WORDS; i++)
		any |= chunk->words[i] = words[i];
	return any != 0;
}

bool pw_slices_claim(struct pw_slices_out *s, struct pw_chunk *chunk, bool *settled)
{
	uint32_t number;

	for (unsigned i = 0, looked = 0; i < PW_SLICES_OPEN_MAX && looked < PW_BURST;) {
		struct pw_slice_out *slot = &s->slot[i];
		bool any;

		if (!claim_number(slot, &number)) {
			i++;
			continue;
		}
		looked++;
		any = copy_words(slot, number, chunk);
		chunk->offset = ((uint64_t)slot->order.slice << s->slice_shift) +
				(uint64_t)number * PW_CHUNK_PAGES * PW_PAGE_BYTES;
		chunk->slot = i;
		chunk->region = (uint16_t)slot->order.region;
		chunk->epoch = slot->order.epoch;
		chunk->stun = slot->order.stun;
		*settled |= pw_slices_settle(s, i, 1);	/* the chunk's token: S2 */
		if (any)
			return true;
	}
	return false;
}

int pw_slice_close(struct pw_slice_in *s, uint16_t epoch)
{
	uint16_t open = atomic_load_explicit(&s->open_epoch, memory_order_relaxed);

	if ((int16_t)(epoch - open) < 0)
		return 0;
	if (epoch != open)
		return -EPROTO;
	/* release; pairs with the acquire in pw_slice_check() */
	atomic_store_explicit(&s->open_epoch, (uint16_t)(epoch + 1), memory_order_release);
	return 0;
}
