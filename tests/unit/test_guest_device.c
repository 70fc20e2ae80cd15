/* SPDX-License-Identifier: BSD-3-Clause */
/* test_guest_device.c - devices of the synthetic guest: saved while it works, loaded, lied to */

#include <sched.h>

#include "guest_random.h"
#include "guest_vgpu_mark.h"
#include "test_guest_pair.h"

/* The vGPU, moved while it works */

static uint64_t unsent_settled_bytes(struct pw_guest_machine *m)
{
	struct pw_agent_device_info info = { 0 };

	pw_guest_device_info(&m->device[0], &info);
	return info.initial_bytes;
}

static void test_vgpu_moved_while_the_engine_writes_arrives_exactly(void)
{
	struct wire w = { 0 };

	given_pair();
	wait_steps(&source, 30);
	given_wire(&w, enter(&source, 0, PW_DEVICE_PRE_COPY), enter(&target, 0, PW_DEVICE_RESUMING));
	while (unsent_settled_bytes(&source))
		wait_steps(&source, 1);
	wait_steps(&source, 200);	/* KV blocks settle and are sent again */
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);	/* no new data_fd */
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, 0), 0);
	CU_ASSERT_EQUAL(memcmp(source.body.vgpu[0].memory, target.body.vgpu[0].memory, 16 * MIB), 0);
	CU_ASSERT_TRUE(w.bytes > 0);
	drop_pair();
}

static bool is_unsent(struct pw_guest_vgpu *v, uint32_t block)
{
	bool unsent;

	pthread_mutex_lock(&v->lock);
	unsent = v->mark[block] & PW_MARK_DIRTY;
	pthread_mutex_unlock(&v->lock);
	return unsent;
}

static void test_vgpu_block_written_while_it_is_copied_is_sent_again(void)
{
	struct wire w = { 0 };
	struct pw_guest_vgpu *v = &source.body.vgpu[0];
	int from, to;

	given_pair();
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	pw_guest_vgpu_end_step(v, source.workload.step + 100);	/* all is settled */
	source.state = PW_GUEST_RUNNING;	/* as far as devices can see */
	from = enter(&source, 0, PW_DEVICE_PRE_COPY);
	to = enter(&target, 0, PW_DEVICE_RESUMING);
	while (is_unsent(v, 1))	/* then some block after it is half sent: the pipe holds < 4 */
		sched_yield();
	for (uint64_t p = 0; p < 8 * PW_GUEST_BLOCK_PAGES; p++)
		pw_guest_body_write(&source.body, source.body.memory.regions, p);
	pw_guest_body_end_step(&source.body, source.workload.step + 101);
	source.state = PW_GUEST_PAUSED;
	given_wire(&w, from, to);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, 0), 0);
	CU_ASSERT_EQUAL(memcmp(v->memory, target.body.vgpu[0].memory, 16 * MIB), 0);
	drop_pair();
}

static struct pw_guest_pipe saving;

static void *save_main(void *result)
{
	*(int *)result = pw_guest_vgpu_save(&source.body.vgpu[0], &saving);
	return NULL;
}

static void test_vgpu_sends_what_was_settled_before_what_became_dirty_since(void)
{
	struct pw_agent_device_info info = { 0 };
	struct pw_guest_vgpu *v = &source.body.vgpu[0];
	struct pw_guest_record r[2];
	int fds[2], result = 0;
	pthread_t thread;

	given_machine(&source, false);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	pw_guest_vgpu_end_step(v, source.workload.step + 100);	/* all is settled */
	pw_guest_vgpu_begin_save(v, false);
	pw_guest_body_write(&source.body, source.body.memory.regions, 0);
	pw_guest_vgpu_end_step(v, source.workload.step + 101);
	pw_guest_vgpu_end_step(v, source.workload.step + 200);	/* its block has settled again */
	pw_guest_vgpu_info(v, &info);
	CU_ASSERT_EQUAL(info.initial_bytes, 16 * MIB - PW_GUEST_BLOCK_BYTES);
	CU_ASSERT_EQUAL(info.dirty_bytes, PW_GUEST_BLOCK_BYTES);
	CU_ASSERT_EQUAL(info.stop_bytes, 0);
	CU_ASSERT_EQUAL(v->initial_blocks, v->blocks - 1);

	CU_ASSERT_EQUAL_FATAL(pw_guest_pipe_open(fds, 1), 0);
	saving = (struct pw_guest_pipe){ .fd = fds[1], .stop_fd = -1 };
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, save_main, &result), 0);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(read(fds[0], &r[i], sizeof(r[i])), (ssize_t)sizeof(r[i]));
	CU_ASSERT_EQUAL(r[0].kind, PW_RECORD_HELLO);
	CU_ASSERT_EQUAL(r[1].kind, PW_RECORD_DATA);
	CU_ASSERT_EQUAL(r[1].offset, PW_GUEST_BLOCK_BYTES);	/* not the first block */
	close(fds[0]);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(result, -EPIPE);
	close(fds[1]);
	pw_guest_machine_destroy(&source);
}

