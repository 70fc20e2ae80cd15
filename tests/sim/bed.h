/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bed.h - all that a seed has: two hosts, lanes between them, guests that move
 *
 * First faults, then calm: while there are faults nothing may go wrong, once
 * there are none everything must end, and soon.
 */
#ifndef PW_SIM_BED_H
#define PW_SIM_BED_H

#include "coverage.h"
#include "fair.h"
#include "host.h"
#include "migration.h"
#include "scenario.h"

#define SIM_CIDS_MAX 4096u

struct sim_bed {
	struct sim_world *world;
	struct sim_scenario scenario;
	struct sim_coverage *coverage;
	struct sim_host host[SIM_HOSTS];
	struct sim_lane lane[SIM_PATHS_MAX];
	struct sim_migration *migration[SIM_GUESTS_MAX];
	struct sim_end *end[SIM_CIDS_MAX];	/* by cid: of all attempts */
	struct sim_fair fair;
	struct sim_arrival *arrival;	/* the one that is judged */
	uint32_t cids;
	bool calm;
	bool over;	/* workers stop */
	uint64_t begun_ns;
	uint64_t calm_ns;
	uint64_t ended_ns;
	uint64_t crashes;
};

/* Play a seed. Fails it if anything is not as it should be. */
void sim_bed_play(struct sim_bed *bed, struct sim_world *w, struct sim_coverage *coverage);

/* Give an end a cid that none has had before it. */
void sim_bed_name(struct sim_bed *bed, struct sim_end *end);

/* The end that a cid names, or NULL. */
struct sim_end *sim_bed_end(struct sim_bed *bed, uint32_t cid);

/* The migration's stages have changed: what waited for that comes. */
void sim_bed_stage(struct sim_bed *bed, const struct sim_migration *m);

/* A migration was sealed: what was kept for this moment arrives. */
void sim_bed_sealed(struct sim_bed *bed);

/* While there are faults, and the seed has this one. */
bool sim_bed_has(const struct sim_bed *bed, enum sim_fault fault);

/* A fault befalls all who are on their way. */
void sim_bed_suffer(struct sim_bed *bed, enum sim_fault fault);

#endif /* PW_SIM_BED_H */
