/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_model.c - each fault of the link model by itself, counted */

#include <string.h>

#include "model.h"
#include "run.h"

#define SEED	 0x5eedu
#define FRAMES	 100000u
#define BYTES	 1000u
#define GAP_NS	 UINT64_C(1000)
#define MILLION	 1000000u
#define NS_PER_S UINT64_C(1000000000)

static struct link_model model;
static struct link_verdict verdict;
static uint64_t now_ns;

static void given_link(struct link_config config)
{
	link_model_init(&model, &config, SEED);
	now_ns = NS_PER_S;
}

static unsigned offer_frame(struct link_frame frame)
{
	link_model_offer(&model, &frame, now_ns, &verdict);
	now_ns += GAP_NS;
	return verdict.copies;
}

static unsigned offer(void)
{
	return offer_frame((struct link_frame){ .bytes = BYTES, .until = BYTES });
}

static void offer_many(void)
{
	for (unsigned i = 0; i < FRAMES; i++)
		offer();
}

/* Within 10 percent; the seed is fixed, so that what is near stays near. */
static bool is_near(uint64_t found, uint64_t wanted)
{
	return found * 10 >= wanted * 9 && found * 10 <= wanted * 11;
}

static uint64_t lost(void)
{
	const struct link_stats *s = &model.stats;

	return s->lost_alone + s->lost_burst + s->lost_silence + s->lost_cut + s->lost_first +
	       s->lost_port + s->lost_long + s->lost_queue;
}

static uint64_t befallen(void)
{
	const struct link_stats *s = &model.stats;

	return lost() + s->repeated_soon + s->repeated_late + s->delayed + s->flipped +
	       s->shortened + s->lengthened + s->marked;
}

static void test_a_perfect_wire_does_nothing(void)
{
	given_link((struct link_config){ 0 });
	for (unsigned i = 0; i < FRAMES; i++) {
		CU_ASSERT_EQUAL(offer(), 1);
		CU_ASSERT_EQUAL(verdict.copy[0].at_ns, now_ns - GAP_NS);
		CU_ASSERT_EQUAL(verdict.copy[0].damage, LINK_INTACT);
	}
	CU_ASSERT_EQUAL(model.stats.frames, FRAMES);
	CU_ASSERT_EQUAL(model.stats.bytes, (uint64_t)FRAMES * BYTES);
	CU_ASSERT_EQUAL(model.stats.delivered, FRAMES);
	CU_ASSERT_EQUAL(befallen(), 0);
}

