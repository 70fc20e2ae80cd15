/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c - see worker.h */

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "pagewire/check.h"
#include "placement.h"
#include "wire.h"
#include "worker.h"

#include "hot.h"

#define PREFETCH_AHEAD 3u
#define HOUSE_NAP_NS   20000000u	/* how long who asks for our MAC waits, while nothing moves */

static uint64_t to_ns(const struct pw_clock *c, uint64_t tsc)
{
	__extension__ typedef unsigned __int128 uint128;

	return (uint64_t)((uint128)(tsc - c->start) * c->ns_per_cycle >> 32);
}

uint64_t pw_clock_ns(const struct pw_clock *c)
{
	return to_ns(c, rte_rdtsc());
}

/* ---- mailbox ---- */

static void attach(struct pw_worker *w, struct pw_connection *c)
{
	PW_CHECK(w->count < PW_TRANSFERS_MAX);
	w->active[w->count++] = c;
	w->by_index[PW_CID_INDEX(c->cid)] = c;
}

static void detach(struct pw_worker *w, struct pw_connection *c)
{
	unsigned i = 0;

	while (w->active[i] != c)
		i++;
	w->active[i] = w->active[--w->count];
	w->by_index[PW_CID_INDEX(c->cid)] = NULL;
	w->leaving[w->leaving_count++] = c;
}

/* Nobody is placing or sending at this point: a quiescent point. */
static void obey(struct pw_worker *w)
{
	/* acquire; pairs with the release in pw_workers_ask() */
	uint64_t asked = atomic_load_explicit(&w->all->asked, memory_order_acquire);
	struct pw_errand errand;

	if (asked == atomic_load_explicit(&w->passed, memory_order_relaxed))
		return;
	while (rte_ring_sc_dequeue_elem(w->mailbox, &errand, sizeof(errand)) == 0) {
		if (errand.kind == PW_ERRAND_ATTACH)
			attach(w, errand.connection);
		else
			detach(w, errand.connection);
	}
	pw_placement_fence();
	/* release; pairs with the acquire in pw_workers_passed() */
	atomic_store_explicit(&w->passed, asked, memory_order_release);
	pw_bells_ring(w->all->control, PW_BELLS_ALL);
}

/* Connections whose memory the port may still read. */
static void see_off(struct pw_worker *w)
{
	for (unsigned i = 0; i < w->leaving_count;) {
		struct pw_connection *c = w->leaving[i];

		if (!pw_link_ethdev_settled(&c->link)) {
			i++;
			continue;
		}
		w->leaving[i] = w->leaving[--w->leaving_count];
		/* release; pairs with the acquire of the control thread, which frees it */
		atomic_store_explicit(&c->gone, true, memory_order_release);
		pw_bells_ring(w->all->control, PW_BELLS_ALL);
	}
}

/* ---- in ---- */

static struct pw_connection *connection_of(const struct pw_worker *w, uint32_t cid)
{
	uint32_t index = PW_CID_INDEX(cid);
	struct pw_connection *c = index < PW_TRANSFERS_MAX ? w->by_index[index] : NULL;

	return c && c->cid == cid ? c : NULL;
}

/* Counts of no transfer go to the oldest: somebody should see them. */
static struct pw_path_stats *stats_of(struct pw_worker *w)
{
	return w->count ? w->active[0]->stats : &w->unowned;
}

/* Which other worker is it for? NULL: none. */
static struct pw_worker *addressee(struct pw_worker *w, const struct rte_mbuf *frame)
{
	struct pw_encap_found found;

	for (uint16_t i = 0; i < w->all->count; i++)
		if (i != w->queue->path &&
		    pw_link_ethdev_parse(w->all->worker[i].queue, frame, w->scratch, &found) ==
		    PW_ENCAP_OURS)
			return &w->all->worker[i];
	return NULL;
}

/* The frame is not ours to keep: the other gets a reference. */
static void hand_on(struct pw_worker *w, struct pw_worker *to, struct rte_mbuf *frame)
{
	pw_stat_add(&stats_of(w)->rx_wrong_queue, 1);
	rte_pktmbuf_refcnt_update(frame, 1);
	if (rte_ring_mp_enqueue(to->strays, frame))
		rte_pktmbuf_free(frame);
	else
		pw_bells_ring(&w->all->bells, 1u << to->queue->path);
}

/* Questions of MACs, on a lane that the kernel does not see. */
static void keep_house(struct pw_worker *w, const struct rte_mbuf *frame)
{
	uint8_t reply[PW_ARP_FRAME_BYTES];
	uint32_t n;

	if (!w->arp)
		return;
	n = pw_arp_on_frame(w->arp, rte_pktmbuf_mtod(frame, const uint8_t *), frame->data_len,
			    reply);
	if (n)
		pw_link_ethdev_send_one(w->queue, reply, n);
}

static void ask_neighbours(struct pw_worker *w)
{
	uint8_t request[PW_ARP_FRAME_BYTES];
	uint32_t n = pw_arp_next_request(w->arp, request);

	if (n)
		pw_link_ethdev_send_one(w->queue, request, n);
}

static void deliver_other(struct pw_worker *w, struct rte_mbuf *frame)
{
	struct pw_worker *to = addressee(w, frame);

	if (to)
		hand_on(w, to, frame);
	else
		keep_house(w, frame);
}

