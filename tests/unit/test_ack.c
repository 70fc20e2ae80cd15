/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ack.c - dataplane/ack.h: an ack is due after 32, after 20 us, or at once */

#include "ack.h"
#include "run.h"

static struct pw_acker a;

static void test_nothing_is_due_before_anything_came(void)
{
	pw_acker_init(&a);
	CU_ASSERT_FALSE(pw_acker_due(&a, 0));
	CU_ASSERT_FALSE(pw_acker_due(&a, UINT64_MAX));
}

static void test_ack_is_due_20_us_after_the_oldest(void)
{
	pw_acker_init(&a);
	pw_acker_on_datagram(&a, 1, false, 1000);
	pw_acker_on_datagram(&a, 2, false, 15000);
	CU_ASSERT_FALSE(pw_acker_due(&a, 1000 + PW_ACK_DELAY_NS - 1));
	CU_ASSERT_TRUE(pw_acker_due(&a, 1000 + PW_ACK_DELAY_NS));
	CU_ASSERT_EQUAL(a.newest_tx_time, 2);
	CU_ASSERT_EQUAL(a.newest_ns, 15000);
}

static void test_ack_is_due_with_the_32nd(void)
{
	pw_acker_init(&a);
	for (unsigned i = 1; i < PW_ACK_EVERY; i++) {
		pw_acker_on_datagram(&a, i, false, 0);
		CU_ASSERT_FALSE(pw_acker_due(&a, 0));
	}
	pw_acker_on_datagram(&a, 32, false, 0);
	CU_ASSERT_TRUE(pw_acker_due(&a, 0));
}

static void test_gap_or_request_makes_it_due_at_once_until_sent(void)
{
	pw_acker_init(&a);
	pw_acker_on_datagram(&a, 1, true, 0);
	pw_acker_on_datagram(&a, 2, false, 0);
	CU_ASSERT_TRUE(pw_acker_due(&a, 0));
	pw_acker_on_sent(&a);
	CU_ASSERT_FALSE(pw_acker_due(&a, UINT64_MAX));
	pw_acker_on_datagram(&a, 3, false, 50);
	CU_ASSERT_FALSE(pw_acker_due(&a, 50));
}

static void test_duplicate_is_answered_but_is_not_the_newest(void)
{
	pw_acker_init(&a);
	pw_acker_on_datagram(&a, 700, false, 1000);
	pw_acker_on_sent(&a);
	pw_acker_on_duplicate(&a, 9000);
	CU_ASSERT_FALSE(pw_acker_due(&a, 9000 + PW_ACK_DELAY_NS - 1));
	CU_ASSERT_TRUE(pw_acker_due(&a, 9000 + PW_ACK_DELAY_NS));
	CU_ASSERT_EQUAL(a.newest_tx_time, 700);
	CU_ASSERT_EQUAL(a.newest_ns, 1000);
}

static const struct pw_test tests[] = {
	PW_TEST(test_nothing_is_due_before_anything_came),
	PW_TEST(test_ack_is_due_20_us_after_the_oldest),
	PW_TEST(test_ack_is_due_with_the_32nd),
	PW_TEST(test_gap_or_request_makes_it_due_at_once_until_sent),
	PW_TEST(test_duplicate_is_answered_but_is_not_the_newest),
};

int main(void)
{
	return PW_RUN_SUITE("ack", tests);
}
