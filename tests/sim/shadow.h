/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shadow.h - the target's memory, between guard zones, and what is known of it
 *
 * For every 32 bytes: the newest stamp whose content was seen to stand there. A
 * stamp is an attempt and an epoch in it. Datagrams of the simulator carry
 * multiples of 32 bytes.
 */
#ifndef PW_SIM_SHADOW_H
#define PW_SIM_SHADOW_H

#include "guest.h"
#include "pagewire/limits.h"
#include "world.h"

#define SIM_GRAIN_BYTES 32u
#define SIM_GUARD_BYTES 16384u

struct sim_shadow_region {
	uint8_t *base;
	uint64_t bytes;
	uint32_t *stamp;	/* per grain */
};

struct sim_shadow {
	struct sim_world *world;
	struct sim_shadow_region region[SIM_REGIONS_MAX];
	unsigned regions;
};

/* Bytes that a datagram is about. */
struct sim_span {
	uint64_t offset;
	uint64_t bytes;
	unsigned region;
};

/* Attempts count from 1: later is larger. 0 is what nothing was placed with. */
static inline uint32_t sim_stamp(unsigned attempt, uint16_t epochs_since_first)
{
	return (uint32_t)attempt << 16 | epochs_since_first;
}

/* Memory of the guest's sizes, full of what was there before. */
void sim_shadow_init(struct sim_shadow *s, struct sim_world *w, const struct sim_guest *g);

/* Fails the seed if something newer stands there. */
void sim_shadow_placed(struct sim_shadow *s, const struct sim_span *span, uint32_t stamp);

/* Content of stamp, or newer, stands everywhere in span. */
bool sim_shadow_has(const struct sim_shadow *s, const struct sim_span *span, uint32_t stamp);

/* Fails the seed if a guard zone was written to. */
void sim_shadow_check_guards(const struct sim_shadow *s);

/* Fails the seed if the target's memory is not the guest's, byte for byte. */
void sim_shadow_check_equal(const struct sim_shadow *s, const struct sim_guest *g);

uint64_t sim_shadow_digest(const struct sim_shadow *s);

#endif /* PW_SIM_SHADOW_H */
