/* SPDX-License-Identifier: BSD-3-Clause */
/* test_guest.c - the synthetic guest: pauses, moves, continues, and who may let it run */

#include "test_guest_pair.h"

static void test_guest_at_home_is_good_and_continuous(void)
{
	struct pw_guest_report r;

	given_machine(&source, false);
	wait_steps(&source, 30);
	CU_ASSERT_EQUAL(pw_guest_machine_check(&source, &r), 0);
	CU_ASSERT_EQUAL(r.check.bad, 0);
	CU_ASSERT_EQUAL(r.check.pages, 32 * MIB / PW_PAGE_BYTES);
	CU_ASSERT_TRUE(r.continued);
	CU_ASSERT_TRUE(r.dirtied_pages > 0 && r.dirtied_pages < r.check.pages);
	pw_guest_machine_destroy(&source);
}

static void test_paused_guest_writes_nothing(void)
{
	static uint8_t before[16 * MIB];
	struct pw_guest_plan plan = small_plan;
	uint64_t step;

	plan.rates.steps_per_s = PW_GUEST_STEP_RATE_MAX;	/* as good as always in a step */
	CU_ASSERT_EQUAL_FATAL(pw_guest_machine_create(&source, &plan, NULL), 0);
	wait_steps(&source, 5);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_TRUE(source.engine.parked);
	memcpy(before, source.body.vgpu[0].memory, sizeof(before));
	step = source.workload.step;
	for (unsigned i = 0; i < 20; i++)	/* takes longer than several steps */
		CU_ASSERT_EQUAL(memcmp(before, source.body.vgpu[0].memory, sizeof(before)), 0);
	CU_ASSERT_EQUAL(source.workload.step, step);
	CU_ASSERT_EQUAL(source.times.last_step_ns, source.workload.last_step_ns);
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
	wait_steps(&source, 1);
	pw_guest_machine_destroy(&source);
}

static void test_guest_continues_from_loaded_registers(void)
{
	struct pw_guest_report r;
	uint64_t step;

	given_pair();
	wait_steps(&source, 20);
	move_stopped();
	step = source.workload.step;
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), 0);
	CU_ASSERT_EQUAL(target.times.last_step_ns, source.times.last_step_ns);
	CU_ASSERT_TRUE(target.times.first_step_ns > target.times.last_step_ns);
	CU_ASSERT_EQUAL(target.first_step, step + 1);
	CU_ASSERT_EQUAL(target.arrived_step, step);
	wait_steps(&target, 20);
	CU_ASSERT_EQUAL(pw_guest_machine_check(&target, &r), 0);
	CU_ASSERT_EQUAL(r.check.bad, 0);
	CU_ASSERT_TRUE(r.continued);
	CU_ASSERT_TRUE(r.step >= step + 20);
	drop_pair();
}

static void test_same_steps_are_taken_at_source_and_target(void)
{
	given_pair();
	move_stopped();
	for (uint32_t d = 0; d < source.devices; d++)	/* joins their threads */
		pw_guest_device_reset(&source.device[d], PW_DEVICE_RUNNING);
	for (unsigned i = 0; i < 40; i++) {	/* both by hand: neither engine runs */
		pw_guest_workload_step(&source.workload, &source.body);
		pw_guest_workload_step(&target.workload, &target.body);
	}
	CU_ASSERT_EQUAL(source.workload.chain, target.workload.chain);
	CU_ASSERT_EQUAL(source.body.ledger.digest, target.body.ledger.digest);
	CU_ASSERT_EQUAL(memcmp(source.body.memory.region[1].base, target.body.memory.region[1].base,
			       source.body.memory.region_bytes), 0);
	CU_ASSERT_EQUAL(memcmp(source.body.vgpu[0].memory, target.body.vgpu[0].memory, 16 * MIB), 0);
	drop_pair();
}

static void test_step_that_is_lost_or_taken_twice_breaks_continuity(void)
{
	struct pw_guest_report r;

	given_machine(&source, false);
	wait_steps(&source, 5);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	source.workload.step--;
	CU_ASSERT_EQUAL(pw_guest_machine_check(&source, &r), 0);
	CU_ASSERT_FALSE(r.continued);
	source.workload.step += 2;
	CU_ASSERT_EQUAL(pw_guest_machine_check(&source, &r), 0);
	CU_ASSERT_FALSE(r.continued);
	pw_guest_machine_destroy(&source);
}

/* Who may run */

static void test_run_needs_the_permit_and_all_devices(void)
{
	struct pw_agent_permit wrong = permit;

	given_pair();
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), -EBUSY);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	move_stopped_device(0);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), -EBUSY);
	move_stopped_device(1);
	wrong.epoch++;
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &wrong), -EPERM);
	wrong = permit;
	wrong.migration[15]++;
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &wrong), -EPERM);
	CU_ASSERT_EQUAL(target.state, PW_GUEST_WAITING);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), 0);	/* asked again */
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &wrong), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&source, &permit), -EINVAL);
	drop_pair();
}

