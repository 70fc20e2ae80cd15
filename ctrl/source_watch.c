/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_watch.c - what the source looks at every 20 ms, whatever else happens
 *
 *	pre-copy  how the devices are; whether the lane still answers
 *	stun      whether the guest has stood still for longer than it may
 *
 * The planner promises a stun below the limit; this keeps the promise when
 * something stops in the middle of it. After GIVE nothing is taken back here.
 */

#include <errno.h>

#include "source_parts.h"

#define TICK_US 20000

/* Slices are out and nobody acknowledges anything. */
static void watch_lane(struct pw_source *s, uint64_t now_ns)
{
	uint32_t silence_s = s->host->conf->policy.silence_s;
	uint64_t acks = pw_transfer_stat(&s->board, PW_STAT_rx_acks);

	if (acks != s->acks_seen || !s->open) {
		s->acks_seen = acks;
		s->heard_ns = now_ns;
	}
	if (now_ns - s->heard_ns > silence_s * 1000000000ull)
		pw_source_fail(s, -ETIMEDOUT, "PW-3302",
			       "the lane to %s does not answer\n"
			       "nothing was acknowledged for %u s\n"
			       "look at cables, addresses and the log of pagewired at both hosts",
			       s->m.peer, silence_s);
}

static void watch_stun(struct pw_source *s, uint64_t now_ns)
{
	uint64_t limit_ns = s->planner.policy.stun_limit_ns;
	uint64_t begun_ns = s->m.entered_ns[PW_STAGE_QUIESCE];

	if (!limit_ns)
		limit_ns = PW_STUN_LIMIT_NS;
	if (now_ns - begun_ns > limit_ns)
		pw_source_fail(s, -ETIMEDOUT, "PW-3303",
			       "guest %s was stunned for longer than its limit\n"
			       "in stage %s after %.1f s\n"
			       "it runs on; look at the log of pagewired at both hosts, or raise the limit",
			       s->m.guest, pw_stage_name(s->m.stage),
			       (double)(now_ns - begun_ns) * 1e-9);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct pw_source *s = arg;
	uint64_t now_ns = pw_now_ns();

	(void)fd;
	(void)what;
	if (s->m.stage == PW_STAGE_PRECOPY) {
		pw_source_poll_devices(s);
		watch_lane(s, now_ns);
	} else if (pw_migration_may_take_back(s->m.stage)) {
		watch_stun(s, now_ns);
	}
}

int pw_source_watch(struct pw_source *s)
{
	const struct timeval every = { .tv_usec = TICK_US };

	s->heard_ns = pw_now_ns();
	s->tick = event_new(s->host->loop, -1, EV_PERSIST, on_tick, s);
	return s->tick && !event_add(s->tick, &every) ? 0 : -ENOMEM;
}
