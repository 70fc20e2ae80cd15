/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * death_rate.h - is a process that died worth another start?
 *
 * It is, unless it dies faster than a person or an accident would kill it:
 * PW_DEATHS_MAX deaths within PW_DEATHS_NS are borne, one more is not. Pure.
 */
#ifndef PW_DEATH_RATE_H
#define PW_DEATH_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define PW_DEATHS_MAX 20u
#define PW_DEATHS_NS  60000000000ull

struct pw_death_rate {
	uint64_t at_ns[PW_DEATHS_MAX];	/* the last deaths, in a circle */
	uint64_t deaths;
};

/* It died. True: start it again. now_ns never goes back. */
bool pw_death_rate_bears(struct pw_death_rate *r, uint64_t now_ns);

#endif /* PW_DEATH_RATE_H */
