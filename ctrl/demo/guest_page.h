/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_page.h - a page that can tell who it is
 *
 *	0          8       12     16       24        28       32            4096
 *	| checksum | magic | area | page   | version | zero   | payload ... |
 *
 * checksum is XXH3-64 over everything behind it, mixed with the guest's seed;
 * the payload follows from (seed, area, page, version). So a page that was
 * lost, mixed from two versions, put in the wrong place, or is older than the
 * guest remembers differs from what the guest expects. Version 0 was never
 * written: all bytes are zero.
 */
#ifndef PW_GUEST_PAGE_H
#define PW_GUEST_PAGE_H

#include <stddef.h>
#include <stdint.h>

/* An area is a region (its number) or the memory of a vGPU (this and its number). */
#define PW_GUEST_AREA_VGPU 0x100u

struct pw_guest_page_id {
	uint64_t seed;	/* of the guest */
	uint64_t page;	/* number inside its area */
	uint32_t area;
	uint32_t version;
};

enum pw_guest_page_fault {
	PW_PAGE_GOOD,
	PW_PAGE_MISSING,	/* all zero although it was written */
	PW_PAGE_NOT_ZERO,	/* never written, yet not zero */
	PW_PAGE_CORRUPT,	/* not any version of any page: damaged, or torn between two */
	PW_PAGE_MISPLACED,	/* whole, but another page */
	PW_PAGE_STALE,	/* whole, but an older version */
	PW_PAGE_NEWER,	/* whole, but a version that the guest does not know of */
	PW_NUM_PAGE_FAULTS
};

extern const char *const pw_guest_page_fault_names[PW_NUM_PAGE_FAULTS];

/* id->version is not 0. */
void pw_guest_page_write(void *page, const struct pw_guest_page_id *id);

enum pw_guest_page_fault pw_guest_page_check(const void *page, const struct pw_guest_page_id *want);

/* One line for a person: which page, what was expected, what is there. Returns buf. */
char *pw_guest_page_describe(const void *page, const struct pw_guest_page_id *want, char *buf,
			     size_t bytes);

#endif /* PW_GUEST_PAGE_H */
