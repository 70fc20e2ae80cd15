/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bell.h - waking a thread that waits, and costing nothing while none does
 *
 *	waiter                               ringer
 *	pw_bells_arm()   waiting |= bit      changes what is waited for
 *	looks once more                      pw_bells_ring()
 *	pw_bells_wait()                        fence, waiting & bit? -> eventfd
 *
 * Both sides write first and look afterwards, with a full fence between: at
 * least one of them sees the other, so no wake-up is lost. One waiter per bit.
 */
#ifndef PW_BELL_H
#define PW_BELL_H

#include <stdatomic.h>
#include <stdint.h>

#define PW_BELLS_MAX 32u
#define PW_BELLS_ALL UINT32_MAX

struct pw_bells {
	_Atomic uint32_t waiting;	/* bit i: somebody is about to wait for fd[i] */
	uint32_t count;
	int fd[PW_BELLS_MAX];	/* eventfds */
};

/* Returns 0 or a negative errno. */
int pw_bells_init(struct pw_bells *b, uint32_t count);
void pw_bells_fini(struct pw_bells *b);

/* Wake those of mask unasked. */
void pw_bells_toll(struct pw_bells *b, uint32_t mask);

/* What somebody may wait for has changed. */
static inline void pw_bells_ring(struct pw_bells *b, uint32_t mask)
{
	uint32_t waiting;

	/* pairs with the fence in pw_bells_arm() */
	atomic_thread_fence(memory_order_seq_cst);
	waiting = atomic_load_explicit(&b->waiting, memory_order_relaxed) & mask;
	if (waiting)
		pw_bells_toll(b, waiting);
}

/* Say that number is about to be waited for; then look again at what for. */
void pw_bells_arm(struct pw_bells *b, uint32_t number);

/* There is nothing to wait for after all, or the wait is over. */
void pw_bells_disarm(struct pw_bells *b, uint32_t number);

#define PW_BELL_FOREVER UINT64_MAX

/* Wait until number rings or a time has passed, and disarm it. */
void pw_bells_wait(struct pw_bells *b, uint32_t number, uint64_t timeout_ns);

#endif /* PW_BELL_H */
