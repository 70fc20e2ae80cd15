/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runlist.h - a chunk's dirty pages as extents, two pages at a time
 *
 * Zero pages are found here, by reading, and collected in the chunk's map,
 * which goes out as one extent after its last page. A page may turn non-zero
 * behind our back: then it is dirty again and travels in the next round.
 *
 * Owned by one worker.
 */
#ifndef PW_RUNLIST_H
#define PW_RUNLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "pagewire/run.h"
#include "region.h"
#include "slice.h"

#define PW_RUNLIST_MAPS	  256u	/* zero maps in flight per path: 2 GiB of zero pages */
#define PW_RUNLIST_PAGES_MAX 64u	/* looked at per call: 256 KiB, some 10 us of reading */

struct pw_runlist {
	struct pw_chunk chunk;
	uint64_t zero[PW_CHUNK_WORDS];	/* zero pages found in chunk so far */
	struct pw_extent rest;	/* of a page that did not fit one datagram; kind NONE: no rest */
	uint32_t zero_pages;
	uint32_t word;	/* of chunk being looked at */
	bool busy;	/* chunk is not finished */
	uint16_t maps_free;
	uint16_t map_stack[PW_RUNLIST_MAPS];
	uint64_t maps[PW_RUNLIST_MAPS][PW_CHUNK_WORDS];
};

void pw_runlist_init(struct pw_runlist *l);

/* The next extent, of at most payload_bytes. False: none now (no open slice,
 * no free map, or the bound on pages read was reached). *settled is set if a
 * slice turned out to be clean. */
bool pw_runlist_next(struct pw_runlist *l, struct pw_slices_out *slices,
		     const struct pw_region *regions, uint16_t payload_bytes,
		     struct pw_extent *extent, bool *settled);

/* The map of a ZERO extent, until it is put back. */
static inline const uint8_t *pw_runlist_map(const struct pw_runlist *l, uint16_t map)
{
	return (const uint8_t *)l->maps[map];
}

/* The ZERO extent that used this map is placed. */
void pw_runlist_put_map(struct pw_runlist *l, uint16_t map);

#endif /* PW_RUNLIST_H */