/* Chances that stand alone: what is asked for comes, and nothing else. */
static void test_each_chance_counts_for_itself(void)
{
	static const struct {
		struct link_config config;
		uint64_t *counter;
		uint64_t wanted;
	} rows[] = {
		/* 1 */ { { .lose = 20000 }, &model.stats.lost_alone, 2000 },
		/* 2 */ { { .lose = MILLION }, &model.stats.lost_alone, FRAMES },
		/* 3 */ { { .burst = 20000 }, &model.stats.lost_burst, 2000 },
		/* 4 */ { { .silence = 20000 }, &model.stats.lost_silence, 2000 },
		/* 5 */ { { .reorder = 100000 }, &model.stats.delayed, 10000 },
		/* 6 */ { { .repeat_soon = 50000 }, &model.stats.repeated_soon, 5000 },
		/* 7 */ { { .repeat_late = 50000 }, &model.stats.repeated_late, 5000 },
		/* 8 */ { { .corrupt = 50000 }, NULL, 5000 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		given_link(rows[i].config);
		offer_many();
		CU_ASSERT_TRUE(is_near(befallen(), rows[i].wanted));
		if (rows[i].counter)
			CU_ASSERT_EQUAL(*rows[i].counter, befallen());
	}
}

static void test_bursts_have_the_mean_length_that_was_asked_for(void)
{
	unsigned longest = 0, run = 0;

	given_link((struct link_config){ .burst = 10000, .burst_frames = 5 });
	for (unsigned i = 0; i < FRAMES; i++) {
		run = offer() ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	CU_ASSERT_EQUAL(model.stats.lost_burst, lost());
	CU_ASSERT_TRUE(is_near(model.stats.lost_burst, 5 * model.stats.bursts));
	/* 95 % of the frames are outside a burst */
	CU_ASSERT_TRUE(is_near(model.stats.bursts, 950));
	CU_ASSERT_TRUE(longest > 15);
}

static void test_bursts_of_one_frame_never_last(void)
{
	given_link((struct link_config){ .burst = 10000, .burst_frames = 1 });
	offer_many();
	CU_ASSERT_EQUAL(model.stats.lost_burst, model.stats.bursts);
}

static void test_who_becomes_perfect_loses_nothing_more(void)
{
	given_link((struct link_config){ .burst = MILLION, .burst_frames = 1000 });
	CU_ASSERT_EQUAL(offer(), 0);
	model.config = (struct link_config){ 0 };
	CU_ASSERT_EQUAL(offer(), 1);
	given_link((struct link_config){ .silence = MILLION, .silence_ns_max = NS_PER_S });
	CU_ASSERT_EQUAL(offer(), 0);
	model.config = (struct link_config){ 0 };
	CU_ASSERT_EQUAL(offer(), 1);
}

/* A silence is a time: twice the frames in it, twice the losses. */
static void test_a_silence_lasts_up_to_its_longest_whatever_is_offered(void)
{
	uint64_t begin_ns = 0, longest_ns = 0;

	given_link((struct link_config){ .silence = 100, .silence_ns_max = 200 * GAP_NS });
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t silences = model.stats.silences;

		if (offer())
			begin_ns = 0;
		else if (!begin_ns || model.stats.silences > silences)
			begin_ns = now_ns;
		if (begin_ns && now_ns - begin_ns > longest_ns)
			longest_ns = now_ns - begin_ns;
	}
	CU_ASSERT_TRUE(model.stats.silences > 5);
	CU_ASSERT_EQUAL(model.stats.lost_silence, lost());
	CU_ASSERT_TRUE(longest_ns > 100 * GAP_NS);
	CU_ASSERT_TRUE(longest_ns <= 200 * GAP_NS);
}

static void test_delay_and_jitter_bound_each_arrival(void)
{
	uint64_t least = UINT64_MAX, most = 0;

	given_link((struct link_config){ .delay_ns = 5000, .jitter_ns = 300 });
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t took_ns;

		offer();
		took_ns = verdict.copy[0].at_ns - (now_ns - GAP_NS);
		least = took_ns < least ? took_ns : least;
		most = took_ns > most ? took_ns : most;
	}
	CU_ASSERT_EQUAL(least, 5000);
	CU_ASSERT_EQUAL(most, 5300);
}

static void test_who_is_held_back_is_overtaken(void)
{
	uint64_t latest_ns = 0, overtaken = 0;

	given_link((struct link_config){ .reorder = 100000, .reorder_ns_max = 50 * GAP_NS });
	for (unsigned i = 0; i < FRAMES; i++) {
		offer();
		CU_ASSERT_TRUE(verdict.copy[0].at_ns <= now_ns + 49 * GAP_NS);
		overtaken += verdict.copy[0].at_ns < latest_ns;
		if (verdict.copy[0].at_ns > latest_ns)
			latest_ns = verdict.copy[0].at_ns;
	}
	CU_ASSERT_TRUE(is_near(model.stats.delayed, FRAMES / 10));
	CU_ASSERT_TRUE(overtaken > FRAMES / 2);
}

static void test_a_late_copy_comes_late_and_a_soon_one_within_the_jitter(void)
{
	uint64_t latest_ns = 0;

	given_link((struct link_config){ .repeat_soon = 100000, .repeat_late = 100000,
					 .late_ns_max = 900000, .jitter_ns = 500 });
	for (unsigned i = 0; i < FRAMES; i++) {
		if (offer() < 2)
			continue;
		for (unsigned c = 0; c < 2; c++) {
			uint64_t took_ns = verdict.copy[c].at_ns - (now_ns - GAP_NS);

			CU_ASSERT_EQUAL(verdict.copy[c].repeat, c == 1);
			CU_ASSERT_TRUE(took_ns <= (verdict.copy[c].late ? 900500u : 500u));
			latest_ns = took_ns > latest_ns ? took_ns : latest_ns;
		}
	}
	CU_ASSERT_TRUE(latest_ns > 850000);
	CU_ASSERT_EQUAL(model.stats.delivered,
			FRAMES + model.stats.repeated_soon + model.stats.repeated_late);
}

static void test_a_copy_may_arrive_though_the_frame_is_lost(void)
{
	given_link((struct link_config){ .lose = MILLION, .repeat_late = MILLION });
	CU_ASSERT_EQUAL(offer(), 1);
	CU_ASSERT_TRUE(verdict.copy[0].repeat);
	CU_ASSERT_EQUAL(model.stats.lost_alone, 1);
}

