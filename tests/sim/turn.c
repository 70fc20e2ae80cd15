/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * turn.c - whose turn it is among the ends that a worker serves: see host.h
 *
 * As the product's workers do it: a guest in its stun goes first on all lanes, and
 * others only repeat what was lost; equals take turns in who begins; receivers
 * share the queue's speed and its ring.
 */
#include "bed.h"
#include "grant.h"

#define STUN_HOLD_NS   SIM_MS
#define SHARE_EVERY_NS SIM_MS
#define ACTIVE_NS      (10 * SIM_MS)
#define ROOM_MIN       64u

/* All that leave a worker go to the one other host. */
static void share_least_round_trip(struct sim_worker *w)
{
	for (unsigned i = 0; i < w->count; i++)
		for (unsigned k = 0; k < w->count; k++)
			if (w->end[i]->role == PW_SOURCE && w->end[k]->role == PW_SOURCE)
				pw_loss_hear_least(&w->end[i]->path->sender.loss,
						   w->end[k]->path->sender.loss.min_ns);
}

static void share_queue(struct sim_worker *w)
{
	const struct sim_scenario *s = &w->host->bed->scenario;
	uint64_t now_ns = w->host->bed->world->now_ns;
	struct pw_receiver *receiver[SIM_ENDS_MAX];
	struct pw_grant grant[SIM_ENDS_MAX];
	unsigned n = 0;

	if (now_ns - w->shared_ns < SHARE_EVERY_NS)
		return;
	w->shared_ns = now_ns;
	share_least_round_trip(w);
	for (unsigned i = 0; i < w->count; i++) {
		struct pw_receiver *r = &w->end[i]->path->inlet.receiver;

		if (w->end[i]->role != PW_TARGET)
			continue;
		grant[n] = (struct pw_grant){
			.active = now_ns - r->acker.newest_ns < ACTIVE_NS,
			.stun = r->stun_ns && now_ns - r->stun_ns < ACTIVE_NS,
		};
		receiver[n++] = r;
	}
	pw_grant_share(grant, n, s->path_mbps);
	for (unsigned i = 0; i < n; i++) {
		uint32_t room = s->swarm.ring_frames / n;

		receiver[i]->intake.grant_mbps = grant[i].mbps;
		if (s->ring_known)
			receiver[i]->intake.room = room < ROOM_MIN ? ROOM_MIN : room;
	}
}

static bool is_stunned(const struct sim_end *end)
{
	return end->role == PW_SOURCE && atomic_load(&end->path->source->stun);
}

static void poll_stunned(struct sim_host *h, struct sim_end *end, unsigned *moved)
{
	sim_path_poll_source(end->path, moved);
	if (pw_sender_busy(&end->path->sender))
		h->stun_ns = h->bed->world->now_ns;
}

static void poll_usual(const struct sim_host *h, struct sim_end *end, unsigned *moved)
{
	if (end->role == PW_TARGET) {
		sim_path_poll_target(end->path, moved);
		return;
	}
	end->path->sender.yields = h->stun_ns && h->bed->world->now_ns - h->stun_ns < STUN_HOLD_NS;
	sim_path_poll_source(end->path, moved);
}

void sim_worker_turn(struct sim_worker *w, unsigned *moved)
{
	share_queue(w);
	for (unsigned i = 0; i < w->count; i++) {
		struct sim_end *end = w->end[(w->turn + i) % w->count];

		if (is_stunned(end))
			poll_stunned(w->host, end, moved);
	}
	for (unsigned i = 0; i < w->count; i++) {
		struct sim_end *end = w->end[(w->turn + i) % w->count];

		if (!is_stunned(end))
			poll_usual(w->host, end, moved);
	}
	w->turn++;
}
