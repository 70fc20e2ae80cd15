/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slice.h - epochs, so that a stale write cannot land; and the work of a round
 *
 * A slice is up to 1 GiB of a region. At the source a slice is opened for
 * sending with an epoch and a bitmap of dirty pages; workers claim its chunks
 * one after the other; it is settled when every dirty page of it was
 * acknowledged. Only then may the same slice be opened again, with a higher
 * epoch, and only after the target closed the old one.
 *
 * At the target a slice has one open epoch. A datagram of an older epoch is
 * acknowledged and not placed; one of a newer epoch is dropped.
 *
 * Open slices live in a table that the control thread fills and the workers
 * read without a lock:
 *   S1  next_chunk is written last when a slice is opened (release) and is
 *       claimed with fetch-add (acquire), so a claim sees the other fields.
 *       It holds the number of chunks too: a claim that came too late is told
 *       so by what it took, even if the slot was freed and opened again since
 *   S2  unsettled counts dirty bytes plus one token per chunk; a token is given
 *       back when the chunk's words are copied. 0 therefore means that nobody
 *       reads the bitmap any more and every page is placed
 */
#ifndef PW_SLICE_H
#define PW_SLICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pagewire/limits.h"

#define PW_SLICES_OPEN_MAX 64u	/* at once in a transfer; 64 GiB of work ahead of the workers */

enum pw_slice_state { PW_SLICE_FREE, PW_SLICE_OPEN, PW_SLICE_SETTLED };

struct pw_slice_order {
	const uint64_t *bitmap;	/* of the slice; whole chunks */
	uint32_t region;
	uint32_t slice;	/* number in the region */
	uint32_t chunks;
	uint16_t epoch;
	bool stun;
};

struct pw_slice_out {
	_Atomic uint32_t state;	/* enum pw_slice_state */
	_Atomic uint64_t next_chunk;	/* low half: its number; high half: chunks, 0 while free */
	_Atomic uint64_t unsettled;
	_Atomic uint64_t sent_bytes;	/* payload, repeats not counted */
	_Atomic uint64_t zero_pages;
	struct pw_slice_order order;
};

struct pw_slices_out {
	unsigned slice_shift;
	struct pw_slice_out slot[PW_SLICES_OPEN_MAX];
};

/* A chunk in one worker's hands: a private copy of its dirty bits. */
struct pw_chunk {
	uint64_t words[PW_CHUNK_WORDS];
	uint64_t offset;	/* bytes into the region */
	uint32_t slot;	/* in the table of open slices */
	uint16_t region;
	uint16_t epoch;
	bool stun;
};

void pw_slices_init(struct pw_slices_out *s, unsigned slice_shift);

/* Control thread: open a slice. Returns its slot, or -ENOSPC. A slice without
 * a dirty page is settled once its chunks were looked at. */
int pw_slices_open(struct pw_slices_out *s, const struct pw_slice_order *order);

/* Control thread: forget a settled slice. */
void pw_slices_free(struct pw_slices_out *s, unsigned slot);

/* Worker: take a chunk that has dirty pages. False: there is none now. Looks at
 * PW_BURST chunks at most. *settled is set if that settled a slice, which
 * happens when the last chunks looked at are clean. */
bool pw_slices_claim(struct pw_slices_out *s, struct pw_chunk *chunk, bool *settled);

/* Worker: bytes of a slice were acknowledged. True if that settled it. */
bool pw_slices_settle(struct pw_slices_out *s, unsigned slot, uint64_t bytes);

/* Target: the open epoch of one slice. */
struct pw_slice_in {
	_Atomic uint16_t open_epoch;
};

enum pw_epoch_verdict { PW_EPOCH_OPEN, PW_EPOCH_STALE, PW_EPOCH_EARLY };

static inline enum pw_epoch_verdict pw_slice_check(const struct pw_slice_in *s, uint16_t epoch)
{
	/* acquire: pairs with the release in pw_slice_close() */
	int16_t ahead = (int16_t)(epoch - atomic_load_explicit(&s->open_epoch, memory_order_acquire));

	return ahead == 0 ? PW_EPOCH_OPEN : ahead < 0 ? PW_EPOCH_STALE : PW_EPOCH_EARLY;
}

/* Control thread of the target: from now on workers do not begin to place
 * epoch; that none is still at it needs a quiescent point of each. Closing an
 * epoch that is closed already changes nothing. -EPROTO: it was never open. */
int pw_slice_close(struct pw_slice_in *s, uint16_t epoch);

#define PW_EPOCH_FIRST 1u

#endif /* PW_SLICE_H */