static void check_flips(const struct link_copy *copy, uint32_t from, uint32_t until)
{
	CU_ASSERT_TRUE(copy->flips >= 1 && copy->flips <= LINK_FLIPS_MAX);
	for (uint32_t i = 0; i < copy->flips; i++) {
		CU_ASSERT_TRUE(copy->at[i] >= from && copy->at[i] < until);
		CU_ASSERT_NOT_EQUAL(copy->by[i], 0);
		for (uint32_t k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(copy->at[i], copy->at[k]);
	}
}

static void test_corruption_stays_where_it_may_be(void)
{
	static const struct link_frame rows[] = {
		/* 1 */ { .bytes = 100, .from = 42, .until = 100 },
		/* 2 */ { .bytes = 100, .from = 42, .until = 43 },
		/* 3 */ { .bytes = 100, .from = 42, .until = 46 },
		/* 4 */ { .bytes = 9014, .from = 0, .until = 9000 },
	};

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		given_link((struct link_config){ .corrupt = MILLION });
		for (unsigned i = 0; i < FRAMES / 4; i++) {
			const struct link_copy *copy = &verdict.copy[0];

			CU_ASSERT_EQUAL(offer_frame(rows[r]), 1);
			CU_ASSERT_NOT_EQUAL(copy->damage, LINK_INTACT);
			if (copy->damage == LINK_FLIPPED) {
				check_flips(copy, rows[r].from, rows[r].until);
				continue;
			}
			CU_ASSERT_TRUE(copy->length >= rows[r].from);
			CU_ASSERT_TRUE(copy->length <= rows[r].bytes + 64);
			CU_ASSERT_NOT_EQUAL(copy->length, rows[r].bytes);
		}
		CU_ASSERT_TRUE(is_near(model.stats.flipped, FRAMES / 4 * 85 / 100));
		CU_ASSERT_TRUE(is_near(model.stats.shortened, FRAMES / 4 * 10 / 100));
		CU_ASSERT_TRUE(is_near(model.stats.lengthened, FRAMES / 4 * 5 / 100));
	}
}

static void test_a_frame_of_fixed_length_is_only_flipped(void)
{
	given_link((struct link_config){ .corrupt = MILLION });
	for (unsigned i = 0; i < 1000; i++)
		offer_frame((struct link_frame){ .bytes = 60, .until = 60, .fixed_length = true });
	CU_ASSERT_EQUAL(model.stats.flipped, 1000);
}

static void test_a_frame_without_bytes_to_spoil_stays_whole(void)
{
	given_link((struct link_config){ .corrupt = MILLION });
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 60, .from = 42, .until = 42 }), 1);
	CU_ASSERT_EQUAL(verdict.copy[0].damage, LINK_INTACT);
	CU_ASSERT_EQUAL(befallen(), 0);
}

/* 1000 bytes each microsecond into 500 MB/s: half of them fit. */
static void test_a_full_queue_loses_what_the_rate_does_not_take(void)
{
	uint64_t last_ns = 0;

	given_link((struct link_config){ .bytes_per_s = 500000000, .queue_bytes = 10 * BYTES });
	for (unsigned i = 0; i < FRAMES; i++) {
		if (!offer())
			continue;
		CU_ASSERT_TRUE(verdict.copy[0].at_ns >= last_ns + 2 * GAP_NS);
		CU_ASSERT_TRUE(verdict.copy[0].at_ns <= now_ns - GAP_NS + 20 * GAP_NS);
		last_ns = verdict.copy[0].at_ns;
		CU_ASSERT_TRUE(link_model_queue(&model, now_ns) <= 10 * BYTES);
	}
	CU_ASSERT_EQUAL(model.stats.lost_queue, lost());
	/* and 10 more wait in the queue; one in rounding */
	CU_ASSERT_TRUE(model.stats.lost_queue >= FRAMES / 2 - 11);
	CU_ASSERT_TRUE(model.stats.lost_queue <= FRAMES / 2);
}

static void test_a_queue_without_end_loses_nothing(void)
{
	given_link((struct link_config){ .bytes_per_s = 500000000 });
	offer_many();
	CU_ASSERT_EQUAL(lost(), 0);
	CU_ASSERT_TRUE(is_near(link_model_queue(&model, now_ns), (uint64_t)FRAMES * BYTES / 2));
	now_ns += NS_PER_S;
	CU_ASSERT_EQUAL(link_model_queue(&model, now_ns), 0);
}

