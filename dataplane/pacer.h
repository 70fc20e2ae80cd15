/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pacer.h - how many bytes may leave now: a token bucket
 *
 * Holds at most one burst, so that an idle path does not save up a flood.
 * Owned by one worker.
 */
#ifndef PW_PACER_H
#define PW_PACER_H

#include <stdbool.h>
#include <stdint.h>

#define PW_PACER_BURST_BYTES (16u * 8192u)	/* 10 us at 100 Gbit/s */

struct pw_pacer {
	uint64_t rate_bytes_per_s;	/* 0: as fast as it goes */
	int64_t tokens;	/* bytes; below 0 after a spend that was larger */
	uint64_t filled_ns;
};

void pw_pacer_init(struct pw_pacer *p, uint64_t rate_bytes_per_s, uint64_t now_ns);

/* From now on. What is saved up stays. */
void pw_pacer_set_rate(struct pw_pacer *p, uint64_t rate_bytes_per_s, uint64_t now_ns);

/* May anything leave now? */
bool pw_pacer_may(struct pw_pacer *p, uint64_t now_ns);
void pw_pacer_spend(struct pw_pacer *p, uint32_t bytes);

#endif /* PW_PACER_H */
