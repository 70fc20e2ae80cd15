/* SPDX-License-Identifier: BSD-3-Clause */
/* test_placement.c - dataplane/placement.h: every length at every alignment, and nothing beside it */

#include <stdbool.h>
#include <string.h>

#include "placement.h"
#include "run.h"

#define GUARD	 128u
#define BYTES	 16384u
#define GUARDED	 0xa5

static uint8_t memory[GUARD + 64 + BYTES + GUARD] __attribute__((aligned(64)));
static uint8_t source[64 + BYTES] __attribute__((aligned(64)));

static void given_memory(void)
{
	memset(memory, GUARDED, sizeof(memory));
	for (unsigned i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 29 + i / 253 + 1);
}

/* Only n bytes from at are not what they were. */
static bool is_guarded(size_t at, size_t n)
{
	for (size_t i = 0; i < at; i++)
		if (memory[i] != GUARDED)
			return false;
	for (size_t i = at + n; i < sizeof(memory); i++)
		if (memory[i] != GUARDED)
			return false;
	return true;
}

static void check_copy(size_t to, size_t from, size_t n)
{
	pw_placement_copy(memory + GUARD + to, source + from, n);
	pw_placement_fence();
	CU_ASSERT_FATAL(memcmp(memory + GUARD + to, source + from, n) == 0);
	CU_ASSERT_FATAL(is_guarded(GUARD + to, n));
	memset(memory + GUARD + to, GUARDED, n);
}

static void check_zero(size_t to, size_t n)
{
	pw_placement_zero(memory + GUARD + to, n);
	pw_placement_fence();
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_FATAL(memory[GUARD + to + i] == 0);
	CU_ASSERT_FATAL(is_guarded(GUARD + to, n));
	memset(memory + GUARD + to, GUARDED, n);
}

static void test_copy_of_0_to_300_bytes_at_every_alignment(void)
{
	given_memory();
	for (size_t to = 0; to < 16; to++)
		for (size_t from = 0; from < 16; from += from < 4 ? 1 : 5)
			for (size_t n = 0; n <= 300; n += n < 150 ? 1 : 7)
				check_copy(to, from, n);
}

static void test_copy_of_pages_and_fragments_of_pages(void)
{
	static const size_t lengths[] = { 1024, 1280, 1408, 4095, 4096, 4097, 8191, 8192, 16384 };

	given_memory();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t to = 0; to < 64; to += 7)
			check_copy(to, (to * 5) % 64, lengths[i]);
}

static void test_zeros_of_0_to_300_bytes_and_of_pages(void)
{
	given_memory();
	for (size_t to = 0; to < 16; to++)
		for (size_t n = 0; n <= 300; n++)
			check_zero(to, n);
	check_zero(0, 4096);
	check_zero(0, 8192);
	check_zero(9, 4096);
}

static const struct pw_test tests[] = {
	PW_TEST(test_copy_of_0_to_300_bytes_at_every_alignment),
	PW_TEST(test_copy_of_pages_and_fragments_of_pages),
	PW_TEST(test_zeros_of_0_to_300_bytes_and_of_pages),
};

int main(void)
{
	return PW_RUN_SUITE("placement", tests);
}
