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
#include "zero_map.h"

#define PW_RUNLIST_PAGES_MAX 64u	/* looked at per call: 256 KiB, some 10 us of reading */

struct pw_runlist {
	struct pw_chunk chunk;
	uint64_t zero[PW_CHUNK_WORDS];	/* zero pages found in chunk so far */
	struct pw_extent rest;	/* of a page that did not fit one datagram; kind NONE: no rest */
	uint32_t zero_pages;
	uint32_t word;	/* of chunk being looked at */
	bool busy;	/* chunk is not finished */
	uint8_t path;	/* in the names of its maps */
	struct pw_zero_maps maps;
};

void pw_runlist_init(struct pw_runlist *l, uint16_t path);

/* The next extent, of at most payload_bytes. False: none now (no open slice,
 * no free map, or the bound on pages read was reached). *settled is set if a
 * slice turned out to be clean. */
bool pw_runlist_next(struct pw_runlist *l, struct pw_slices_out *slices,
		     const struct pw_region *regions, uint16_t payload_bytes,
		     struct pw_extent *extent, bool *settled);

/* Likewise, of the chunk in hand only: no new one is begun. */
bool pw_runlist_rest(struct pw_runlist *l, const struct pw_region *regions, uint16_t payload_bytes,
		     struct pw_extent *extent);

/* A map's name in an extent: whose it is, and which. */
#define PW_ZERO_MAP_NAME(path, number) ((uint16_t)((path) << 8 | (number)))
#define PW_ZERO_MAP_PATH(name)	       ((name) >> 8)
#define PW_ZERO_MAP_NUMBER(name)       ((name) & 0xffu)

#endif /* PW_RUNLIST_H */
