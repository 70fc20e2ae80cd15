/* SPDX-License-Identifier: BSD-3-Clause */
/* test_planner.c - when a guest may be stunned */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pagewire/check.h"
#include "planner.h"
#include "run.h"

#define MS  1000000ull
#define S   1000000000ull
#define GB  1000000000ull
#define MB  1000000ull
#define MAX UINT64_MAX

static const struct pw_planner_policy usual = {
	.mode = PW_MODE_ENHANCED,
	.rounds_max = 30,
	.stun_goal_ns = 300 * MS,
	.stun_limit_ns = 100 * S,
};

static struct pw_planner p;
static struct pw_planner_input in;

/* A guest with 10 GB left, a pipe of 1 GB/s that was seen once, nothing dirtied. */
static void given(const struct pw_planner_policy *policy)
{
	pw_planner_init(&p, policy, 1000 * S);
	in = (struct pw_planner_input){
		.now_ns = 1000 * S, .unsent_bytes = 10 * GB, .rate_sample = GB
	};
}

static struct pw_plan ask(void)
{
	return pw_planner_decide(&p, &in);
}

static struct pw_plan ask_after_round(void)
{
	in.rounds++;
	return ask();
}

#define EXPECT(plan, v, r)                                                           \
	do {                                                                         \
		struct pw_plan made = (plan);                                        \
		CU_ASSERT_STRING_EQUAL(pw_planner_verdict_name(made.verdict),        \
				       pw_planner_verdict_name(PW_PLAN_##v));        \
		CU_ASSERT_STRING_EQUAL(pw_planner_reason_name(made.reason),          \
				       pw_planner_reason_name(PW_REASON_##r));       \
	} while (0)

static uint64_t below(uint64_t n)
{
	static uint64_t state = 11;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

/* ---- the prediction ---- */

static void test_stun_is_fixed_costs_and_bytes_over_the_rate(void)
{
	static const struct {
		enum pw_mode mode;
		uint64_t unsent, dirty, memory, initial, stop, rate, link, dirtied, quiesce, load;
		uint64_t stun_ns;
	} row[] = {
#define E PW_MODE_ENHANCED
#define L PW_MODE_LEGACY
		/*  0 */ { E, GB, 0, 0, 0, 0, GB, 0, 0, 0, 0, S },
		/*  1 */ { E, 0, 0, 0, 0, 0, GB, 0, 0, 7, 9, 16 },
		/*  2 */ { E, GB, GB, 0, 0, GB, GB, 0, 0, 0, 0, 3 * S },
		/*  3 */ { E, GB, GB, GB, 0, 0, GB, 0, 0, 0, 0, S },	/* no more than it has */
		/*  4 */ { E, 0, 0, 0, GB, GB, GB, 0, 0, 0, 0, 2 * S },
		/*  5 */ { E, 0, 0, 0, 0, 0, GB, 0, GB, 2 * S, S, 5 * S },	/* dirtied while quiesced */
		/*  6 */ { E, 0, 0, GB, 0, 0, GB, 0, GB, 2 * S, S, 4 * S },
		/*  7 */ { E, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 333333334 },	/* rounded up */
		/*  8 */ { L, GB, 0, 0, 0, GB, GB, GB / 4, 0, 0, 0, 5 * S },
		/*  9 */ { L, GB, 0, 0, 0, 0, GB, 0, 0, 0, 0, S },
		/* 10 */ { L, GB, 0, 0, 0, 1, GB, 0, 0, 0, 0, MAX },	/* link not known */
		/* 11 */ { E, GB, 0, 0, 0, 1, 0, 0, 0, 0, 0, MAX },	/* no sample */
		/* 12 */ { E, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, MAX },	/* not even for nothing */
		/* 13 */ { E, MAX, MAX, 0, MAX, MAX, 1, 0, MAX, MAX, MAX, MAX - 1 },
		/* 14 */ { L, MAX, MAX, 0, MAX, MAX, 1, 1, MAX, MAX, MAX, MAX - 1 },
#undef E
#undef L
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(row); i++) {
		struct pw_planner_policy policy = usual;

		policy.mode = row[i].mode;
		given(&policy);
		in = (struct pw_planner_input){ .unsent_bytes = row[i].unsent,
						.dirty_bytes = row[i].dirty,
						.memory_bytes = row[i].memory,
						.device_initial_bytes = row[i].initial,
						.device_stop_bytes = row[i].stop,
						.rate_sample = row[i].rate,
						.link_rate = row[i].link,
						.dirty_rate = row[i].dirtied,
						.quiesce_ns = row[i].quiesce,
						.load_ns = row[i].load };
		if (ask().stun_ns != row[i].stun_ns) {
			printf("row %zu ", i);
			CU_FAIL("another stun");
		}
	}
}

static void test_rate_is_a_low_quantile_of_the_recent_samples(void)
{
	given(&usual);
	in.rate_sample = 0;
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 0);
	in.rate_sample = 500;
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 500);
	in.rate_sample = 900;
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 500);	/* not the mean */
	in.rate_sample = 300;
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 300);
	in.rate_sample = 0;	/* a tick without a full pipe changes nothing */
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 300);

	in.rate_sample = 1000;
	for (unsigned i = 3; i < PW_PLANNER_SAMPLES; i++)
		ask();
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 900);	/* 500 is out, 300 is the outlier */
	for (unsigned i = 0; i < 10 * PW_PLANNER_SAMPLES; i++)
		CU_ASSERT(ask().rate_bytes_per_s >= 900);
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 1000);
	in.rate_sample = 10;
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 1000);	/* one of 32 */
	CU_ASSERT_EQUAL(ask().rate_bytes_per_s, 10);	/* two */
}