static void test_only_a_long_queue_marks_and_only_what_can_be_marked(void)
{
	const struct link_frame can = { .bytes = BYTES, .can_mark = true };

	given_link((struct link_config){ .bytes_per_s = 500000000, .mark_bytes = 5 * BYTES });
	for (unsigned i = 0; i < 100; i++) {
		uint64_t queued = link_model_queue(&model, now_ns);

		CU_ASSERT_EQUAL(offer_frame(can), 1);
		CU_ASSERT_EQUAL(verdict.copy[0].ce, queued > 5 * BYTES);
	}
	CU_ASSERT_TRUE(model.stats.marked > 85 && model.stats.marked < 95);
	offer();
	CU_ASSERT_FALSE(verdict.copy[0].ce);
}

static void test_long_frames_vanish_from_then_on(void)
{
	given_link((struct link_config){ .hole_bytes = 1500, .hole_from_ns = NS_PER_S + 2 * GAP_NS });
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 9000 }), 1);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 9000 }), 1);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 9000 }), 0);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 1501 }), 0);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 1500 }), 1);
	CU_ASSERT_EQUAL(model.stats.lost_long, 2);
	CU_ASSERT_EQUAL(befallen(), 2);
}

/* Not even a copy gets through. */
static void test_a_cut_begins_and_ends(void)
{
	given_link((struct link_config){ .repeat_soon = MILLION,
					 .cut_from_ns = NS_PER_S + GAP_NS,
					 .cut_until_ns = NS_PER_S + 3 * GAP_NS });
	CU_ASSERT_EQUAL(offer(), 2);
	CU_ASSERT_EQUAL(offer(), 0);
	CU_ASSERT_EQUAL(offer(), 0);
	CU_ASSERT_EQUAL(offer(), 2);
	link_model_cut(&model, now_ns, now_ns + GAP_NS);
	CU_ASSERT_EQUAL(offer(), 0);
	CU_ASSERT_EQUAL(offer(), 2);
	CU_ASSERT_EQUAL(model.stats.lost_cut, 3);
	CU_ASSERT_EQUAL(lost(), 3);
}

static void test_only_the_first_frames_of_a_class_are_lost(void)
{
	const struct link_frame tcp = { .bytes = 60, .class = LINK_TCP };

	given_link((struct link_config){ .first_frames[LINK_TCP] = 2 });
	CU_ASSERT_EQUAL(offer(), 1);
	CU_ASSERT_EQUAL(offer_frame(tcp), 0);
	CU_ASSERT_EQUAL(offer(), 1);
	CU_ASSERT_EQUAL(offer_frame(tcp), 0);
	CU_ASSERT_EQUAL(offer_frame(tcp), 1);
	CU_ASSERT_EQUAL(model.stats.lost_first, 2);
	CU_ASSERT_EQUAL(lost(), 2);
}

static void test_the_first_frames_may_be_lost_by_chance(void)
{
	given_link((struct link_config){ .first_frames[LINK_UDP] = FRAMES / 2,
					 .first_lose = MILLION * 3 / 10 });
	offer_many();
	CU_ASSERT_TRUE(is_near(model.stats.lost_first, FRAMES / 2 * 3 / 10));
	CU_ASSERT_EQUAL(model.config.first_frames[LINK_UDP], 0);
	CU_ASSERT_EQUAL(lost(), model.stats.lost_first);
}

static void test_frames_of_a_dead_port_vanish_both_ways(void)
{
	given_link((struct link_config){ .dead_port = 49601 });
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 60, .ports = { 49601, 7 } }), 0);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 60, .ports = { 7, 49601 } }), 0);
	CU_ASSERT_EQUAL(offer_frame((struct link_frame){ .bytes = 60, .ports = { 49600, 7 } }), 1);
	CU_ASSERT_EQUAL(model.stats.lost_port, 2);
	given_link((struct link_config){ 0 });
	CU_ASSERT_EQUAL(offer(), 1);	/* no port is dead, not port 0 */
}

static void test_faults_befall_only_the_classes_named(void)
{
	const struct link_frame tcp = { .bytes = 60, .class = LINK_TCP };

	given_link((struct link_config){ .lose = MILLION, .faulty_classes = 1u << LINK_UDP });
	CU_ASSERT_EQUAL(offer(), 0);
	CU_ASSERT_EQUAL(offer_frame(tcp), 1);
	given_link((struct link_config){ .hole_bytes = 50, .faulty_classes = 1u << LINK_UDP });
	CU_ASSERT_EQUAL(offer(), 0);
	CU_ASSERT_EQUAL(offer_frame(tcp), 1);
	given_link((struct link_config){ .cut_until_ns = UINT64_MAX,
					 .faulty_classes = 1u << LINK_TCP });
	CU_ASSERT_EQUAL(offer(), 1);
	CU_ASSERT_EQUAL(offer_frame(tcp), 0);
}

