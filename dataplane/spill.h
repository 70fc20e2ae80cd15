/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spill.h - what a path that is down leaves for the others to send
 *
 * The worker of the path pours all it holds into its spill at once and can pour
 * again when everything was taken. Any worker of the transfer takes, the path's
 * own too when it is up again. An extent is in one place at a time: in a
 * window, in a retry list, or here; so it is settled once.
 *
 *   P1  claims holds how many there are in its high half and the number of the
 *       next in its low half: a claim that came too late is told so by what it
 *       took
 *   P2  left counts what was not copied out yet; the worker pours only at 0
 */
#ifndef PW_SPILL_H
#define PW_SPILL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pagewire/limits.h"
#include "pagewire/run.h"

struct pw_spill {
	_Atomic uint64_t claims;
	_Atomic uint32_t left;
	struct pw_extent extent[PW_WINDOW_SLOTS];
};

void pw_spill_init(struct pw_spill *s);

/* The path's own worker, when pw_spill_left() is 0: where to put up to
 * PW_WINDOW_SLOTS extents, and then how many there are. */
static inline struct pw_extent *pw_spill_room(struct pw_spill *s)
{
	return s->extent;
}

void pw_spill_pour(struct pw_spill *s, uint32_t count);

/* Any worker: take one. False: there is none. */
bool pw_spill_take(struct pw_spill *s, struct pw_extent *extent);

static inline uint32_t pw_spill_left(const struct pw_spill *s)
{
	/* acquire; pairs with the release in pw_spill_take() */
	return atomic_load_explicit(&s->left, memory_order_acquire);
}

#endif /* PW_SPILL_H */
