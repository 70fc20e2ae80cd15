/* SPDX-License-Identifier: BSD-3-Clause */
/* tracker_pagemap.c - see tracker_pagemap.h */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "pagewire/check.h"
#include "tracker_pagemap.h"

#ifndef PAGEMAP_SCAN	/* kernel headers before 6.7; the names and numbers are the kernel's */
struct page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct pm_scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};
static_assert(sizeof(struct pm_scan_arg) == 96, "as the kernel has it");

#define PAGEMAP_SCAN	      _IOWR('f', 16, struct pm_scan_arg)
#define PM_SCAN_WP_MATCHING   (1u << 0)
#define PM_SCAN_CHECK_WPASYNC (1u << 1)
#define PAGE_IS_WPALLOWED     (1u << 0)
#define PAGE_IS_WRITTEN	      (1u << 1)
#endif

#define PAGEMAP_SOFT_DIRTY (1ull << 55)
#define FORGET_SOFT_DIRTY  "4"	/* what clear_refs wants to hear */

static_assert(sizeof(struct page_region) * PW_PAGEMAP_RUNS == sizeof(uint64_t) * PW_PAGEMAP_WORDS,
	      "runs and pagemap entries share their memory");

static struct pw_tracker_pagemap *of(struct pw_tracker *t)
{
	return (struct pw_tracker_pagemap *)((char *)t - offsetof(struct pw_tracker_pagemap, tracker));
}

/* Where the guest's process sees the first page of area. */
static uint64_t address_of(const struct pw_tracker_pagemap *t, const struct pw_area *area)
{
	const struct pw_agent_region *region;

	PW_CHECK(area->region < t->regions);
	region = &t->region[area->region];
	PW_CHECK(area->page < region->bytes / PW_PAGE_BYTES);
	PW_CHECK(area->pages <= region->bytes / PW_PAGE_BYTES - area->page);
	return region->address + area->page * PW_PAGE_BYTES;
}

static int scan(const struct pw_tracker_pagemap *t, struct pm_scan_arg *arg, uint64_t category)
{
	int n;

	arg->size = sizeof(*arg);
	arg->flags |= PM_SCAN_CHECK_WPASYNC;
	arg->vec = (uintptr_t)t->words;
	arg->category_mask = category;
	arg->return_mask = category;
	n = ioctl(t->pagemap_fd, PAGEMAP_SCAN, arg);
	if (n < 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	return n;
}

/* Is all of this still mapped and armed? The kernel finds no written page where
 * nothing is mapped, and in a process that has ended, and calls that success. */
static int check_armed(struct pw_tracker_pagemap *t, uint64_t start, uint64_t bytes)
{
	const struct page_region *run = (const struct page_region *)t->words;
	struct pm_scan_arg arg = { .start = start, .end = start + bytes, .vec_len = 1 };
	int n = scan(t, &arg, PAGE_IS_WPALLOWED);

	if (n < 0)
		return n;
	return n == 1 && run->start == start && run->end == start + bytes ? 0 : -ENXIO;
}

static int arm_wp(struct pw_tracker *tracker)
{
	struct pw_tracker_pagemap *t = of(tracker);
	int err = 0;

	for (uint32_t i = 0; !err && i < t->regions; i++)
		err = check_armed(t, t->region[i].address, t->region[i].bytes);
	return err;
}

/* Set the pages of one run that the kernel reported. */
static int take_run(const struct page_region *run, const struct pm_scan_arg *asked,
		    uint64_t start, uint64_t *bitmap)
{
	if (run->start < asked->start || run->end > asked->end || run->start >= run->end)
		return -EIO;
	pw_tracker_set(bitmap, (run->start - start) / PW_PAGE_BYTES,
		       (run->end - run->start) / PW_PAGE_BYTES);
	return 0;
}

/* Read and re-arm start..end, whose pages are bit 0 and up of bitmap. */
static int harvest_wp(struct pw_tracker_pagemap *t, uint64_t start, uint64_t end, uint64_t *bitmap)
{
	const struct page_region *runs = (const struct page_region *)t->words;
	struct pm_scan_arg arg = {
		.flags = PM_SCAN_WP_MATCHING,
		.start = start,
		.end = end,
		.vec_len = PW_PAGEMAP_RUNS,
	};

	while (arg.start < end) {
		int n = scan(t, &arg, PAGE_IS_WRITTEN);
		int err = n < 0 ? n : 0;

		for (int i = 0; !err && i < n; i++)
			err = take_run(&runs[i], &arg, start, bitmap);
		if (err)
			return err;
		if (arg.walk_end <= arg.start)	/* would never end */
			return -EIO;
		arg.start = arg.walk_end;
	}
	return 0;
}

/* The check comes last: a process that is there now was there all the time. */
static int collect_wp(struct pw_tracker *tracker, const struct pw_area *area, uint64_t *bitmap)
{
	struct pw_tracker_pagemap *t = of(tracker);
	uint64_t start = address_of(t, area);
	uint64_t end = start + area->pages * PW_PAGE_BYTES;
	int err = harvest_wp(t, start, end, bitmap);

	if (!err)
		err = check_armed(t, start, PW_PAGE_BYTES);
	if (!err)
		err = check_armed(t, end - PW_PAGE_BYTES, PW_PAGE_BYTES);
	return err;
}

static int begin(struct pw_tracker *tracker)
{
	of(tracker)->collected = 0;
	return 0;
}

static int end_wp(struct pw_tracker *tracker)
{
	(void)tracker;
	return 0;
}

static void disarm(struct pw_tracker *tracker)
{
	(void)tracker;	/* the agent takes its process back to what it was */
}

static int forget_soft_dirty(const struct pw_tracker_pagemap *t)
{
	ssize_t n = write(t->clear_refs_fd, FORGET_SOFT_DIRTY, 1);

	if (n < 0)
		return -errno;
	return n == 1 ? 0 : -EIO;
}

/* Is a page dirty that was written just now, as this process's own pagemap has it? */
static int look_at_own_page(const void *page)
{
	off_t at = (off_t)((uintptr_t)page / PW_PAGE_BYTES * sizeof(uint64_t));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, &entry, sizeof(entry), at);
	close(fd);
	if (n != (ssize_t)sizeof(entry))
		return -EIO;
	return entry & PAGEMAP_SOFT_DIRTY ? 0 : -EOPNOTSUPP;
}

