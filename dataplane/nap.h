/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nap.h - what a worker does while there is nothing to do
 *
 * It goes on polling for a moment, then lets others run, then sleeps for 20 us
 * and more: workers, guest and daemons may have to share two cores, and a
 * worker that spins there takes the time of the one it waits for. Without a
 * connection it sleeps until its bell rings.
 *
 * A datagram or two in a long silence are a ping and its ack: the worker looks
 * for more for about a millisecond, and goes on resting. Those of a stun come ten
 * times as often, and keep it awake.
 */
#ifndef PW_NAP_H
#define PW_NAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bell.h"

struct pw_nap {
	struct pw_bells *bells;	/* the workers' */
	uint32_t number;	/* of this worker in them */
	uint32_t idle_polls;	/* in a row */
	uint32_t rested;	/* idle polls to go on from when nothing more comes; 0: it did not rest */
	bool poll_always;
};

#define PW_NAP_LITTLE 2u	/* datagrams */

/* Called once by the thread that will nap. */
void pw_nap_init(struct pw_nap *n, struct pw_bells *bells, uint32_t number, bool poll_always);

static inline void pw_nap_busy(struct pw_nap *n)
{
	n->idle_polls = 0;
	n->rested = 0;
}

/* A poll moved PW_NAP_LITTLE datagrams or fewer. */
void pw_nap_little(struct pw_nap *n);

/* A poll moved nothing. */
void pw_nap_idle(struct pw_nap *n);

#endif /* PW_NAP_H */