static void test_next_round_leaves_what_is_dirtied_while_it_lasts(void)
{
	struct pw_planner_policy policy = usual;

	policy.pass_cost_ns = 2 * S;
	given(&policy);
	in.dirty_rate = 100 * MB;
	in.device_stop_bytes = 5;
	CU_ASSERT_EQUAL(ask().next_bytes, 12 * 100 * MB + 5);
	in.memory_bytes = GB;
	CU_ASSERT_EQUAL(ask().next_bytes, 3 * 100 * MB + 5);
	in.dirty_rate = 100 * GB;
	CU_ASSERT_EQUAL(ask().next_bytes, GB + 5);
}

/* ---- the rules ---- */

static void test_goal_stops_and_one_ns_more_does_not(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.dirty_bytes = 300 * MB;
	EXPECT(ask(), STOP, GOAL);
	in.load_ns = 1;
	EXPECT(ask(), CONTINUE, SHRINKING);
}

static void test_nothing_stops_before_the_initial_bytes_of_devices_are_moved(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.device_initial_bytes = 1;
	for (unsigned i = 0; i < 100; i++)
		EXPECT(ask_after_round(), CONTINUE, INITIAL);
	in.device_initial_bytes = 0;
	EXPECT(ask(), STOP, GOAL);
}

static void test_nothing_is_predicted_without_a_sample(void)
{
	given(&usual);
	in.rate_sample = 0;
	in.unsent_bytes = 0;
	for (unsigned i = 0; i < 100; i++)
		EXPECT(ask_after_round(), CONTINUE, NO_SAMPLE);
	in.rate_sample = 1;
	EXPECT(ask(), STOP, GOAL);
}

static void test_two_rounds_that_shrink_it_by_less_than_a_tenth_stop(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.dirty_bytes = GB;
	in.dirty_rate = 899 * MB;	/* next round leaves 0.899 of it */
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	in.dirty_rate = 900 * MB;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask(), CONTINUE, SHRINKING);	/* a tick is no round */
	in.dirty_rate = 500 * MB;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);	/* not in a row */
	in.dirty_rate = 900 * MB;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), STOP, DIMINISHING);
}

static void test_device_bytes_that_no_round_shrinks_make_rounds_worthless(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.dirty_bytes = 100 * MB;
	in.dirty_rate = 10 * MB;	/* memory alone would shrink to a hundredth */
	in.device_stop_bytes = 2 * GB;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), STOP, DIMINISHING);
}

