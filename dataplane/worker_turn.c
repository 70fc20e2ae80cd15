/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_turn.c - whose turn it is among the connections of a worker: see worker.h
 *
 * A guest in its stun goes first, on all workers of the lane: the senders of
 * others only repeat what was lost as long as it has something to send and its
 * target is heard of. Those that are equal take turns in who begins, since a
 * ring that is full takes little of whoever comes last.
 */

#include <string.h>

#include "grant.h"
#include "worker.h"

#include "hot.h"

#define STUN_HOLD_NS  1000000ull	/* longer than any pause between two bursts of it */
#define GRANT_EVERY_NS 1000000ull
#define ACTIVE_NS     10000000ull
#define ROOM_MIN      64u	/* datagrams: two bursts */
#define FILL_MAX      65535u

void pw_worker_note_burst(struct pw_worker *w, unsigned n)
{
	uint32_t waiting;

	if (w->queue->pushes_back)
		return;
	w->full_bursts = n == PW_BURST ? w->full_bursts + 1 : 0;
	waiting = w->full_bursts * PW_BURST;
	if (waiting > w->queue->descriptors)
		waiting = w->queue->descriptors;
	w->fill = (uint16_t)(w->queue->descriptors ? waiting * FILL_MAX / w->queue->descriptors : 0);
}

/* Datagrams in flight are bounded by what the ring holds for all of them. */
static uint32_t room_of(const struct pw_worker *w, unsigned receivers)
{
	uint32_t room;

	if (w->queue->pushes_back)
		return PW_WINDOW_SLOTS;
	room = w->queue->descriptors / receivers;
	return room < ROOM_MIN ? ROOM_MIN : room > PW_WINDOW_SLOTS ? PW_WINDOW_SLOTS : room;
}

static bool have_one_way(const struct pw_connection *a, const struct pw_connection *b)
{
	return a->role == PW_SOURCE && b->role == PW_SOURCE &&
	       pw_encap_is_same_peer(&a->link.encap, &b->link.encap);
}

/* All senders to a host aim at the same delay, or who measured the lane empty
 * gives way to all who came later. */
static void share_least_round_trip(struct pw_worker *w)
{
	for (unsigned i = 0; i < w->count; i++)
		for (unsigned k = 0; k < w->count; k++)
			if (have_one_way(w->active[i], w->active[k]))
				pw_loss_hear_least(&w->active[i]->sender.loss,
						   w->active[k]->sender.loss.min_ns);
}

static void share_queue(struct pw_worker *w, uint64_t now_ns)
{
	struct pw_grant grants[PW_TRANSFERS_MAX];
	struct pw_receiver *receiver[PW_TRANSFERS_MAX];
	unsigned n = 0;

	if (now_ns - w->shared_ns < GRANT_EVERY_NS)
		return;
	w->shared_ns = now_ns;
	share_least_round_trip(w);
	for (unsigned i = 0; i < w->count; i++) {
		struct pw_receiver *r = &w->active[i]->receiver;

		if (w->active[i]->role != PW_TARGET)
			continue;
		grants[n] = (struct pw_grant){
			.active = now_ns - r->acker.newest_ns < ACTIVE_NS,
			.stun = r->stun_ns && now_ns - r->stun_ns < ACTIVE_NS,
		};
		receiver[n++] = r;
	}
	pw_grant_share(grants, n, atomic_load_explicit(&w->all->path_mbps, memory_order_relaxed));
	for (unsigned i = 0; i < n; i++)
		receiver[i]->intake = (struct pw_intake){ .room = room_of(w, n),
							  .grant_mbps = grants[i].mbps,
							  .fill = w->fill };
}

static bool is_stunned(const struct pw_connection *c)
{
	return c->role == PW_SOURCE &&
	       atomic_load_explicit(&c->sender.transfer->stun, memory_order_relaxed);
}

static void send_stunned(struct pw_worker *w, struct pw_connection *c, uint64_t now_ns,
			 unsigned *moved)
{
	c->link.now_ns = now_ns;
	c->events |= pw_sender_poll(&c->sender, now_ns, moved);
	if (pw_sender_busy(&c->sender))
		atomic_store_explicit(&w->all->stun_ns, now_ns, memory_order_relaxed);
}

static void send_usual(struct pw_worker *w, struct pw_connection *c, uint64_t now_ns,
		       unsigned *moved)
{
	uint64_t stun_ns = atomic_load_explicit(&w->all->stun_ns, memory_order_relaxed);

	c->link.now_ns = now_ns;
	if (c->role == PW_TARGET) {
		pw_receiver_poll(&c->receiver, now_ns, moved);
		return;
	}
	/* Another worker's clock may be ahead of ours. */
	c->sender.yields = stun_ns && (now_ns < stun_ns || now_ns - stun_ns < STUN_HOLD_NS);
	c->events |= pw_sender_poll(&c->sender, now_ns, moved);
}

void pw_worker_transmit(struct pw_worker *w, uint64_t now_ns, unsigned *moved)
{
	share_queue(w, now_ns);
	for (unsigned i = 0; i < w->count; i++) {
		struct pw_connection *c = w->active[(w->turn + i) % w->count];

		if (is_stunned(c))
			send_stunned(w, c, now_ns, moved);
	}
	for (unsigned i = 0; i < w->count; i++) {
		struct pw_connection *c = w->active[(w->turn + i) % w->count];

		if (!is_stunned(c))
			send_usual(w, c, now_ns, moved);
	}
	w->turn++;
}