static void test_vgpu_pre_copy_leaves_only_what_is_hot_to_the_stop(void)
{
	struct pw_agent_device_info info = { 0 };
	struct wire w = { 0 };
	uint64_t pre_copy_bytes;

	given_pair();
	wait_steps(&source, 30);
	given_wire(&w, enter(&source, 0, PW_DEVICE_PRE_COPY), enter(&target, 0, PW_DEVICE_RESUMING));
	do {
		wait_steps(&source, 1);
		info = (struct pw_agent_device_info){ 0 };
		pw_guest_device_info(&source.device[0], &info);
	} while (info.initial_bytes || info.dirty_bytes);
	CU_ASSERT_TRUE(info.stop_bytes > 0 && info.stop_bytes < 5 * MIB);	/* of 16 MiB */
	pre_copy_bytes = w.bytes;
	CU_ASSERT_TRUE(pre_copy_bytes > 11 * MIB);	/* the weights */
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, 0), 0);
	CU_ASSERT_TRUE(w.bytes - pre_copy_bytes < 6 * MIB);
	drop_pair();
}

static void test_vgpu_save_that_nobody_reads_can_be_given_up(void)
{
	eventfd_t count;
	int fd;

	given_machine(&source, false);
	wait_steps(&source, 30);	/* the weights are settled: there is something to send */
	fd = enter(&source, 0, PW_DEVICE_PRE_COPY);
	CU_ASSERT_TRUE(fd >= 0);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_RUNNING), -1);
	close(fd);
	eventfd_read(source.done_fd, &count);
	fd = enter(&source, 0, PW_DEVICE_PRE_COPY);	/* and begun anew */
	CU_ASSERT_TRUE(fd >= 0);
	close(fd);	/* the reader leaves */
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	poll(&(struct pollfd){ .fd = source.done_fd, .events = POLLIN }, 1, -1);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);	/* no reason to refuse */
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
	pw_guest_machine_destroy(&source);
}

/* Read up to so many bytes, or to the end: how many came. */
static size_t read_some(int fd, size_t bytes)
{
	uint8_t buffer[65536];
	size_t got = 0;
	ssize_t n = 1;

	while (got < bytes && n > 0) {
		n = read(fd, buffer, bytes - got < sizeof(buffer) ? bytes - got : sizeof(buffer));
		got += n > 0 ? (size_t)n : 0;
	}
	return got;
}

static void test_stream_that_was_cut_off_in_pre_copy_begins_again_whole(void)
{
	struct wire w = { 0 };
	int old, lost, fd;

	given_pair();
	wait_steps(&source, 30);
	old = enter(&source, 0, PW_DEVICE_PRE_COPY);
	lost = enter(&target, 0, PW_DEVICE_RESUMING);
	CU_ASSERT_EQUAL(read_some(old, 3 * MIB), 3 * MIB);
	CU_ASSERT_TRUE(write(lost, "half", 4) == 4);

	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_RUNNING), -1);
	fd = enter(&source, 0, PW_DEVICE_PRE_COPY);
	CU_ASSERT_EQUAL(enter(&target, 0, PW_DEVICE_STOP), -1);
	given_wire(&w, fd, enter(&target, 0, PW_DEVICE_RESUMING));
	CU_ASSERT_TRUE(read_some(old, SIZE_MAX) <= 1 * MIB);	/* the pipe's rest, then the end */
	CU_ASSERT_EQUAL(write(lost, "more", 4), -1);
	CU_ASSERT_EQUAL(errno, EPIPE);
	close(old);
	close(lost);

	wait_steps(&source, 10);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, 0), 0);
	CU_ASSERT_TRUE(w.bytes > 14 * MIB);
	CU_ASSERT_EQUAL(memcmp(source.body.vgpu[0].memory, target.body.vgpu[0].memory, 16 * MIB), 0);
	drop_pair();
}

