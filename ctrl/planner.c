/* SPDX-License-Identifier: BSD-3-Clause */
/* planner.c - see planner.h */

#include <stdbool.h>
#include <string.h>

#include "pagewire/check.h"
#include "planner.h"

#define NS_PER_S      1000000000ull
#define ROUNDS_IN_ROW 2u

/* One sample in 20 may be lower than the rate that is counted on: with fewer
 * samples than that it is the lowest. */
#define QUANTILE 20u

static const char *const verdict_name[] = {
	[PW_PLAN_CONTINUE] = "continue",
	[PW_PLAN_STOP] = "stop",
	[PW_PLAN_ABORT] = "abort",
};
static_assert(PW_ARRAY_SIZE(verdict_name) == PW_NUM_VERDICTS, "every verdict has a name");

static const char *const reason_name[] = {
	[PW_REASON_NO_SAMPLE] = "no rate measured yet",
	[PW_REASON_INITIAL] = "initial device state not moved yet",
	[PW_REASON_SHRINKING] = "fewer bytes left with every round",
	[PW_REASON_GOAL] = "stun goal met",
	[PW_REASON_DIMINISHING] = "another round is not worth it",
	[PW_REASON_ROUNDS] = "all rounds used",
	[PW_REASON_DEADLINE] = "deadline",
	[PW_REASON_NOT_CONVERGING] = "not converging, stun beyond its limit",
	[PW_REASON_LIMIT] = "all rounds used, stun beyond its limit",
};
static_assert(PW_ARRAY_SIZE(reason_name) == PW_NUM_REASONS, "every reason has a name");

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* a * b / c, rounded up, and the largest number there is if it is larger. */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	product = (product + c - 1) / c;
	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

static void take_sample(struct pw_planner *p, uint64_t rate)
{
	if (!rate)
		return;
	p->sample[p->samples % PW_PLANNER_SAMPLES] = rate;
	p->samples++;
	if (p->samples == 2 * PW_PLANNER_SAMPLES)	/* counts on, and never wraps */
		p->samples = PW_PLANNER_SAMPLES;
}

/* The low quantile of the recent samples, 0 if there are none. */
static uint64_t low_rate(const struct pw_planner *p)
{
	uint32_t count = p->samples < PW_PLANNER_SAMPLES ? p->samples : PW_PLANNER_SAMPLES;
	uint64_t sorted[PW_PLANNER_SAMPLES];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		while (at > 0 && sorted[at - 1] > p->sample[i]) {
			sorted[at] = sorted[at - 1];
			at--;
		}
		sorted[at] = p->sample[i];
	}
	return count ? sorted[count / QUANTILE] : 0;
}

static uint64_t dirtied_in(const struct pw_planner_input *in, uint64_t ns)
{
	return mul_div(in->dirty_rate, ns, NS_PER_S);
}

static uint64_t memory_at_most(const struct pw_planner_input *in, uint64_t bytes)
{
	return in->memory_bytes ? lower(bytes, in->memory_bytes) : bytes;
}

static uint64_t memory_left(const struct pw_planner_input *in)
{
	return memory_at_most(in, add(in->unsent_bytes, in->dirty_bytes));
}

static uint64_t device_left(const struct pw_planner_input *in)
{
	return add(in->device_initial_bytes, in->device_stop_bytes);
}

static uint64_t transfer_ns(uint64_t bytes, uint64_t rate)
{
	return mul_div(bytes, NS_PER_S, rate);
}

static uint64_t predict_stun(const struct pw_planner *p, const struct pw_planner_input *in,
			     uint64_t rate)
{
	uint64_t late = dirtied_in(in, in->quiesce_ns);
	uint64_t memory = memory_at_most(in, add(memory_left(in), late));
	uint64_t device = device_left(in);
	uint64_t wire_ns;

	if (!rate)
		return PW_PLANNER_UNKNOWN;
	if (p->policy.mode != PW_MODE_LEGACY) {
		wire_ns = transfer_ns(add(memory, device), rate);
	} else {
		if (device && !in->link_rate)
			return PW_PLANNER_UNKNOWN;
		wire_ns = transfer_ns(memory, rate);
		if (device)
			wire_ns = add(wire_ns, transfer_ns(device, in->link_rate));
	}
	return lower(add(add(in->quiesce_ns, in->load_ns), wire_ns), PW_PLANNER_UNKNOWN - 1);
}

/* What would be left if everything that is left now were sent first. */
static uint64_t predict_next(const struct pw_planner *p, const struct pw_planner_input *in,
			     uint64_t rate)
{
	uint64_t round_ns;

	if (!rate)
		return PW_PLANNER_UNKNOWN;
	round_ns = add(p->policy.pass_cost_ns, transfer_ns(memory_left(in), rate));
	return add(memory_at_most(in, dirtied_in(in, round_ns)), device_left(in));
}

