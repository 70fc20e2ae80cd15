/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tracker_soft_dirty.c - a file of crafted pagemap entries stands for a
 * process; and what holds for every tracker
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagewire/check.h"
#include "run.h"
#include "tracker_pagemap.h"

#define SOFT_DIRTY (1ull << 55)
#define FAKE_PAGES 30000ull	/* more than one read takes */
#define FAKE_WORDS (FAKE_PAGES / 64 + 1)

static struct {
	int pagemap;
	int clear_refs;
	struct pw_agent_region region;
} guest;

static struct pw_tracker_pagemap tracker;
static struct pw_tracker *const t = &tracker.tracker;
static uint64_t bitmap[FAKE_WORDS];

static int init_tracker(uint32_t how)
{
	struct pw_pagemap_guest g = { .how = how,
				      .pagemap_fd = guest.pagemap,
				      .clear_refs_fd = guest.clear_refs,
				      .regions = 1,
				      .region = &guest.region };

	return pw_tracker_pagemap_init(&tracker, &g);
}

static int collect(uint64_t page, uint64_t pages, uint64_t *into)
{
	struct pw_area area = { .page = page, .pages = pages };

	return pw_tracker_collect(t, &area, into);
}

static int temporary(void)
{
	return memfd_create("fake", MFD_CLOEXEC);
}

/* Entries of FAKE_PAGES pages from page 16 on, all bits set but soft-dirty. */
static void given_fake_guest(void)
{
	static uint64_t entry[16 + FAKE_PAGES];

	memset(entry, 0xff, sizeof(entry));
	for (size_t i = 16; i < 16 + FAKE_PAGES; i++)
		entry[i] = ~SOFT_DIRTY;
	guest.pagemap = temporary();
	guest.clear_refs = temporary();
	guest.region = (struct pw_agent_region){ .bytes = FAKE_PAGES * PW_PAGE_BYTES,
						 .address = 16 * PW_PAGE_BYTES };
	CU_ASSERT_EQUAL(write(guest.pagemap, entry, sizeof(entry)), sizeof(entry));
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_SOFT_DIRTY), 0);
	tracker.kept = true;	/* whatever this machine's kernel does */
	memset(bitmap, 0, sizeof(bitmap));
}

static void fake_writes(uint64_t page)
{
	uint64_t entry = SOFT_DIRTY;

	CU_ASSERT_EQUAL(pwrite(guest.pagemap, &entry, sizeof(entry), (off_t)((16 + page) * 8)), 8);
}

static void fake_ends(void)
{
	close(guest.pagemap);
	close(guest.clear_refs);
}

/* How often the guest's soft-dirty bits were forgotten; -1: something else was written. */
static int times_forgotten(void)
{
	char text[16] = { 0 };
	ssize_t n = pread(guest.clear_refs, text, sizeof(text) - 1, 0);

	return strspn(text, "4") == (size_t)n ? (int)n : -1;
}

static void test_soft_dirty_decodes_bit_55_of_each_entry(void)
{
	static uint64_t map[FAKE_WORDS], model[FAKE_WORDS];
	static const uint64_t written[] = { 0, 1, 63, 64, 12287, 12288, 24576, FAKE_PAGES - 1 };

	given_fake_guest();
	memset(map, 0, sizeof(map));
	memset(model, 0, sizeof(model));
	for (size_t i = 0; i < PW_ARRAY_SIZE(written); i++) {
		fake_writes(written[i]);
		pw_tracker_set(model, written[i], 1);
	}
	CU_ASSERT_EQUAL(collect(0, FAKE_PAGES, map), 0);
	CU_ASSERT_EQUAL(memcmp(map, model, sizeof(map)), 0);

	CU_ASSERT_EQUAL(collect(62, 3, bitmap), 0);
	CU_ASSERT_EQUAL(bitmap[0], 6);
	fake_ends();
}

