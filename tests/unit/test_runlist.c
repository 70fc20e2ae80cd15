/* SPDX-License-Identifier: BSD-3-Clause */
/* test_runlist.c - dataplane/runlist.h: dirty pages become extents, each byte once */

#include <string.h>

#include "pagewire/check.h"
#include "pagewire/wire.h"
#include "run.h"
#include "runlist.h"

#define CHUNKS 3u
#define PAGES  (CHUNKS * PW_CHUNK_PAGES)
#define SHIFT  25u	/* a slice of four chunks, of which the region has three */

static struct pw_runlist l;
static struct pw_slices_out slices;
static struct pw_region regions[PW_REGIONS_MAX];
static uint8_t memory[PAGES * PW_PAGE_BYTES];
static uint64_t bitmap[CHUNKS * PW_CHUNK_WORDS];
static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

static void given_nothing_dirty(void)
{
	memset(memory, 0, sizeof(memory));
	memset(bitmap, 0, sizeof(bitmap));
	regions[4] = (struct pw_region){ memory, sizeof(memory) };
	pw_slices_init(&slices, SHIFT);
	pw_runlist_init(&l, 3);
}

/* Page is dirty; its byte at is not zero, unless at is a page's length. */
static void dirty(uint32_t page, unsigned at)
{
	bitmap[page / 64] |= 1ull << page % 64;
	if (at < PW_PAGE_BYTES)
		memory[page * PW_PAGE_BYTES + at] = 1;
}

#define ZERO PW_PAGE_BYTES

static void open_slice(uint32_t chunks, bool stun)
{
	const struct pw_slice_order order = { .bitmap = bitmap, .region = 4, .chunks = chunks,
					      .epoch = 8, .stun = stun };

	CU_ASSERT_EQUAL_FATAL(pw_slices_open(&slices, &order), 0);
}

/* The next extent, however many calls it takes to read past zero pages. */
static bool next(uint16_t payload_bytes, struct pw_extent *extent)
{
	bool settled = false;

	for (unsigned i = 0; i < 2 * CHUNKS * PW_CHUNK_PAGES / PW_RUNLIST_PAGES_MAX + 2; i++)
		if (pw_runlist_next(&l, &slices, regions, payload_bytes, extent, &settled))
			return true;
	return false;
}

static void expect_data(uint16_t payload_bytes, uint64_t offset, uint16_t bytes)
{
	struct pw_extent extent;

	CU_ASSERT_TRUE_FATAL(next(payload_bytes, &extent));
	CU_ASSERT_EQUAL(extent.kind, PW_EXTENT_DATA);
	CU_ASSERT_EQUAL(extent.id, 4);
	CU_ASSERT_EQUAL(extent.epoch, 8);
	CU_ASSERT_EQUAL(extent.offset, offset);
	CU_ASSERT_EQUAL(extent.bytes, bytes);
	CU_ASSERT_EQUAL(extent.settles, bytes);
	CU_ASSERT_EQUAL(extent.slot, 0);
}

static void expect_nothing(uint16_t payload_bytes)
{
	struct pw_extent extent;

	CU_ASSERT_FALSE(next(payload_bytes, &extent));
}

static void test_neighbours_travel_two_by_two_where_two_fit(void)
{
	given_nothing_dirty();
	for (uint32_t page = 10; page < 13; page++)
		dirty(page, 0);
	dirty(20, 0);
	open_slice(1, false);
	expect_data(8192, 10 * 4096, 8192);
	expect_data(8192, 12 * 4096, 4096);
	expect_data(8192, 20 * 4096, 4096);
	expect_nothing(8192);
}

static void test_neighbours_travel_alone_where_one_fits(void)
{
	given_nothing_dirty();
	dirty(63, 0);
	dirty(64, 0);
	open_slice(1, false);
	expect_data(4096, 63 * 4096, 4096);
	expect_data(4096, 64 * 4096, 4096);
	expect_nothing(4096);
}

static void test_neighbours_meet_across_words_not_across_chunks(void)
{
	given_nothing_dirty();
	dirty(63, 0);
	dirty(64, 0);
	dirty(2047, 0);
	dirty(2048, 0);
	open_slice(2, false);
	expect_data(8192, 63 * 4096, 8192);
	expect_data(8192, 2047 * 4096, 4096);
	expect_data(8192, 2048 * 4096, 4096);
	expect_nothing(8192);
}

