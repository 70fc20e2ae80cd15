/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_page.c - see guest_page.h */

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <xxhash.h>

#include "guest_page.h"
#include "guest_random.h"
#include "pagewire/check.h"
#include "pagewire/limits.h"

#define PAGE_MAGIC    0x65676170u	/* "page" */
#define PAYLOAD_WORDS ((PW_PAGE_BYTES - 32u) / 8u)

struct page {
	uint64_t checksum;
	uint32_t magic;
	uint32_t area;
	uint64_t page;
	uint32_t version;
	uint32_t zero;
	uint64_t payload[PAYLOAD_WORDS];
};
static_assert(sizeof(struct page) == PW_PAGE_BYTES, "a page is a page");
static_assert(offsetof(struct page, payload) == 32, "the picture of guest_page.h");

const char *const pw_guest_page_fault_names[PW_NUM_PAGE_FAULTS] = {
	[PW_PAGE_GOOD] = "good",
	[PW_PAGE_MISSING] = "missing",
	[PW_PAGE_NOT_ZERO] = "not zero",
	[PW_PAGE_CORRUPT] = "corrupt or torn",
	[PW_PAGE_MISPLACED] = "misplaced",
	[PW_PAGE_STALE] = "stale",
	[PW_PAGE_NEWER] = "newer than expected",
};

static uint64_t checksum(const struct page *p, uint64_t seed)
{
	return XXH3_64bits(&p->magic, PW_PAGE_BYTES - sizeof(p->checksum)) ^
	       pw_guest_random_mix(seed);
}

void pw_guest_page_write(void *page, const struct pw_guest_page_id *id)
{
	struct page *p = page;
	uint64_t start = pw_guest_random_mix(id->seed ^ (uint64_t)id->area << 48 ^ id->page << 8);
	uint64_t stride = pw_guest_random_mix(start + id->version) | 1;

	PW_HOT_CHECK(id->version != 0);
	p->magic = PAGE_MAGIC;
	p->area = id->area;
	p->page = id->page;
	p->version = id->version;
	p->zero = 0;
	/* A straight line that starts and climbs differently in each version:
	 * half of one and half of the other does not have the checksum of either. */
	for (size_t i = 0; i < PAYLOAD_WORDS; i++)
		p->payload[i] = start + stride * (i + 1);
	p->checksum = checksum(p, id->seed);
}

static bool is_zero(const void *page)
{
	const uint64_t *word = page;
	uint64_t any = 0;

	for (size_t i = 0; i < PW_PAGE_BYTES / sizeof(*word); i++)
		any |= word[i];
	return any == 0;
}

static enum pw_guest_page_fault check_written(const struct page *p,
					      const struct pw_guest_page_id *want)
{
	if (p->checksum == 0 && is_zero(p))
		return PW_PAGE_MISSING;
	if (p->magic != PAGE_MAGIC || p->checksum != checksum(p, want->seed))
		return PW_PAGE_CORRUPT;
	if (p->area != want->area || p->page != want->page)
		return PW_PAGE_MISPLACED;
	if (p->version < want->version)
		return PW_PAGE_STALE;
	return p->version > want->version ? PW_PAGE_NEWER : PW_PAGE_GOOD;
}

enum pw_guest_page_fault pw_guest_page_check(const void *page, const struct pw_guest_page_id *want)
{
	if (want->version == 0)
		return is_zero(page) ? PW_PAGE_GOOD : PW_PAGE_NOT_ZERO;
	return check_written(page, want);
}

static int print_area(char *buf, size_t bytes, uint32_t area)
{
	if (area >= PW_GUEST_AREA_VGPU)
		return snprintf(buf, bytes, "vgpu%u", area - PW_GUEST_AREA_VGPU);
	return snprintf(buf, bytes, "region %u", area);
}

char *pw_guest_page_describe(const void *page, const struct pw_guest_page_id *want, char *buf,
			     size_t bytes)
{
	enum pw_guest_page_fault fault = pw_guest_page_check(page, want);
	const struct page *p = page;
	char area[24], found[24];

	print_area(area, sizeof(area), want->area);
	print_area(found, sizeof(found), p->area);
	if (fault == PW_PAGE_GOOD || fault == PW_PAGE_MISSING || fault == PW_PAGE_CORRUPT)
		snprintf(buf, bytes, "%s page %" PRIu64 ": expected version %u, found it %s", area,
			 want->page, want->version, pw_guest_page_fault_names[fault]);
	else
		snprintf(buf, bytes,
			 "%s page %" PRIu64 ": expected version %u, found %s page %" PRIu64
			 " version %u: %s",
			 area, want->page, want->version, found, p->page, p->version,
			 pw_guest_page_fault_names[fault]);
	return buf;
}