static void test_soft_dirty_needs_a_parked_guest_and_forgets_after_all_areas(void)
{
	given_fake_guest();
	CU_ASSERT_TRUE(t->needs_pause);
	CU_ASSERT_EQUAL(times_forgotten(), 0);
	CU_ASSERT_EQUAL(pw_tracker_arm(t), 0);
	CU_ASSERT_EQUAL(times_forgotten(), 1);

	CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);
	CU_ASSERT_EQUAL(collect(0, 64, bitmap), 0);
	CU_ASSERT_EQUAL(times_forgotten(), 1);
	CU_ASSERT_EQUAL(collect(64, 64, bitmap), 0);
	CU_ASSERT_EQUAL(pw_tracker_end(t), -EBUSY);	/* the rest would be lost */
	CU_ASSERT_EQUAL(times_forgotten(), 1);

	CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);
	for (uint64_t page = 0; page < FAKE_PAGES; page += 10000)
		CU_ASSERT_EQUAL(collect(page, 10000, bitmap), 0);
	CU_ASSERT_EQUAL(times_forgotten(), 1);
	CU_ASSERT_EQUAL(pw_tracker_end(t), 0);
	CU_ASSERT_EQUAL(times_forgotten(), 2);

	CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);	/* counts from the beginning */
	CU_ASSERT_EQUAL(pw_tracker_end(t), -EBUSY);
	CU_ASSERT_EQUAL(times_forgotten(), 2);
	fake_ends();
}

static void test_soft_dirty_that_cannot_be_read_is_all_dirty_and_then_forgotten(void)
{
	static uint64_t map[FAKE_WORDS];

	given_fake_guest();
	CU_ASSERT_EQUAL(ftruncate(guest.pagemap, (16 + 130) * 8), 0);
	CU_ASSERT_EQUAL(collect(128, 5, bitmap), -ENODATA);
	CU_ASSERT_EQUAL(bitmap[0], 0x1f);
	CU_ASSERT_EQUAL(collect(125, 5, &bitmap[1]), 0);
	CU_ASSERT_EQUAL(bitmap[1], 0);

	CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);
	CU_ASSERT_EQUAL(collect(0, FAKE_PAGES, map), -ENODATA);
	CU_ASSERT_EQUAL(map[FAKE_PAGES / 64 - 1], UINT64_MAX);
	CU_ASSERT_EQUAL(pw_tracker_end(t), 0);
	CU_ASSERT_EQUAL(times_forgotten(), 1);
	fake_ends();
}

static void test_all_is_dirty_for_two_harvests_when_this_host_reclaims_memory(void)
{
	given_fake_guest();
	tracker.reclaim_scans--;	/* it has since the last harvest */
	for (unsigned harvest = 0; harvest < 3; harvest++) {
		bitmap[0] = 0;
		CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);
		CU_ASSERT_EQUAL(collect(0, 5, bitmap), 0);
		tracker.collected = tracker.pages;
		CU_ASSERT_EQUAL(pw_tracker_end(t), 0);
		CU_ASSERT_EQUAL(bitmap[0], harvest < 2 ? 0x1f : 0);
	}
	fake_ends();
}

static void test_soft_dirty_that_cannot_be_forgotten_is_an_error(void)
{
	given_fake_guest();
	close(guest.clear_refs);
	guest.clear_refs = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_SOFT_DIRTY), 0);
	tracker.kept = true;	/* whatever this machine's kernel does */
	CU_ASSERT_EQUAL(pw_tracker_arm(t), -ENOSPC);
	fake_ends();
}

