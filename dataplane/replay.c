/* SPDX-License-Identifier: BSD-3-Clause */
/* replay.c - see replay.h */

#include <stdbool.h>
#include <string.h>

#include "pagewire/check.h"
#include "replay.h"

#include "hot.h"

#define WORDS (PW_WINDOW_SLOTS / 64)

static uint64_t *word_of(struct pw_replay *r, uint64_t pn)
{
	return &r->bits[pn / 64 % WORDS];
}

static bool is_marked(const struct pw_replay *r, uint64_t pn)
{
	return r->bits[pn / 64 % WORDS] >> pn % 64 & 1;
}

static void clear(struct pw_replay *r, uint64_t pn)
{
	*word_of(r, pn) &= ~(1ull << pn % 64);
}

/* Restores R1. Bits behind next are cleared: their place in the ring is used
 * again by pns one window later. */
static void advance(struct pw_replay *r)
{
	while (r->next < r->top && is_marked(r, r->next))
		clear(r, r->next++);
}

void pw_replay_init(struct pw_replay *r)
{
	memset(r, 0, sizeof(*r));
}

void pw_replay_give_up(struct pw_replay *r, uint64_t floor)
{
	if (floor <= r->next)
		return;
	if (floor >= r->top) {
		memset(r->bits, 0, sizeof(r->bits));
		r->next = r->top = floor;
		return;
	}
	while (r->next < floor)	/* at most a window: R2 */
		clear(r, r->next++);
	advance(r);
}

enum pw_replay_verdict pw_replay_check(const struct pw_replay *r, uint64_t pn)
{
	if (pn < r->next)
		return PW_REPLAY_TOO_OLD;
	if (pn - r->next >= PW_WINDOW_SLOTS)
		return PW_REPLAY_TOO_NEW;
	return is_marked(r, pn) ? PW_REPLAY_DUPLICATE : PW_REPLAY_NEW;
}

void pw_replay_mark(struct pw_replay *r, uint64_t pn)
{
	PW_HOT_CHECK(pw_replay_check(r, pn) == PW_REPLAY_NEW);
	*word_of(r, pn) |= 1ull << pn % 64;
	if (pn >= r->top)
		r->top = pn + 1;
	advance(r);
}

unsigned pw_replay_bitmap(const struct pw_replay *r, uint64_t words[PW_WINDOW_SLOTS / 64])
{
	uint64_t first = r->next + 1;
	unsigned shift = first % 64;
	unsigned n;

	if (r->top <= first)
		return 0;
	n = (unsigned)((r->top - first + 63) / 64);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = first / 64 + i;
		uint64_t low = r->bits[at % WORDS] >> shift;
		uint64_t high = shift ? r->bits[(at + 1) % WORDS] << (64 - shift) : 0;

		words[i] = low | high;
	}
	if ((r->top - first) % 64)	/* what wrapped around the ring is not ours to name */
		words[n - 1] &= (1ull << (r->top - first) % 64) - 1;
	return n;
}
