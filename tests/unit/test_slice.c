/* SPDX-License-Identifier: BSD-3-Clause */
/* test_slice.c - dataplane/slice.h: epochs as a table; claims and settling by one, by many, by surprise */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "pagewire/check.h"
#include "run.h"
#include "slice.h"
#include "steps.h"

#define CHUNKS_MAX 4u
#define WORKERS	   3u
#define STEPS_LAST (PW_STEP > 1 ? 440 : 80)	/* then a claim has left the first slot */

static struct pw_slices_out slices;
static uint64_t bitmap[CHUNKS_MAX * PW_CHUNK_WORDS];

static struct pw_slice_order order_of(uint32_t chunks, uint16_t epoch)
{
	return (struct pw_slice_order){ .bitmap = bitmap, .chunks = chunks, .epoch = epoch };
}

static void given_bitmap(uint64_t first_word_of_each_chunk)
{
	memset(bitmap, 0, sizeof(bitmap));
	for (unsigned i = 0; i < CHUNKS_MAX; i++)
		bitmap[i * PW_CHUNK_WORDS] = first_word_of_each_chunk;
}

static void given_open_slice(uint32_t chunks, uint64_t first_word_of_each_chunk)
{
	struct pw_slice_order order = order_of(chunks, 1);

	given_bitmap(first_word_of_each_chunk);
	pw_slices_init(&slices, 25);
	order.region = 3;
	order.slice = 2;
	order.stun = true;
	CU_ASSERT_EQUAL_FATAL(pw_slices_open(&slices, &order), 0);
}

static uint32_t state_of(unsigned slot)
{
	return atomic_load(&slices.slot[slot].state);
}

static void test_epoch_is_open_stale_or_early_and_wraps(void)
{
	static const struct {
		uint16_t open, epoch;
		enum pw_epoch_verdict verdict;
	} rows[] = {
		/*  0 */ { 1, 1, PW_EPOCH_OPEN },
		/*  1 */ { 1, 0, PW_EPOCH_STALE },
		/*  2 */ { 1, 2, PW_EPOCH_EARLY },
		/*  3 */ { 0, 0, PW_EPOCH_OPEN },
		/*  4 */ { 0, 65535, PW_EPOCH_STALE },
		/*  5 */ { 65535, 0, PW_EPOCH_EARLY },
		/*  6 */ { 65535, 65535, PW_EPOCH_OPEN },
		/*  7 */ { 65535, 65534, PW_EPOCH_STALE },
		/*  8 */ { 2, 65533, PW_EPOCH_STALE },
		/*  9 */ { 0, 32767, PW_EPOCH_EARLY },
		/* 10 */ { 0, 32769, PW_EPOCH_STALE },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		struct pw_slice_in in;

		atomic_init(&in.open_epoch, rows[i].open);
		CU_ASSERT_EQUAL(pw_slice_check(&in, rows[i].epoch), rows[i].verdict);
	}
}

static void test_close_opens_the_next_epoch_once(void)
{
	static const struct {
		uint16_t open, close;
		int result;
		uint16_t then;
	} rows[] = {
		/* 0 */ { 1, 1, 0, 2 },
		/* 1 */ { 2, 1, 0, 2 },	/* closed already */
		/* 2 */ { 1, 2, -EPROTO, 1 },	/* was never open */
		/* 3 */ { 65535, 65535, 0, 0 },
		/* 4 */ { 0, 65535, 0, 0 },
		/* 5 */ { 65535, 0, -EPROTO, 65535 },
		/* 6 */ { 7, 1, 0, 7 },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		struct pw_slice_in in;

		atomic_init(&in.open_epoch, rows[i].open);
		CU_ASSERT_EQUAL(pw_slice_close(&in, rows[i].close), rows[i].result);
		CU_ASSERT_EQUAL(atomic_load(&in.open_epoch), rows[i].then);
	}
}

static void test_chunks_are_claimed_in_order_with_their_place(void)
{
	struct pw_chunk chunk;
	bool settled = false;

	given_open_slice(3, 0x5);
	for (uint64_t i = 0; i < 3; i++) {
		CU_ASSERT_TRUE_FATAL(pw_slices_claim(&slices, &chunk, &settled));
		CU_ASSERT_EQUAL(chunk.offset, (2ull << 25) + (i << 23));
		CU_ASSERT_EQUAL(chunk.region, 3);
		CU_ASSERT_EQUAL(chunk.epoch, 1);
		CU_ASSERT_EQUAL(chunk.slot, 0);
		CU_ASSERT_TRUE(chunk.stun);
		CU_ASSERT_EQUAL(chunk.words[0], 0x5);
		CU_ASSERT_EQUAL(chunk.words[1], 0);
	}
	CU_ASSERT_FALSE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_FALSE(settled);
}

