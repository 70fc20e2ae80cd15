/* SPDX-License-Identifier: BSD-3-Clause */
/* pacer.c - see pacer.h */

#include "pacer.h"

#include "hot.h"

#define NS_PER_S       1000000000ull
#define ELAPSED_MAX_NS (NS_PER_S / 10)	/* with the highest rate the product stays in 64 bits */
#define RATE_MAX       (UINT64_MAX / ELAPSED_MAX_NS)	/* 184 GB/s */

void pw_pacer_init(struct pw_pacer *p, uint64_t rate_bytes_per_s, uint64_t now_ns)
{
	p->rate_bytes_per_s = rate_bytes_per_s < RATE_MAX ? rate_bytes_per_s : RATE_MAX;
	p->tokens = PW_PACER_BURST_BYTES;
	p->filled_ns = now_ns;
}

/* Whole bytes only: what is left of the time goes on counting, so that a slow
 * rate polled often is not rounded down to nothing. */
static void fill(struct pw_pacer *p, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - p->filled_ns;
	uint64_t bytes;

	if (elapsed_ns > ELAPSED_MAX_NS)
		elapsed_ns = ELAPSED_MAX_NS;
	bytes = elapsed_ns * p->rate_bytes_per_s / NS_PER_S;
	if (!bytes)
		return;
	p->filled_ns = now_ns;
	p->tokens += (int64_t)bytes;
	if (p->tokens > (int64_t)PW_PACER_BURST_BYTES)
		p->tokens = PW_PACER_BURST_BYTES;
}

void pw_pacer_set_rate(struct pw_pacer *p, uint64_t rate_bytes_per_s, uint64_t now_ns)
{
	if (p->rate_bytes_per_s)
		fill(p, now_ns);
	else
		p->filled_ns = now_ns;
	p->rate_bytes_per_s = rate_bytes_per_s < RATE_MAX ? rate_bytes_per_s : RATE_MAX;
}

bool pw_pacer_may(struct pw_pacer *p, uint64_t now_ns)
{
	if (!p->rate_bytes_per_s)
		return true;
	fill(p, now_ns);
	return p->tokens > 0;
}

void pw_pacer_spend(struct pw_pacer *p, uint32_t bytes)
{
	if (p->rate_bytes_per_s)
		p->tokens -= bytes;
}
