/* SPDX-License-Identifier: BSD-3-Clause */
/* test_window.c - dataplane/window.h, case by case and against a naive model */

#include <errno.h>
#include <string.h>

#include "pagewire/check.h"
#include "run.h"
#include "window.h"

#define STEPS (1u << 20)

static struct pw_window w;
static struct pw_extent settled[PW_WINDOW_SLOTS];
static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

static struct pw_extent extent_of(uint64_t pn)
{
	return (struct pw_extent){ .kind = PW_EXTENT_DATA, .offset = pn };
}

/* Start over with n datagrams in flight; pn p was sent at p ns and carries p. */
static void given_in_flight(unsigned n)
{
	pw_window_init(&w);
	for (unsigned p = 0; p < n; p++) {
		struct pw_extent extent = extent_of(p);

		CU_ASSERT_EQUAL_FATAL(pw_window_send(&w, &extent, p), p);
	}
}

static int ack(uint64_t next, uint64_t bits)
{
	struct pw_ack a = { .next = next, .words = bits != 0, .bitmap = { bits } };

	return pw_window_ack(&w, &a, settled);
}

static void test_ack_settles_each_pn_once(void)
{
	given_in_flight(8);
	/*  1 */ CU_ASSERT_EQUAL(ack(0, 0), 0);
	/*  2 */ CU_ASSERT_EQUAL(ack(3, 0), 3);
	/*  3 */ CU_ASSERT_EQUAL(ack(3, 0), 0);
	/*  4 */ CU_ASSERT_EQUAL(ack(3, 1), 1);	/* 4 */
	/*  5 */ CU_ASSERT_EQUAL(ack(3, 5), 1);	/* 4 again, 6 */
	/*  6 */ CU_ASSERT_EQUAL(ack(1, 7), 1);	/* older ack, yet 3 is news */
	CU_ASSERT_EQUAL(w.head, 5);
	CU_ASSERT_EQUAL(w.in_flight, 2);
	CU_ASSERT_EQUAL(w.acked_top, 7);
}

static void test_ack_hands_back_what_was_carried(void)
{
	given_in_flight(8);
	CU_ASSERT_EQUAL(ack(2, 0x12), 4);	/* 0 1, 4 7 */
	CU_ASSERT_EQUAL(settled[0].offset, 0);
	CU_ASSERT_EQUAL(settled[1].offset, 1);
	CU_ASSERT_EQUAL(settled[2].offset, 4);
	CU_ASSERT_EQUAL(settled[3].offset, 7);
}

static void test_late_ack_below_head_is_ignored(void)
{
	given_in_flight(8);
	ack(6, 0);
	CU_ASSERT_EQUAL(ack(0, 0x1f), 0);
	CU_ASSERT_EQUAL(w.head, 6);
}

static void test_ack_of_unsent_pn_is_refused_and_changes_nothing(void)
{
	static const struct {
		uint64_t next, bits;
	} bad[] = {
		{ 9, 0 }, { 8, 1 }, { 7, 1 }, { 0, 1ull << 7 }, { 0, 1ull << 63 },
		{ UINT64_MAX, 0 }, { UINT64_MAX - 64, UINT64_MAX }, { 2, 0x3f },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(bad); i++) {
		given_in_flight(8);
		CU_ASSERT_EQUAL(ack(bad[i].next, bad[i].bits), -EPROTO);
		CU_ASSERT_EQUAL(w.head, 0);
		CU_ASSERT_EQUAL(w.in_flight, 8);
		CU_ASSERT_EQUAL(w.acked_top, 0);
	}
	given_in_flight(8);
	CU_ASSERT_EQUAL(ack(6, 1), 7);	/* 0-5 and 7: the edge that is allowed */
}

static void test_words_beyond_the_first_name_their_pns(void)
{
	struct pw_ack a = { .next = 0, .words = PW_ACK_WORDS_MAX };

	given_in_flight(PW_WINDOW_SLOTS);
	a.bitmap[1] = 1;	/* 65 */
	a.bitmap[PW_ACK_WORDS_MAX - 1] = 1ull << 62;	/* the last */
	CU_ASSERT_EQUAL(pw_window_ack(&w, &a, settled), 2);
	CU_ASSERT_EQUAL(settled[0].offset, 65);
	CU_ASSERT_EQUAL(settled[1].offset, PW_WINDOW_SLOTS - 1);
	CU_ASSERT_EQUAL(w.acked_top, PW_WINDOW_SLOTS);
	a.bitmap[PW_ACK_WORDS_MAX - 1] = 1ull << 63;
	CU_ASSERT_EQUAL(pw_window_ack(&w, &a, settled), -EPROTO);
}

static void test_full_window_frees_only_from_its_head(void)
{
	given_in_flight(PW_WINDOW_SLOTS);
	CU_ASSERT_TRUE(pw_window_full(&w));
	ack(0, 1);
	CU_ASSERT_TRUE(pw_window_full(&w));
	ack(1, 0);
	CU_ASSERT_FALSE(pw_window_full(&w));
	CU_ASSERT_EQUAL(w.head, 2);
}

static void test_lost_extents_come_back_oldest_first(void)
{
	struct pw_sent lost;

	given_in_flight(4);
	ack(0, 1);				/* 1 arrived, 0 did not */
	CU_ASSERT_TRUE(pw_window_take_lost(&w, 0, 100, &lost));
	CU_ASSERT_EQUAL(lost.extent.offset, 0);
	CU_ASSERT_EQUAL(w.head, 2);
	CU_ASSERT_FALSE(pw_window_take_lost(&w, 0, 100, &lost));	/* nothing later came */
	ack(2, 1);				/* 3 */
	CU_ASSERT_FALSE(pw_window_take_lost(&w, 0, 2, &lost));	/* 2 was sent at 2 */
	CU_ASSERT_TRUE(pw_window_take_lost(&w, 0, 3, &lost));
	CU_ASSERT_EQUAL(lost.extent.offset, 2);
	CU_ASSERT_EQUAL(w.head, 4);
	CU_ASSERT_EQUAL(w.in_flight, 0);
	CU_ASSERT_FALSE(pw_window_take_lost(&w, 0, UINT64_MAX, &lost));
}

