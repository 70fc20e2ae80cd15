/* SPDX-License-Identifier: BSD-3-Clause */
/* bell.c - see bell.h */

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bell.h"
#include "pagewire/check.h"

#define NS_PER_S 1000000000ull

int pw_bells_init(struct pw_bells *b, uint32_t count)
{
	PW_CHECK(count <= PW_BELLS_MAX);
	atomic_init(&b->waiting, 0);
	for (b->count = 0; b->count < count; b->count++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		if (fd < 0) {
			int status = -errno;

			pw_bells_fini(b);
			return status;
		}
		b->fd[b->count] = fd;
	}
	return 0;
}

void pw_bells_fini(struct pw_bells *b)
{
	while (b->count > 0)
		close(b->fd[--b->count]);
}

void pw_bells_toll(struct pw_bells *b, uint32_t mask)
{
	static const uint64_t one = 1;

	atomic_fetch_and_explicit(&b->waiting, ~mask, memory_order_relaxed);
	for (uint32_t i = 0; i < b->count; i++)
		/* EAGAIN: it has rung often enough */
		if (mask >> i & 1 && write(b->fd[i], &one, sizeof(one)) < 0)
			PW_CHECK(errno == EAGAIN);
}

void pw_bells_arm(struct pw_bells *b, uint32_t number)
{
	atomic_fetch_or_explicit(&b->waiting, 1u << number, memory_order_relaxed);
	/* pairs with the fence in pw_bells_ring() */
	atomic_thread_fence(memory_order_seq_cst);
}

void pw_bells_disarm(struct pw_bells *b, uint32_t number)
{
	uint64_t times;

	atomic_fetch_and_explicit(&b->waiting, ~(1u << number), memory_order_relaxed);
	if (read(b->fd[number], &times, sizeof(times)) < 0)
		PW_CHECK(errno == EAGAIN);	/* it did not ring */
}

void pw_bells_wait(struct pw_bells *b, uint32_t number, uint64_t timeout_ns)
{
	struct pollfd bell = { .fd = b->fd[number], .events = POLLIN };
	struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_S),
				    .tv_nsec = (long)(timeout_ns % NS_PER_S) };

	ppoll(&bell, 1, timeout_ns == PW_BELL_FOREVER ? NULL : &timeout, NULL);
	pw_bells_disarm(b, number);
}
