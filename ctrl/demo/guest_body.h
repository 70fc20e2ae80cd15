/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_body.h - everything the guest consists of but its workload's state:
 * host memory, vGPUs, and the ledger of all their pages
 *
 * Pages are numbered through: the regions in order, then the vGPUs.
 *
 * Owned by the engine while it runs, by the loop while the engine is parked.
 */
#ifndef PW_GUEST_BODY_H
#define PW_GUEST_BODY_H

#include "guest_ledger.h"
#include "guest_memory.h"
#include "guest_page.h"
#include "guest_vgpu.h"

#define PW_GUEST_VGPUS_MAX 8u	/* of the 16 devices of a guest; the largest hosts have 8 GPUs */
#define PW_GUEST_AREAS_MAX (PW_REGIONS_MAX + PW_GUEST_VGPUS_MAX)

struct pw_guest_size {
	uint64_t memory_bytes;	/* of all regions together */
	uint64_t vgpu_bytes;	/* of each vGPU */
	uint32_t regions;
	uint32_t vgpus;
};

struct pw_guest_area {
	uint8_t *base;
	uint64_t pages;
	uint64_t first;	/* number of its first page in the ledger */
	uint32_t id;	/* guest_page.h: region number, or PW_GUEST_AREA_VGPU + number */
};

#define PW_GUEST_NO_PAGE UINT64_MAX

struct pw_guest_body {
	struct pw_guest_memory memory;
	struct pw_guest_vgpu vgpu[PW_GUEST_VGPUS_MAX];
	uint32_t vgpus;
	uint32_t areas;
	struct pw_guest_area area[PW_GUEST_AREAS_MAX];
	struct pw_guest_ledger ledger;
	uint64_t seed;
	uint64_t spared;	/* a page that is written no more, or PW_GUEST_NO_PAGE */
};

struct pw_guest_check {
	uint64_t pages;
	uint64_t bad;
	char first_bad[160];	/* bad > 0: one line */
};

int pw_guest_body_create(struct pw_guest_body *b, const struct pw_guest_size *size,
			 struct pw_error *e);
void pw_guest_body_destroy(struct pw_guest_body *b);

/* Fault all memory in, before there is a hurry. */
int pw_guest_body_populate(struct pw_guest_body *b);

/* As after create. */
int pw_guest_body_forget(struct pw_guest_body *b);

/* Write the next version of a page of an area. */
void pw_guest_body_write(struct pw_guest_body *b, uint32_t area, uint64_t page);

/* The step is over: tell the vGPUs. */
void pw_guest_body_end_step(struct pw_guest_body *b, uint64_t step);

/* Compare every page with the ledger. */
void pw_guest_body_check(const struct pw_guest_body *b, struct pw_guest_check *check);

enum pw_guest_sabotage { PW_SABOTAGE_NONE, PW_SABOTAGE_CORRUPT, PW_SABOTAGE_STALE,
			 PW_SABOTAGE_MISSING };

/* For tests of the check: damage one page of host memory that was written, and
 * write it no more. -ENOENT if no page was written twice. */
int pw_guest_body_sabotage(struct pw_guest_body *b, enum pw_guest_sabotage how);

#endif /* PW_GUEST_BODY_H */
