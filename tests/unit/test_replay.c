/* SPDX-License-Identifier: BSD-3-Clause */
/* test_replay.c - dataplane/replay.h: a numbered table, the form of acks, a naive set */

#include <stdbool.h>
#include <string.h>

#include "pagewire/check.h"
#include "replay.h"
#include "run.h"

#define SLOTS ((uint64_t)PW_WINDOW_SLOTS)
#define STEPS 1000000u

static struct pw_replay r;
static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

/* Take pn if it is new; returns what was said of it. */
static enum pw_replay_verdict take(uint64_t pn)
{
	enum pw_replay_verdict verdict = pw_replay_check(&r, pn);

	if (verdict == PW_REPLAY_NEW)
		pw_replay_mark(&r, pn);
	return verdict;
}

#define NEW	PW_REPLAY_NEW
#define DUP	PW_REPLAY_DUPLICATE
#define OLD	PW_REPLAY_TOO_OLD
#define TOO_NEW PW_REPLAY_TOO_NEW
#define GIVE_UP ((enum pw_replay_verdict)99)	/* row: the sender gives up all below pn */

static void test_every_pn_is_taken_once(void)
{
	static const struct {
		uint64_t pn;
		enum pw_replay_verdict verdict;
		uint64_t next;	/* afterwards */
	} rows[] = {
		/*  1 */ { 0, NEW, 1 },
		/*  2 */ { 0, OLD, 1 },
		/*  3 */ { 1, NEW, 2 },
		/*  4 */ { 9, NEW, 2 },
		/*  5 */ { 9, DUP, 2 },
		/*  6 */ { 8, NEW, 2 },
		/*  7 */ { 7, NEW, 2 },
		/*  8 */ { 7, DUP, 2 },
		/*  9 */ { 2, NEW, 3 },
		/* 10 */ { 3 + SLOTS, TOO_NEW, 3 },
		/* 11 */ { 2 + SLOTS, NEW, 3 },
		/* 12 */ { 2 + SLOTS, DUP, 3 },
		/* 13 */ { 2, OLD, 3 },	/* shares its bit with 11 */
		/* 14 */ { UINT64_MAX, TOO_NEW, 3 },
		/* 15 */ { 6, GIVE_UP, 6 },
		/* 16 */ { 5, OLD, 6 },
		/* 17 */ { 6, NEW, 10 },	/* and 7 8 9 were there */
		/* 18 */ { 9, OLD, 10 },
		/* 19 */ { 4, GIVE_UP, 10 },	/* older news */
		/* 20 */ { 3 + SLOTS, GIVE_UP, 3 + SLOTS },	/* beyond all that came */
		/* 21 */ { 2 + SLOTS, OLD, 3 + SLOTS },
		/* 22 */ { 3 + SLOTS, NEW, 4 + SLOTS },
		/* 23 */ { 1ull << 40, TOO_NEW, 4 + SLOTS },
		/* 24 */ { 1ull << 40, GIVE_UP, 1ull << 40 },
		/* 25 */ { 1ull << 40, NEW, (1ull << 40) + 1 },
		/* 26 */ { (1ull << 40) + SLOTS, NEW, (1ull << 40) + 1 },
		/* 27 */ { 4 + SLOTS, OLD, (1ull << 40) + 1 },
	};

	pw_replay_init(&r);
	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		if (rows[i].verdict == GIVE_UP)
			pw_replay_give_up(&r, rows[i].pn);
		else
			CU_ASSERT_EQUAL(take(rows[i].pn), rows[i].verdict);
		CU_ASSERT_EQUAL(r.next, rows[i].next);
	}
}

static void test_giving_up_joins_with_what_had_come_above(void)
{
	pw_replay_init(&r);
	for (uint64_t pn = 100; pn < 200; pn++)
		take(pn);
	pw_replay_give_up(&r, 50);
	CU_ASSERT_EQUAL(r.next, 50);
	pw_replay_give_up(&r, 100);
	CU_ASSERT_EQUAL(r.next, 200);
	CU_ASSERT_EQUAL(r.top, 200);
}