static void test_loss_waits_until_something_far_enough_above_came(void)
{
	struct pw_sent lost;

	given_in_flight(40);
	ack(0, 1ull << 14);	/* 15: 15 above 0 */
	CU_ASSERT_FALSE(pw_window_take_lost(&w, 16, UINT64_MAX, &lost));
	ack(0, 1ull << 15);	/* 16 */
	CU_ASSERT_TRUE(pw_window_take_lost(&w, 16, UINT64_MAX, &lost));
	CU_ASSERT_EQUAL(lost.extent.offset, 0);
	CU_ASSERT_FALSE(pw_window_take_lost(&w, 16, UINT64_MAX, &lost));
}

static void test_given_up_pn_that_is_acknowledged_later_settles_nothing(void)
{
	struct pw_sent lost;

	given_in_flight(3);
	pw_window_give_up(&w, &lost);
	CU_ASSERT_EQUAL(lost.extent.offset, 0);
	CU_ASSERT_EQUAL(ack(1, 0), 0);
	CU_ASSERT_EQUAL(ack(3, 0), 2);
}

/* The naive model: one flag per pn. */
static bool waits[STEPS];
static uint64_t sent;

static struct pw_ack draw_ack(void)
{
	struct pw_ack a = { .next = w.head + next_random() % 80 };

	a.words = (uint8_t)(next_random() % 4);
	for (unsigned i = 0; i < a.words; i++)
		a.bitmap[i] = next_random() & next_random();
	if (a.words && next_random() % 3 == 0)	/* often within reach of the tail */
		a.bitmap[a.words - 1] &= 0xff;
	return a;
}

static bool names(const struct pw_ack *a, uint64_t pn)
{
	uint64_t bit = pn - a->next - 1;

	if (pn < a->next)
		return true;
	return pn > a->next && bit < 64u * a->words && a->bitmap[bit / 64] >> bit % 64 & 1;
}

/* What the model says of an ack, and does with it. */
static int model_ack(const struct pw_ack *a)
{
	int n = 0;

	if (a->next > sent)
		return -EPROTO;
	for (uint64_t pn = sent; pn <= a->next + 64u * a->words; pn++)
		if (names(a, pn))
			return -EPROTO;
	for (uint64_t pn = w.head; pn < sent; pn++)
		if (waits[pn] && names(a, pn)) {
			waits[pn] = false;
			n++;
		}
	return n;
}

static void step(void)
{
	struct pw_extent extent = extent_of(sent);
	struct pw_ack a;
	int expected;

	if (next_random() % 4 && !pw_window_full(&w)) {
		waits[sent] = true;
		CU_ASSERT_EQUAL_FATAL(pw_window_send(&w, &extent, sent), sent);
		sent++;
	} else if (next_random() % 8 == 0) {
		struct pw_sent lost;

		if (pw_window_take_lost(&w, next_random() % 32, sent - next_random() % 64, &lost)) {
			CU_ASSERT_TRUE_FATAL(waits[lost.extent.offset]);
			CU_ASSERT_EQUAL_FATAL(lost.sent_ns, lost.extent.offset);
			waits[lost.extent.offset] = false;
		}
	} else {
		uint32_t before = w.in_flight;

		a = draw_ack();
		expected = model_ack(&a);
		CU_ASSERT_EQUAL_FATAL(pw_window_ack(&w, &a, settled), expected);
		CU_ASSERT_EQUAL_FATAL(w.in_flight, before - (uint32_t)(expected > 0 ? expected : 0));
		for (int i = 0; i < expected; i++)
			CU_ASSERT_FALSE_FATAL(waits[settled[i].offset]);
	}
}

static void test_window_agrees_with_naive_model(void)
{
	memset(waits, 0, sizeof(waits));
	sent = 64;	/* there is always something below */
	given_in_flight(64);
	memset(waits, 1, 64);
	for (unsigned i = 0; i < STEPS - 64; i++) {
		step();
		CU_ASSERT_FATAL(w.head <= w.tail && w.tail <= w.head + PW_WINDOW_SLOTS);
		CU_ASSERT_FATAL(w.tail == sent);
		CU_ASSERT_FATAL(w.head == w.tail || waits[w.head]);
	}
	for (uint64_t pn = 0; pn < w.head; pn++)
		CU_ASSERT_FATAL(!waits[pn]);
}

static const struct pw_test tests[] = {
	PW_TEST(test_ack_settles_each_pn_once),
	PW_TEST(test_ack_hands_back_what_was_carried),
	PW_TEST(test_late_ack_below_head_is_ignored),
	PW_TEST(test_ack_of_unsent_pn_is_refused_and_changes_nothing),
	PW_TEST(test_words_beyond_the_first_name_their_pns),
	PW_TEST(test_full_window_frees_only_from_its_head),
	PW_TEST(test_lost_extents_come_back_oldest_first),
	PW_TEST(test_loss_waits_until_something_far_enough_above_came),
	PW_TEST(test_given_up_pn_that_is_acknowledged_later_settles_nothing),
	PW_TEST(test_window_agrees_with_naive_model),
};

int main(void)
{
	return PW_RUN_SUITE("window", tests);
}
