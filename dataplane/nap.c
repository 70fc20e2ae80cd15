/* SPDX-License-Identifier: BSD-3-Clause */
/* nap.c - see nap.h */

#include <sched.h>
#include <sys/prctl.h>

#include "nap.h"

#define POLLS_SPIN  4u	/* on shared cores more would take the time of the one waited for */
#define POLLS_YIELD 80u
#define POLLS_LOOK  16u	/* of 20 us and more, for what may follow on a little */
#define POLLS_REST  (POLLS_YIELD + 512)
#define REST_MORE   128u	/* idle polls of 1 ms that are remembered */
#define REST_LESS   16u	/* of them that a little costs: what comes every 5 ms is no rest */

/* Naps get longer: what is to come soon comes soon, and then a worker of a
 * transfer that rests shall cost next to nothing. */
static const struct {
	uint32_t until;	/* idle polls */
	uint32_t ns;
} naps[] = {
	{ POLLS_YIELD + 64, 20000 },	/* some 2 ms */
	{ POLLS_REST, 100000 },	/* some 50 ms */
	{ UINT32_MAX, 1000000 },
};

void pw_nap_init(struct pw_nap *n, struct pw_bells *bells, uint32_t number, bool poll_always)
{
	*n = (struct pw_nap){ .bells = bells, .number = number, .poll_always = poll_always };
	/* By default the kernel stretches a nap by 50 us. */
	prctl(PR_SET_TIMERSLACK, 1000);
}

static uint32_t nap_ns(uint32_t idle_polls)
{
	unsigned i = 0;

	while (idle_polls > naps[i].until)
		i++;
	return naps[i].ns;
}

void pw_nap_little(struct pw_nap *n)
{
	uint32_t rested = n->rested ? n->rested : n->idle_polls;

	if (rested <= POLLS_REST + REST_LESS) {
		pw_nap_busy(n);
		return;
	}
	n->rested = rested - REST_LESS;
	n->idle_polls = POLLS_YIELD;
}

void pw_nap_idle(struct pw_nap *n)
{
	if (n->idle_polls < POLLS_REST + REST_MORE)
		n->idle_polls++;
	if (n->rested && n->idle_polls > POLLS_YIELD + POLLS_LOOK) {
		n->idle_polls = n->rested;
		n->rested = 0;
	}
	if (n->poll_always || n->idle_polls < POLLS_SPIN)
		return;
	if (n->idle_polls < POLLS_YIELD) {
		sched_yield();
		return;
	}
	/* Rung early for what the control thread and the pumps bring; what comes
	 * from the wire waits for the end of the nap. */
	pw_bells_arm(n->bells, n->number);
	pw_bells_wait(n->bells, n->number, nap_ns(n->idle_polls));
}