static void test_stream_that_was_cut_off_in_the_stun_begins_again_whole(void)
{
	for (uint32_t i = 0; i < 2; i++) {	/* vgpu0, cpu */
		struct wire w = { 0 };
		int old, lost, fd;

		given_pair();
		wait_steps(&source, 30);
		old = i ? -1 : enter(&source, i, PW_DEVICE_PRE_COPY);
		CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
		fd = enter(&source, i, PW_DEVICE_STOP_COPY);
		old = i ? fd : old;
		lost = enter(&target, i, PW_DEVICE_RESUMING);
		CU_ASSERT_EQUAL(read_some(old, 100), 100);
		close(old);	/* the reader dies */
		close(lost);

		CU_ASSERT_EQUAL(enter(&source, i, PW_DEVICE_STOP), -1);
		fd = enter(&source, i, PW_DEVICE_STOP_COPY);
		CU_ASSERT_EQUAL(enter(&target, i, PW_DEVICE_STOP), -1);
		given_wire(&w, fd, enter(&target, i, PW_DEVICE_RESUMING));
		pthread_join(w.thread, NULL);
		CU_ASSERT_EQUAL(loaded(&target, i), 0);
		if (!i)
			CU_ASSERT_EQUAL(memcmp(source.body.vgpu[0].memory,
					       target.body.vgpu[0].memory, 16 * MIB), 0);
		drop_pair();
	}
}

static void test_resumed_guest_goes_on_with_its_pre_copy(void)
{
	struct wire w = { 0 };

	given_pair();
	wait_steps(&source, 30);
	given_wire(&w, enter(&source, 0, PW_DEVICE_PRE_COPY), enter(&target, 0, PW_DEVICE_RESUMING));
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);	/* as for a harvest */
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
	CU_ASSERT_EQUAL(source.device[0].state, PW_DEVICE_PRE_COPY);
	wait_steps(&source, 30);
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -1);
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, 0), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
	CU_ASSERT_EQUAL(source.device[0].state, PW_DEVICE_RUNNING);
	drop_pair();
}

static void test_device_states_out_of_order_are_refused(void)
{
	given_pair();
	/* 1 */ CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_STOP_COPY), -EBUSY);
	/* 2 */ CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_RESUMING), -EINVAL);
	/* 3 */ CU_ASSERT_EQUAL(enter(&source, 1, PW_DEVICE_PRE_COPY), -EINVAL);	/* cpu */
	/* 4 */ CU_ASSERT_EQUAL(enter(&source, 2, PW_DEVICE_PRE_COPY), -EINVAL);
	/* 5 */ CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_PRE_COPY_P2P), -EINVAL);
	/* 6 */ CU_ASSERT_EQUAL(enter(&source, 0, PW_DEVICE_ERROR), -EINVAL);
	/* 7 */ CU_ASSERT_EQUAL(enter(&source, 0, (enum pw_device_state)99), -EINVAL);
	/* 8 */ CU_ASSERT_EQUAL(enter(&target, 0, PW_DEVICE_PRE_COPY), -EINVAL);
	/* 9 */ CU_ASSERT_EQUAL(enter(&target, 0, PW_DEVICE_RUNNING), -EINVAL);
	/* 10 */ CU_ASSERT_EQUAL(pw_guest_device_await_load(&target.device[0]), -EINVAL);
	drop_pair();
}

/* Streams that are not what a vGPU or a cpu sends */

/* Feed bytes to the target's device; what the load says about them. */
static int fed(uint32_t device, const void *bytes, size_t n)
{
	int err, fd = enter(&target, device, PW_DEVICE_RESUMING);
	const uint8_t *at = bytes;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	while (n) {
		ssize_t put = write(fd, at, n);

		if (put <= 0)
			break;	/* refused early: nobody reads on */
		at += put;
		n -= (size_t)put;
	}
	close(fd);
	err = loaded(&target, device);
	if (err)
		CU_ASSERT_EQUAL(target.device[device].state, PW_DEVICE_ERROR);
	pw_guest_device_reset(&target.device[device], PW_DEVICE_STOP);
	return err;
}

#define RECORD(kind, offset, bytes) { PW_GUEST_RECORD_MAGIC, (kind), (offset), (bytes) }
#define HELLO RECORD(PW_RECORD_HELLO, PW_GUEST_STREAM_VERSION, 16 * MIB)
#define BLOCK PW_GUEST_BLOCK_BYTES

