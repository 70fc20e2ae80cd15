/* SPDX-License-Identifier: BSD-3-Clause */
/* nap.c - see nap.h */

#include <sched.h>
#include <sys/prctl.h>

#include "nap.h"

#define POLLS_SPIN  64u	/* some 10 us */
#define POLLS_YIELD 80u
#define NAP_MIN_NS  20000u
#define NAP_MAX_NS  100000u
#define NAPS_SHORT  64u	/* some 5 ms: then nothing is on its way any more */

void pw_nap_init(struct pw_nap *n, struct pw_bells *bells, uint32_t number, bool poll_always)
{
	*n = (struct pw_nap){ .bells = bells, .number = number, .poll_always = poll_always };
	/* By default the kernel stretches a nap by 50 us. */
	prctl(PR_SET_TIMERSLACK, 1000);
}

void pw_nap_idle(struct pw_nap *n)
{
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
	pw_bells_wait(n->bells, n->number,
		      n->idle_polls < POLLS_YIELD + NAPS_SHORT ? NAP_MIN_NS : NAP_MAX_NS);
}
