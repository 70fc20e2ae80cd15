/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap.h - a stream of the simulator: who pours in at the source and drinks at the target
 *
 * The source's pump fills slots with random numbers of bytes at random times;
 * the target's pump takes them, slowly, and compares.
 */
#ifndef PW_SIM_TAP_H
#define PW_SIM_TAP_H

#include "stream.h"
#include "world.h"

struct sim_migration;

/* What a stream is like. */
struct sim_tap_order {
	struct sim_migration *migration;	/* whose it is */
	uint64_t slots;
	uint64_t pause_ns_max;
	uint64_t thirst_ns;	/* before it is drunk at all */
	uint16_t bytes_max;	/* of a slot */
};

struct sim_tap {
	struct sim_world *world;
	struct sim_tap_order order;
	struct pw_stream_out out;
	struct pw_stream_in in;
	uint8_t *bytes;	/* of the whole stream */
	uint64_t *start;	/* of each slot, in bytes */
	uint64_t filled;
	uint64_t drunk;	/* slots */
	bool begun;
	bool pours;	/* the source's pump lives */
	bool drinks;	/* the target's */
	bool ended;	/* the last slot was drunk */
};

void sim_tap_init(struct sim_tap *t, struct sim_world *w, const struct sim_tap_order *order);
void sim_tap_run(struct sim_tap *t);

/* Everything was placed, acknowledged and drunk. */
bool sim_tap_is_done(struct sim_tap *t);

/* Bytes from..from+n of slot are at the target, or were drunk. */
bool sim_tap_has(struct sim_tap *t, uint64_t slot, uint32_t from, uint32_t n);

#endif /* PW_SIM_TAP_H */
