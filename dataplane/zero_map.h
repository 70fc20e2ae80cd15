/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zero_map.h - maps of zero pages in flight, until they are placed
 *
 * A map is filled by the worker that read the pages. It may be sent, and put
 * back, by another: one that took over the work of a path that is down.
 */
#ifndef PW_ZERO_MAP_H
#define PW_ZERO_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pagewire/limits.h"

#define PW_ZERO_MAPS 256u	/* in flight per path: 2 GiB of zero pages */

struct pw_zero_maps {
	_Atomic uint64_t idle[PW_ZERO_MAPS / 64];	/* bit set: nobody uses it */
	uint64_t map[PW_ZERO_MAPS][PW_CHUNK_WORDS];
};

void pw_zero_maps_init(struct pw_zero_maps *z);

/* The path's own worker: a copy of words gets a number. False: all are in use. */
bool pw_zero_maps_take(struct pw_zero_maps *z, const uint64_t words[PW_CHUNK_WORDS],
		       uint16_t *number);

/* Any worker: the pages of this map are placed. */
void pw_zero_maps_put(struct pw_zero_maps *z, uint16_t number);

unsigned pw_zero_maps_in_use(const struct pw_zero_maps *z);

#endif /* PW_ZERO_MAP_H */
