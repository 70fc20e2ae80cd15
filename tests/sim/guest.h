/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest.h - a guest that writes its memory while it is being copied
 *
 * Every write sets the page's dirty bit. A harvest clears bits first and only
 * then is the memory read: what is written in between is dirty again.
 */
#ifndef PW_SIM_GUEST_H
#define PW_SIM_GUEST_H

#include "pagewire/limits.h"
#include "world.h"

#define SIM_REGIONS_MAX 4u

struct sim_memory {
	uint8_t *base;
	uint64_t pages;
	uint64_t *dirty;	/* one bit a page */
};

struct sim_guest {
	struct sim_world *world;
	struct sim_memory memory[SIM_REGIONS_MAX];
	unsigned regions;
	bool stopped;
	uint64_t pause_ns_max;	/* between bursts of writes */
	uint64_t writes;
};

/* Memory of the given numbers of pages, part of it filled; all of it is dirty. */
void sim_guest_init(struct sim_guest *g, struct sim_world *w, const uint64_t *pages,
		    unsigned regions, uint64_t pause_ns_max);

/* Begin to write, until stopped. */
void sim_guest_run(struct sim_guest *g);

/* Move the dirty bits of pages first.. of a region to bitmap; returns how many. */
uint64_t sim_guest_harvest(struct sim_guest *g, unsigned region, uint64_t first, uint64_t pages,
			   uint64_t *bitmap);

#endif /* PW_SIM_GUEST_H */
