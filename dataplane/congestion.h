/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * congestion.h - how many datagrams may be in flight
 *
 * Below a delay target the window grows by a datagram and 1/64 of itself per
 * round trip; above it shrinks in the manner of Swift, at most once per round
 * trip and by a half. Marks weigh as in DCTCP. Loss cuts by half of its share:
 * up to some 3 % lost the growth makes up for it, so that a wire that only
 * loses is kept full; what overflows a queue shows as delay or as a larger
 * share. Start value, bounds and target are the lane's: a software lane measures
 * the scheduler, not a queue, and gets a target in milliseconds.
 *
 * A second window follows the fill of the target's receive ring: a target that
 * is slow shows there first, and delay on the wire says nothing of it.
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
	double ring_window;	/* datagrams that the target's ring bears */
	double marked_share;	/* EWMA of marked / acknowledged */
	uint64_t cut_ns;	/* last time the window shrank */
	uint32_t acked_in_round;
	uint32_t marked_in_round;
	uint32_t lost_in_round;
	uint16_t fill_in_round;	/* most of the ring */
	uint64_t round_ns;	/* start of the round trip that is counted */
};

void pw_congestion_init(struct pw_congestion *c, const struct pw_congestion_config *config);

struct pw_congestion_sample {
	uint64_t now_ns;
	uint64_t rtt_ns;	/* 0: none */
	uint64_t rtt_min_ns;
	uint32_t acked;	/* datagrams */
	uint32_t marked;	/* of them */
	uint16_t ring_fill;	/* of the target's receive ring, 0..65535 */
};

void pw_congestion_on_ack(struct pw_congestion *c, const struct pw_congestion_sample *sample);

/* lost datagrams were given up. */
void pw_congestion_on_loss(struct pw_congestion *c, uint32_t lost, uint64_t srtt_ns,
			   uint64_t now_ns);

static inline uint32_t pw_congestion_window(const struct pw_congestion *c)
{
	return (uint32_t)(c->window < c->ring_window ? c->window : c->ring_window);
}

#endif /* PW_CONGESTION_H */
