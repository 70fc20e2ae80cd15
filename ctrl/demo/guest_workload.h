/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_workload.h - what a step of LLM inference writes
 *
 * Host memory, of each region: 20 % hot, rewritten at a rate; 70 % cold,
 * written once and then seldom; 10 % never written. vGPU: weights are written
 * once; requests append tokens to their part of the KV cache and start over
 * when they end; an eighth of the workspace is rewritten in every step.
 *
 * The state is plain numbers and follows from (seed, rates, step) alone: it is
 * the larger part of the registers that move with the guest. chain is hashed
 * on in every step, so a step that is lost or taken twice can be seen.
 *
 * Takes no lock, reads no clock. Owned like the body.
 */
#ifndef PW_GUEST_WORKLOAD_H
#define PW_GUEST_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "guest_body.h"

#define PW_GUEST_REQUESTS    8u	/* served at once by a vGPU */
#define PW_GUEST_TOKEN_PAGES 4u	/* KV cache of one token: a block holds 16 of them */

#define PW_GUEST_STEP_RATE_MAX	10000u
#define PW_GUEST_TOKEN_RATE_MAX 1000000u
#define PW_GUEST_DIRTY_RATE_MAX (64ull << 30)

struct pw_guest_rates {
	uint64_t dirty_bytes_per_s;
	uint32_t steps_per_s;
	uint32_t tokens_per_s;	/* of each vGPU */
};

struct pw_guest_request {	/* pages inside its part of the KV cache */
	uint32_t next_page;
	uint32_t end_page;
};

struct pw_guest_inference {	/* of one vGPU */
	uint64_t token_credit;	/* tokens * steps_per_s not produced yet */
	uint32_t sweep;	/* part of the workspace that is next */
	uint32_t turn;	/* request that is next */
	struct pw_guest_request request[PW_GUEST_REQUESTS];
};

struct pw_guest_workload {
	uint64_t seed;
	struct pw_guest_rates rates;
	uint64_t step;	/* taken in its life */
	uint64_t last_step_ns;	/* CLOCK_MONOTONIC at its end, where it was taken */
	uint64_t dice;
	uint64_t chain;
	uint64_t dirty_credit;	/* bytes * steps_per_s not written yet */
	struct pw_guest_inference vgpu[PW_GUEST_VGPUS_MAX];
};

void pw_guest_workload_init(struct pw_guest_workload *w, const struct pw_guest_rates *rates,
			    uint64_t seed);

/* Write everything that is there before the first step. b is empty. */
void pw_guest_workload_fill(const struct pw_guest_workload *w, struct pw_guest_body *b);

void pw_guest_workload_step(struct pw_guest_workload *w, struct pw_guest_body *b);

/* Whether a step could be taken from here without leaving the body's bounds:
 * for a state that came from outside. */
bool pw_guest_workload_is_sane(const struct pw_guest_workload *w, const struct pw_guest_body *b);

/* Whether chain is what seed and step make it. */
bool pw_guest_workload_is_continuous(const struct pw_guest_workload *w);

#endif /* PW_GUEST_WORKLOAD_H */
