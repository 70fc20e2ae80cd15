/* SPDX-License-Identifier: BSD-3-Clause */
/* coverage.c - see coverage.h */

#include <inttypes.h>
#include <stdio.h>

#include "coverage.h"

#define BIT(stage) (1u << SIM_##stage)

static const char *const fault_name[] = {
#define X(name, words) [SIM_##name] = words,
	SIM_FAULTS(X)
#undef X
};

static const char *const stage_name[SIM_NUM_STAGES] = {
	[SIM_SETUP] = "setup",	   [SIM_ROUND_0] = "round 0", [SIM_ROUNDS] = "rounds",
	[SIM_STUN] = "stun",	   [SIM_STREAMS] = "streams", [SIM_SEALING] = "sealing",
	[SIM_REOPENING] = "reopen",
};

/* Before a transfer is open at both ends it sends nothing, so nothing of it can
 * be lost. After SEAL was sent its senders only ask whether their paths live:
 * neither that nor an ack has a payload; a probe of the MTU has, once in a
 * thousand seeds. */
#define NO_FRAMES BIT(SETUP)
#define NO_PAGES  (BIT(SETUP) | BIT(SEALING))

/* A queue that is too full for a page still takes what is as short as a ping. */
#define SHORT_ONES BIT(SEALING)

/* What need not be reached, with the reason. */
static const unsigned unreachable[SIM_NUM_FAULTS] = {
	[SIM_LOSS] = NO_FRAMES,
	[SIM_BURST] = NO_FRAMES,
	[SIM_SILENCE] = NO_FRAMES,
	[SIM_REORDER] = NO_FRAMES,
	[SIM_REPEAT_SOON] = NO_FRAMES,
	[SIM_REPEAT_LATE] = NO_FRAMES,
	[SIM_STRAY] = NO_FRAMES,
	[SIM_CORRUPT_HEADER] = NO_FRAMES,
	[SIM_CORRUPT_PAYLOAD] = NO_PAGES,
	[SIM_CORRUPT_LENGTH] = NO_FRAMES,
	[SIM_DELAY] = NO_FRAMES,
	[SIM_QUEUE_FULL] = NO_FRAMES | SHORT_ONES,
	[SIM_MARK] = NO_FRAMES,
	[SIM_BLACK_HOLE] = NO_PAGES,	/* an ack is shorter than any payload */
	[SIM_REFUSED] = NO_FRAMES,
	[SIM_RING_FULL] = NO_FRAMES,
	[SIM_SLOW_PUMP] = BIT(SETUP) | BIT(SEALING),	/* no stream runs */
	[SIM_FORGED_ACK] = BIT(SETUP),	/* the source has no connection */
	[SIM_HALF_PLACED] = NO_PAGES,
	[SIM_OLD_LIFE] = NO_FRAMES,	/* the first life has no former one */
	[SIM_TORN] = NO_PAGES | BIT(STUN),	/* nobody writes while the guest is paused */
};

void sim_cover(struct sim_coverage *c, enum sim_fault fault, unsigned stages)
{
	for (unsigned s = 0; s < SIM_NUM_STAGES; s++)
		c->count[fault][s] += stages >> s & 1;
}

void sim_coverage_add(struct sim_coverage *to, const struct sim_coverage *from)
{
	for (unsigned f = 0; f < SIM_NUM_FAULTS; f++)
		for (unsigned s = 0; s < SIM_NUM_STAGES; s++)
			to->count[f][s] += from->count[f][s];
}

/* Returns how many cells are empty and should not be. */
static unsigned show_fault(const struct sim_coverage *c, unsigned fault)
{
	unsigned empty = 0;

	printf("%-26s", fault_name[fault]);
	for (unsigned s = 0; s < SIM_NUM_STAGES; s++) {
		bool reachable = !(unreachable[fault] >> s & 1);

		if (c->count[fault][s])
			printf(" %9" PRIu64, c->count[fault][s]);
		else
			printf(" %9s", reachable ? "EMPTY" : "-");
		empty += reachable && !c->count[fault][s];
	}
	putchar('\n');
	return empty;
}

unsigned sim_coverage_show(const struct sim_coverage *c)
{
	unsigned empty = 0;

	printf("%-26s", "what happened, and when");
	for (unsigned s = 0; s < SIM_NUM_STAGES; s++)
		printf(" %9s", stage_name[s]);
	putchar('\n');
	for (unsigned f = 0; f < SIM_NUM_FAULTS; f++)
		empty += show_fault(c, f);
	return empty;
}