static const struct link_config everything = {
	.lose = 20000, .burst = 5000, .burst_frames = 3, .silence = 100, .reorder = 50000,
	.repeat_soon = 20000, .repeat_late = 20000, .corrupt = 30000, .silence_ns_max = 50000,
	.reorder_ns_max = 90000, .late_ns_max = 900000, .delay_ns = 5000, .jitter_ns = 700,
	.bytes_per_s = 900000000, .queue_bytes = 20000, .mark_bytes = 9000,
	.hole_bytes = 9000, .cut_from_ns = NS_PER_S + 500, .cut_until_ns = NS_PER_S + 90000,
	.first_frames = { 7, 0, 0 },
};

static uint64_t hash_of_run(uint64_t seed)
{
	const struct link_frame frame = { .bytes = BYTES, .until = BYTES, .can_mark = true };
	uint64_t hash = 0;

	link_model_init(&model, &everything, seed);
	now_ns = NS_PER_S;
	for (unsigned i = 0; i < FRAMES; i++) {
		hash = hash * 31 + offer_frame(frame);
		for (unsigned c = 0; c < verdict.copies; c++)
			hash = hash * 31 + verdict.copy[c].at_ns + verdict.copy[c].at[0];
	}
	return hash;
}

static void test_the_same_seed_is_the_same_run(void)
{
	uint64_t hash = hash_of_run(SEED);

	CU_ASSERT_EQUAL(hash_of_run(SEED), hash);
	CU_ASSERT_NOT_EQUAL(hash_of_run(SEED + 1), hash);
}

static void test_every_frame_is_lost_or_comes_out(void)
{
	const struct link_stats *s = &model.stats;
	struct link_stats twice;

	hash_of_run(SEED);
	CU_ASSERT_EQUAL(s->frames, FRAMES);
	CU_ASSERT_EQUAL(s->delivered + lost(), s->frames + s->repeated_soon + s->repeated_late);
	CU_ASSERT_TRUE(s->marked > 0 && s->lost_queue > 0);
	twice = *s;
	link_stats_add(&twice, s);
	CU_ASSERT_EQUAL(twice.frames, 2 * s->frames);
	CU_ASSERT_EQUAL(twice.marked, 2 * s->marked);
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_a_perfect_wire_does_nothing),
		PW_TEST(test_each_chance_counts_for_itself),
		PW_TEST(test_bursts_have_the_mean_length_that_was_asked_for),
		PW_TEST(test_bursts_of_one_frame_never_last),
		PW_TEST(test_who_becomes_perfect_loses_nothing_more),
		PW_TEST(test_a_silence_lasts_up_to_its_longest_whatever_is_offered),
		PW_TEST(test_delay_and_jitter_bound_each_arrival),
		PW_TEST(test_who_is_held_back_is_overtaken),
		PW_TEST(test_a_late_copy_comes_late_and_a_soon_one_within_the_jitter),
		PW_TEST(test_a_copy_may_arrive_though_the_frame_is_lost),
		PW_TEST(test_corruption_stays_where_it_may_be),
		PW_TEST(test_a_frame_of_fixed_length_is_only_flipped),
		PW_TEST(test_a_frame_without_bytes_to_spoil_stays_whole),
		PW_TEST(test_a_full_queue_loses_what_the_rate_does_not_take),
		PW_TEST(test_a_queue_without_end_loses_nothing),
		PW_TEST(test_only_a_long_queue_marks_and_only_what_can_be_marked),
		PW_TEST(test_long_frames_vanish_from_then_on),
		PW_TEST(test_a_cut_begins_and_ends),
		PW_TEST(test_only_the_first_frames_of_a_class_are_lost),
		PW_TEST(test_the_first_frames_may_be_lost_by_chance),
		PW_TEST(test_frames_of_a_dead_port_vanish_both_ways),
		PW_TEST(test_faults_befall_only_the_classes_named),
		PW_TEST(test_the_same_seed_is_the_same_run),
		PW_TEST(test_every_frame_is_lost_or_comes_out),
	};

	printf("seed %#x\n", SEED);
	return PW_RUN_SUITE("link_model", tests);
}