static void test_wp_on_a_descriptor_without_the_ioctl_says_not_supported(void)
{
	guest.pagemap = open("/dev/null", O_RDONLY | O_CLOEXEC);
	guest.region = (struct pw_agent_region){ .bytes = 1 << 20, .address = 1 << 20 };
	memset(bitmap, 0, sizeof(bitmap));
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_UFFD_WP), 0);
	CU_ASSERT_EQUAL(pw_tracker_arm(t), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(collect(0, 1, bitmap), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(bitmap[0], 1);
	close(guest.pagemap);
}

static void test_init_refuses_what_makes_no_sense(void)
{
	static const struct {
		uint32_t how;
		int pagemap, clear_refs;
		uint32_t regions;
		uint64_t bytes, address;
		int result;
	} row[] = {
		/*  0 */ { PW_TRACK_UFFD_WP, 3, -1, 1, 8192, 4096, 0 },
		/*  1 */ { PW_TRACK_SOFT_DIRTY, 3, 4, 1, 8192, 4096, 0 },
		/*  2 */ { PW_TRACK_SOFT_DIRTY, 3, -1, 1, 8192, 4096, -EINVAL },
		/*  3 */ { PW_TRACK_UFFD_WP, -1, 3, 1, 8192, 4096, -EINVAL },
		/*  4 */ { 0, 3, 4, 1, 8192, 4096, -EINVAL },
		/*  5 */ { 3, 3, 4, 1, 8192, 4096, -EINVAL },
		/*  6 */ { PW_TRACK_UFFD_WP, 3, 4, 0, 8192, 4096, -EINVAL },
		/*  7 */ { PW_TRACK_UFFD_WP, 3, 4, PW_REGIONS_MAX + 1, 8192, 4096, -EINVAL },
		/*  8 */ { PW_TRACK_UFFD_WP, 3, 4, 1, 8193, 4096, -EINVAL },
		/*  9 */ { PW_TRACK_UFFD_WP, 3, 4, 1, 8192, 4097, -EINVAL },
		/* 10 */ { PW_TRACK_UFFD_WP, 3, 4, 1, 0, 4096, -EINVAL },
		/* 11 */ { PW_TRACK_UFFD_WP, 3, 4, 1, 8192, 0, -EINVAL },
		/* 12 */ { PW_TRACK_UFFD_WP, 3, 4, 1, 8192, UINT64_MAX - 4095, -EINVAL },
		/* 13 */ { PW_TRACK_UFFD_WP, 3, 4, 1, PW_REGION_BYTES_MAX + 4096, 4096, -EINVAL },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(row); i++) {
		struct pw_agent_region region[PW_REGIONS_MAX + 1];
		struct pw_pagemap_guest g = { .how = row[i].how,
					      .pagemap_fd = row[i].pagemap,
					      .clear_refs_fd = row[i].clear_refs,
					      .regions = row[i].regions,
					      .region = region };

		for (size_t r = 0; r < PW_ARRAY_SIZE(region); r++)
			region[r] = (struct pw_agent_region){ row[i].bytes, row[i].address };
		if (pw_tracker_pagemap_init(&tracker, &g) != row[i].result) {
			printf("row %zu ", i);
			CU_FAIL("unexpected answer");
		}
	}
}

/* ---- what holds for any tracker ---- */

static void test_set_touches_exactly_its_bits(void)
{
	for (uint64_t first = 0; first < 140; first++) {
		for (uint64_t pages = 0; pages < 140; pages++) {
			uint64_t map[6] = { 0 }, model[6] = { 0 };

			for (uint64_t i = first; i < first + pages; i++)
				model[i / 64] |= 1ull << (i % 64);
			pw_tracker_set(map, first, pages);
			CU_ASSERT_EQUAL(memcmp(map, model, sizeof(map)), 0);
		}
	}
}

static int fake_fails(struct pw_tracker *tr, const struct pw_area *area, uint64_t *map)
{
	(void)tr;
	(void)area;
	map[0] |= 2;
	return -EIO;
}

static void test_error_of_any_tracker_makes_the_area_dirty_and_nothing_else(void)
{
	const struct pw_tracker_ops ops = { .name = "fake", .collect = fake_fails };
	struct pw_tracker fake = { .ops = &ops };
	struct pw_area area = { .page = 640, .pages = 65 };
	uint64_t map[3] = { 0, 4, 0 };

	CU_ASSERT_EQUAL(pw_tracker_collect(&fake, &area, map), -EIO);
	CU_ASSERT_EQUAL(map[0], UINT64_MAX);
	CU_ASSERT_EQUAL(map[1], 5);
	CU_ASSERT_EQUAL(map[2], 0);
	CU_ASSERT_STRING_EQUAL(pw_tracker_exactness_name(PW_TRACKER_COARSE), "coarse");
	CU_ASSERT_STRING_EQUAL(pw_tracker_exactness_name(PW_NUM_EXACTNESSES), "unknown");
}

static const struct pw_test tests[] = {
	PW_TEST(test_soft_dirty_decodes_bit_55_of_each_entry),
	PW_TEST(test_soft_dirty_needs_a_parked_guest_and_forgets_after_all_areas),
	PW_TEST(test_soft_dirty_that_cannot_be_read_is_all_dirty_and_then_forgotten),
	PW_TEST(test_all_is_dirty_for_two_harvests_when_this_host_reclaims_memory),
	PW_TEST(test_soft_dirty_that_cannot_be_forgotten_is_an_error),
	PW_TEST(test_wp_on_a_descriptor_without_the_ioctl_says_not_supported),
	PW_TEST(test_init_refuses_what_makes_no_sense),
	PW_TEST(test_set_touches_exactly_its_bits),
	PW_TEST(test_error_of_any_tracker_makes_the_area_dirty_and_nothing_else),
};

int main(void)
{
	return PW_RUN_SUITE("tracker_soft_dirty", tests);
}