static void test_page_that_does_not_fit_travels_in_fragments(void)
{
	given_nothing_dirty();
	dirty(1, 0);
	dirty(2, 0);
	open_slice(1, false);
	for (uint64_t page = 1; page < 3; page++) {
		expect_data(1408, page * 4096, 1408);
		expect_data(1408, page * 4096 + 1408, 1408);
		expect_data(1408, page * 4096 + 2816, 1280);
	}
	expect_nothing(1408);
}

static void test_page_is_zero_only_if_its_last_byte_is(void)
{
	static const unsigned at[] = { 0, 1, 63, 64, 2048, 4088, 4095 };
	struct pw_extent extent;

	given_nothing_dirty();
	for (uint32_t i = 0; i < PW_ARRAY_SIZE(at); i++) {
		dirty(2 * i, at[i]);
		dirty(2 * i + 1, ZERO);
	}
	open_slice(1, false);
	for (uint32_t i = 0; i < PW_ARRAY_SIZE(at); i++)
		expect_data(8192, 2 * i * 4096, 4096);
	CU_ASSERT_TRUE_FATAL(next(8192, &extent));
	CU_ASSERT_EQUAL(extent.kind, PW_EXTENT_ZERO);
	CU_ASSERT_EQUAL(extent.bytes, PW_ZERO_MAP_BYTES);
	CU_ASSERT_EQUAL(extent.settles, PW_ARRAY_SIZE(at) * 4096);
	CU_ASSERT_EQUAL(l.maps.map[PW_ZERO_MAP_NUMBER(extent.zero_map)][0] & 0xff, 0xaa);
	CU_ASSERT_EQUAL(l.maps.map[PW_ZERO_MAP_NUMBER(extent.zero_map)][0] >> 8 & 0xff, 0x2a);
	expect_nothing(8192);
}

static void test_pages_of_a_paused_guest_say_so(void)
{
	struct pw_extent extent;

	given_nothing_dirty();
	dirty(0, 0);
	dirty(1, ZERO);
	open_slice(1, true);
	CU_ASSERT_TRUE(next(4096, &extent));
	CU_ASSERT_EQUAL(extent.flags, PW_F_STUN);
	CU_ASSERT_TRUE(next(4096, &extent));
	CU_ASSERT_EQUAL(extent.flags, PW_F_STUN);
}

static void test_no_more_than_so_many_pages_are_read_at_a_time(void)
{
	struct pw_extent extent;
	bool settled = false;
	unsigned calls = 1;

	given_nothing_dirty();
	for (uint32_t page = 0; page < PW_CHUNK_PAGES; page++)
		dirty(page, ZERO);
	open_slice(1, false);
	for (; !pw_runlist_next(&l, &slices, regions, 8192, &extent, &settled); calls++)
		CU_ASSERT_TRUE_FATAL(calls < 100);
	CU_ASSERT_TRUE(calls >= PW_CHUNK_PAGES / PW_RUNLIST_PAGES_MAX);
	CU_ASSERT_EQUAL(extent.settles, PW_CHUNK_PAGES * 4096);
}

static void test_without_a_free_map_zero_pages_wait(void)
{
	struct pw_extent extent;
	uint16_t map;

	given_nothing_dirty();
	for (unsigned i = 0; i < PW_ZERO_MAPS; i++)
		CU_ASSERT_TRUE(pw_zero_maps_take(&l.maps, l.zero, &map));
	dirty(5, ZERO);
	dirty(6, 0);
	open_slice(1, false);
	expect_data(4096, 6 * 4096, 4096);
	expect_nothing(4096);
	pw_zero_maps_put(&l.maps, 5);
	CU_ASSERT_TRUE_FATAL(next(4096, &extent));
	CU_ASSERT_EQUAL(extent.kind, PW_EXTENT_ZERO);
	CU_ASSERT_EQUAL(PW_ZERO_MAP_PATH(extent.zero_map), 3);
	CU_ASSERT_EQUAL(PW_ZERO_MAP_NUMBER(extent.zero_map), 5);
	expect_nothing(4096);
}

