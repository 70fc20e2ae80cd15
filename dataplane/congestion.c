/* SPDX-License-Identifier: BSD-3-Clause */
/* congestion.c - see congestion.h */

#include <string.h>

#include "pagewire/check.h"
#include "congestion.h"

#include "hot.h"

#define CUT_GAIN    0.8	/* of the excess delay's share: Swift's beta */
#define CUT_MOST    0.5	/* the window never shrinks to less than this share at once */
#define MARKED_GAIN (1.0 / 16)	/* DCTCP's g */

static void set_window(struct pw_congestion *c, double window)
{
	if (window < c->config.window_min)
		window = c->config.window_min;
	if (window > c->config.window_max)
		window = c->config.window_max;
	c->window = window;
}

/* Shrink to share of the window, at most once per round trip. */
static void cut(struct pw_congestion *c, double share, uint64_t rtt_ns, uint64_t now_ns)
{
	if (c->cut_ns && now_ns - c->cut_ns < rtt_ns)
		return;
	c->cut_ns = now_ns;
	set_window(c, c->window * (share < CUT_MOST ? CUT_MOST : share));
}

void pw_congestion_init(struct pw_congestion *c, const struct pw_congestion_config *config)
{
	PW_CHECK(config->window_min > 0 && config->window_min <= config->window_max);
	memset(c, 0, sizeof(*c));
	c->config = *config;
	set_window(c, config->window_start);
}

/* Marks are weighed once per round trip, over all that was acknowledged in it. */
static void weigh_marks(struct pw_congestion *c, const struct pw_congestion_sample *sample)
{
	double share;

	c->acked_in_round += sample->acked;
	c->marked_in_round += sample->marked;
	if (sample->now_ns - c->round_ns < sample->rtt_ns || !c->acked_in_round)
		return;
	share = (double)c->marked_in_round / c->acked_in_round;
	c->marked_share += MARKED_GAIN * (share - c->marked_share);
	if (c->marked_in_round)
		cut(c, 1 - c->marked_share / 2, sample->rtt_ns, sample->now_ns);
	c->round_ns = sample->now_ns;
	c->acked_in_round = 0;
	c->marked_in_round = 0;
}

void pw_congestion_on_ack(struct pw_congestion *c, const struct pw_congestion_sample *sample)
{
	uint64_t target_ns = sample->rtt_min_ns + c->config.delay_target_ns;

	weigh_marks(c, sample);
	if (sample->rtt_ns <= target_ns) {
		set_window(c, c->window + sample->acked / c->window);
		return;
	}
	cut(c, 1 - CUT_GAIN * (double)(sample->rtt_ns - target_ns) / (double)sample->rtt_ns,
	    sample->rtt_ns, sample->now_ns);
}

void pw_congestion_on_loss(struct pw_congestion *c, uint64_t srtt_ns, uint64_t now_ns)
{
	cut(c, CUT_MOST, srtt_ns, now_ns);
}
