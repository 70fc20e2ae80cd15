/* SPDX-License-Identifier: BSD-3-Clause */
/* test_death_rate.c - how often the dataplane may die and is started again */

#include <stddef.h>
#include <stdint.h>

#include "death_rate.h"
#include "run.h"

#define SECOND 1000000000ull

static struct pw_death_rate rate;

static void given_deaths(unsigned n, uint64_t from_ns, uint64_t apart_ns)
{
	rate = (struct pw_death_rate){ 0 };
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_TRUE(pw_death_rate_bears(&rate, from_ns + i * apart_ns));
}

static void test_twenty_deaths_at_once_are_borne_and_one_more_is_not(void)
{
	given_deaths(PW_DEATHS_MAX, 5 * SECOND, 0);
	CU_ASSERT_FALSE(pw_death_rate_bears(&rate, 5 * SECOND));
}

static void test_deaths_that_lie_back_far_enough_do_not_count(void)
{
	given_deaths(PW_DEATHS_MAX, 5 * SECOND, 0);
	CU_ASSERT_TRUE(pw_death_rate_bears(&rate, 5 * SECOND + PW_DEATHS_NS + 1));
	given_deaths(PW_DEATHS_MAX, 5 * SECOND, 0);
	CU_ASSERT_FALSE(pw_death_rate_bears(&rate, 5 * SECOND + PW_DEATHS_NS));
}

static void test_process_may_die_every_few_seconds_for_ever(void)
{
	given_deaths(1000, 0, PW_DEATHS_NS / PW_DEATHS_MAX + 1);
	given_deaths(PW_DEATHS_MAX, 0, PW_DEATHS_NS / PW_DEATHS_MAX - SECOND);
	CU_ASSERT_FALSE(pw_death_rate_bears(&rate, PW_DEATHS_NS - 20 * SECOND));
}

/* The rule as it is said, over all deaths there were. */
static void test_random_deaths_agree_with_a_naive_count(void)
{
	uint64_t at[2000], now = 0, seed = 42;

	rate = (struct pw_death_rate){ 0 };
	for (unsigned n = 0; n < 2000; n++) {
		unsigned recent = 0;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		now += (seed >> 33) % (6 * SECOND);
		at[n] = now;
		for (unsigned i = 0; i <= n; i++)
			recent += now - at[i] <= PW_DEATHS_NS;
		CU_ASSERT_EQUAL(pw_death_rate_bears(&rate, now), recent <= PW_DEATHS_MAX);
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_twenty_deaths_at_once_are_borne_and_one_more_is_not),
	PW_TEST(test_deaths_that_lie_back_far_enough_do_not_count),
	PW_TEST(test_process_may_die_every_few_seconds_for_ever),
	PW_TEST(test_random_deaths_agree_with_a_naive_count),
};

int main(void)
{
	return PW_RUN_SUITE("death_rate", tests);
}
