/* SPDX-License-Identifier: BSD-3-Clause */
/* test_grant.c - dataplane/grant.h: equal shares, the stun first */

#include "grant.h"
#include "pagewire/check.h"
#include "run.h"

#define IDLE   { false, false, 7 }
#define ACTIVE { true, false, 7 }
#define STUN   { true, true, 7 }

static void test_shares_are_equal_and_the_stun_goes_first(void)
{
	static const struct {
		uint32_t queue_mbps;
		unsigned n;
		struct pw_grant grants[4];
		uint32_t want[4];
	} table[] = {
		/* 0 */ { 100000, 1, { ACTIVE }, { 95000 } },
		/* 1 */ { 100000, 2, { ACTIVE, ACTIVE }, { 47500, 47500 } },
		/* 2 */ { 100000, 3, { ACTIVE, IDLE, ACTIVE }, { 47500, 31666, 47500 } },
		/* 3 */ { 100000, 1, { IDLE }, { 95000 } },
		/* 4 */ { 100000, 3, { ACTIVE, STUN, IDLE }, { 50, 94900, 50 } },
		/* 5 */ { 100000, 2, { STUN, STUN }, { 47500, 47500 } },
		/* 6 */ { 0, 2, { ACTIVE, ACTIVE }, { 0, 0 } },
		/* 7 */ { 0, 2, { ACTIVE, STUN }, { 50, 0 } },
		/* 8 */ { 100, 3, { STUN, ACTIVE, ACTIVE }, { 50, 50, 50 } },
		/* 9 */ { 1, 2, { ACTIVE, ACTIVE }, { 0, 0 } },	/* nothing usable: as unknown */
	};

	for (unsigned i = 0; i < PW_ARRAY_SIZE(table); i++) {
		struct pw_grant grants[4];

		for (unsigned k = 0; k < 4; k++)
			grants[k] = table[i].grants[k];
		pw_grant_share(grants, table[i].n, table[i].queue_mbps);
		for (unsigned k = 0; k < table[i].n; k++)
			CU_ASSERT_EQUAL(grants[k].mbps, table[i].want[k]);
	}
}

/* A paused guest of which nothing has come lately does not hold the others back. */
static void test_stun_that_sends_nothing_takes_nothing(void)
{
	struct pw_grant grants[] = { { false, true, 0 }, ACTIVE };

	pw_grant_share(grants, 2, 10000);
	CU_ASSERT_EQUAL(grants[1].mbps, 9500);
}

static const struct pw_test tests[] = {
	PW_TEST(test_shares_are_equal_and_the_stun_goes_first),
	PW_TEST(test_stun_that_sends_nothing_takes_nothing),
};

int main(void)
{
	return PW_RUN_SUITE("grant", tests);
}
