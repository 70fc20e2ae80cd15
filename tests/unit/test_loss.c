/* SPDX-License-Identifier: BSD-3-Clause */
/* test_loss.c - dataplane/loss.h: round trips, deadlines, probes and back-off */

#include "loss.h"
#include "run.h"

#define US 1000ull
#define MS 1000000ull

static struct pw_loss l;

static void given_rtt(uint64_t rtt_ns)
{
	pw_loss_init(&l, 0);
	for (unsigned i = 0; i < 100; i++)
		pw_loss_on_ack(&l, rtt_ns, i);
}

static void test_first_sample_is_taken_as_it_is(void)
{
	pw_loss_init(&l, 0);
	CU_ASSERT_EQUAL(l.srtt_ns, 0);
	pw_loss_on_ack(&l, 0, 5);	/* without a sample */
	CU_ASSERT_EQUAL(l.srtt_ns, 0);
	pw_loss_on_ack(&l, 80 * US, 10);
	CU_ASSERT_EQUAL(l.srtt_ns, 80 * US);
	CU_ASSERT_EQUAL(l.rttvar_ns, 40 * US);
	CU_ASSERT_EQUAL(l.min_ns, 80 * US);
}

static void test_later_samples_are_smoothed_and_the_least_is_kept(void)
{
	given_rtt(80 * US);
	CU_ASSERT_TRUE(l.rttvar_ns < US);
	pw_loss_on_ack(&l, 160 * US, 0);
	CU_ASSERT_EQUAL(l.srtt_ns, 90 * US);
	CU_ASSERT_TRUE(l.rttvar_ns >= 20 * US && l.rttvar_ns < 21 * US);
	CU_ASSERT_EQUAL(l.latest_ns, 160 * US);
	CU_ASSERT_EQUAL(l.min_ns, 80 * US);
	pw_loss_on_ack(&l, 10 * US, 0);
	CU_ASSERT_EQUAL(l.min_ns, 10 * US);
}

static void test_deadlines_are_9_8_and_4_round_trips_of_the_longer_of_smoothed_and_latest(void)
{
	given_rtt(80 * US);
	CU_ASSERT_EQUAL(pw_loss_before_ns(&l, MS), MS - 90 * US);
	CU_ASSERT_EQUAL(pw_loss_tail_before_ns(&l, MS), MS - 320 * US);
	pw_loss_on_ack(&l, 240 * US, 0);
	CU_ASSERT_EQUAL(pw_loss_before_ns(&l, MS), MS - 270 * US);
	CU_ASSERT_EQUAL(pw_loss_before_ns(&l, 100), 0);	/* not before the start of time */
}

static void test_without_a_sample_a_millisecond_is_assumed(void)
{
	pw_loss_init(&l, 0);
	CU_ASSERT_EQUAL(pw_loss_before_ns(&l, 10 * MS), 10 * MS - 1125 * US);
	CU_ASSERT_FALSE(pw_loss_probe_due(&l, 2 * MS - 1));
	CU_ASSERT_TRUE(pw_loss_probe_due(&l, 2 * MS));
}

static void test_first_probe_waits_two_round_trips_but_100_us_at_least(void)
{
	static const struct {
		uint64_t rtt_ns, patience_ns;
	} rows[] = {
		/* 0 */ { 10 * US, 100 * US },
		/* 1 */ { 50 * US, 100 * US },
		/* 2 */ { 80 * US, 160 * US },
		/* 3 */ { 200 * MS, 50 * MS },	/* never longer than this */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		given_rtt(rows[i].rtt_ns);
		pw_loss_on_send(&l, MS);
		CU_ASSERT_FALSE(pw_loss_probe_due(&l, MS + rows[i].patience_ns - 1));
		CU_ASSERT_TRUE(pw_loss_probe_due(&l, MS + rows[i].patience_ns));
	}
}

static void test_probes_back_off_from_1_to_50_ms_and_8_mean_down(void)
{
	static const uint64_t waits_us[] = { 160, 1000, 2000, 4000, 8000, 16000, 32000, 50000,
					     50000, 50000 };
	uint64_t now_ns = MS;

	given_rtt(80 * US);
	pw_loss_on_send(&l, now_ns);
	for (size_t i = 0; i < sizeof(waits_us) / sizeof(waits_us[0]); i++) {
		CU_ASSERT_FALSE(pw_loss_probe_due(&l, now_ns + waits_us[i] * US - 1));
		now_ns += waits_us[i] * US;
		CU_ASSERT_TRUE(pw_loss_probe_due(&l, now_ns));
		CU_ASSERT_EQUAL(pw_loss_is_down(&l), i >= PW_PROBES_UNTIL_DOWN - 1);
	}
	pw_loss_on_ack(&l, 0, now_ns);
	CU_ASSERT_FALSE(pw_loss_is_down(&l));
	CU_ASSERT_FALSE(pw_loss_probe_due(&l, now_ns + 159 * US));
	CU_ASSERT_TRUE(pw_loss_probe_due(&l, now_ns + 160 * US));
}

static void test_sending_and_hearing_put_the_probe_off(void)
{
	given_rtt(80 * US);
	pw_loss_on_send(&l, MS);
	pw_loss_on_send(&l, MS + 150 * US);
	CU_ASSERT_FALSE(pw_loss_probe_due(&l, MS + 300 * US));
	pw_loss_on_ack(&l, 0, MS + 300 * US);
	CU_ASSERT_FALSE(pw_loss_probe_due(&l, MS + 450 * US));
	CU_ASSERT_TRUE(pw_loss_probe_due(&l, MS + 460 * US));
}

static void test_the_least_of_all_on_a_way_counts(void)
{
	pw_loss_init(&l, 0);
	pw_loss_hear_min(&l, 20 * US);	/* nothing to compare with yet */
	given_rtt(80 * US);
	CU_ASSERT_EQUAL(l.min_ns, 80 * US);
	pw_loss_hear_min(&l, 0);	/* the other has not measured yet */
	CU_ASSERT_EQUAL(l.min_ns, 80 * US);
	pw_loss_hear_min(&l, 90 * US);
	CU_ASSERT_EQUAL(l.min_ns, 80 * US);
	pw_loss_hear_min(&l, 20 * US);
	CU_ASSERT_EQUAL(l.min_ns, 20 * US);
	CU_ASSERT_EQUAL(l.srtt_ns, 80 * US);
}

static const struct pw_test tests[] = {
	PW_TEST(test_first_sample_is_taken_as_it_is),
	PW_TEST(test_later_samples_are_smoothed_and_the_least_is_kept),
	PW_TEST(test_deadlines_are_9_8_and_4_round_trips_of_the_longer_of_smoothed_and_latest),
	PW_TEST(test_the_least_of_all_on_a_way_counts),
	PW_TEST(test_without_a_sample_a_millisecond_is_assumed),
	PW_TEST(test_first_probe_waits_two_round_trips_but_100_us_at_least),
	PW_TEST(test_probes_back_off_from_1_to_50_ms_and_8_mean_down),
	PW_TEST(test_sending_and_hearing_put_the_probe_off),
};

int main(void)
{
	return PW_RUN_SUITE("loss", tests);
}
