/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_setting.c - what is asked of a link arrives in its configuration */

#include <errno.h>
#include <string.h>

#include "run.h"
#include "setting.h"

#define NOW UINT64_C(5000000000)

static struct link_config config[LINK_WAYS];
static char why[SETTING_WHY_BYTES];

static int apply(const char *line)
{
	memset(config, 0, sizeof(config));
	return setting_apply(config, line, NOW, why);
}

static void test_each_unit_is_understood(void)
{
	const struct link_config *c = &config[LINK_FORTH];

	CU_ASSERT_EQUAL(apply("lose=2% burst=0.25% silence=7ppm burst_frames=3"), 0);
	CU_ASSERT_EQUAL(c->lose, 20000);
	CU_ASSERT_EQUAL(c->burst, 2500);
	CU_ASSERT_EQUAL(c->silence, 7);
	CU_ASSERT_EQUAL(c->burst_frames, 3);
	CU_ASSERT_EQUAL(apply("delay=2ms jitter=1.5us late_time=80ns silence_time=1s"), 0);
	CU_ASSERT_EQUAL(c->delay_ns, 2000000);
	CU_ASSERT_EQUAL(c->jitter_ns, 1500);
	CU_ASSERT_EQUAL(c->late_ns_max, 80);
	CU_ASSERT_EQUAL(c->silence_ns_max, 1000000000);
	CU_ASSERT_EQUAL(apply("rate=1G queue=512k mark=1M hole=1500"), 0);
	CU_ASSERT_EQUAL(c->bytes_per_s, 125000000);
	CU_ASSERT_EQUAL(c->queue_bytes, 524288);
	CU_ASSERT_EQUAL(config[LINK_BACK].bytes_per_s, 125000000);
	CU_ASSERT_EQUAL(c->mark_bytes, 1048576);
	CU_ASSERT_EQUAL(c->hole_bytes, 1500);
	CU_ASSERT_EQUAL(apply("rate=100M lose=0.57%"), 0);
	CU_ASSERT_EQUAL(c->bytes_per_s, 12500000);
	CU_ASSERT_EQUAL(c->lose, 5700);	/* 0.57 * 10000 is a little less */
	CU_ASSERT_EQUAL(apply("classes=udp,other first_tcp=4 lose=0"), 0);
	CU_ASSERT_EQUAL(c->faulty_classes, 1u << LINK_UDP | 1u << LINK_OTHER);
	CU_ASSERT_EQUAL(c->first_frames[LINK_TCP], 4);
	CU_ASSERT_EQUAL(apply("first_tcp=50 first_lose=30% dead_port=49601"), 0);
	CU_ASSERT_EQUAL(c->first_frames[LINK_TCP], 50);
	CU_ASSERT_EQUAL(c->first_lose, 300000);
	CU_ASSERT_EQUAL(c->dead_port, 49601);
	CU_ASSERT_EQUAL(apply("classes=all"), 0);
	CU_ASSERT_EQUAL(c->faulty_classes, 0);
}

static void test_a_direction_that_is_named_is_the_only_one(void)
{
	CU_ASSERT_EQUAL(apply("lose=1% forth.lose=2.5% back.reorder=3%"), 0);
	CU_ASSERT_EQUAL(config[LINK_FORTH].lose, 25000);
	CU_ASSERT_EQUAL(config[LINK_BACK].lose, 10000);
	CU_ASSERT_EQUAL(config[LINK_FORTH].reorder, 0);
	CU_ASSERT_EQUAL(config[LINK_BACK].reorder, 30000);
}

static void test_cuts_and_holes_count_from_now(void)
{
	CU_ASSERT_EQUAL(apply("cut=3s cut_after=1s back.hole=1500 back.hole_after=2s"), 0);
	CU_ASSERT_EQUAL(config[LINK_FORTH].cut_from_ns, NOW + 1000000000);
	CU_ASSERT_EQUAL(config[LINK_FORTH].cut_until_ns, NOW + 4000000000);
	CU_ASSERT_EQUAL(config[LINK_BACK].hole_from_ns, NOW + 2000000000);
	CU_ASSERT_EQUAL(config[LINK_FORTH].hole_bytes, 0);
	/* other words leave them where they are */
	CU_ASSERT_EQUAL(setting_apply(config, "lose=1%", NOW * 2, why), 0);
	CU_ASSERT_EQUAL(config[LINK_FORTH].cut_from_ns, NOW + 1000000000);
	CU_ASSERT_EQUAL(config[LINK_BACK].hole_from_ns, NOW + 2000000000);
}

static void test_perfect_takes_back_what_stands_before_it(void)
{
	const struct link_config perfect = { 0 };

	CU_ASSERT_EQUAL(apply("lose=2% cut=3s hole=1500 perfect back.delay=1ms"), 0);
	CU_ASSERT_EQUAL(memcmp(&config[LINK_FORTH], &perfect, sizeof(perfect)), 0);
	CU_ASSERT_EQUAL(config[LINK_BACK].delay_ns, 1000000);
}

static void test_what_is_not_understood_changes_nothing(void)
{
	static const char *const rows[] = {
		/*  1 */ "lose",
		/*  2 */ "lose=",
		/*  3 */ "lose=2",
		/*  4 */ "lose=-2%",
		/*  5 */ "lose=101%",
		/*  6 */ "lose=2%%",
		/*  7 */ "lose=nan%",
		/*  8 */ "loss=2%",
		/*  9 */ "sideways.lose=2%",
		/* 10 */ "forth.back.lose=2%",
		/* 11 */ "delay=5",
		/* 12 */ "rate=5",
		/* 13 */ "classes=udp,icmp",
		/* 14 */ "classes=",
		/* 15 */ "burst_frames=3k",
		/* 16 */ "=2%",
		/* 17 */ "dead_port=65536",
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[80];

		snprintf(line, sizeof(line), "delay=1ms %s", rows[i]);
		why[0] = 0;
		CU_ASSERT_EQUAL(apply(line), -EINVAL);
		CU_ASSERT_EQUAL(config[LINK_FORTH].delay_ns, 0);
		CU_ASSERT_TRUE(strlen(why) > 20 && strstr(why, rows[i]));
	}
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_each_unit_is_understood),
		PW_TEST(test_a_direction_that_is_named_is_the_only_one),
		PW_TEST(test_cuts_and_holes_count_from_now),
		PW_TEST(test_perfect_takes_back_what_stands_before_it),
		PW_TEST(test_what_is_not_understood_changes_nothing),
	};

	return PW_RUN_SUITE("link_setting", tests);
}
