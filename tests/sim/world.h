/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - virtual time: a clock, a heap of events and a seeded generator
 *
 * Everything that happens in a seed is an event; events of the same time fire
 * in the order in which they were asked for, so the same seed is the same run.
 * Whatever fails leaves through sim_fail(): it jumps out of the seed, whose
 * memory is given back as a whole.
 *
 * One thread, one world at a time.
 */
#ifndef PW_SIM_WORLD_H
#define PW_SIM_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S  UINT64_C(1000000000)

typedef void (*sim_fire)(void *who, uint64_t what);

struct sim_event {
	uint64_t at_ns;
	uint64_t order;	/* of asking: breaks ties */
	sim_fire fire;
	void *who;
	uint64_t what;
};

struct sim_block;

struct sim_world {
	uint64_t seed;
	uint64_t now_ns;
	uint64_t random;
	uint64_t order;
	uint64_t events;	/* fired */
	uint64_t trace;	/* hash of all that was noted */
	struct sim_event *heap;
	size_t waiting;
	size_t room;
	struct sim_block *blocks;
	bool verbose;
	char why[240];	/* the seed failed */
	jmp_buf out;	/* set by who runs the seed */
};

void sim_world_init(struct sim_world *w, uint64_t seed);
void sim_world_fini(struct sim_world *w);

/* Zeroed memory that lives as long as the seed; its address is a multiple of 64. */
void *sim_alloc(struct sim_world *w, size_t bytes);

/* Fire (who, what) in in_ns from now. */
void sim_after(struct sim_world *w, uint64_t in_ns, sim_fire fire, void *who, uint64_t what);

/* Fire the next event; false: there is none. */
bool sim_step(struct sim_world *w);

uint64_t sim_random(struct sim_world *w);
uint64_t sim_below(struct sim_world *w, uint64_t n);	/* 0..n-1 */
uint64_t sim_between(struct sim_world *w, uint64_t low, uint64_t high);	/* both included */
bool sim_chance(struct sim_world *w, unsigned of_10000);

/* What happened, for the trace hash. */
void sim_note(struct sim_world *w, uint64_t what);

_Noreturn void sim_fail(struct sim_world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void sim_say(const struct sim_world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define SIM_CHECK(w, expr, ...) ((expr) ? (void)0 : sim_fail((w), __VA_ARGS__))

#endif /* PW_SIM_WORLD_H */
