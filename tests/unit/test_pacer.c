/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pacer.c - dataplane/pacer.h: no faster than the rate, no slower, no flood after a pause */

#include "pacer.h"
#include "run.h"

#define S 1000000000ull

static struct pw_pacer p;

/* Send datagrams of 8232 bytes whenever allowed, looking every step_ns. */
static uint64_t bytes_sent_in(uint64_t from_ns, uint64_t ns, uint64_t step_ns)
{
	uint64_t bytes = 0;

	for (uint64_t now_ns = from_ns; now_ns < from_ns + ns; now_ns += step_ns)
		while (pw_pacer_may(&p, now_ns)) {
			pw_pacer_spend(&p, 8232);
			bytes += 8232;
		}
	return bytes;
}

static void test_without_a_rate_anything_goes(void)
{
	pw_pacer_init(&p, 0, 0);
	for (unsigned i = 0; i < 100000; i++) {
		CU_ASSERT_TRUE_FATAL(pw_pacer_may(&p, 0));
		pw_pacer_spend(&p, 8232);
	}
}

static void test_rate_is_kept_however_often_it_is_asked(void)
{
	static const struct {
		uint64_t rate, step_ns;
	} rows[] = {
		/* 0 */ { 1000000, 1 },	/* a thousandth of a byte a step */
		/* 1 */ { 1000000, 999 },
		/* 2 */ { 125000000, 100 },	/* 1 Gbit/s */
		/* 3 */ { 12500000000, 700 },	/* 100 Gbit/s */
		/* 4 */ { 12500000000, 10000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ns = rows[i].step_ns * 1000000 / 10, expected, sent;

		pw_pacer_init(&p, rows[i].rate, S);
		sent = bytes_sent_in(S, ns, rows[i].step_ns);
		expected = (uint64_t)((double)rows[i].rate * (double)ns / 1e9);
		CU_ASSERT_TRUE(sent <= expected + PW_PACER_BURST_BYTES + 8232);
		CU_ASSERT_TRUE(sent >= expected * 98 / 100);
	}
}

static void test_pause_saves_up_one_burst(void)
{
	pw_pacer_init(&p, 125000000, 0);
	bytes_sent_in(0, S / 100, 1000);
	CU_ASSERT_FALSE(pw_pacer_may(&p, S / 100));
	CU_ASSERT_TRUE(bytes_sent_in(1000 * S, 1, 1) <= PW_PACER_BURST_BYTES + 8232);
}

static void test_what_was_overdrawn_is_paid_back(void)
{
	pw_pacer_init(&p, 1000000, 0);
	pw_pacer_spend(&p, PW_PACER_BURST_BYTES + 5000);
	CU_ASSERT_FALSE(pw_pacer_may(&p, 5000 * 1000));	/* 5000 bytes: back at zero */
	CU_ASSERT_TRUE(pw_pacer_may(&p, 5001 * 1000));
}

static const struct pw_test tests[] = {
	PW_TEST(test_without_a_rate_anything_goes),
	PW_TEST(test_rate_is_kept_however_often_it_is_asked),
	PW_TEST(test_pause_saves_up_one_burst),
	PW_TEST(test_what_was_overdrawn_is_paid_back),
};

int main(void)
{
	return PW_RUN_SUITE("pacer", tests);
}
