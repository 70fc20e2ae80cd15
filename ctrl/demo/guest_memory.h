/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_memory.h - the guest's host memory: memfds that pagewire maps too
 *
 * Each is sealed against shrinking and growing, so that whoever holds the
 * descriptor can map it and never meet SIGBUS.
 */
#ifndef PW_GUEST_MEMORY_H
#define PW_GUEST_MEMORY_H

#include <stdint.h>

#include "pagewire/limits.h"

struct pw_error;

struct pw_guest_memory {
	uint32_t regions;
	uint64_t region_bytes;	/* the same for all */
	struct {
		int fd;
		uint8_t *base;
	} region[PW_REGIONS_MAX];
};

/* bytes is a multiple of PW_PAGE_BYTES * regions. On failure e says what to do. */
int pw_guest_memory_create(struct pw_guest_memory *m, uint64_t bytes, uint32_t regions,
			   struct pw_error *e);
void pw_guest_memory_destroy(struct pw_guest_memory *m);

/* Bring every page in, so that the first steps after a move do not fault. */
int pw_guest_memory_populate(struct pw_guest_memory *m);

/* All zero again, also for those who map the memfds elsewhere. */
int pw_guest_memory_forget(struct pw_guest_memory *m);

/* For any mapping of this process: MADV_POPULATE_WRITE, or a touch of each page
 * where the kernel has none. */
int pw_guest_memory_fault_in(uint8_t *base, uint64_t bytes);

#endif /* PW_GUEST_MEMORY_H */