/* A path that is down finishes what it began, for others to send. */
static void test_rest_is_of_the_chunk_in_hand_only(void)
{
	struct pw_extent extent;

	given_nothing_dirty();
	dirty(5, 0);
	dirty(7, 0);
	dirty(9, ZERO);
	open_slice(1, false);
	CU_ASSERT_FALSE(pw_runlist_rest(&l, regions, 1408, &extent));	/* none is begun */
	expect_data(1408, 5 * 4096, 1408);
	CU_ASSERT_TRUE(pw_runlist_rest(&l, regions, 4096, &extent));
	CU_ASSERT_EQUAL(extent.offset, 5 * 4096 + 1408);
	CU_ASSERT_EQUAL(extent.bytes, 4096 - 1408);
	CU_ASSERT_TRUE(pw_runlist_rest(&l, regions, 4096, &extent));
	CU_ASSERT_EQUAL(extent.offset, 7 * 4096);
	CU_ASSERT_TRUE(pw_runlist_rest(&l, regions, 4096, &extent));
	CU_ASSERT_EQUAL(extent.kind, PW_EXTENT_ZERO);
	CU_ASSERT_FALSE(pw_runlist_rest(&l, regions, 4096, &extent));
	CU_ASSERT_FALSE(l.busy);
}

static void test_clean_slice_is_told_as_settled(void)
{
	struct pw_extent extent;
	bool settled = false;

	given_nothing_dirty();
	open_slice(3, false);
	CU_ASSERT_FALSE(pw_runlist_next(&l, &slices, regions, 4096, &extent, &settled));
	CU_ASSERT_TRUE(settled);
}

/* The naive model: for each byte in units of 32, how often it travelled. */
static uint8_t travelled[PAGES * PW_PAGE_BYTES / 32];

static void note(const struct pw_extent *extent)
{
	const uint8_t *map;

	if (extent->kind == PW_EXTENT_DATA) {
		for (uint64_t i = 0; i < extent->bytes / 32; i++)
			travelled[extent->offset / 32 + i]++;
		return;
	}
	map = (const uint8_t *)l.maps.map[PW_ZERO_MAP_NUMBER(extent->zero_map)];
	for (uint64_t page = 0; page < PW_CHUNK_PAGES; page++)
		for (uint64_t i = 0; map[page / 8] >> page % 8 & 1 && i < PW_PAGE_BYTES / 32; i++)
			travelled[(extent->offset + page * PW_PAGE_BYTES) / 32 + i] += 16;
}

/* 1: as data; 16: as zero; 0: it is clean. */
static uint8_t expected_of(uint32_t page)
{
	bool is_zero = true;

	if (!(bitmap[page / 64] >> page % 64 & 1))
		return 0;
	for (unsigned i = 0; i < PW_PAGE_BYTES; i++)
		is_zero &= !memory[page * PW_PAGE_BYTES + i];
	return is_zero ? 16 : 1;
}

static void given_random_pages(void)
{
	uint64_t dense = next_random() % 8;

	given_nothing_dirty();
	for (uint32_t page = 0; page < PAGES; page++)
		if (next_random() % 8 >= dense)
			dirty(page, next_random() % 3 ? (unsigned)(next_random() % PW_PAGE_BYTES) : ZERO);
}

static void test_every_dirty_byte_travels_once(void)
{
	static const uint16_t payloads[] = { 1024, 1408, 2048, 2592, 4096, 6144, 8192 };

	for (size_t i = 0; i < PW_ARRAY_SIZE(payloads); i++) {
		struct pw_extent extent;
		uint64_t settles = 0;

		given_random_pages();
		memset(travelled, 0, sizeof(travelled));
		open_slice(CHUNKS, false);
		while (next(payloads[i], &extent)) {
			CU_ASSERT_FATAL(extent.bytes <= payloads[i]);
			note(&extent);
			settles += extent.settles;
		}
		for (uint64_t at = 0; at < sizeof(travelled); at++)
			if (at % 128 == 0 || travelled[at] != travelled[at - 1])
				CU_ASSERT_EQUAL_FATAL(travelled[at], expected_of((uint32_t)(at / 128)));
		CU_ASSERT_EQUAL(pw_slices_settle(&slices, 0, settles), settles > 0);
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_neighbours_travel_two_by_two_where_two_fit),
	PW_TEST(test_neighbours_travel_alone_where_one_fits),
	PW_TEST(test_neighbours_meet_across_words_not_across_chunks),
	PW_TEST(test_page_that_does_not_fit_travels_in_fragments),
	PW_TEST(test_page_is_zero_only_if_its_last_byte_is),
	PW_TEST(test_pages_of_a_paused_guest_say_so),
	PW_TEST(test_no_more_than_so_many_pages_are_read_at_a_time),
	PW_TEST(test_without_a_free_map_zero_pages_wait),
	PW_TEST(test_rest_is_of_the_chunk_in_hand_only),
	PW_TEST(test_clean_slice_is_told_as_settled),
	PW_TEST(test_every_dirty_byte_travels_once),
};

int main(void)
{
	return PW_RUN_SUITE("runlist", tests);
}
