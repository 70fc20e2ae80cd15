/* SPDX-License-Identifier: BSD-3-Clause */
/* death_rate.c - see death_rate.h */

#include "death_rate.h"

bool pw_death_rate_bears(struct pw_death_rate *r, uint64_t now_ns)
{
	uint64_t *oldest = &r->at_ns[r->deaths % PW_DEATHS_MAX];
	bool bears = r->deaths < PW_DEATHS_MAX || now_ns - *oldest > PW_DEATHS_NS;

	*oldest = now_ns;
	r->deaths++;
	return bears;
}
