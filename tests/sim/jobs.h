/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jobs.h - seeds shared out to processes
 *
 * Each process plays every n-th seed and sends its totals home through a pipe
 * at its end. Whatever it has to say of a seed it prints by itself, in one line.
 */
#ifndef PW_SIM_JOBS_H
#define PW_SIM_JOBS_H

#include "totals.h"

struct sim_range {
	uint64_t first;
	uint64_t seeds;
	uint64_t step;
};

/* Play the seeds of a range and add to totals. */
typedef void (*sim_play)(const void *options, const struct sim_range *range,
			 struct sim_totals *totals);

/* Play range in so many processes. A seed of a process that died did not pass. */
void sim_jobs_run(sim_play play, const void *options, const struct sim_range *range,
		  unsigned jobs, struct sim_totals *totals);

#endif /* PW_SIM_JOBS_H */