static void test_target_without_prepare_loads_and_runs_nothing(void)
{
	given_machine(&target, true);
	CU_ASSERT_EQUAL(enter(&target, 0, PW_DEVICE_RESUMING), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &(struct pw_agent_permit){ 0 }), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&target), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&target), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_release(&target), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_discard(&target, &permit), 0);
	pw_guest_machine_destroy(&target);
}

static void test_discarded_target_is_empty_and_can_be_loaded_by_another_migration(void)
{
	struct pw_agent_permit next = { .migration = "another id......", .epoch = 4 };
	struct pw_guest_check check;
	struct pw_guest_report r;

	given_pair();
	move_stopped();
	CU_ASSERT_EQUAL(pw_guest_machine_prepare(&target, &next), -EBUSY);
	CU_ASSERT_EQUAL(pw_guest_machine_discard(&target, &next), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_discard(&target, &permit), 0);
	pw_guest_body_check(&target.body, &check);	/* the empty ledger wants zeroes */
	CU_ASSERT_EQUAL(check.bad, 0);
	CU_ASSERT_EQUAL(target.body.ledger.digest, 0);
	CU_ASSERT_EQUAL(target.workload.step, 0);
	CU_ASSERT_EQUAL(pw_guest_machine_prepare(&target, &next), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &next), -EBUSY);
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
	wait_steps(&source, 10);
	move_stopped();
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), -EPERM);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &next), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_check(&target, &r), 0);
	CU_ASSERT_EQUAL(r.check.bad, 0);
	drop_pair();
}

static void test_released_guest_never_runs_again(void)
{
	given_machine(&source, false);
	CU_ASSERT_EQUAL(pw_guest_machine_release(&source), -EINVAL);	/* it runs */
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_release(&source), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_release(&source), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_run(&source, &permit), -EINVAL);
	CU_ASSERT_EQUAL(pw_guest_machine_prepare(&source, &permit), -EINVAL);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -EINVAL);
	CU_ASSERT_FALSE(source.engine.run);
	pw_guest_machine_destroy(&source);
}

static void test_check_finds_exactly_the_sabotaged_page(void)
{
	static const struct {
		enum pw_guest_sabotage how;
		const char *fault;
	} rows[] = {
		{ PW_SABOTAGE_CORRUPT, "corrupt" },
		{ PW_SABOTAGE_STALE, "stale" },
		{ PW_SABOTAGE_MISSING, "missing" },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		struct pw_guest_report r;

		given_pair();
		target.plan.sabotage = rows[i].how;
		wait_steps(&source, 20);
		move_stopped();
		CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), 0);
		wait_steps(&target, 50);
		CU_ASSERT_EQUAL(pw_guest_machine_pause(&target), 0);
		pw_guest_body_write(&target.body, 0, target.body.spared);	/* does not heal it */
		CU_ASSERT_EQUAL(pw_guest_machine_check(&target, &r), 0);
		CU_ASSERT_EQUAL(r.check.bad, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(r.check.first_bad, rows[i].fault));
		CU_ASSERT_TRUE(r.continued);
		drop_pair();
	}
}

static void test_region_cannot_be_shrunk_or_grown_by_who_holds_it(void)
{
	given_machine(&target, true);
	CU_ASSERT_EQUAL(ftruncate(target.body.memory.region[0].fd, 4096), -1);
	CU_ASSERT_EQUAL(ftruncate(target.body.memory.region[0].fd, 1 << 30), -1);
	pw_guest_machine_destroy(&target);
}

static const struct pw_test tests[] = {
	PW_TEST(test_guest_at_home_is_good_and_continuous),
	PW_TEST(test_paused_guest_writes_nothing),
	PW_TEST(test_guest_continues_from_loaded_registers),
	PW_TEST(test_same_steps_are_taken_at_source_and_target),
	PW_TEST(test_step_that_is_lost_or_taken_twice_breaks_continuity),
	PW_TEST(test_run_needs_the_permit_and_all_devices),
	PW_TEST(test_target_without_prepare_loads_and_runs_nothing),
	PW_TEST(test_discarded_target_is_empty_and_can_be_loaded_by_another_migration),
	PW_TEST(test_released_guest_never_runs_again),
	PW_TEST(test_check_finds_exactly_the_sabotaged_page),
	PW_TEST(test_region_cannot_be_shrunk_or_grown_by_who_holds_it),
};

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return PW_RUN_SUITE("guest", tests);
}
