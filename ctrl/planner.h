/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * planner.h - may the guest be stunned now?
 *
 * Asked every tick and at the end of every round. Pure: no clock, no memory,
 * no logs; what it says depends on what it was told, and on nothing else.
 *
 *	stun = quiesce + (memory + devices) / rate + load         enhanced
 *	stun = quiesce + memory / rate + devices / link + load    legacy
 *
 *	memory   never sent + dirty now + dirtied while the guest is quiesced
 *	rate     low quantile of the recent samples, never their mean
 *
 * In this order:
 *	goal         within it: stop
 *	deadline     reached, or missed if the stun began later: stop if the stun
 *	             is within the limit; reached and beyond the limit: abort
 *	initial      devices have first bytes to move: go on (switchover-ack).
 *	             No rule stops before; only the deadline aborts
 *	no sample    nothing to predict with: go on
 *	diminishing  the next round would take less than 1/10 off the bytes left,
 *	             at the end of two rounds in a row: stop within the limit
 *	converging   beyond the limit, and the next round would take less than
 *	             1/100 off, two rounds in a row: abort
 *	rounds       as many as allowed: stop within the limit, or abort
 * An abort leaves the guest running at the source.
 */
#ifndef PW_PLANNER_H
#define PW_PLANNER_H

#include <stdint.h>

#include "pagewire/control.h"

#define PW_PLANNER_SAMPLES 32u
#define PW_PLANNER_UNKNOWN UINT64_MAX	/* a stun that cannot be predicted */
#define PW_STUN_LIMIT_NS   (100ull * 1000 * 1000 * 1000)

enum pw_verdict { PW_PLAN_CONTINUE, PW_PLAN_STOP, PW_PLAN_ABORT, PW_NUM_VERDICTS };

enum pw_reason {
	PW_REASON_NO_SAMPLE,	/* continue: no rate was seen yet */
	PW_REASON_INITIAL,	/* continue: a device has initial bytes left */
	PW_REASON_SHRINKING,	/* continue: it pays */
	PW_REASON_GOAL,	/* stop */
	PW_REASON_DIMINISHING,	/* stop */
	PW_REASON_ROUNDS,	/* stop */
	PW_REASON_DEADLINE,	/* stop or abort */
	PW_REASON_NOT_CONVERGING,	/* abort */
	PW_REASON_LIMIT,	/* abort: rounds are used up, the stun is beyond the limit */
	PW_NUM_REASONS
};

struct pw_planner_policy {
	enum pw_mode mode;
	uint32_t rounds_max;	/* 0: no bound */
	uint64_t stun_goal_ns;
	uint64_t stun_limit_ns;	/* 0: PW_STUN_LIMIT_NS */
	uint64_t deadline_ns;	/* of the whole migration, from start_ns on; 0: none */
	uint64_t pass_cost_ns;	/* of a round whatever its bytes: harvest, close */
};

struct pw_planner_input {
	uint64_t now_ns;
	uint64_t unsent_bytes;	/* of memory, never sent */
	uint64_t dirty_bytes;	/* of memory, sent and dirty now */
	uint64_t memory_bytes;	/* of the guest: no more can be dirty; 0: not known */
	uint64_t device_initial_bytes;	/* left, of all devices */
	uint64_t device_stop_bytes;	/* left for the stun, of all devices, initial ones excluded */
	uint64_t rate_sample;	/* bytes/s while the pipe was full; 0: none this time */
	uint64_t link_rate;	/* legacy: bytes/s of the control link, a lower bound */
	uint64_t dirty_rate;	/* bytes/s of memory that become dirty */
	uint64_t quiesce_ns;	/* estimates of what a stun costs without a byte */
	uint64_t load_ns;
	uint32_t rounds;	/* that have ended; a new number marks a round's end */
};

struct pw_plan {
	enum pw_verdict verdict;
	enum pw_reason reason;
	uint64_t stun_ns;	/* if the guest were paused now; PW_PLANNER_UNKNOWN */
	uint64_t rate_bytes_per_s;	/* that this was computed with; 0: no sample */
	uint64_t next_bytes;	/* that one more round would leave; PW_PLANNER_UNKNOWN */
};

struct pw_planner {
	struct pw_planner_policy policy;
	uint64_t start_ns;
	uint64_t sample[PW_PLANNER_SAMPLES];	/* bytes/s, a ring */
	uint32_t samples;	/* ever taken */
	uint32_t rounds;	/* ended when last asked */
	uint32_t little;	/* rounds in a row after which the next would take less than 1/10 off */
	uint32_t nothing;	/* ... less than 1/100 */
};

void pw_planner_init(struct pw_planner *p, const struct pw_planner_policy *policy,
		     uint64_t start_ns);

/* A round that was too short to fill the pipe still gives a sample, its bytes
 * over its time: less than the truth, never more. */
struct pw_plan pw_planner_decide(struct pw_planner *p, const struct pw_planner_input *in);

/* "goal met", ... for logs and reports. */
const char *pw_planner_verdict_name(enum pw_verdict verdict);
const char *pw_planner_reason_name(enum pw_reason reason);

#endif /* PW_PLANNER_H */
