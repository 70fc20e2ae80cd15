/* SPDX-License-Identifier: BSD-3-Clause */
/* test_hole.c - ctrl/hole.h on real memfds, against a naive model */

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hole.h"
#include "pagewire/limits.h"
#include "run.h"

#define PAGES 1024u

static uint64_t bitmap[PAGES / 64];
static int memfd;

static void given_file_with_pages(const unsigned *page, unsigned n)
{
	memfd = memfd_create("test", MFD_CLOEXEC);
	CU_ASSERT_FATAL(memfd >= 0);
	CU_ASSERT_FATAL(!ftruncate(memfd, PAGES * PW_PAGE_BYTES));
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_FATAL(pwrite(memfd, "x", 1, (off_t)page[i] * PW_PAGE_BYTES + 7) == 1);
	memset(bitmap, 0xff, sizeof(bitmap));
}

static bool is_set(uint64_t page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static uint64_t clear(uint64_t page, uint64_t pages)
{
	const struct pw_area area = { .page = page, .pages = pages };

	return pw_hole_clear(memfd, &area, bitmap);
}

static uint64_t blocks(void)
{
	struct stat st;

	CU_ASSERT_FATAL(!fstat(memfd, &st));
	return (uint64_t)st.st_blocks;
}

static void test_pages_never_written_are_cleared_and_written_ones_stay(void)
{
	static const unsigned page[] = { 0, 5, 6, 63, 64, 700, PAGES - 1 };

	given_file_with_pages(page, 7);
	CU_ASSERT_EQUAL(clear(0, PAGES), PAGES - 7);
	for (unsigned p = 0, i = 0; p < PAGES; p++) {
		bool written = i < 7 && page[i] == p;

		CU_ASSERT_EQUAL(is_set(p), written);
		i += written;
	}
	close(memfd);
}

static void test_an_area_in_the_middle_counts_from_its_own_first_page(void)
{
	given_file_with_pages((unsigned[]){ 130, 190 }, 2);
	CU_ASSERT_EQUAL(clear(128, 64), 62);
	CU_ASSERT_TRUE(is_set(2) && is_set(62));
	CU_ASSERT_FALSE(is_set(0) || is_set(1) || is_set(3) || is_set(63));
	for (unsigned p = 64; p < PAGES; p++)
		CU_ASSERT_TRUE(is_set(p));	/* behind the area nothing is touched */
	close(memfd);
}

static void test_a_full_file_has_no_holes_and_an_empty_one_nothing_else(void)
{
	char bytes[PW_PAGE_BYTES] = { 1 };

	given_file_with_pages(NULL, 0);
	CU_ASSERT_EQUAL(clear(0, PAGES), PAGES);
	memset(bitmap, 0xff, sizeof(bitmap));
	for (unsigned p = 0; p < PAGES; p++)
		CU_ASSERT_FATAL(pwrite(memfd, bytes, sizeof(bytes), (off_t)p * PW_PAGE_BYTES) ==
				(ssize_t)sizeof(bytes));
	CU_ASSERT_EQUAL(clear(0, PAGES), 0);
	CU_ASSERT_TRUE(is_set(0) && is_set(PAGES - 1));
	close(memfd);
}

static void test_looking_for_holes_fills_none(void)
{
	uint64_t before;

	given_file_with_pages((unsigned[]){ 9 }, 1);
	before = blocks();
	clear(0, PAGES);
	CU_ASSERT_EQUAL(blocks(), before);
	close(memfd);
}

static void test_a_descriptor_that_cannot_seek_has_no_holes(void)
{
	int pair[2];

	CU_ASSERT_FATAL(!pipe(pair));
	memfd = pair[0];
	memset(bitmap, 0xff, sizeof(bitmap));
	CU_ASSERT_EQUAL(clear(0, PAGES), 0);
	CU_ASSERT_TRUE(is_set(0) && is_set(PAGES - 1));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_pages_never_written_are_cleared_and_written_ones_stay),
		PW_TEST(test_an_area_in_the_middle_counts_from_its_own_first_page),
		PW_TEST(test_a_full_file_has_no_holes_and_an_empty_one_nothing_else),
		PW_TEST(test_looking_for_holes_fills_none),
		PW_TEST(test_a_descriptor_that_cannot_seek_has_no_holes),
	};

	return PW_RUN_SUITE("hole", tests);
}