static void test_guest_that_outruns_the_link_is_left_running(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.dirty_bytes = 101 * GB;
	in.dirty_rate = GB;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), ABORT, NOT_CONVERGING);
	in.dirty_bytes = 100 * GB;	/* at the limit, not beyond */
	EXPECT(ask(), STOP, DIMINISHING);
}

static void test_slow_convergence_beyond_the_limit_goes_on_while_rounds_last(void)
{
	given(&usual);
	in.unsent_bytes = 0;
	in.dirty_bytes = 200 * GB;
	in.dirty_rate = 950 * MB;
	for (unsigned i = 1; i < 30; i++)
		EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), ABORT, LIMIT);
	in.dirty_bytes = 90 * GB;
	in.dirty_rate = 500 * MB;
	EXPECT(ask_after_round(), STOP, ROUNDS);
}

static void test_no_bound_on_rounds_is_no_bound(void)
{
	struct pw_planner_policy policy = usual;

	policy.rounds_max = 0;
	given(&policy);
	in.dirty_rate = 500 * MB;
	for (unsigned i = 0; i < 1000; i++)
		EXPECT(ask_after_round(), CONTINUE, SHRINKING);
}

static void test_deadline(void)
{
	static const struct {
		uint64_t passed, unsent, initial, sample;
		enum pw_verdict verdict;
		enum pw_reason reason;
	} row[] = {
		/*  0 */ { 0, 10 * GB, 0, GB, PW_PLAN_CONTINUE, PW_REASON_SHRINKING },
		/*  1 */ { 49 * S, 10 * GB, 0, GB, PW_PLAN_CONTINUE, PW_REASON_SHRINKING },
		/*  2 */ { 50 * S, 10 * GB, 0, GB, PW_PLAN_STOP, PW_REASON_DEADLINE },
		/*  3 */ { 59 * S, 10 * GB, 0, GB, PW_PLAN_STOP, PW_REASON_DEADLINE },
		/*  4 */ { 70 * S, 10 * GB, 0, GB, PW_PLAN_STOP, PW_REASON_DEADLINE },
		/*  5 */ { 59 * S, 101 * GB, 0, GB, PW_PLAN_CONTINUE, PW_REASON_SHRINKING },
		/*  6 */ { 60 * S, 101 * GB, 0, GB, PW_PLAN_ABORT, PW_REASON_DEADLINE },
		/*  7 */ { 60 * S, 100 * GB, 0, GB, PW_PLAN_STOP, PW_REASON_DEADLINE },
		/*  8 */ { 59 * S, 0, 1, GB, PW_PLAN_CONTINUE, PW_REASON_INITIAL },
		/*  9 */ { 60 * S, 0, 1, GB, PW_PLAN_ABORT, PW_REASON_DEADLINE },
		/* 10 */ { 59 * S, 0, 0, 0, PW_PLAN_CONTINUE, PW_REASON_NO_SAMPLE },
		/* 11 */ { 60 * S, 0, 0, 0, PW_PLAN_ABORT, PW_REASON_DEADLINE },
		/* 12 */ { 60 * S, MB, 0, GB, PW_PLAN_STOP, PW_REASON_GOAL },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(row); i++) {
		struct pw_planner_policy policy = usual;
		struct pw_plan plan;

		policy.deadline_ns = 60 * S;
		given(&policy);
		in.now_ns += row[i].passed;
		in.unsent_bytes = row[i].unsent;
		in.device_initial_bytes = row[i].initial;
		in.rate_sample = row[i].sample;
		plan = ask();
		if (plan.verdict != row[i].verdict || plan.reason != row[i].reason) {
			printf("row %zu: %s, %s ", i, pw_planner_verdict_name(plan.verdict),
			       pw_planner_reason_name(plan.reason));
			CU_FAIL("another verdict");
		}
	}
}

static void test_limit_left_out_is_100_seconds_and_binds_the_goal(void)
{
	struct pw_planner_policy policy = { .mode = PW_MODE_ENHANCED, .rounds_max = 1,
					    .stun_goal_ns = MAX };

	given(&policy);
	in.unsent_bytes = 100 * GB;
	EXPECT(ask_after_round(), STOP, GOAL);
	in.unsent_bytes++;
	EXPECT(ask(), ABORT, LIMIT);
}

