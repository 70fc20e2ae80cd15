/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_depot.c - frames depart in the order of their times */

#include "depot.h"
#include "run.h"

#define ROOM 64u

static struct depot depot;

/* xorshift64 */
static uint64_t pick(uint64_t n)
{
	static uint64_t state = 0x5eed;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static void given_depot(void)
{
	CU_ASSERT_EQUAL_FATAL(depot_init(&depot, ROOM), 0);
}

static void add_at(uint64_t at_ns, uint32_t count)
{
	uint8_t *bytes = depot_take(&depot);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	depot_add(&depot, &(struct departure){ .at_ns = at_ns, .bytes = bytes, .count = count });
}

static void test_none_departs_before_its_time(void)
{
	struct departure next;

	given_depot();
	CU_ASSERT_EQUAL(depot_next_ns(&depot), UINT64_MAX);
	add_at(100, 1);
	CU_ASSERT_EQUAL(depot_next_ns(&depot), 100);
	CU_ASSERT_FALSE(depot_pop(&depot, 99, &next));
	CU_ASSERT_TRUE(depot_pop(&depot, 100, &next));
	CU_ASSERT_EQUAL(next.count, 1);
	CU_ASSERT_FALSE(depot_pop(&depot, UINT64_MAX, &next));
	depot_fini(&depot);
}

static void test_same_time_is_same_order(void)
{
	struct departure next;

	given_depot();
	for (uint32_t i = 0; i < ROOM; i++)
		add_at(7, i);
	for (uint32_t i = 0; i < ROOM; i++) {
		CU_ASSERT_TRUE(depot_pop(&depot, 7, &next));
		CU_ASSERT_EQUAL(next.count, i);
	}
	depot_fini(&depot);
}

static void test_any_order_in_is_time_order_out(void)
{
	struct departure next;
	uint64_t last_ns = 0, last_order = 0;

	given_depot();
	for (unsigned step = 0; step < 100000; step++) {
		if (depot.unused_count && pick(2)) {
			add_at(last_ns + pick(50), 0);
		} else if (depot_pop(&depot, UINT64_MAX, &next)) {
			CU_ASSERT_TRUE(next.at_ns > last_ns ||
				       (next.at_ns == last_ns && next.order >= last_order));
			last_ns = next.at_ns;
			last_order = next.order;
			depot_put(&depot, next.bytes);
		}
		CU_ASSERT_EQUAL(depot.waiting + depot.unused_count, ROOM);
	}
	depot_fini(&depot);
}

static void test_buffers_run_out_and_come_back(void)
{
	uint8_t *first;

	given_depot();
	first = depot_take(&depot);
	for (unsigned i = 1; i < ROOM; i++)
		CU_ASSERT_PTR_NOT_NULL(depot_take(&depot));
	CU_ASSERT_PTR_NULL(depot_take(&depot));
	depot_put(&depot, first);
	CU_ASSERT_PTR_EQUAL(depot_take(&depot), first);
	depot_fini(&depot);
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_none_departs_before_its_time),
		PW_TEST(test_same_time_is_same_order),
		PW_TEST(test_any_order_in_is_time_order_out),
		PW_TEST(test_buffers_run_out_and_come_back),
	};

	return PW_RUN_SUITE("link_depot", tests);
}
