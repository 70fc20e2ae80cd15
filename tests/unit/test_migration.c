/* SPDX-License-Identifier: BSD-3-Clause */
/* test_migration.c - ctrl/migration.h: the stage table, who has the guest, the phases of a stun */

#include <errno.h>
#include <string.h>

#include "migration.h"
#include "run.h"

static struct pw_migration m;

static const enum pw_stage happy_path[] = {
	PW_STAGE_PRECOPY, PW_STAGE_QUIESCE, PW_STAGE_SYNC,     PW_STAGE_WIRE,
	PW_STAGE_VERIFY,  PW_STAGE_LOAD,    PW_STAGE_HANDOVER, PW_STAGE_DONE,
};

/* A migration that took the first n steps of the happy path, one second each. */
static void given_steps(unsigned n)
{
	memset(&m, 0, sizeof(m));
	m.entered_ns[PW_STAGE_SETUP] = 1;
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(pw_migration_enter(&m, happy_path[i], (i + 1) * 1000000000ull), 0);
}

static void test_happy_path_leads_from_setup_to_done(void)
{
	given_steps(sizeof(happy_path) / sizeof(happy_path[0]));
	CU_ASSERT_EQUAL(m.stage, PW_STAGE_DONE);
	CU_ASSERT_FALSE(pw_migration_is_live(&m));
	CU_ASSERT_STRING_EQUAL(pw_migration_result(&m), "done");
	CU_ASSERT_STRING_EQUAL(pw_migration_guest_is(&m), "running at the target");
}

static void test_no_stage_can_be_skipped_or_repeated(void)
{
	for (unsigned n = 0; n < sizeof(happy_path) / sizeof(happy_path[0]); n++) {
		for (unsigned to = 0; to < PW_NUM_STAGES; to++) {
			given_steps(n);
			if (to == (unsigned)happy_path[n] || to >= PW_STAGE_FAILED)
				continue;
			CU_ASSERT_EQUAL(pw_migration_enter(&m, (enum pw_stage)to, 99), -EPERM);
		}
	}
}

static void test_every_stage_before_the_handover_may_fail_or_be_cancelled(void)
{
	for (unsigned n = 0; n < 7; n++) {
		given_steps(n);
		CU_ASSERT_TRUE(pw_migration_may_take_back(m.stage));
		CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_FAILED, 99), 0);
		CU_ASSERT_STRING_EQUAL(pw_migration_guest_is(&m), "running at the source");
		given_steps(n);
		CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_CANCELLED, 99), 0);
	}
}

static void test_a_given_guest_is_never_taken_back_without_the_targets_word(void)
{
	given_steps(7);
	CU_ASSERT_EQUAL(m.stage, PW_STAGE_HANDOVER);
	CU_ASSERT_FALSE(pw_migration_may_take_back(m.stage));
	CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_CANCELLED, 99), -EPERM);
	CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_UNCERTAIN, 99), 0);
	CU_ASSERT_FALSE(pw_migration_may_take_back(m.stage));
	CU_ASSERT_TRUE(pw_migration_is_stunned(m.stage));
	CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_PRECOPY, 99), -EPERM);
}

static void test_an_end_is_an_end(void)
{
	static const enum pw_stage ends[] = { PW_STAGE_DONE, PW_STAGE_FAILED, PW_STAGE_CANCELLED };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned to = 0; to < PW_NUM_STAGES; to++) {
			given_steps(0);
			m.stage = ends[i];
			CU_ASSERT_EQUAL(pw_migration_enter(&m, (enum pw_stage)to, 99), -EPERM);
			CU_ASSERT_EQUAL(m.stage, ends[i]);
		}
}

static void test_phases_add_up_to_what_the_guest_saw(void)
{
	struct pw_stun_phases p;

	given_steps(8);
	m.stun_start_ns = 2500000000ull;	/* half a second after PAUSE was asked for */
	m.since_step_ns = 100000000ull;
	p = pw_migration_phases(&m);
	CU_ASSERT_EQUAL(p.quiesce_ns, 500000000ull);
	CU_ASSERT_EQUAL(p.sync_ns, 1000000000ull);
	CU_ASSERT_EQUAL(p.resume_ns, 900000000ull);
	/* last step at 2.5 s, first step at 8 s - 0.1 s */
	CU_ASSERT_EQUAL(pw_migration_stun_ns(&m), 5400000000ull);
	m.first_step_ns = 7850000000ull;	/* by the same clock: 50 ms of messages do not count */
	CU_ASSERT_EQUAL(pw_migration_phases(&m).resume_ns, 850000000ull);
	CU_ASSERT_EQUAL(pw_migration_stun_ns(&m), 5350000000ull);
}

static void test_phases_that_never_came_are_zero(void)
{
	struct pw_stun_phases p;

	given_steps(2);
	CU_ASSERT_EQUAL(pw_migration_enter(&m, PW_STAGE_FAILED, 99), 0);
	p = pw_migration_phases(&m);
	CU_ASSERT_EQUAL(p.quiesce_ns + p.sync_ns + p.wire_ns + p.verify_ns + p.load_ns, 0);
	CU_ASSERT_EQUAL(p.resume_ns, 0);
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_happy_path_leads_from_setup_to_done),
		PW_TEST(test_no_stage_can_be_skipped_or_repeated),
		PW_TEST(test_every_stage_before_the_handover_may_fail_or_be_cancelled),
		PW_TEST(test_a_given_guest_is_never_taken_back_without_the_targets_word),
		PW_TEST(test_an_end_is_an_end),
		PW_TEST(test_phases_add_up_to_what_the_guest_saw),
		PW_TEST(test_phases_that_never_came_are_zero),
	};

	return PW_RUN_SUITE("migration", tests);
}