static void test_slice_settles_with_the_last_byte_of_the_last_chunk(void)
{
	struct pw_chunk chunk;
	bool settled = false;

	given_open_slice(2, 0x3);
	CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_FALSE(pw_slices_settle(&slices, 0, 2 * PW_PAGE_BYTES));
	CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_FALSE(pw_slices_settle(&slices, 0, 2 * PW_PAGE_BYTES - 1));
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_OPEN);
	CU_ASSERT_TRUE(pw_slices_settle(&slices, 0, 1));
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_SETTLED);
	CU_ASSERT_FALSE(settled);
}

static void test_slice_is_not_settled_while_a_chunk_waits_to_be_read(void)
{
	struct pw_chunk chunk;
	bool settled = false;

	given_open_slice(2, 0x1);
	bitmap[PW_CHUNK_WORDS] = 0;	/* too late: dirty bytes are counted already */
	CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_FALSE(pw_slices_settle(&slices, 0, 2 * PW_PAGE_BYTES));
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_OPEN);
	CU_ASSERT_FALSE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_TRUE(settled);
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_SETTLED);
}

static void test_clean_slice_settles_by_being_looked_at(void)
{
	struct pw_chunk chunk;
	bool settled = false;

	given_open_slice(4, 0);
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_OPEN);
	CU_ASSERT_FALSE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_TRUE(settled);
	CU_ASSERT_EQUAL(state_of(0), PW_SLICE_SETTLED);
}

static void test_table_is_full_until_a_slice_is_freed(void)
{
	struct pw_slice_order order = order_of(1, 1);
	struct pw_chunk chunk;
	bool settled = false;

	given_bitmap(0x1);
	pw_slices_init(&slices, 25);
	for (int i = 0; i < (int)PW_SLICES_OPEN_MAX; i++)
		CU_ASSERT_EQUAL(pw_slices_open(&slices, &order), i);
	CU_ASSERT_EQUAL(pw_slices_open(&slices, &order), -ENOSPC);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_TRUE(pw_slices_settle(&slices, 5, PW_PAGE_BYTES));
	CU_ASSERT_EQUAL(pw_slices_open(&slices, &order), -ENOSPC);	/* settled is not free */
	pw_slices_free(&slices, 5);
	CU_ASSERT_EQUAL(pw_slices_open(&slices, &order), 5);
}

static void test_slot_that_was_opened_again_starts_over(void)
{
	struct pw_chunk chunk;
	struct pw_slice_order order = order_of(1, 2);
	bool settled = false;

	given_open_slice(2, 0x1);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_TRUE(pw_slices_settle(&slices, 0, 2 * PW_PAGE_BYTES));
	pw_slices_free(&slices, 0);
	CU_ASSERT_FALSE(pw_slices_claim(&slices, &chunk, &settled));

	CU_ASSERT_EQUAL(pw_slices_open(&slices, &order), 0);
	CU_ASSERT_TRUE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_EQUAL(chunk.epoch, 2);
	CU_ASSERT_FALSE(pw_slices_claim(&slices, &chunk, &settled));
	CU_ASSERT_TRUE(pw_slices_settle(&slices, 0, PW_PAGE_BYTES));
}

/* How often each chunk of a lap was claimed; a lap is a slice opened once. */
#define LAPS_MAX 40000u
static _Atomic uint8_t claims[LAPS_MAX][CHUNKS_MAX];
static _Atomic unsigned wrong;
static _Atomic uint32_t lap;

static uint32_t chunks_of(uint32_t n)
{
	static const uint32_t chunks[] = { 1, 4, 2, 3, 1, 4, 3, 1 };

	return chunks[n % PW_ARRAY_SIZE(chunks)];
}

static void note_claim(const struct pw_chunk *chunk)
{
	uint32_t number = (uint32_t)(chunk->offset >> 23);

	if (chunk->epoch >= LAPS_MAX || number >= chunks_of(chunk->epoch) ||
	    atomic_fetch_add(&claims[chunk->epoch][number], 1) != 0)
		atomic_fetch_add(&wrong, 1);
}

