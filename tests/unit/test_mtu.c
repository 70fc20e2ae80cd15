/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mtu.c - dataplane/mtu.h: black holes, cuts that are none, the way back up */

#include "mtu.h"
#include "pagewire/check.h"
#include "run.h"

#define MS 1000000ull
#define S  (1000 * MS)

static struct pw_mtu m;

static void test_steps_below_the_lanes_own_are_the_usual_ones(void)
{
	static const struct {
		uint16_t payload;
		uint8_t steps;
		uint16_t next;
	} table[] = {
		{ 8192, 5, 4096 }, { 4096, 4, 2048 }, { 3328, 4, 2048 },
		{ 1408, 2, 1152 }, { 1152, 1, 0 }, { 1024, 1, 0 },
	};

	for (unsigned i = 0; i < PW_ARRAY_SIZE(table); i++) {
		pw_mtu_init(&m, table[i].payload);
		CU_ASSERT_EQUAL(pw_mtu_payload(&m), table[i].payload);
		CU_ASSERT_EQUAL(m.steps, table[i].steps);
		CU_ASSERT_EQUAL(m.payload[1], table[i].next);
	}
}

static void test_three_lost_generations_of_long_datagrams_are_a_black_hole(void)
{
	pw_mtu_init(&m, 8192);
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 1 * MS, 10 * MS));
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 9 * MS, 10 * MS));	/* the same generation */
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 10 * MS, 11 * MS));
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 11 * MS, 20 * MS));	/* second */
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 1152, 21 * MS, 30 * MS));	/* nothing is shorter */
	CU_ASSERT_TRUE(pw_mtu_on_lost(&m, 8192, 21 * MS, 30 * MS));
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 4096);
	CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 22 * MS, 31 * MS));	/* begins anew */
}

static void test_one_long_datagram_that_arrives_acquits(void)
{
	pw_mtu_init(&m, 8192);
	for (uint64_t t = 0; t < 100; t++) {
		CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 10 * t * MS + 1, 10 * t * MS + 2));
		CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 8192, 10 * t * MS + 3, 10 * t * MS + 4));
		pw_mtu_on_acked(&m, 8192);
	}
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 8192);
	for (uint64_t t = 0; t < 4; t++) {	/* 8192 arrived in the first generation */
		pw_mtu_on_acked(&m, 4097);	/* a shorter one says nothing */
		pw_mtu_on_lost(&m, 8192, 2 * S + 10 * t, 2 * S + 10 * t + 5);
	}
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 4096);
}

static void lose(uint16_t bytes, unsigned generations, uint64_t *now_ns)
{
	for (; generations > 0; generations--, *now_ns += 10 * MS)
		pw_mtu_on_lost(&m, bytes, *now_ns, *now_ns + 5 * MS);
}

static void test_what_was_lost_says_how_short_datagrams_get(void)
{
	static const struct {
		uint16_t payload;
		uint16_t lost;
		uint16_t then;
	} table[] = {
		{ 8192, 8192, 4096 }, { 8192, 4096, 2048 }, { 4800, 4800, 4096 },
		{ 4800, 4096, 2048 },	/* pages: no datagram of them is longer than the next step */
		{ 4800, 1409, 1408 }, { 3328, 3328, 2048 }, { 8192, 1300, 1152 },
		{ 8192, 1152, 8192 },
	};

	for (unsigned i = 0; i < PW_ARRAY_SIZE(table); i++) {
		uint64_t now_ns = S;

		pw_mtu_init(&m, table[i].payload);
		lose(table[i].lost, PW_MTU_GENERATIONS, &now_ns);
		CU_ASSERT_EQUAL(pw_mtu_payload(&m), table[i].then);
	}
}

/* A rest of 1500 bytes gets through a hole in which 2048 vanish. */
static void test_shorter_datagrams_that_arrive_do_not_hide_a_hole(void)
{
	uint64_t now_ns = S;

	pw_mtu_init(&m, 2048);
	for (unsigned t = 0; t < PW_MTU_GENERATIONS; t++) {
		pw_mtu_on_acked(&m, 1500);
		lose(1450, 1, &now_ns);	/* by chance: longer ones arrive */
		pw_mtu_on_acked(&m, 1500);
		lose(2048, 1, &now_ns);
	}
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 1408);
}

static void test_shortest_step_stays_whatever_is_lost(void)
{
	pw_mtu_init(&m, 1152);
	for (uint64_t t = 1; t < 20; t++)
		CU_ASSERT_FALSE(pw_mtu_on_lost(&m, 1152, 10 * t, 10 * t + 5));
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 1152);
}

static void given_step(uint8_t step, uint64_t now_ns)
{
	pw_mtu_init(&m, 8192);
	for (uint64_t t = now_ns - 200; m.step < step; t += 10)
		pw_mtu_on_lost(&m, m.payload[m.step], t, t + 5);
	m.probe_ns = now_ns + PW_MTU_PROBE_NS;
}

static void test_probes_come_every_second_and_pause_after_three(void)
{
	static const uint64_t at_s[] = { 1, 2, 3, 13, 14, 15, 25 };
	uint16_t bytes = 0;
	unsigned n = 0;

	given_step(2, 0 + 1000);
	for (uint64_t t = 1000; t < 26 * S && n < PW_ARRAY_SIZE(at_s); t += 100 * MS)
		if (pw_mtu_probe_due(&m, t, &bytes)) {
			CU_ASSERT_EQUAL(bytes, 4096);
			CU_ASSERT_EQUAL(t / S, at_s[n]);
			n++;
		}
	CU_ASSERT_EQUAL(n, PW_ARRAY_SIZE(at_s));
}

static void test_probe_that_arrives_leads_up_step_by_step(void)
{
	uint16_t bytes;

	given_step(2, 1000);
	CU_ASSERT_FALSE(pw_mtu_on_probe_acked(&m, 8192, S));	/* of another time */
	CU_ASSERT_TRUE(pw_mtu_on_probe_acked(&m, 4096, 2 * S));
	CU_ASSERT_EQUAL(pw_mtu_payload(&m), 4096);
	CU_ASSERT_TRUE(pw_mtu_probe_due(&m, 2 * S, &bytes));	/* the next one at once */
	CU_ASSERT_EQUAL(bytes, 8192);
	CU_ASSERT_TRUE(pw_mtu_on_probe_acked(&m, 8192, 2 * S));
	CU_ASSERT_FALSE(pw_mtu_probe_due(&m, 100 * S, &bytes));
	CU_ASSERT_FALSE(pw_mtu_on_probe_acked(&m, 8192, 2 * S));
}

static const struct pw_test tests[] = {
	PW_TEST(test_steps_below_the_lanes_own_are_the_usual_ones),
	PW_TEST(test_three_lost_generations_of_long_datagrams_are_a_black_hole),
	PW_TEST(test_one_long_datagram_that_arrives_acquits),
	PW_TEST(test_what_was_lost_says_how_short_datagrams_get),
	PW_TEST(test_shorter_datagrams_that_arrive_do_not_hide_a_hole),
	PW_TEST(test_shortest_step_stays_whatever_is_lost),
	PW_TEST(test_probes_come_every_second_and_pause_after_three),
	PW_TEST(test_probe_that_arrives_leads_up_step_by_step),
};

int main(void)
{
	return PW_RUN_SUITE("mtu", tests);
}
