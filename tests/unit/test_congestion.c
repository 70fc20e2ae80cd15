/* SPDX-License-Identifier: BSD-3-Clause */
/* test_congestion.c - dataplane/congestion.h: growth, cuts, marks, bounds */

#include "congestion.h"
#include "run.h"

#define US 1000ull

static struct pw_congestion c;

static void given_window(uint32_t start)
{
	pw_congestion_init(&c, &(struct pw_congestion_config){ .window_start = start,
							       .window_min = 4,
							       .window_max = 500,
							       .delay_target_ns = 25 * US });
}

/* n acknowledged, marked of them with congestion, at now_us after rtt_us. */
static void on_ack(uint32_t n, uint32_t marked, uint64_t rtt_us, uint64_t now_us)
{
	pw_congestion_on_ack(&c, &(struct pw_congestion_sample){ .now_ns = now_us * US,
								 .rtt_ns = rtt_us * US,
								 .rtt_min_ns = 50 * US,
								 .acked = n,
								 .marked = marked });
}

static void test_start_is_kept_within_bounds(void)
{
	given_window(100);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 100);
	given_window(1);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 4);
	given_window(1000);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 500);
}

static void test_below_the_target_it_grows_by_one_and_a_64th_per_round_trip(void)
{
	given_window(100);
	for (unsigned i = 0; i < 10; i++)
		on_ack(10, 0, 60, 1000 + i);
	CU_ASSERT_DOUBLE_EQUAL(c.window, 102.5, 0.1);
	for (unsigned i = 0; i < 1000; i++)
		on_ack(500, 0, 60, 2000 + i);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 500);
}

static void test_above_the_target_it_shrinks_once_per_round_trip_with_the_excess(void)
{
	given_window(100);
	on_ack(1, 0, 100, 1000);	/* 25 of 100 us too long: less 0.8 * 0.25 */
	CU_ASSERT_DOUBLE_EQUAL(c.window, 80, 0.01);
	on_ack(1, 0, 100, 1050);	/* the same round trip */
	CU_ASSERT_DOUBLE_EQUAL(c.window, 80, 0.01);
	on_ack(1, 0, 100, 1100);
	CU_ASSERT_DOUBLE_EQUAL(c.window, 64, 0.01);
	on_ack(1, 0, 100000, 500000);	/* never by more than a half */
	CU_ASSERT_DOUBLE_EQUAL(c.window, 32, 0.01);
}

static void test_loss_cuts_once_per_round_trip_by_half_of_its_share_down_to_the_least(void)
{
	given_window(100);
	c.round_ns = 1000 * US;
	c.acked_in_round = 80;
	pw_congestion_on_loss(&c, 20, 50 * US, 1049 * US);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 100);	/* the round goes on */
	pw_congestion_on_loss(&c, 0, 50 * US, 1050 * US);
	CU_ASSERT_DOUBLE_EQUAL(c.window, 90, 0.01);	/* 20 of 100 */
	for (unsigned i = 2; i < 20; i++)
		pw_congestion_on_loss(&c, 100, 50 * US, (1000 + 50 * i) * US);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 4);
}

/* 2 % is a wire that loses, 20 % is one that is full. */
static void test_wire_that_loses_two_of_a_hundred_is_kept_full(void)
{
	static const struct {
		unsigned lost_of_100;
		uint32_t least, most;
	} table[] = { { 1, 450, 500 }, { 2, 400, 500 }, { 20, 4, 30 }, { 50, 4, 8 } };

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		given_window(200);
		for (uint64_t round = 0; round < 2000; round++) {
			uint32_t n = pw_congestion_window(&c);
			uint32_t lost = (n * table[i].lost_of_100 + (uint32_t)(round * 37 % 100)) / 100;

			pw_congestion_on_loss(&c, lost, 60 * US, (1000 + 60 * round) * US);
			on_ack(n - lost, 0, 60, 1000 + 60 * round + 1);
		}
		CU_ASSERT_TRUE(pw_congestion_window(&c) >= table[i].least);
		CU_ASSERT_TRUE(pw_congestion_window(&c) <= table[i].most);
	}
}

static void test_target_whose_ring_fills_up_is_given_time(void)
{
	given_window(400);
	for (uint64_t i = 0; i < 20; i++)
		pw_congestion_on_ack(&c, &(struct pw_congestion_sample){
			.now_ns = (1000 + 60 * i) * US, .rtt_ns = 60 * US, .rtt_min_ns = 50 * US,
			.acked = 100, .ring_fill = 62000 });
	CU_ASSERT_TRUE(pw_congestion_window(&c) <= 5);
	CU_ASSERT_TRUE(c.window > 400);	/* the wire is not at fault */
	for (uint64_t i = 20; i < 400; i++)
		on_ack(100, 0, 60, 1000 + 60 * i);
	CU_ASSERT_EQUAL(pw_congestion_window(&c), 500);
}

static void test_marks_cut_by_their_share_over_time(void)
{
	double before;

	given_window(200);
	on_ack(100, 100, 60, 1000);	/* first round: the share is only begun to be believed */
	CU_ASSERT_TRUE(c.window > 190);
	for (unsigned i = 1; i < 200; i++)
		on_ack(100, 100, 60, 1000 + 100 * i);
	CU_ASSERT_DOUBLE_EQUAL(c.marked_share, 1, 0.01);
	given_window(200);
	c.marked_share = 1;
	before = c.window;
	on_ack(100, 100, 60, 900000);
	CU_ASSERT_TRUE(c.window < before * 0.52);	/* all marked: a half */
}

static void test_ack_without_a_round_trip_does_not_cut(void)
{
	given_window(100);
	pw_congestion_on_ack(&c, &(struct pw_congestion_sample){ .now_ns = 1000 * US, .acked = 5 });
	CU_ASSERT_TRUE(c.window >= 100);
}

static const struct pw_test tests[] = {
	PW_TEST(test_start_is_kept_within_bounds),
	PW_TEST(test_below_the_target_it_grows_by_one_and_a_64th_per_round_trip),
	PW_TEST(test_above_the_target_it_shrinks_once_per_round_trip_with_the_excess),
	PW_TEST(test_loss_cuts_once_per_round_trip_by_half_of_its_share_down_to_the_least),
	PW_TEST(test_wire_that_loses_two_of_a_hundred_is_kept_full),
	PW_TEST(test_target_whose_ring_fills_up_is_given_time),
	PW_TEST(test_marks_cut_by_their_share_over_time),
	PW_TEST(test_ack_without_a_round_trip_does_not_cut),
};

int main(void)
{
	return PW_RUN_SUITE("congestion", tests);
}
