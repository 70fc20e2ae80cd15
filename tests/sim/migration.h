/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * migration.h - rounds of a guest from source to target, as the control plane plays them
 *
 *	harvest -> open slices -> settled -> close at the target -> closed
 *	   ^                                                          |
 *	   +------- next round, epochs one higher <---- all closed ---+
 *
 * After the last round the guest stops; one more round; then, when streams have
 * ended and senders are idle, SEAL. What still arrives must change nothing.
 */
#ifndef PW_SIM_MIGRATION_H
#define PW_SIM_MIGRATION_H

#include "guest.h"
#include "path.h"
#include "scenario.h"
#include "shadow.h"
#include "tap.h"

enum sim_slice_state {
	SIM_SLICE_CLOSED,	/* may be opened */
	SIM_SLICE_WAITS,	/* harvested; the table of open slices was full */
	SIM_SLICE_OPEN,
	SIM_SLICE_SETTLED,	/* CLOSE is under way */
};

struct sim_slice {
	enum sim_slice_state state;
	uint64_t *bitmap;
	uint32_t region;
	uint32_t number;
	uint32_t chunks;
	uint16_t epoch;
	unsigned slot;
};

struct sim_migration {
	struct sim_world *world;
	struct sim_scenario scenario;
	struct sim_guest guest;
	struct sim_shadow shadow;
	struct pw_transfer source;
	struct pw_transfer target;
	struct sim_path path[SIM_PATHS_MAX];
	struct sim_tap tap[SIM_STREAMS_MAX];
	struct sim_slice *slices;
	unsigned num_slices;
	unsigned round;
	bool done;
	uint64_t ended_ns;
};

/* Play a whole migration. Fails the seed if anything is not as it should be. */
void sim_migration_play(struct sim_migration *m, struct sim_world *w);

#endif /* PW_SIM_MIGRATION_H */
