/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_engine.h - the thread that takes the guest's steps, and parks
 *
 * G1  While the engine is parked it writes neither to the body nor to the
 *     workload; whoever parked it may.
 */
#ifndef PW_GUEST_ENGINE_H
#define PW_GUEST_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest_workload.h"

struct pw_guest_engine {
	struct pw_guest_workload *workload;	/* borrowed */
	struct pw_guest_body *body;	/* borrowed */
	uint64_t steps;	/* of workload, for readers of other threads; relaxed */

	pthread_t thread;
	pthread_mutex_t lock;	/* of everything below */
	pthread_cond_t wake;	/* run or end changed */
	pthread_cond_t changed;	/* parked changed, or a step was taken */
	bool run;
	bool end;
	bool parked;
	uint64_t first_step;	/* number of the first one since run; 0: none yet */
	uint64_t first_step_ns;
};

/* Starts parked. */
int pw_guest_engine_create(struct pw_guest_engine *e, struct pw_guest_workload *w,
			   struct pw_guest_body *b);
void pw_guest_engine_destroy(struct pw_guest_engine *e);

/* Take steps; returns after the first, with the time of its end. */
uint64_t pw_guest_engine_run(struct pw_guest_engine *e);

/* Returns at a step's boundary, with G1 in force. */
void pw_guest_engine_park(struct pw_guest_engine *e);

uint64_t pw_guest_engine_steps(const struct pw_guest_engine *e);

/* Returns when so many steps have been taken in the guest's life. It runs. */
void pw_guest_engine_await(struct pw_guest_engine *e, uint64_t steps);

#endif /* PW_GUEST_ENGINE_H */