static void test_legacy_guest_is_beyond_the_limit_where_an_enhanced_one_meets_it(void)
{
	struct pw_planner_policy policy = usual;

	given(&policy);
	in.unsent_bytes = 0;
	in.device_stop_bytes = 20 * GB;
	in.link_rate = 150 * MB;	/* about what the reference's control channel carried */
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), STOP, DIMINISHING);

	policy.mode = PW_MODE_LEGACY;
	pw_planner_init(&p, &policy, 0);
	in.rounds = 0;
	EXPECT(ask_after_round(), CONTINUE, SHRINKING);
	EXPECT(ask_after_round(), ABORT, NOT_CONVERGING);
}

/* ---- a whole migration, by the model of rounds ---- */

static struct pw_plan move(uint64_t bytes, uint64_t rate, uint64_t dirty_rate, uint32_t *rounds)
{
	struct pw_plan plan;
	uint64_t left = bytes, round_ns;

	given(&usual);
	in.memory_bytes = bytes;
	in.rate_sample = rate;
	in.dirty_rate = dirty_rate;
	in.unsent_bytes = 0;
	do {
		round_ns = left * 10 / (rate / 100 / MB);	/* left * S / rate */
		left = dirty_rate / MB * round_ns / 1000;	/* dirty_rate * round_ns / S */
		left = left < bytes ? left : bytes;
		in.now_ns += round_ns;
		in.dirty_bytes = left;
		plan = ask_after_round();
	} while (plan.verdict == PW_PLAN_CONTINUE && in.rounds < 1000);
	*rounds = in.rounds;
	return plan;
}

static void test_whole_migrations_end_as_they_should(void)
{
	uint32_t rounds;

	EXPECT(move(64 * GB, 10 * GB, 2 * GB, &rounds), STOP, GOAL);	/* 64, 12.8, 2.56 */
	CU_ASSERT_EQUAL(rounds, 2);
	EXPECT(move(64 * GB, 10 * GB, 0, &rounds), STOP, GOAL);
	CU_ASSERT_EQUAL(rounds, 1);
	EXPECT(move(64 * GB, 10 * GB, 11 * GB, &rounds), STOP, DIMINISHING);	/* 6.4 s */
	CU_ASSERT_EQUAL(rounds, 2);
	EXPECT(move(64 * GB, 10 * GB, 9500 * MB, &rounds), STOP, DIMINISHING);
	CU_ASSERT_EQUAL(rounds, 2);
	EXPECT(move(2000 * GB, 10 * GB, 11 * GB, &rounds), ABORT, NOT_CONVERGING);
	CU_ASSERT_EQUAL(rounds, 2);
}

/* ---- properties ---- */

static void given_random_input(void)
{
	in = (struct pw_planner_input){
		.unsent_bytes = below(2) * below(20) * GB,
		.dirty_bytes = below(2) * below(20) * GB,
		.memory_bytes = below(2) * 30 * GB,
		.device_stop_bytes = below(2) * below(10) * GB,
		.device_initial_bytes = below(4) ? 0 : below(GB), .rate_sample = below(5) * GB / 3,
		.link_rate = below(4) * 100 * MB, .dirty_rate = below(5) * GB / 2,
		.quiesce_ns = below(4) * 10 * MS, .load_ns = below(4) * S,
	};
}

static void test_stun_never_falls_with_more_to_do_nor_rises_with_a_faster_pipe(void)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct pw_planner_policy policy = usual;
		struct pw_planner_input first;
		uint64_t stun_ns;
		struct pw_planner q;

		policy.mode = below(2) ? PW_MODE_LEGACY : PW_MODE_ENHANCED;
		given(&policy);
		given_random_input();
		in.rate_sample += MB;
		in.link_rate += MB;
		first = in;
		q = p;
		stun_ns = ask().stun_ns;
