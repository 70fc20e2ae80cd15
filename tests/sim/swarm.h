/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * swarm.h - which faults a seed has, how heavy, and until when
 *
 * Every seed has a random few of them, or many, or none: what hides when
 * everything happens a little is found when two things happen a lot. Some befall
 * single frames by chance, others come once, at a time or as soon as a guest
 * enters a stage. All of them stop when it is calm; only a dead path stays dead.
 */
#ifndef PW_SIM_SWARM_H
#define PW_SIM_SWARM_H

#include "coverage.h"
#include "sim_link.h"
#include "world.h"

#define SIM_GUESTS_MAX	 3u
#define SIM_PATHS_MAX	 3u
#define SIM_HOSTS	 2u
#define SIM_TROUBLES_MAX 12u

/* What comes once. */
struct sim_trouble {
	enum sim_fault fault;
	bool by_stage;	/* after_ns counts from when guest enters stage, or else from the start */
	bool came;
	enum sim_stage stage;
	uint64_t after_ns;
	uint64_t lasts_ns;
	unsigned guest;
	unsigned path;
	unsigned host;	/* CUT_ONE_WAY: where the way begins; STALL */
};

/* Chances are of 10000. */
struct sim_swarm {
	uint32_t has;	/* a bit per enum sim_fault */
	uint64_t calm_ns;
	struct sim_faults way[SIM_PATHS_MAX][SIM_HOSTS];	/* leaving that host */
	unsigned pump_stall;
	unsigned control_stall;
	uint64_t stall_ns_max;
	uint32_t ring_frames;	/* that a receive ring holds */
	unsigned troubles;
	struct sim_trouble trouble[SIM_TROUBLES_MAX];
};

static inline bool sim_swarm_has(const struct sim_swarm *s, enum sim_fault fault)
{
	return s->has >> fault & 1;
}

/* Draw for a seed of so many paths and guests. */
void sim_swarm_draw(struct sim_swarm *s, struct sim_world *w, unsigned paths, unsigned guests);

/* What is left of the faults of a link when it is calm: its speed. */
void sim_swarm_calm(struct sim_faults *f);

void sim_swarm_say(const struct sim_swarm *s, const struct sim_world *w, unsigned paths);

#endif /* PW_SIM_SWARM_H */