static void claim_and_settle(void)
{
	struct pw_chunk chunk;
	bool settled = false;

	if (!pw_slices_claim(&slices, &chunk, &settled))
		return;
	note_claim(&chunk);
	pw_slices_settle(&slices, chunk.slot, PW_PAGE_BYTES);
}

/* Free the slice of the lap that is over and open the next one's. */
static void turn_over(void)
{
	uint32_t next = atomic_load(&lap) + 1;
	struct pw_slice_order order = order_of(chunks_of(next), (uint16_t)next);

	if (state_of(0) != PW_SLICE_SETTLED || next >= LAPS_MAX)
		return;
	pw_slices_free(&slices, 0);
	atomic_store(&lap, next);
	pw_slices_open(&slices, &order);
}

static void given_first_lap(void)
{
	struct pw_slice_order order = order_of(chunks_of(0), 0);

	memset(claims, 0, sizeof(claims));
	atomic_store(&wrong, 0);
	atomic_store(&lap, 0);
	given_bitmap(0x1);
	pw_slices_init(&slices, 25);
	CU_ASSERT_EQUAL_FATAL(pw_slices_open(&slices, &order), 0);
}

/* Every chunk of every lap that is over was claimed exactly once. */
static void expect_each_chunk_once(void)
{
	CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
	for (uint32_t n = 0; n < atomic_load(&lap); n++)
		for (uint32_t i = 0; i < CHUNKS_MAX; i++)
			CU_ASSERT_EQUAL(atomic_load(&claims[n][i]), i < chunks_of(n));
}

static _Atomic bool stop;

static void *work(void *unused)
{
	while (!atomic_load(&stop)) {
		claim_and_settle();
		if (state_of(0) != PW_SLICE_OPEN)
			sched_yield();	/* there may be fewer processors than workers */
	}
	return unused;
}

static void test_workers_share_the_chunks_of_slices_that_come_and_go(void)
{
	pthread_t worker[WORKERS];

	given_first_lap();
	atomic_store(&stop, false);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_create(&worker[i], NULL, work, NULL);
	while (atomic_load(&lap) + 1 < LAPS_MAX / 8) {
		turn_over();
		sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(worker[i], NULL);
	expect_each_chunk_once();
}

static void claim_all(void)
{
	for (unsigned i = 0; i <= CHUNKS_MAX; i++)
		claim_and_settle();
}

/* Claim until the slice of this lap has settled, and a little longer: a chunk
 * that is still there was counted as placed by mistake. */
static void finish_lap(void)
{
	while (state_of(0) != PW_SLICE_SETTLED && !atomic_load(&wrong))
		claim_and_settle();
	claim_all();
	turn_over();
}

/* Every way in which two others can come between the instructions of a claim
 * from a slice of one chunk that is followed by one of four. */
static void test_slice_may_be_freed_and_opened_in_the_middle_of_a_claim(void)
{
	bool inside = PW_HAS_STEPS;

	given_first_lap();
	for (unsigned turn_at = 1; inside && turn_at < STEPS_LAST; turn_at += PW_STEP)
		for (unsigned claim_at = 1; inside && claim_at <= turn_at; claim_at += PW_STEP) {
			const struct pw_intrusion others[] = { { claim_at, claim_all },
							       { turn_at, turn_over } };

			while (chunks_of(atomic_load(&lap)) != 1 ||
			       chunks_of(atomic_load(&lap) + 1) != CHUNKS_MAX)
				finish_lap();
			inside = pw_by_steps(claim_and_settle, others, 2);
			finish_lap();
		}
	expect_each_chunk_once();
}

static const struct pw_test tests[] = {
	PW_TEST(test_epoch_is_open_stale_or_early_and_wraps),
	PW_TEST(test_close_opens_the_next_epoch_once),
	PW_TEST(test_chunks_are_claimed_in_order_with_their_place),
	PW_TEST(test_slice_settles_with_the_last_byte_of_the_last_chunk),
	PW_TEST(test_slice_is_not_settled_while_a_chunk_waits_to_be_read),
	PW_TEST(test_clean_slice_settles_by_being_looked_at),
	PW_TEST(test_table_is_full_until_a_slice_is_freed),
	PW_TEST(test_slot_that_was_opened_again_starts_over),
	PW_TEST(test_workers_share_the_chunks_of_slices_that_come_and_go),
	PW_TEST(test_slice_may_be_freed_and_opened_in_the_middle_of_a_claim),
};

int main(void)
{
	return PW_RUN_SUITE("slice", tests);
}