/* A kernel built without soft-dirty bits takes the write to clear_refs and then
 * calls every page clean: try it out before it is believed. */
static int check_kept(struct pw_tracker_pagemap *t)
{
	unsigned char *page;
	int err;

	if (t->kept)
		return 0;
	page = mmap(NULL, PW_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	*(volatile unsigned char *)page = 1;
	err = look_at_own_page(page);
	munmap(page, PW_PAGE_BYTES);
	t->kept = !err;
	return err;
}

/* Pages of anonymous and shared memory that were considered for reclaim since
 * this host was started. They are counted before they are unmapped. */
static int count_reclaim_scans(uint64_t *pages)
{
	FILE *f = fopen("/proc/vmstat", "re");
	int err = -EOPNOTSUPP;
	char line[128];

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f))
		if (sscanf(line, "pgscan_anon %" SCNu64, pages) == 1)
			err = 0;
	fclose(f);
	return err;
}

static int arm_soft(struct pw_tracker *tracker)
{
	struct pw_tracker_pagemap *t = of(tracker);
	int err = check_kept(t);

	return err ? err : forget_soft_dirty(t);
}

/* Read the pagemap entries of count pages at address into t->words. */
static int read_entries(struct pw_tracker_pagemap *t, uint64_t address, uint64_t count)
{
	off_t at = (off_t)(address / PW_PAGE_BYTES * sizeof(uint64_t));
	size_t left = count * sizeof(uint64_t);
	char *to = (char *)t->words;

	PW_CHECK(count <= PW_PAGEMAP_WORDS);
	while (left) {
		ssize_t n = pread(t->pagemap_fd, to, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)	/* behind the end of the process, or it is gone */
			return -ENODATA;
		to += n;
		at += n;
		left -= (size_t)n;
	}
	return 0;
}

static int begin_soft(struct pw_tracker *tracker)
{
	struct pw_tracker_pagemap *t = of(tracker);

	t->reclaimed = t->reclaims;
	t->reclaims = false;
	return begin(tracker);
}

