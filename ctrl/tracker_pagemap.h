/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracker_pagemap.h - pages that the CPUs of a guest's process wrote
 *
 * Read through descriptors that the guest's agent opened and passed: its
 * /proc/self/pagemap and /proc/self/clear_refs. The agent has armed its memory
 * (PW_AGENT_ARM) before pw_tracker_arm().
 *
 *	PW_TRACK_UFFD_WP     read and re-armed in one step by the kernel (6.7 and
 *	                     newer), page by page: the guest may run. A process
 *	                     that ended or unmapped its memory is an error
 *	PW_TRACK_SOFT_DIRTY  any kernel with soft-dirty bits: read, then forgotten
 *	                     by a write to clear_refs, for all of the process. A
 *	                     write between the two is lost, so the guest is parked
 *	                     from begin to end (needs_pause), and nothing is
 *	                     forgotten unless every area was read.
 *
 * What neither sees: writes through another mapping of the same memory (a
 * vhost-user process, DMA), pwrite() to the memfd, holes punched into it.
 *
 * A page of shared memory that the kernel unmaps, to swap it out, has no
 * soft-dirty bit when it is mapped again. So all is dirty when this host's
 * reclaim has looked at such pages since the last harvest, or between that one
 * and the one before: what it has looked at it may unmap a little later. A
 * process that unmaps its own pages, by madvise(), is not noticed.
 */
#ifndef PW_TRACKER_PAGEMAP_H
#define PW_TRACKER_PAGEMAP_H

#include <stdint.h>

#include "pagewire/agent.h"
#include "tracker.h"

/* A scan stops when so many runs of dirty pages were found and is resumed:
 * 96 KiB; enough that 1 % of 1 GiB in single pages takes one call. */
#define PW_PAGEMAP_RUNS	 4096u
#define PW_PAGEMAP_WORDS (3u * PW_PAGEMAP_RUNS)	/* entries of pagemap per read, in the same memory */

struct pw_pagemap_guest {
	uint32_t how;	/* PW_TRACK_... in force, from the answer to PW_AGENT_ARM */
	int pagemap_fd;	/* both borrowed for the life of the tracker */
	int clear_refs_fd;	/* soft-dirty only */
	uint32_t regions;
	const struct pw_agent_region *region;	/* copied */
};

struct pw_tracker_pagemap {
	struct pw_tracker tracker;
	int pagemap_fd;
	int clear_refs_fd;
	uint32_t regions;
	struct pw_agent_region region[PW_REGIONS_MAX];
	uint64_t pages;	/* of all regions */
	uint64_t collected;	/* pages since begin */
	bool kept;	/* soft-dirty bits: this kernel was seen to keep them */
	uint64_t reclaim_scans;	/* pages that this host had looked at by the last harvest */
	bool reclaims;	/* since the last harvest */
	bool reclaimed;	/* between that and the one before */
	uint64_t words[PW_PAGEMAP_WORDS];	/* what the kernel answers into */
};

/* Takes about 100 KiB of caller's memory. -EINVAL: how, a descriptor or a
 * region makes no sense. Then use t->tracker with pw_tracker_...(), which arm
 * answers with -EOPNOTSUPP where the kernel cannot do it, with -EPERM or -ENXIO
 * where the agent has not armed all of the memory. */
int pw_tracker_pagemap_init(struct pw_tracker_pagemap *t, const struct pw_pagemap_guest *guest);

#endif /* PW_TRACKER_PAGEMAP_H */
