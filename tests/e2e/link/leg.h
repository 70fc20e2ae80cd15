/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * leg.h - one of the two interfaces: whole frames in and out, in bursts
 *
 * A packet socket that hears everything and not itself. recvmmsg() copies a frame
 * into the buffer in which it waits and from which it leaves: a shared ring would
 * need one copy more, because what waits would block it.
 */
#ifndef PW_E2E_LINK_LEG_H
#define PW_E2E_LINK_LEG_H

#include <stdint.h>

#include "depot.h"

#define LEG_BURST     32u
#define LEG_WHY_BYTES 200u

struct leg_stats {
	uint64_t received;
	uint64_t sent;
	uint64_t too_long;	/* longer than a buffer: offloads are on */
	uint64_t not_sent;	/* the kernel did not take it */
	uint64_t overrun;	/* came faster than they were read */
};

struct leg {
	const char *name;
	int fd;
	uint8_t *buffer[LEG_BURST];	/* for the frames that come next */
	struct leg_stats stats;
};

/* Returns 0 or a negative errno, and then why says what was found and the fix. */
int leg_open(struct leg *leg, const char *name, struct depot *depot, char why[LEG_WHY_BYTES]);
void leg_close(struct leg *leg);

/* Up to LEG_BURST frames in buffers of the depot, which are the caller's; counts gets
 * their lengths. 0: there are none, or the depot has no buffers for them. */
unsigned leg_receive(struct leg *leg, struct depot *depot, uint8_t **frames, uint32_t *counts);

/* Send n frames of up to LEG_BURST. */
void leg_send(struct leg *leg, const struct departure *frames, unsigned n);

/* Fetch stats.overrun from the kernel. */
void leg_count(struct leg *leg);

#endif /* PW_E2E_LINK_LEG_H */