static void test_bitmap_starts_behind_next(void)
{
	uint64_t words[PW_WINDOW_SLOTS / 64];

	pw_replay_init(&r);
	CU_ASSERT_EQUAL(pw_replay_bitmap(&r, words), 0);
	take(0);
	CU_ASSERT_EQUAL(pw_replay_bitmap(&r, words), 0);
	take(2);	/* next is 1: bit 0 is 2 */
	CU_ASSERT_EQUAL_FATAL(pw_replay_bitmap(&r, words), 1);
	CU_ASSERT_EQUAL(words[0], 1);
	take(65);
	CU_ASSERT_EQUAL_FATAL(pw_replay_bitmap(&r, words), 1);
	CU_ASSERT_EQUAL(words[0], 1 | 1ull << 63);
	take(66);
	CU_ASSERT_EQUAL_FATAL(pw_replay_bitmap(&r, words), 2);
	CU_ASSERT_EQUAL(words[1], 1);
}

static void test_bitmap_of_a_full_window_names_all_but_next(void)
{
	uint64_t words[PW_WINDOW_SLOTS / 64];
	uint64_t base = 12345;

	pw_replay_init(&r);
	pw_replay_give_up(&r, base);
	for (uint64_t pn = base + 1; pn < base + SLOTS; pn++)
		CU_ASSERT_EQUAL(take(pn), NEW);
	CU_ASSERT_EQUAL_FATAL(pw_replay_bitmap(&r, words), PW_WINDOW_SLOTS / 64);
	for (unsigned i = 0; i < PW_WINDOW_SLOTS / 64 - 1; i++)
		CU_ASSERT_EQUAL(words[i], UINT64_MAX);
	CU_ASSERT_EQUAL(words[PW_WINDOW_SLOTS / 64 - 1], UINT64_MAX >> 1);
	CU_ASSERT_EQUAL(take(base), NEW);
	CU_ASSERT_EQUAL(r.next, base + SLOTS);
	CU_ASSERT_EQUAL(pw_replay_bitmap(&r, words), 0);
}

/* The naive model: a set of pns as flags, and a floor. */
static bool seen[STEPS + 4 * PW_WINDOW_SLOTS];
static uint64_t floor_pn;

static enum pw_replay_verdict model(uint64_t pn)
{
	if (pn < floor_pn)
		return OLD;
	if (pn >= floor_pn + SLOTS)
		return TOO_NEW;
	return seen[pn] ? DUP : NEW;
}

static void raise_floor(uint64_t to)
{
	if (floor_pn < to)
		floor_pn = to;
	while (seen[floor_pn])
		floor_pn++;
}

/* The bits of the ack are those of the set. */
static void compare_bitmaps(void)
{
	uint64_t words[PW_WINDOW_SLOTS / 64];
	unsigned n = pw_replay_bitmap(&r, words);

	for (uint64_t i = 0; i < SLOTS - 1; i++) {
		bool named = i / 64 < n && words[i / 64] >> i % 64 & 1;

		CU_ASSERT_EQUAL_FATAL(named, seen[floor_pn + 1 + i]);
	}
	CU_ASSERT_FATAL(n == 0 || words[n - 1]);
}

static void test_replay_agrees_with_naive_set(void)
{
	uint64_t pn;

	memset(seen, 0, sizeof(seen));
	floor_pn = 0;
	pw_replay_init(&r);
	for (unsigned step = 0; step < STEPS && floor_pn < STEPS - SLOTS; step++) {
		pn = floor_pn + next_random() % (next_random() % 16 ? 40 : SLOTS + 20);
		pn -= pn > 5 ? next_random() % 6 : 0;
		if (next_random() % 64 == 0) {
			pw_replay_give_up(&r, pn);
			raise_floor(pn);
		} else {
			CU_ASSERT_EQUAL_FATAL(pw_replay_check(&r, pn), model(pn));
			if (take(pn) == NEW) {
				seen[pn] = true;
				raise_floor(0);
			}
		}
		CU_ASSERT_EQUAL_FATAL(r.next, floor_pn);
		if (step % 512 == 0)
			compare_bitmaps();
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_every_pn_is_taken_once),
	PW_TEST(test_giving_up_joins_with_what_had_come_above),
	PW_TEST(test_bitmap_starts_behind_next),
	PW_TEST(test_bitmap_of_a_full_window_names_all_but_next),
	PW_TEST(test_replay_agrees_with_naive_set),
};

int main(void)
{
	return PW_RUN_SUITE("replay", tests);
}
