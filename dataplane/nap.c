/* SPDX-License-Identifier: BSD-3-Clause */
/* nap.c - see nap.h */

#include <sched.h>
#include <sys/prctl.h>

#include "nap.h"

#define POLLS_SPIN  4u	/* on shared cores more would take the time of the one waited for */
#define POLLS_YIELD 80u

/* Naps get longer: what is to come soon comes soon, and then a worker of a
 * transfer that rests shall cost next to nothing. */
static const struct {
	uint32_t until;	/* idle polls */
	uint32_t ns;
} naps[] = {
	{ POLLS_YIELD + 64, 20000 },	/* some 2 ms */
	{ POLLS_YIELD + 512, 100000 },	/* some 50 ms */
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

void pw_nap_idle(struct pw_nap *n)
{
	if (n->idle_polls < UINT32_MAX)
		n->idle_polls++;
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
