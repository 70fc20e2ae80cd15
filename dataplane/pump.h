/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pump.h - bytes between a file descriptor and a stream's ring, one thread each
 *
 *	source  fd -> read -> slots -> workers; at end of file the last slot, then
 *	        wait until everything is placed
 *	target  workers -> slots -> write -> fd; behind the last slot close it
 *
 * The thread blocks in read, in write, or on its bell; workers ring that when
 * slots were placed. It digests every byte on its way. To stop it, its flag is
 * set, its bell rung and its system call interrupted by a signal; the signal
 * may come just before the call, so it is sent until the thread has ended.
 */
#ifndef PW_PUMP_H
#define PW_PUMP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bell.h"
#include "pagewire/seam.h"
#include "stream.h"

struct pw_pump {
	enum pw_role role;
	uint32_t stream;	/* its number, and that of its bell */
	int fd;
	struct pw_bells *bells;	/* of the transfer's pumps */
	struct pw_bells *workers;	/* rung for what was filled or drained */
	struct pw_bells *control;	/* rung at the end */
	uint8_t *ring;
	void *digester;	/* XXH3_state_t */
	pthread_t thread;
	_Atomic bool stop;
	_Atomic bool ended;	/* what follows is final */
	int status;
	uint64_t bytes;
	uint64_t digest[2];	/* low half first */
	bool told;	/* control thread: pagewired knows */
	union {
		struct pw_stream_out out;
		struct pw_stream_in in;
	};
};

/* Once per process, before the first pump. */
void pw_pump_init_process(void);

/* Take fd and start. NULL: no memory, no thread; fd is then still the caller's. */
struct pw_pump *pw_pump_create(const struct pw_pump *wanted);

/* Ask it to end; again if it has not. */
void pw_pump_stop(struct pw_pump *p);

static inline bool pw_pump_has_ended(const struct pw_pump *p)
{
	/* acquire; pairs with the release at the thread's end */
	return atomic_load_explicit(&p->ended, memory_order_acquire);
}

/* Has ended. */
void pw_pump_destroy(struct pw_pump *p);

/* pump_run.c: what the threads do; 0 or a negative errno. */
int pw_pump_run_out(struct pw_pump *p);
int pw_pump_run_in(struct pw_pump *p);

#endif /* PW_PUMP_H */