static void test_vgpu_refuses_hostile_records(void)
{
	static const struct {
		int err;
		struct pw_guest_record r[4];
	} rows[] = {
		/* 1 */ { -EPROTO, { { 0 } } },
		/* 2 */ { -EPROTO, { RECORD(PW_RECORD_ZERO, 0, BLOCK) } },
		/* 3 */ { -EPROTO, { RECORD(PW_RECORD_HELLO, 2, 16 * MIB) } },
		/* 4 */ { -EINVAL, { RECORD(PW_RECORD_HELLO, 1, 32 * MIB) } },
		/* 5 */ { -EPROTO, { HELLO, { 1, PW_RECORD_ZERO, 0, BLOCK } } },
		/* 6 */ { -EPROTO, { HELLO, RECORD(9, 0, BLOCK) } },
		/* 7 */ { -EPROTO, { HELLO, HELLO } },
		/* 8 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, 16 * MIB, BLOCK) } },
		/* 9 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, 16 * MIB - BLOCK, 2 * BLOCK) } },
		/* 10 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, UINT64_MAX - BLOCK + 1, BLOCK) } },
		/* 11 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_ZERO, BLOCK, UINT64_MAX - BLOCK + 1) } },
		/* 12 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, 1, BLOCK) } },
		/* 13 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, 0, BLOCK - 1) } },
		/* 14 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_DATA, 0, 0) } },
		/* 15 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_END, 0, 0) } },
		/* 16 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_ZERO, 0, 15 * MIB),
				      RECORD(PW_RECORD_END, 0, 15 * MIB) } },
		/* 17 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_ZERO, 0, 16 * MIB),
				      RECORD(PW_RECORD_END, 0, 15 * MIB) } },
		/* 18 */ { -EPROTO, { HELLO, RECORD(PW_RECORD_ZERO, 0, 16 * MIB),
				      RECORD(PW_RECORD_END, 0, 16 * MIB), HELLO } },
	};

	given_pair();
	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		size_t n = 1;

		while (n < PW_ARRAY_SIZE(rows[i].r) && rows[i].r[n].magic)
			n++;
		CU_ASSERT_EQUAL(fed(0, rows[i].r, n * sizeof(rows[i].r[0])), rows[i].err);
	}
	CU_ASSERT_EQUAL(fed(0, (const struct pw_guest_record[]){ HELLO,
				RECORD(PW_RECORD_ZERO, 0, 16 * MIB),
				RECORD(PW_RECORD_END, 0, 16 * MIB) },
			    3 * sizeof(struct pw_guest_record)), 0);	/* the edge that is allowed */
	drop_pair();
}

static void test_vgpu_stream_cut_anywhere_is_refused(void)
{
	static const uint64_t cuts[] = { 1, 23, 24, 30, 48, 49, 262192, 300000, 8 * MIB, 11 * MIB };

	given_pair();
	for (size_t i = 0; i < PW_ARRAY_SIZE(cuts); i++) {
		struct wire w = { .bytes_max = cuts[i] };

		CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
		given_wire(&w, enter(&source, 0, PW_DEVICE_STOP_COPY),
			   enter(&target, 0, PW_DEVICE_RESUMING));
		pthread_join(w.thread, NULL);
		CU_ASSERT_EQUAL(loaded(&target, 0), -ENODATA);
		CU_ASSERT_EQUAL(pw_guest_machine_run(&target, &permit), -EBUSY);
		CU_ASSERT_EQUAL(pw_guest_machine_resume(&source), 0);
		pw_guest_device_reset(&target.device[0], PW_DEVICE_STOP);
	}
	drop_pair();
}

static void test_zero_block_clears_what_an_earlier_record_wrote(void)
{
	static struct {
		struct pw_guest_record hello, first;
		uint8_t bytes[BLOCK];
		struct pw_guest_record all, end;
	} stream = {
		.hello = HELLO,
		.first = RECORD(PW_RECORD_DATA, BLOCK, BLOCK),
		.all = RECORD(PW_RECORD_ZERO, 0, 16 * MIB),
		.end = RECORD(PW_RECORD_END, 0, 16 * MIB + BLOCK),
	};

	given_pair();
	memset(stream.bytes, 0x5a, sizeof(stream.bytes));
	CU_ASSERT_EQUAL(fed(0, &stream, sizeof(stream)), 0);
	CU_ASSERT_EQUAL(target.body.vgpu[0].memory[BLOCK], 0);
	CU_ASSERT_EQUAL(target.body.vgpu[0].memory[2 * BLOCK - 1], 0);
	drop_pair();
}

static size_t saved_registers(uint8_t *to, size_t bytes_max)
{
	size_t bytes = 0;
	ssize_t n;
	int fd;

	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	fd = enter(&source, 1, PW_DEVICE_STOP_COPY);
	while ((n = read(fd, to + bytes, bytes_max - bytes)) > 0)
		bytes += (size_t)n;
	close(fd);
	return bytes;
}

