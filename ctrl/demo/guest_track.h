/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_track.h - let the kernel note which pages of the regions are written
 *
 * The bits are read and reset by pagewire, through the pagemap and clear_refs
 * descriptors of this process. This end only arms: userfaultfd has to be opened
 * by the process whose memory it watches.
 */
#ifndef PW_GUEST_TRACK_H
#define PW_GUEST_TRACK_H

#include <stdint.h>

#include "guest_memory.h"

struct pw_guest_track {
	int uffd;	/* -1: none */
	uint32_t how;	/* PW_TRACK_... in force; 0: not armed */
};

void pw_guest_track_init(struct pw_guest_track *t);

/* The first of the wanted ways (PW_TRACK_... bits) that this kernel has, over
 * all regions; t->how says which. Needs no privilege. -EOPNOTSUPP if none works. */
int pw_guest_track_arm(struct pw_guest_track *t, const struct pw_guest_memory *m, uint32_t wanted);
void pw_guest_track_disarm(struct pw_guest_track *t, const struct pw_guest_memory *m);

#endif /* PW_GUEST_TRACK_H */
