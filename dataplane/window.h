/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.h - datagrams sent and not yet settled
 *
 *	          head                    tail
 *	..settled..|##.####.###############|.........> pn
 *	           oldest unsettled        next to send
 *
 * A datagram is settled when it is acknowledged, or when its sender gives it
 * up as lost; what it carried then travels again under a new pn. No pn is ever
 * used twice, so an acknowledgement names exactly one transmission.
 *
 * Invariants
 *   W1  head <= tail <= head + PW_WINDOW_SLOTS
 *   W2  the slot of head is unsettled, or head == tail
 *   W3  in_flight counts the unsettled slots in [head, tail)
 *   W4  sent_ns does not decrease from head to tail
 *
 * Owned by one worker.
 */
#ifndef PW_WINDOW_H
#define PW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pagewire/run.h"
#include "wire.h"

struct pw_sent {
	uint64_t sent_ns;
	struct pw_extent extent;	/* kind PW_EXTENT_NONE: settled */
};

struct pw_window {
	uint64_t head;
	uint64_t tail;
	uint64_t acked_top;	/* one above the highest pn acknowledged so far */
	uint32_t in_flight;
	struct pw_sent slot[PW_WINDOW_SLOTS];
};

void pw_window_init(struct pw_window *w);

static inline bool pw_window_full(const struct pw_window *w)
{
	return w->tail - w->head == PW_WINDOW_SLOTS;
}

/* Record extent as sent at now_ns; return its pn. The window is not full. */
uint64_t pw_window_send(struct pw_window *w, const struct pw_extent *extent, uint64_t now_ns);

/* Settle what ack names and write what those datagrams carried to settled,
 * which has room for PW_WINDOW_SLOTS. Returns how many, or -EPROTO with
 * nothing changed if ack names a pn that was never sent. */
int pw_window_ack(struct pw_window *w, const struct pw_ack *ack, struct pw_extent *settled);

/* Give up the oldest unsettled datagram if something at least distance above
 * it was acknowledged and it was sent before before_ns. False: there is none. */
bool pw_window_take_lost(struct pw_window *w, uint64_t distance, uint64_t before_ns,
			 struct pw_sent *lost);

/* Give up the oldest unsettled datagram whatever its age. The window is not empty. */
void pw_window_give_up(struct pw_window *w, struct pw_sent *lost);

#endif /* PW_WINDOW_H */
