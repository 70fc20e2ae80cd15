/* SPDX-License-Identifier: BSD-3-Clause */
/* congestion.c - see congestion.h */

#include <string.h>

#include "pagewire/check.h"
#include "congestion.h"

#include "hot.h"

#define CUT_GAIN    0.8	/* of the excess delay's share: Swift's beta */
#define CUT_MOST    0.5	/* the window never shrinks to less than this share at once */
#define MARKED_GAIN (1.0 / 16)	/* DCTCP's g */
#define LOST_GAIN   0.5	/* of the lost share */
#define GROWTH	    (1.0 / 64)	/* of the window, besides one datagram */
#define ROUND_MIN   16u	/* datagrams: a share of fewer says little */
#define FILL_MAX    65535.0
#define FILL_TARGET 0.5

static double clamp(const struct pw_congestion *c, double window)
{
	if (window < c->config.window_min)
		return c->config.window_min;
	return window > c->config.window_max ? c->config.window_max : window;
}

/* Shrink to share of the window, at most once per round trip. */
static void cut(struct pw_congestion *c, double share, uint64_t rtt_ns, uint64_t now_ns)
{
	if (c->cut_ns && now_ns - c->cut_ns < rtt_ns)
		return;
	c->cut_ns = now_ns;
	c->window = clamp(c, c->window * (share < CUT_MOST ? CUT_MOST : share));
}

/* What n datagrams add to a window that they are a part of. */
static double growth(double window, uint32_t n)
{
	return n * (1 / window + GROWTH);
}

void pw_congestion_init(struct pw_congestion *c, const struct pw_congestion_config *config)
{
	PW_CHECK(config->window_min > 0 && config->window_min <= config->window_max);
	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->window = clamp(c, config->window_start);
	c->ring_window = config->window_max;
}

static double marked_cut(struct pw_congestion *c)
{
	double share = c->acked_in_round ? (double)c->marked_in_round / c->acked_in_round : 0;

	c->marked_share += MARKED_GAIN * (share - c->marked_share);
	return c->marked_in_round ? 1 - c->marked_share / 2 : 1;
}

static double lost_cut(const struct pw_congestion *c)
{
	double lost = c->lost_in_round;

	return lost > 0 ? 1 - LOST_GAIN * lost / (lost + c->acked_in_round) : 1;
}

/* Above half full the ring is about to overflow. */
static void follow_ring(struct pw_congestion *c)
{
	double fill = c->fill_in_round / FILL_MAX, share = 1 - (fill - FILL_TARGET);

	if (fill > FILL_TARGET)
		c->ring_window = clamp(c, pw_congestion_window(c) * share);
	else
		c->ring_window = clamp(c, c->ring_window + growth(c->ring_window,
								  c->acked_in_round));
}

/* Marks, losses and fill are weighed once per round trip, or longer if that saw
 * little, over all that was acknowledged or lost in it. */
static void weigh(struct pw_congestion *c, uint64_t rtt_ns, uint64_t now_ns)
{
	double marked, lost;

	if (now_ns - c->round_ns < rtt_ns || c->acked_in_round + c->lost_in_round < ROUND_MIN)
		return;
	marked = marked_cut(c);
	lost = lost_cut(c);
	if (marked < 1 || lost < 1)
		cut(c, marked < lost ? marked : lost, rtt_ns, now_ns);
	follow_ring(c);
	c->round_ns = now_ns;
	c->acked_in_round = 0;
	c->marked_in_round = 0;
	c->lost_in_round = 0;
	c->fill_in_round = 0;
}

void pw_congestion_on_ack(struct pw_congestion *c, const struct pw_congestion_sample *sample)
{
	uint64_t target_ns = sample->rtt_min_ns + c->config.delay_target_ns;

	c->acked_in_round += sample->acked;
	c->marked_in_round += sample->marked;
	if (sample->ring_fill > c->fill_in_round)
		c->fill_in_round = sample->ring_fill;
	weigh(c, sample->rtt_ns, sample->now_ns);
	if (sample->rtt_ns <= target_ns) {
		c->window = clamp(c, c->window + growth(c->window, sample->acked));
		return;
	}
	cut(c, 1 - CUT_GAIN * (double)(sample->rtt_ns - target_ns) / (double)sample->rtt_ns,
	    sample->rtt_ns, sample->now_ns);
}

void pw_congestion_on_loss(struct pw_congestion *c, uint32_t lost, uint64_t srtt_ns,
			   uint64_t now_ns)
{
	c->lost_in_round += lost;
	weigh(c, srtt_ns, now_ns);
}
