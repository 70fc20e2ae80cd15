/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spill.c - dataplane/spill.h and zero_map.h: everything in one hand at a time, with threads */

#include <pthread.h>
#include <string.h>

#include "run.h"
#include "spill.h"
#include "zero_map.h"

#define TAKERS 3u
#define POURS  300u

static struct pw_spill spill;
static struct pw_zero_maps maps;
static _Atomic uint8_t seen[POURS][PW_WINDOW_SLOTS];
static _Atomic bool ended;

static void test_what_was_poured_is_taken_once_in_order(void)
{
	struct pw_extent extent;

	pw_spill_init(&spill);
	CU_ASSERT_FALSE(pw_spill_take(&spill, &extent));
	for (unsigned i = 0; i < 3; i++)
		pw_spill_room(&spill)[i] = (struct pw_extent){ .offset = i };
	pw_spill_pour(&spill, 3);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pw_spill_left(&spill), 3 - i);
		CU_ASSERT_TRUE(pw_spill_take(&spill, &extent));
		CU_ASSERT_EQUAL(extent.offset, i);
	}
	CU_ASSERT_EQUAL(pw_spill_left(&spill), 0);
	CU_ASSERT_FALSE(pw_spill_take(&spill, &extent));
	pw_spill_pour(&spill, 1);
	CU_ASSERT_TRUE(pw_spill_take(&spill, &extent));
	CU_ASSERT_FALSE(pw_spill_take(&spill, &extent));
}

static void *take_all(void *arg)
{
	struct pw_extent extent;

	(void)arg;
	while (!atomic_load(&ended) || pw_spill_left(&spill))
		if (pw_spill_take(&spill, &extent))
			atomic_fetch_add(&seen[extent.id][extent.offset], 1);
	return NULL;
}

static void test_threads_take_every_extent_of_every_pour_once(void)
{
	pthread_t taker[TAKERS];
	unsigned wrong = 0;

	memset((void *)seen, 0, sizeof(seen));
	atomic_store(&ended, false);
	pw_spill_init(&spill);
	for (unsigned i = 0; i < TAKERS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&taker[i], NULL, take_all, NULL), 0);
	for (uint16_t n = 0; n < POURS; n++) {
		uint32_t count = 1 + n * 7u % PW_WINDOW_SLOTS;

		while (pw_spill_left(&spill))
			;
		for (uint32_t i = 0; i < count; i++)
			pw_spill_room(&spill)[i] = (struct pw_extent){ .id = n, .offset = i };
		pw_spill_pour(&spill, count);
	}
	atomic_store(&ended, true);
	for (unsigned i = 0; i < TAKERS; i++)
		pthread_join(taker[i], NULL);
	for (unsigned n = 0; n < POURS; n++)
		for (unsigned i = 0; i < PW_WINDOW_SLOTS; i++)
			wrong += atomic_load(&seen[n][i]) != (i < 1 + n * 7u % PW_WINDOW_SLOTS);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_map_is_kept_until_it_is_put_back_by_anybody(void)
{
	uint64_t words[PW_CHUNK_WORDS] = { 0 };
	bool used[PW_ZERO_MAPS] = { false };
	uint16_t number;

	pw_zero_maps_init(&maps);
	for (unsigned i = 0; i < PW_ZERO_MAPS; i++) {
		words[3] = i;
		CU_ASSERT_TRUE_FATAL(pw_zero_maps_take(&maps, words, &number));
		CU_ASSERT_FALSE(used[number]);
		used[number] = true;
		CU_ASSERT_EQUAL(maps.map[number][3], i);
	}
	CU_ASSERT_FALSE(pw_zero_maps_take(&maps, words, &number));
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&maps), PW_ZERO_MAPS);
	pw_zero_maps_put(&maps, 200);
	CU_ASSERT_TRUE(pw_zero_maps_take(&maps, words, &number));
	CU_ASSERT_EQUAL(number, 200);
}

static const struct pw_test tests[] = {
	PW_TEST(test_what_was_poured_is_taken_once_in_order),
	PW_TEST(test_threads_take_every_extent_of_every_pour_once),
	PW_TEST(test_map_is_kept_until_it_is_put_back_by_anybody),
};

int main(void)
{
	return PW_RUN_SUITE("spill", tests);
}
