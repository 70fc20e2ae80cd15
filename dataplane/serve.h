/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.h - the control thread: requests of pagewired, and their answers
 *
 * One event loop over the seam and one bell. A request that cannot be answered
 * at once is kept and looked at again whenever the bell rings: a slice until it
 * is settled, a barrier until every worker passed it, a region until it is
 * populated, the start of a transfer until the MAC of its peer is known, the end of a transfer until nothing uses its memory. Requests of
 * one kind are looked at in the order they came.
 */
#ifndef PW_SERVE_H
#define PW_SERVE_H

#include <stdint.h>

#include "seam.h"
#include "share.h"

struct pw_pending;

struct pw_serve {
	struct pw_lane *lane;
	struct pw_seam *seam;
	struct pw_pending *first;
	struct pw_pending **end;
	struct pw_share share[PW_TRANSFERS_MAX];
};

/* READY, then until the seam ends. All transfers are dropped on return. */
void pw_serve_run(struct pw_serve *s, struct pw_lane *lane, struct pw_seam *seam);

/* pending.c: what was asked and is not answered. */
struct pw_pending {
	struct pw_pending *next;
	struct pw_share *share;
	struct pw_prefault *prefault;	/* REGION_ADD: makes it ready */
	uint64_t barrier;	/* START, CLOSE, SEAL; START: 0 until the peer is found */
	uint64_t deadline_ns;	/* START: for that */
	int slot;	/* SLICE_SEND: in the table of open slices, or -1: waits for one */
	struct pw_slice_order order;
	struct pw_seam_msg msg;
};

/* Keep a request. */
struct pw_pending *pw_pending_add(struct pw_serve *s, struct pw_share *share,
				  const struct pw_seam_msg *msg);

/* Keep REGION_ADD while a thread makes the region ready. NULL: there is none. */
struct pw_pending *pw_pending_add_region(struct pw_serve *s, struct pw_share *share,
					 const struct pw_seam_msg *msg);

/* Is this slice being sent, or about to be? */
bool pw_pending_has_slice(const struct pw_serve *s, const struct pw_share *share,
			  const struct pw_seam_slice *slice);

/* Answer what can be answered by now. */
void pw_pending_advance(struct pw_serve *s);

/* A share leaves: answer what is pending of it with -ECANCELED, if it can be. */
void pw_pending_cancel(struct pw_serve *s, struct pw_share *share);

#endif /* PW_SERVE_H */