/* Would the next round take less than 1/part off the bytes left? */
static bool takes_less_than(uint64_t part, uint64_t left, uint64_t next)
{
	return next >= left - mul_div(left, 1, part);
}

static void end_round(struct pw_planner *p, const struct pw_planner_input *in, uint64_t next)
{
	uint64_t left = add(memory_left(in), device_left(in));

	if (p->rounds == in->rounds)
		return;
	p->rounds = in->rounds;
	if (in->device_initial_bytes || next == PW_PLANNER_UNKNOWN) {
		p->little = 0;
		p->nothing = 0;
		return;
	}
	p->little = takes_less_than(10, left, next) ? p->little + 1 : 0;
	p->nothing = takes_less_than(100, left, next) ? p->nothing + 1 : 0;
}

static void decide(struct pw_plan *plan, enum pw_verdict verdict, enum pw_reason reason)
{
	plan->verdict = verdict;
	plan->reason = reason;
}

/* True if the deadline decides. */
static bool obey_deadline(const struct pw_planner *p, const struct pw_planner_input *in,
			  bool may_stop, struct pw_plan *plan)
{
	uint64_t passed = in->now_ns > p->start_ns ? in->now_ns - p->start_ns : 0;
	uint64_t deadline = p->policy.deadline_ns;

	if (!deadline)
		return false;
	if (may_stop && add(passed, plan->stun_ns) >= deadline)
		decide(plan, PW_PLAN_STOP, PW_REASON_DEADLINE);
	else if (passed >= deadline)
		decide(plan, PW_PLAN_ABORT, PW_REASON_DEADLINE);
	else
		return false;
	return true;
}

static void obey_rounds(const struct pw_planner *p, bool within, struct pw_plan *plan)
{
	bool used_up = p->policy.rounds_max && p->rounds >= p->policy.rounds_max;

	if (within && p->little >= ROUNDS_IN_ROW)
		decide(plan, PW_PLAN_STOP, PW_REASON_DIMINISHING);
	else if (!within && p->nothing >= ROUNDS_IN_ROW)
		decide(plan, PW_PLAN_ABORT, PW_REASON_NOT_CONVERGING);
	else if (used_up && within)
		decide(plan, PW_PLAN_STOP, PW_REASON_ROUNDS);
	else if (used_up)
		decide(plan, PW_PLAN_ABORT, PW_REASON_LIMIT);
	else
		decide(plan, PW_PLAN_CONTINUE, PW_REASON_SHRINKING);
}

void pw_planner_init(struct pw_planner *p, const struct pw_planner_policy *policy,
		     uint64_t start_ns)
{
	memset(p, 0, sizeof(*p));
	p->policy = *policy;
	p->start_ns = start_ns;
	if (!p->policy.stun_limit_ns)
		p->policy.stun_limit_ns = PW_STUN_LIMIT_NS;
}

struct pw_plan pw_planner_decide(struct pw_planner *p, const struct pw_planner_input *in)
{
	struct pw_plan plan = { 0 };
	bool within, may_stop;

	take_sample(p, in->rate_sample);
	plan.rate_bytes_per_s = low_rate(p);
	plan.stun_ns = predict_stun(p, in, plan.rate_bytes_per_s);
	plan.next_bytes = predict_next(p, in, plan.rate_bytes_per_s);
	end_round(p, in, plan.next_bytes);

	within = plan.stun_ns <= p->policy.stun_limit_ns && plan.stun_ns != PW_PLANNER_UNKNOWN;
	may_stop = within && !in->device_initial_bytes;
	if (may_stop && plan.stun_ns <= p->policy.stun_goal_ns)
		decide(&plan, PW_PLAN_STOP, PW_REASON_GOAL);
	else if (obey_deadline(p, in, may_stop, &plan))
		return plan;
	else if (in->device_initial_bytes)
		decide(&plan, PW_PLAN_CONTINUE, PW_REASON_INITIAL);
	else if (plan.stun_ns == PW_PLANNER_UNKNOWN)
		decide(&plan, PW_PLAN_CONTINUE, PW_REASON_NO_SAMPLE);
	else
		obey_rounds(p, within, &plan);
	return plan;
}

const char *pw_planner_verdict_name(enum pw_verdict verdict)
{
	return (unsigned)verdict < PW_NUM_VERDICTS ? verdict_name[verdict] : "unknown";
}

const char *pw_planner_reason_name(enum pw_reason reason)
{
	return (unsigned)reason < PW_NUM_REASONS ? reason_name[reason] : "unknown";
}