/* After the entries were read: what is unmapped from here on has been seen. */
static int check_reclaim(struct pw_tracker_pagemap *t, const struct pw_area *area, uint64_t *bitmap)
{
	uint64_t scans;
	int err = count_reclaim_scans(&scans);

	if (err)
		return err;
	if (scans != t->reclaim_scans) {
		if (!t->reclaims && !t->reclaimed)
			pw_warn("soft-dirty bits get lost: this host is short of memory and swaps; "
				"until that ends all of the guest counts as written");
		t->reclaims = true;
	}
	if (t->reclaims || t->reclaimed)
		pw_tracker_set(bitmap, 0, area->pages);
	return 0;
}

static int collect_soft(struct pw_tracker *tracker, const struct pw_area *area, uint64_t *bitmap)
{
	struct pw_tracker_pagemap *t = of(tracker);
	uint64_t start = address_of(t, area);

	t->collected += area->pages;	/* also if it fails: all of it is dirty then */
	for (uint64_t page = 0; page < area->pages; page += PW_PAGEMAP_WORDS) {
		uint64_t left = area->pages - page;
		uint64_t count = left < PW_PAGEMAP_WORDS ? left : PW_PAGEMAP_WORDS;
		int err = read_entries(t, start + page * PW_PAGE_BYTES, count);

		if (err)
			return err;
		for (uint64_t i = 0; i < count; i++)
			if (t->words[i] & PAGEMAP_SOFT_DIRTY)
				pw_tracker_set(bitmap, page + i, 1);
	}
	return check_reclaim(t, area, bitmap);
}

static int end_soft(struct pw_tracker *tracker)
{
	struct pw_tracker_pagemap *t = of(tracker);
	int err;

	if (t->collected < t->pages)	/* what nobody read must not be forgotten */
		return -EBUSY;
	err = count_reclaim_scans(&t->reclaim_scans);
	return err ? err : forget_soft_dirty(t);
}

static const struct pw_tracker_ops wp_ops = {
	.name = "userfaultfd-wp",
	.arm = arm_wp,
	.begin = begin,
	.collect = collect_wp,
	.end = end_wp,
	.disarm = disarm,
};

static const struct pw_tracker_ops soft_ops = {
	.name = "soft-dirty",
	.arm = arm_soft,
	.begin = begin_soft,
	.collect = collect_soft,
	.end = end_soft,
	.disarm = disarm,
};

static bool makes_sense(const struct pw_agent_region *region)
{
	return region->bytes && region->address && region->bytes % PW_PAGE_BYTES == 0 &&
	       region->address % PW_PAGE_BYTES == 0 && region->bytes <= PW_REGION_BYTES_MAX &&
	       region->address <= UINT64_MAX - region->bytes;
}

static int add_regions(struct pw_tracker_pagemap *t, const struct pw_pagemap_guest *guest)
{
	if (!guest->regions || guest->regions > PW_REGIONS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < guest->regions; i++) {
		if (!makes_sense(&guest->region[i]))
			return -EINVAL;
		t->region[i] = guest->region[i];
		t->pages += guest->region[i].bytes / PW_PAGE_BYTES;
	}
	t->regions = guest->regions;
	return 0;
}

int pw_tracker_pagemap_init(struct pw_tracker_pagemap *t, const struct pw_pagemap_guest *guest)
{
	bool soft = guest->how == PW_TRACK_SOFT_DIRTY;
	int err;

	if (!soft && guest->how != PW_TRACK_UFFD_WP)
		return -EINVAL;
	if (guest->pagemap_fd < 0 || (soft && guest->clear_refs_fd < 0))
		return -EINVAL;

	t->tracker = (struct pw_tracker){
		.ops = soft ? &soft_ops : &wp_ops,
		.granularity_pages = 1,
		.exactness = PW_TRACKER_EXACT,
		.needs_pause = soft,
	};
	t->pagemap_fd = guest->pagemap_fd;
	t->clear_refs_fd = guest->clear_refs_fd;
	t->kept = false;
	t->reclaims = false;
	t->reclaimed = false;
	t->pages = 0;
	t->collected = 0;
	err = add_regions(t, guest);
	if (!err && soft)
		err = count_reclaim_scans(&t->reclaim_scans);
	return err;
}