#define WITH(change)                                   \
	(p = q, in = first, (change), ask().stun_ns)
		CU_ASSERT(WITH(in.unsent_bytes += MB) >= stun_ns);
		CU_ASSERT(WITH(in.dirty_bytes += MB) >= stun_ns);
		CU_ASSERT(WITH(in.device_stop_bytes += MB) > stun_ns);
		CU_ASSERT(WITH(in.device_initial_bytes += MB) > stun_ns);
		CU_ASSERT(WITH(in.dirty_rate += MB) >= stun_ns);
		CU_ASSERT(WITH(in.quiesce_ns++) > stun_ns);
		CU_ASSERT(WITH(in.load_ns++) > stun_ns);
		CU_ASSERT(WITH(in.rate_sample *= 2) <= stun_ns);
		CU_ASSERT(WITH(in.link_rate *= 2) <= stun_ns);
#undef WITH
	}
}

/* The rules once more, said plainly. */
static struct {
	uint64_t sample[100000];
	unsigned samples, rounds, little, nothing;
} naive;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double naive_rate(void)
{
	unsigned count = naive.samples < 32 ? naive.samples : 32;
	uint64_t recent[32];

	memcpy(recent, naive.sample + naive.samples - count, count * sizeof(recent[0]));
	qsort(recent, count, sizeof(recent[0]), by_value);
	return count >= 20 ? (double)recent[1] :
	       count ? (double)recent[0] : 0;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* Bytes and seconds are doubles here: near a threshold the answer is open. */
struct opinion {
	enum pw_verdict verdict;
	enum pw_reason reason;
	bool open;
};

static bool near(double a, double b)
{
	return a > b * 0.999999 - 1e-6 && a < b * 1.000001 + 1e-6;
}

static struct opinion naive_opinion(const struct pw_planner_policy *policy)
{
	double cap = in.memory_bytes ? (double)in.memory_bytes : 1e30;
	double memory = least(cap, (double)in.unsent_bytes + (double)in.dirty_bytes);
	double device = (double)in.device_initial_bytes + (double)in.device_stop_bytes;
	double at_stop = least(cap, memory + (double)in.dirty_rate * (double)in.quiesce_ns / 1e9);
	bool legacy = policy->mode == PW_MODE_LEGACY, known = true, ended = in.rounds != naive.rounds;
	double rate, stun, next, left = memory + device, limit = (double)policy->stun_limit_ns / 1e9;
	double goal = (double)policy->stun_goal_ns / 1e9, deadline = (double)policy->deadline_ns / 1e9;
	double now = (double)(in.now_ns - 1000 * S) / 1e9;

	if (in.rate_sample)
		naive.sample[naive.samples++] = in.rate_sample;
	rate = naive_rate();
	known = rate > 0 && !(legacy && device > 0 && in.link_rate == 0);
	stun = (double)(in.quiesce_ns + in.load_ns) / 1e9 + at_stop / rate;
	if (device > 0)
		stun += device / (legacy ? (double)in.link_rate : rate);
	next = device + least(cap, (double)in.dirty_rate *
					   ((double)policy->pass_cost_ns / 1e9 + memory / rate));
	if (ended) {
		bool counts = !in.device_initial_bytes && rate > 0;

		if (counts && (near(next, left * 0.9) || near(next, left * 0.99)))
			return (struct opinion){ .open = true };
		naive.rounds = in.rounds;
		naive.little = counts && next >= left * 0.9 ? naive.little + 1 : 0;
		naive.nothing = counts && next >= left * 0.99 ? naive.nothing + 1 : 0;
	}
	if (known && (near(stun, limit) || near(stun, goal) || near(now + stun, deadline)))
		return (struct opinion){ .open = true };

	bool within = known && stun <= limit, may = within && !in.device_initial_bytes;
	bool last = policy->rounds_max && in.rounds >= policy->rounds_max;
#define SAY(v, r) return (struct opinion){ PW_PLAN_##v, PW_REASON_##r, false }
	if (may && stun <= goal)
		SAY(STOP, GOAL);
	if (deadline > 0 && may && now + stun >= deadline)
		SAY(STOP, DEADLINE);
	if (deadline > 0 && now >= deadline)
		SAY(ABORT, DEADLINE);
	if (in.device_initial_bytes)
		SAY(CONTINUE, INITIAL);
	if (!known)
		SAY(CONTINUE, NO_SAMPLE);
	if (within && naive.little >= 2)
		SAY(STOP, DIMINISHING);
	if (!within && naive.nothing >= 2)
		SAY(ABORT, NOT_CONVERGING);
	if (last && within)
		SAY(STOP, ROUNDS);
	if (last)
		SAY(ABORT, LIMIT);
	SAY(CONTINUE, SHRINKING);
#undef SAY
}

static void test_agrees_with_the_rules_said_plainly_over_random_migrations(void)
{
	unsigned seen[PW_NUM_REASONS] = { 0 };

	for (unsigned i = 0; i < 20000; i++) {
		struct pw_planner_policy policy = {
			.mode = below(2) ? PW_MODE_LEGACY : PW_MODE_ENHANCED,
			.rounds_max = (uint32_t)below(8), .stun_goal_ns = below(4) * S,
			.stun_limit_ns = (1 + below(8)) * 5 * S, .deadline_ns = below(3) * 50 * S,
			.pass_cost_ns = below(3) * S,
		};
		uint64_t now_ns = 1000 * S;
		uint32_t rounds = 0;

		given(&policy);
		naive.samples = naive.rounds = naive.little = naive.nothing = 0;
		for (unsigned tick = 0; tick < 40; tick++) {
			struct opinion plain;
			struct pw_plan plan;

			if (tick % 8 == 0)
				given_random_input();
			in.rate_sample = below(3) ? below(5) * GB / 3 : 0;
			in.now_ns = now_ns += below(5) * S;
			in.rounds = rounds += (uint32_t)below(2);
			plain = naive_opinion(&policy);
			plan = ask();
			if (plain.open)
				break;
			CU_ASSERT_EQUAL_FATAL(plan.verdict, plain.verdict);
			CU_ASSERT_EQUAL_FATAL(plan.reason, plain.reason);
			seen[plan.reason]++;
		}
	}
	for (unsigned i = 0; i < PW_NUM_REASONS; i++)
		CU_ASSERT(seen[i] > 50);
}

static void test_names_are_there_for_every_verdict_and_reason(void)
{
	for (int i = 0; i < PW_NUM_VERDICTS; i++)
		CU_ASSERT(strlen(pw_planner_verdict_name((enum pw_verdict)i)) > 3);
	for (int i = 0; i < PW_NUM_REASONS; i++)
		CU_ASSERT(strlen(pw_planner_reason_name((enum pw_reason)i)) > 3);
	CU_ASSERT_STRING_EQUAL(pw_planner_verdict_name(PW_NUM_VERDICTS), "unknown");
	CU_ASSERT_STRING_EQUAL(pw_planner_reason_name((enum pw_reason)-1), "unknown");
}

static const struct pw_test tests[] = {
	PW_TEST(test_stun_is_fixed_costs_and_bytes_over_the_rate),
	PW_TEST(test_rate_is_a_low_quantile_of_the_recent_samples),
	PW_TEST(test_next_round_leaves_what_is_dirtied_while_it_lasts),
	PW_TEST(test_goal_stops_and_one_ns_more_does_not),
	PW_TEST(test_nothing_stops_before_the_initial_bytes_of_devices_are_moved),
	PW_TEST(test_nothing_is_predicted_without_a_sample),
	PW_TEST(test_two_rounds_that_shrink_it_by_less_than_a_tenth_stop),
	PW_TEST(test_device_bytes_that_no_round_shrinks_make_rounds_worthless),
	PW_TEST(test_guest_that_outruns_the_link_is_left_running),
	PW_TEST(test_slow_convergence_beyond_the_limit_goes_on_while_rounds_last),
	PW_TEST(test_no_bound_on_rounds_is_no_bound),
	PW_TEST(test_deadline),
	PW_TEST(test_limit_left_out_is_100_seconds_and_binds_the_goal),
	PW_TEST(test_legacy_guest_is_beyond_the_limit_where_an_enhanced_one_meets_it),
	PW_TEST(test_whole_migrations_end_as_they_should),
	PW_TEST(test_stun_never_falls_with_more_to_do_nor_rises_with_a_faster_pipe),
	PW_TEST(test_agrees_with_the_rules_said_plainly_over_random_migrations),
	PW_TEST(test_names_are_there_for_every_verdict_and_reason),
};

int main(void)
{
	return PW_RUN_SUITE("planner", tests);
}