static void deliver(struct pw_worker *w, struct rte_mbuf *frame, uint64_t now_ns)
{
	struct pw_encap_found found;
	struct pw_envelope env;
	struct pw_connection *c;
	const uint8_t *bytes;
	uint32_t n;

	switch (pw_link_ethdev_parse(w->queue, frame, w->scratch, &found)) {
	case PW_ENCAP_OURS:
		break;
	case PW_ENCAP_OTHER:
		deliver_other(w, frame);
		return;
	default:
		pw_stat_add(&stats_of(w)->rx_bad_frame, 1);
		return;
	}
	bytes = found.datagram;
	n = found.bytes;
	if (!pw_wire_peek(bytes, n, &env)) {
		pw_stat_add(&stats_of(w)->rx_bad_header, 1);
		return;
	}
	c = connection_of(w, env.cid);
	if (!c || (env.type == PW_ACK) != (c->role == PW_SOURCE) ||
	    !pw_encap_is_from_peer(&c->link.encap, &found)) {
		pw_stat_add(&stats_of(w)->rx_unknown_cid, 1);
		return;
	}
	c->events |= c->role == PW_SOURCE ? pw_sender_on_ack(&c->sender, bytes, n, now_ns) :
					    pw_receiver_on_datagram(&c->receiver, bytes, n,
						    found.marked, now_ns);
}

static void receive(struct pw_worker *w, uint64_t now_ns, unsigned *moved)
{
	struct rte_mbuf *frames[PW_BURST];
	uint16_t n = rte_eth_rx_burst(w->queue->port, w->queue->number, frames, PW_BURST);

	pw_worker_note_burst(w, n);
	for (uint16_t i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + PREFETCH_AHEAD], void *));
		deliver(w, frames[i], now_ns);
	}
	rte_pktmbuf_free_bulk(frames, n);
	*moved += n;
}

/* What came for us to other queues. */
static void receive_strays(struct pw_worker *w, uint64_t now_ns, unsigned *moved)
{
	struct rte_mbuf *frames[PW_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->strays, (void **)frames, PW_BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		deliver(w, frames[i], now_ns);
	rte_pktmbuf_free_bulk(frames, n);
	*moved += n;
}

/* ---- out ---- */

static void tell(struct pw_worker *w, struct pw_connection *c)
{
	if (c->events & PW_EVENT_STREAM)
		pw_bells_ring(c->pumps, PW_BELLS_ALL);
	if (c->events & (PW_EVENT_DOWN | PW_EVENT_UP))	/* the last of them is what counts */
		atomic_store_explicit(&c->news, c->events & (PW_EVENT_DOWN | PW_EVENT_UP),
				      memory_order_relaxed);
	if (c->events & (PW_EVENT_SLICE | PW_EVENT_DOWN | PW_EVENT_UP))
		pw_bells_ring(w->all->control, PW_BELLS_ALL);
	c->events = 0;
}

static void tell_all(struct pw_worker *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->active[i]->events)
			tell(w, w->active[i]);
}

/* ---- the loop ---- */

/* The time since the last poll began was that poll's, and its nap's. */
static void account(struct pw_worker *w, uint64_t tsc)
{
	uint64_t cycles = tsc - w->polled_at;

	w->polled_at = tsc;
	for (unsigned i = 0; i < w->count; i++) {
		struct pw_path_stats *s = w->active[i]->stats;

		pw_stat_add(w->moved ? &s->busy_cycles : &s->idle_cycles, cycles);
	}
}

static bool is_asked(const struct pw_worker *w)
{
	return atomic_load_explicit(&w->all->stop, memory_order_relaxed) ||
	       atomic_load_explicit(&w->all->asked, memory_order_acquire) !=
	       atomic_load_explicit(&w->passed, memory_order_relaxed);
}

/* Nothing to serve: until the control thread has something, or a neighbour. */
static void sleep_until_asked(struct pw_worker *w)
{
	pw_bells_arm(w->nap.bells, w->nap.number);
	if (is_asked(w))
		pw_bells_disarm(w->nap.bells, w->nap.number);
	else
		pw_bells_wait(w->nap.bells, w->nap.number,
			      w->arp ? HOUSE_NAP_NS : PW_BELL_FOREVER);
}

static void poll_once(struct pw_worker *w)
{
	uint64_t tsc = rte_rdtsc();	/* the only clock read */
	uint64_t now_ns = to_ns(&w->all->clock, tsc);
	unsigned moved = 0;

	account(w, tsc);
	obey(w);
	/* acquire; pairs with the release in port.c: the port is started */
	if (atomic_load_explicit(&w->queue->up, memory_order_acquire)) {
		receive(w, now_ns, &moved);
		if (w->arp && w->queue->path == 0)
			ask_neighbours(w);
	}
	if (!rte_ring_empty(w->strays))
		receive_strays(w, now_ns, &moved);
	pw_worker_transmit(w, now_ns, &moved);
	tell_all(w);
	if (w->leaving_count)
		see_off(w);

	w->moved = moved != 0;
	if (moved > PW_NAP_LITTLE)
		pw_nap_busy(&w->nap);
	else if (w->moved)
		pw_nap_little(&w->nap);
	else if (!w->count && !w->leaving_count)
		sleep_until_asked(w);
	else
		pw_nap_idle(&w->nap);
}

int pw_worker_run(void *arg)
{
	struct pw_worker *w = arg;

	w->polled_at = rte_rdtsc();
	while (!atomic_load_explicit(&w->all->stop, memory_order_relaxed))
		poll_once(w);
	return 0;
}
