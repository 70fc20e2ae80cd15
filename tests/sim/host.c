/* SPDX-License-Identifier: BSD-3-Clause */
/* host.c - see host.h */

#include <string.h>

#include "bed.h"
#include "judge.h"

#define IDLE_NS_MAX   (200 * SIM_US)	/* an idle worker naps, until something comes */
#define READY_NS_MIN  (500 * SIM_US)
#define READY_NS_MAX  (15 * SIM_MS)

static void poll(void *who, uint64_t asked);

static void poll_in(struct sim_worker *w, uint64_t in_ns)
{
	struct sim_world *world = w->host->bed->world;

	w->polls_at_ns = world->now_ns + in_ns;
	sim_after(world, in_ns, poll, w, ++w->asked);
}

/* Something is there to do: no more napping. */
static void wake(struct sim_worker *w)
{
	struct sim_world *world = w->host->bed->world;
	uint64_t in_ns;

	w->idle_ns = 0;
	if (!w->count || w->polls_at_ns <= world->now_ns + 5 * SIM_US)
		return;
	in_ns = sim_between(world, 500, 5 * SIM_US);
	if (w->stalled_until_ns > world->now_ns + in_ns)
		in_ns = w->stalled_until_ns - world->now_ns;
	poll_in(w, in_ns);
}

/* ---- what comes in ---- */

/* Else the dataplane has no such connection: it had, in a former life. */
static bool is_served(const struct sim_end *end, const struct pw_envelope *env)
{
	if (!end || (env->type == PW_ACK) != (end->role == PW_SOURCE))
		return false;
	if (!end->attached)
		sim_migration_suffer(end->path->migration, SIM_OLD_LIFE);
	return end->attached;
}

static void deliver(struct sim_worker *w, const struct sim_bytes *bytes)
{
	struct sim_host *h = w->host;
	struct pw_envelope env;
	struct sim_end *end;

	if (!pw_wire_peek(bytes->at, bytes->n, &env))
		return;
	end = sim_bed_end(h->bed, env.cid);
	if (!is_served(end, &env))
		return;
	if (end->role == PW_SOURCE) {
		sim_path_on_ack(end->path, bytes);
	} else if (h->dies_placing && sim_path_place_half(end->path, bytes)) {
		sim_migration_suffer(end->path->migration, SIM_HALF_PLACED);
		sim_host_crash(h);
		return;
	} else {
		sim_path_on_datagram(end->path, bytes);
	}
	wake(w);
}

static void hold(struct sim_worker *w, const struct sim_bytes *bytes)
{
	struct sim_world *world = w->host->bed->world;
	struct sim_held *held;

	if (w->held == w->host->bed->scenario.swarm.ring_frames) {
		sim_lane_suffer(w->host->bed, bytes->at, SIM_RING_FULL);
		return;
	}
	held = sim_alloc(world, sizeof(*held) + bytes->n);
	memcpy(held->copy, bytes->at, bytes->n);
	held->bytes = *bytes;
	held->bytes.at = held->copy;
	*w->last = held;
	w->last = &held->next;
	w->held++;
}

static void empty_ring(struct sim_worker *w)
{
	struct sim_held *held = w->first;

	w->first = NULL;
	w->last = &w->first;
	w->held = 0;
	for (; held; held = held->next)
		deliver(w, &held->bytes);
}

static void arrive(struct sim_worker *w, const struct sim_bytes *bytes)
{
	if (w->stalled_until_ns > w->host->bed->world->now_ns)
		hold(w, bytes);
	else
		deliver(w, bytes);
}

/* ---- polls ---- */

static void poll(void *who, uint64_t asked)
{
	struct sim_worker *w = who;
	struct sim_world *world = w->host->bed->world;
	unsigned moved = 0;

	if (asked != w->asked || w->host->bed->over)
		return;
	if (w->stalled_until_ns > world->now_ns) {
		poll_in(w, w->stalled_until_ns - world->now_ns);
		return;
	}
	empty_ring(w);
	sim_worker_turn(w, &moved);
	if (moved)
		w->idle_ns = 0;
	else if (w->idle_ns < IDLE_NS_MAX)
		w->idle_ns += 5 * SIM_US + w->idle_ns / 2;
	if (w->count)
		poll_in(w, sim_between(world, 500, 5 * SIM_US) + sim_below(world, w->idle_ns + 1));
}

/* ---- lanes ---- */

static struct sim_end *end_of(struct sim_bed *bed, const uint8_t *header)
{
	struct pw_wire_public pub;

	memcpy(&pub, header, sizeof(pub));
	return sim_bed_end(bed, pw_get32(pub.dst_cid));
}

void sim_lane_suffer(struct sim_bed *bed, const uint8_t *header, enum sim_fault fault)
{
	const struct sim_end *end = end_of(bed, header);

	if (end)
		sim_migration_suffer(end->path->migration, fault);
}

