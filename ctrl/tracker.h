/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracker.h - who wrote which pages: one interface for every way to know it
 *
 * The dirty set of a guest is the union of all its trackers. A harvest is
 *
 *	arm                                   once; round 0 is everything
 *	  begin                               one harvest
 *	    collect(area, bitmap) ...         every area, in any order
 *	  end
 *	  ... send what the bitmaps say ...
 *	disarm
 *
 * Why begin and end: some trackers forget per area (collect reads and re-arms
 * at once), others only for all of the guest (end forgets). Copy a page only
 * after the collect of its area has returned, and, if needs_pause, after end.
 *
 * Round 0 starts with one harvest too, whose bits do not matter: everything is
 * sent. It arms what arm alone would take too long for (20-30 ms per GiB).
 *
 * Bitmaps are ORed into, never cleared. Bit 0 of the bitmap given is the first
 * page of the area: a slice of a region is harvested into the words of that
 * slice. An error loses nothing: every page of the area is then dirty.
 *
 * A tracker belongs to the thread of the event loop.
 */
#ifndef PW_TRACKER_H
#define PW_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

struct pw_tracker;

struct pw_area {
	uint32_t region;
	uint64_t page;	/* first page, within the region */
	uint64_t pages;
};

enum pw_exactness {
	PW_TRACKER_EXACT,	/* each granule reported was written, or first touched */
	PW_TRACKER_COARSE,	/* more than was written, never less */
	PW_TRACKER_NOTHING,	/* always everything: a pass saves nothing */
	PW_NUM_EXACTNESSES
};

/* All return 0 or a negative errno. */
struct pw_tracker_ops {
	const char *name;
	int (*arm)(struct pw_tracker *t);
	int (*begin)(struct pw_tracker *t);
	int (*collect)(struct pw_tracker *t, const struct pw_area *area, uint64_t *bitmap);
	int (*end)(struct pw_tracker *t);
	void (*disarm)(struct pw_tracker *t);
};

/* First member of every tracker. */
struct pw_tracker {
	const struct pw_tracker_ops *ops;
	uint32_t granularity_pages;	/* one write is reported as so many pages */
	enum pw_exactness exactness;
	bool needs_pause;	/* the guest stands still from begin to end, or writes are lost */
};

/* Words of a bitmap for so many pages. */
static inline uint64_t pw_tracker_words(uint64_t pages)
{
	return (pages + 63) / 64;
}

/* Set the bits of pages pages from bit first on. */
void pw_tracker_set(uint64_t *bitmap, uint64_t first, uint64_t pages);

/* An error of arm: the guest cannot be tracked this way. */
int pw_tracker_arm(struct pw_tracker *t);

/* An error of begin: no harvest; everything is dirty. */
int pw_tracker_begin(struct pw_tracker *t);

/* OR the dirty pages of area into bitmap, which has pw_tracker_words(area->pages)
 * words. On error all bits of the area are set; bits behind it are never touched. */
int pw_tracker_collect(struct pw_tracker *t, const struct pw_area *area, uint64_t *bitmap);

/* An error of end: what was collected holds and may be reported once more. */
int pw_tracker_end(struct pw_tracker *t);

void pw_tracker_disarm(struct pw_tracker *t);

/* "exact", "coarse", ... for logs and reports. */
const char *pw_tracker_exactness_name(enum pw_exactness exactness);

#endif /* PW_TRACKER_H */
