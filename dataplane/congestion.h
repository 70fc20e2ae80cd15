/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * congestion.h - how many datagrams may be in flight
 *
 * Delay target in the manner of Swift, marks in the manner of DCTCP: below the
 * target the window grows by one datagram per round trip, above it shrinks
 * once per round trip by up to a half, and by a half on loss. Start value,
 * bounds and target are the lane's: a software lane measures the scheduler,
 * not a queue, and gets a target in milliseconds.
 *
 * Owned by one worker.
 */
#ifndef PW_CONGESTION_H
#define PW_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

struct pw_congestion_config {
	uint32_t window_start;	/* datagrams */
	uint32_t window_min;
	uint32_t window_max;	/* at most PW_WINDOW_SLOTS */
	uint64_t delay_target_ns;	/* above the least round trip */
};

struct pw_congestion {
	struct pw_congestion_config config;
	double window;	/* datagrams */
	double marked_share;	/* EWMA of marked / acknowledged */
	uint64_t cut_ns;	/* last time the window shrank */
	uint32_t acked_in_round;
	uint32_t marked_in_round;
	uint64_t round_ns;	/* start of the round trip that is counted */
};

void pw_congestion_init(struct pw_congestion *c, const struct pw_congestion_config *config);

struct pw_congestion_sample {
	uint64_t now_ns;
	uint64_t rtt_ns;	/* 0: none */
	uint64_t rtt_min_ns;
	uint32_t acked;	/* datagrams */
	uint32_t marked;	/* of them */
};

void pw_congestion_on_ack(struct pw_congestion *c, const struct pw_congestion_sample *sample);
void pw_congestion_on_loss(struct pw_congestion *c, uint64_t srtt_ns, uint64_t now_ns);

static inline uint32_t pw_congestion_window(const struct pw_congestion *c)
{
	return (uint32_t)c->window;
}

#endif /* PW_CONGESTION_H */