static void on_taken(void *who, const struct pw_frame *frame)
{
	struct sim_end *to = end_of(((struct sim_way *)who)->lane->bed, frame->header);

	if (to->role == PW_TARGET)
		sim_judge_sent(to->path, frame);
	else
		sim_judge_ack(to->path, frame);
}

static struct sim_worker *receiver_of(const struct sim_way *way)
{
	return &way->lane->bed->host[!way->from].worker[way->lane->number];
}

static void on_arrival(void *who, const struct sim_bytes *bytes)
{
	struct sim_worker *w = receiver_of(who);

	if (w->host->up)
		arrive(w, bytes);
	else
		sim_lane_suffer(w->host->bed, bytes->at, SIM_OLD_LIFE);
}

static void on_stray(void *who, const struct sim_bytes *bytes)
{
	struct sim_bed *bed = ((struct sim_way *)who)->lane->bed;
	struct sim_end *end = end_of(bed, bytes->at);

	if (!end->attached || end->role != PW_TARGET)
		return;
	sim_migration_suffer(end->path->migration, SIM_STRAY);
	sim_path_on_stray(end->path, bytes);
}

static void on_fault(void *who, enum sim_fault fault, const uint8_t *header)
{
	sim_lane_suffer(((struct sim_way *)who)->lane->bed, header, fault);
}

void sim_lane_init(struct sim_lane *l, struct sim_bed *bed, unsigned number)
{
	l->bed = bed;
	l->number = number;
	for (unsigned from = 0; from < SIM_HOSTS; from++) {
		struct sim_way *way = &l->way[from];

		way->lane = l;
		way->from = from;
		way->faults = bed->scenario.swarm.way[number][from];
		sim_link_init(&way->link, bed->world, &way->faults,
			      &(struct sim_link_ends){ way, on_taken, on_arrival, on_stray,
						       on_fault });
	}
}

void sim_lane_calm(struct sim_lane *l)
{
	for (unsigned from = 0; from < SIM_HOSTS && !l->dead; from++) {
		sim_swarm_calm(&l->way[from].faults);
		sim_link_calm(&l->way[from].link);
	}
}

/* ---- life and death ---- */

void sim_host_init(struct sim_host *h, struct sim_bed *bed, unsigned number)
{
	h->bed = bed;
	h->number = number;
	h->up = true;
	h->lives = 1;
	for (unsigned i = 0; i < bed->scenario.paths; i++) {
		h->worker[i].host = h;
		h->worker[i].path = i;
		h->worker[i].last = &h->worker[i].first;
	}
}

void sim_host_attach(struct sim_host *h, struct sim_end *end)
{
	struct sim_worker *w = &h->worker[end->path->number];

	SIM_CHECK(h->bed->world, h->up && w->count < SIM_ENDS_MAX, "nobody serves an end");
	w->end[w->count++] = end;
	end->attached = true;
	poll_in(w, sim_below(h->bed->world, 10 * SIM_US));
}

void sim_host_detach(struct sim_host *h, struct sim_end *end)
{
	struct sim_worker *w = &h->worker[end->path->number];
	unsigned i = 0;

	if (!end->attached)
		return;
	while (w->end[i] != end)
		i++;
	w->end[i] = w->end[--w->count];
	end->attached = false;
}

static void ready(void *who, uint64_t life)
{
	struct sim_host *h = who;

	if (life != h->lives)
		return;
	h->up = true;
	sim_say(h->bed->world, "host %u: the dataplane is ready", h->number);
	for (unsigned i = 0; i < h->bed->scenario.guests; i++)
		sim_reopen_host_ready(h->bed->migration[i], h->number);
}

void sim_host_crash(struct sim_host *h)
{
	struct sim_world *world = h->bed->world;

	if (!h->up)
		return;
	sim_say(world, "host %u: the dataplane dies", h->number);
	h->up = false;
	h->dies_placing = false;
	h->lives++;
	h->bed->crashes++;
	for (unsigned i = 0; i < h->bed->scenario.guests; i++)
		sim_reopen_host_died(h->bed->migration[i], h->number);
	for (unsigned i = 0; i < h->bed->scenario.paths; i++) {
		struct sim_worker *w = &h->worker[i];

		SIM_CHECK(world, w->count == 0, "a dead dataplane serves an end");
		w->first = NULL;
		w->last = &w->first;
		w->held = 0;
		w->stalled_until_ns = 0;
	}
	sim_after(world, sim_between(world, READY_NS_MIN, READY_NS_MAX), ready, h, h->lives);
}

void sim_host_stall(struct sim_host *h, unsigned path, uint64_t stall_ns)
{
	h->worker[path].stalled_until_ns = h->bed->world->now_ns + stall_ns;
}
