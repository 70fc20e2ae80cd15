/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fair.h - guests that want the same lanes at the same time get their share of them
 *
 * Without faults, and over all the time in which several guests of one direction
 * had pages ready that nobody had taken yet: what each sent is at least a
 * quarter of an equal share. A guest that waits for its round to be closed, or
 * has nothing left to take, wants nothing and is not counted then; nor is a
 * while in which a guest is in its stun, which owns the lanes.
 */
#ifndef PW_SIM_FAIR_H
#define PW_SIM_FAIR_H

#include "swarm.h"

struct sim_bed;

struct sim_fair {
	uint64_t sent[SIM_GUESTS_MAX];	/* bytes, at the last look */
	bool wants[SIM_GUESTS_MAX];
	uint64_t got[SIM_GUESTS_MAX];
	uint64_t share[SIM_GUESTS_MAX];	/* an equal one would have been */
};

/* Begin to look. */
void sim_fair_run(struct sim_bed *bed);

/* They wanted the same for long enough. */
bool sim_fair_compared(const struct sim_fair *f, unsigned guest);

/* Fails the seed if a guest starved. */
void sim_fair_check(const struct sim_bed *bed);

#endif /* PW_SIM_FAIR_H */