static void test_registers_damaged_anywhere_are_refused(void)
{
	static uint8_t regs[65536];
	uint64_t dice = 5;
	size_t bytes;

	given_pair();
	bytes = saved_registers(regs, sizeof(regs));
	CU_ASSERT_EQUAL(bytes, pw_guest_registers_bytes(&source.registers));
	for (unsigned i = 0; i < 400; i++) {
		size_t at = i < 64 ? i : pw_guest_random_below(&dice, (uint32_t)bytes);

		regs[at] ^= 0x10;
		CU_ASSERT_NOT_EQUAL(fed(1, regs, bytes), 0);
		regs[at] ^= 0x10;
	}
	CU_ASSERT_EQUAL(fed(1, regs, bytes - 1), -ENODATA);
	CU_ASSERT_EQUAL(fed(1, regs, 0), -ENODATA);
	CU_ASSERT_EQUAL(fed(1, regs, bytes + 1), -EPROTO);
	CU_ASSERT_EQUAL(fed(1, regs, bytes), 0);
	drop_pair();
}

static void test_registers_that_point_out_of_bounds_are_refused(void)
{
	static uint8_t regs[65536];
	struct pw_guest_workload w;
	size_t bytes;

	given_pair();
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	CU_ASSERT_TRUE(pw_guest_workload_is_sane(&source.workload, &source.body));
#define INSANE(field, value) \
	w = source.workload; \
	w.field = (value); \
	CU_ASSERT_FALSE(pw_guest_workload_is_sane(&w, &source.body))
	/* 1 */ INSANE(rates.steps_per_s, 0);
	/* 2 */ INSANE(rates.steps_per_s, UINT32_MAX);
	/* 3 */ INSANE(rates.tokens_per_s, UINT32_MAX);
	/* 4 */ INSANE(rates.dirty_bytes_per_s, UINT64_MAX);
	/* 5 */ INSANE(dirty_credit, UINT64_MAX / 2);
	/* 6 */ INSANE(vgpu[0].token_credit, UINT64_MAX / 2);
	/* 7 */ INSANE(vgpu[0].sweep, PW_GUEST_SWEEP_STEPS);
	/* 8 */ INSANE(vgpu[0].turn, PW_GUEST_REQUESTS);
	/* 9 */ INSANE(vgpu[0].request[7].end_page, 105);
	/* 10 */ INSANE(vgpu[0].request[7].next_page, UINT32_MAX - 2);
	source.workload.vgpu[0].turn = PW_GUEST_REQUESTS;	/* and with a checksum that is right */
	bytes = saved_registers(regs, sizeof(regs));
	CU_ASSERT_EQUAL(fed(1, regs, bytes), -EPROTO);
	drop_pair();
}

static void test_registers_of_a_guest_of_another_shape_are_refused(void)
{
	static uint8_t regs[65536];
	struct pw_guest_plan plan = small_plan;
	size_t bytes;

	given_machine(&source, false);
	plan.incoming = true;
	plan.size.regions = 1;	/* as much memory, cut in another way */
	CU_ASSERT_EQUAL_FATAL(pw_guest_machine_create(&target, &plan, NULL), 0);
	CU_ASSERT_EQUAL(pw_guest_machine_prepare(&target, &permit), 0);
	bytes = saved_registers(regs, sizeof(regs));
	CU_ASSERT_EQUAL(fed(1, regs, bytes), -EINVAL);
	drop_pair();
}

static const struct pw_test tests[] = {
	PW_TEST(test_vgpu_moved_while_the_engine_writes_arrives_exactly),
	PW_TEST(test_vgpu_block_written_while_it_is_copied_is_sent_again),
	PW_TEST(test_vgpu_sends_what_was_settled_before_what_became_dirty_since),
	PW_TEST(test_vgpu_pre_copy_leaves_only_what_is_hot_to_the_stop),
	PW_TEST(test_vgpu_save_that_nobody_reads_can_be_given_up),
	PW_TEST(test_stream_that_was_cut_off_in_pre_copy_begins_again_whole),
	PW_TEST(test_stream_that_was_cut_off_in_the_stun_begins_again_whole),
	PW_TEST(test_resumed_guest_goes_on_with_its_pre_copy),
	PW_TEST(test_device_states_out_of_order_are_refused),
	PW_TEST(test_vgpu_refuses_hostile_records),
	PW_TEST(test_vgpu_stream_cut_anywhere_is_refused),
	PW_TEST(test_zero_block_clears_what_an_earlier_record_wrote),
	PW_TEST(test_registers_damaged_anywhere_are_refused),
	PW_TEST(test_registers_that_point_out_of_bounds_are_refused),
	PW_TEST(test_registers_of_a_guest_of_another_shape_are_refused),
};

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return PW_RUN_SUITE("guest_device", tests);
}
