/* SPDX-License-Identifier: BSD-3-Clause */
/* test_guest_page.c - what the synthetic guest can tell about its pages, and its options */

#include <errno.h>
#include <string.h>

#include "guest_ledger.h"
#include "guest_page.h"
#include "pagewire/limits.h"
#include "pagewire/check.h"
#include "run.h"

#define MIB (1ull << 20)

/* Pages */

static uint8_t page[PW_PAGE_BYTES], other[PW_PAGE_BYTES];

static struct pw_guest_page_id given_page(uint64_t number, uint32_t version)
{
	struct pw_guest_page_id id = { .seed = 7, .page = number, .area = 3, .version = version };

	memset(page, 0, sizeof(page));
	if (version)
		pw_guest_page_write(page, &id);
	return id;
}

static void test_page_as_written_is_good(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_GOOD);
	id = given_page(12, 0);
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_GOOD);
}

static void test_page_with_any_bit_flipped_is_corrupt(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	for (unsigned bit = 0; bit < 8 * PW_PAGE_BYTES; bit++) {
		page[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_CORRUPT);
		page[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_GOOD);
}

static void test_page_torn_between_two_versions_is_corrupt_wherever_it_is_torn(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	memcpy(other, page, sizeof(page));
	id.version = 6;
	pw_guest_page_write(other, &id);
	for (size_t cut = 32; cut < PW_PAGE_BYTES; cut += 8) {
		uint8_t torn[PW_PAGE_BYTES];

		memcpy(torn, other, cut);
		memcpy(torn + cut, page + cut, PW_PAGE_BYTES - cut);
		CU_ASSERT_EQUAL(pw_guest_page_check(torn, &id), PW_PAGE_CORRUPT);
	}
}

static void test_page_of_an_older_version_is_stale_and_of_a_later_one_newer(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	id.version = 6;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_STALE);
	id.version = 4;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_NEWER);
}

static void test_page_that_is_lost_is_missing(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	memset(page, 0, sizeof(page));
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_MISSING);
}

static void test_page_at_a_wrong_place_or_of_another_guest_is_found(void)
{
	struct pw_guest_page_id id = given_page(12, 5);

	id.page = 13;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_MISPLACED);
	id.page = 12;
	id.area = 4;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_MISPLACED);
	id.area = 3;
	id.seed = 8;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_CORRUPT);
}

static void test_page_never_written_must_be_zero_to_the_last_byte(void)
{
	struct pw_guest_page_id id = given_page(12, 0);

	page[PW_PAGE_BYTES - 1] = 1;
	CU_ASSERT_EQUAL(pw_guest_page_check(page, &id), PW_PAGE_NOT_ZERO);
}

static void test_page_description_names_page_version_and_what_is_there(void)
{
	struct pw_guest_page_id id = given_page(77, 3);
	char text[160];

	id.page = 12;
	id.version = 5;
	CU_ASSERT_STRING_EQUAL(pw_guest_page_describe(page, &id, text, sizeof(text)),
			       "region 3 page 12: expected version 5, found region 3 page 77 "
			       "version 3: misplaced");
	memset(page, 0, sizeof(page));
	id.area = PW_GUEST_AREA_VGPU;
	CU_ASSERT_STRING_EQUAL(pw_guest_page_describe(page, &id, text, sizeof(text)),
			       "vgpu0 page 12: expected version 5, found it missing");
}

/* Ledger */

static void test_ledger_that_lost_an_entry_is_not_whole(void)
{
	struct pw_guest_ledger l;

	CU_ASSERT_EQUAL_FATAL(pw_guest_ledger_create(&l, 1000), 0);
	for (uint64_t i = 0; i < 5000; i++)
		pw_guest_ledger_bump(&l, i * 7 % 900);
	CU_ASSERT_TRUE(pw_guest_ledger_is_whole(&l));
	CU_ASSERT_EQUAL(pw_guest_ledger_written_here(&l), 900);
	l.version[3]--;
	CU_ASSERT_FALSE(pw_guest_ledger_is_whole(&l));
	l.version[4]++;	/* the sum of versions is right again, the ledger is not */
	CU_ASSERT_FALSE(pw_guest_ledger_is_whole(&l));
	pw_guest_ledger_destroy(&l);
}

/* Options */

static const struct pw_test tests[] = {
	PW_TEST(test_page_as_written_is_good),
	PW_TEST(test_page_with_any_bit_flipped_is_corrupt),
	PW_TEST(test_page_torn_between_two_versions_is_corrupt_wherever_it_is_torn),
	PW_TEST(test_page_of_an_older_version_is_stale_and_of_a_later_one_newer),
	PW_TEST(test_page_that_is_lost_is_missing),
	PW_TEST(test_page_at_a_wrong_place_or_of_another_guest_is_found),
	PW_TEST(test_page_never_written_must_be_zero_to_the_last_byte),
	PW_TEST(test_page_description_names_page_version_and_what_is_there),
	PW_TEST(test_ledger_that_lost_an_entry_is_not_whole),
};

int main(void)
{
	return PW_RUN_SUITE("guest_page", tests);
}
