/* SPDX-License-Identifier: BSD-3-Clause */
/* totals.h - what happened in many seeds, summed up */
#ifndef PW_SIM_TOTALS_H
#define PW_SIM_TOTALS_H

#include "bed.h"

/* No pointers: processes hand it on. */
struct sim_totals {
	struct link_stats wire;
	struct sim_link_stats link;
	struct sim_coverage coverage;
	uint64_t seeds;
	uint64_t passed;
	uint64_t reordered;
	uint64_t again;
	uint64_t taken_over;
	uint64_t given_up;
	uint64_t probes;
	uint64_t shorter;
	uint64_t stale;
	uint64_t sealed;
	uint64_t duplicates;
	uint64_t damaged;
	uint64_t writes;
	uint64_t guests;
	uint64_t attempts;
	uint64_t crashes;
	uint64_t events;
	uint64_t virtual_ns;
	uint64_t compared;	/* guests that shared lanes with others */
	uint64_t got_least;	/* of them: per mille of an equal share */
	uint64_t slowest_seed;	/* from the calm to the end */
	uint64_t slowest_ns;
};

/* Add what a bed has seen; it has been played, to its end or not. */
void sim_totals_take(struct sim_totals *t, const struct sim_bed *bed);
void sim_totals_add(struct sim_totals *to, const struct sim_totals *from);
void sim_totals_show(const struct sim_totals *t);

#endif /* PW_SIM_TOTALS_H */
