/* SPDX-License-Identifier: BSD-3-Clause */
/* test_guest_pair.h - two synthetic guests, and what pagewire is to their devices */
#ifndef PW_TEST_GUEST_PAIR_H
#define PW_TEST_GUEST_PAIR_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest_machine.h"
#include "pagewire/check.h"
#include "run.h"

#define MIB (1ull << 20)

static const struct pw_guest_plan small_plan = {
	.size = { .memory_bytes = 16 * MIB, .vgpu_bytes = 16 * MIB, .regions = 2, .vgpus = 1 },
	.rates = { .dirty_bytes_per_s = 64 * MIB, .steps_per_s = 500, .tokens_per_s = 500 },
	.seed = 7,
};

static struct pw_guest_machine source, target;
static const struct pw_agent_permit permit = { .migration = "sixteen bytes id", .epoch = 3 };

static inline void given_machine(struct pw_guest_machine *m, bool incoming)
{
	struct pw_guest_plan plan = small_plan;

	plan.incoming = incoming;
	plan.seed += incoming;	/* the target does not know the seed beforehand */
	CU_ASSERT_EQUAL_FATAL(pw_guest_machine_create(m, &plan, NULL), 0);
}

static inline void given_pair(void)
{
	given_machine(&source, false);
	given_machine(&target, true);
	CU_ASSERT_EQUAL(pw_guest_machine_prepare(&target, &permit), 0);
}

static inline void drop_pair(void)
{
	pw_guest_machine_destroy(&source);
	pw_guest_machine_destroy(&target);
}

static inline int enter(struct pw_guest_machine *m, uint32_t device, enum pw_device_state state)
{
	int fd = -1;
	int err = pw_guest_machine_device_state(
		m, &(struct pw_agent_device_state){ .device = device, .state = state }, &fd);

	return err ? err : fd;
}

/* What pagewire is to a device: all bytes from one fd to another. */
struct wire {
	pthread_t thread;
	int from, to;
	uint64_t bytes;
	uint64_t bytes_max;	/* cut off after so many; 0: never */
};

static inline void *wire_main(void *arg)
{
	struct wire *w = arg;
	static _Thread_local uint8_t buf[65536];
	ssize_t n = 0;

	while ((n = read(w->from, buf, sizeof(buf))) > 0) {
		if (w->bytes_max && w->bytes + (uint64_t)n > w->bytes_max)
			n = (ssize_t)(w->bytes_max - w->bytes);
		for (ssize_t at = 0, put; at < n; at += put) {
			put = write(w->to, buf + at, (size_t)(n - at));
			if (put <= 0)
				goto out;
		}
		w->bytes += (uint64_t)n;
		if (w->bytes_max && w->bytes == w->bytes_max)
			break;
	}
out:
	close(w->to);
	close(w->from);
	return NULL;
}

static inline void given_wire(struct wire *w, int from, int to)
{
	CU_ASSERT_TRUE_FATAL(from >= 0 && to >= 0);
	w->from = from;
	w->to = to;
	w->bytes = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, wire_main, w), 0);
}

static inline int loaded(struct pw_guest_machine *m, uint32_t device)
{
	int err;

	while ((err = pw_guest_device_await_load(&m->device[device])) == -EAGAIN) {
		struct pollfd done = { .fd = m->done_fd, .events = POLLIN };
		eventfd_t count;

		poll(&done, 1, -1);
		eventfd_read(m->done_fd, &count);
	}
	return err;
}

static inline void copy_host_memory(void)
{
	for (uint32_t r = 0; r < source.body.memory.regions; r++)
		memcpy(target.body.memory.region[r].base, source.body.memory.region[r].base,
		       source.body.memory.region_bytes);
}

static inline void wait_steps(struct pw_guest_machine *m, uint64_t more)
{
	pw_guest_engine_await(&m->engine, pw_guest_engine_steps(&m->engine) + more);
}

static inline void move_stopped_device(uint32_t device)
{
	struct wire w = { 0 };

	given_wire(&w, enter(&source, device, PW_DEVICE_STOP_COPY),
		   enter(&target, device, PW_DEVICE_RESUMING));
	pthread_join(w.thread, NULL);
	CU_ASSERT_EQUAL(loaded(&target, device), 0);
}

static inline void move_stopped(void)
{
	CU_ASSERT_EQUAL(pw_guest_machine_pause(&source), 0);
	for (uint32_t d = 0; d < source.devices; d++)
		move_stopped_device(d);
	copy_host_memory();
}

#endif /* PW_TEST_GUEST_PAIR_H */
