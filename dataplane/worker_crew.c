/* SPDX-License-Identifier: BSD-3-Clause */
/* worker_crew.c - the control thread's side of the workers: see worker.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "pagewire/check.h"
#include "worker.h"

#define STRAY_SLOTS   1024u	/* as a receive queue; what does not fit is lost, and sent again */
#define MAILBOX_SLOTS (4u * PW_TRANSFERS_MAX)	/* one to attach, one to detach, per transfer */

static int make_rings(struct pw_worker *w, unsigned path)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "mailbox%u", path);
	w->mailbox = rte_ring_create_elem(name, sizeof(struct pw_errand), MAILBOX_SLOTS,
					  SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "strays%u", path);
	w->strays = w->mailbox ? rte_ring_create(name, STRAY_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ) :
				 NULL;
	return w->strays ? 0 : -rte_errno;
}

/* What runs on the worker's own thread. */
static int run(void *arg)
{
	struct pw_worker *w = arg;

	pw_nap_init(&w->nap, w->nap.bells, w->nap.number, w->nap.poll_always);
	return pw_worker_run(w);
}

int pw_workers_start(struct pw_workers *ws, const struct pw_port *port, struct pw_bells *control,
		     bool poll_always)
{
	int status;

	memset(ws, 0, sizeof(*ws));
	ws->control = control;
	ws->clock.start = rte_rdtsc() - rte_get_tsc_hz();	/* now_ns is never 0 */
	ws->clock.ns_per_cycle =
		(uint64_t)((1000000000.0 * 4294967296.0) / (double)rte_get_tsc_hz());
	status = pw_bells_init(&ws->bells, port->paths);
	for (unsigned i = 0; i < port->paths && !status; i++) {
		struct pw_worker *w = &ws->worker[i];

		w->queue = &port->queue[i];
		w->arp = port->arp;
		w->all = ws;
		w->nap = (struct pw_nap){ .bells = &ws->bells, .number = i,
					  .poll_always = poll_always };
		status = make_rings(w, i);
		if (!status)
			status = rte_eal_remote_launch(run, w, i + 1);
		if (!status)
			ws->count++;
	}
	if (status)
		pw_workers_stop(ws);
	return status;
}

void pw_workers_stop(struct pw_workers *ws)
{
	atomic_store_explicit(&ws->stop, true, memory_order_relaxed);
	pw_workers_ask(ws);
	for (unsigned i = 0; i < ws->count; i++)
		rte_eal_wait_lcore(i + 1);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		struct rte_mbuf *frame;

		while (ws->worker[i].strays &&
		       rte_ring_sc_dequeue(ws->worker[i].strays, (void **)&frame) == 0)
			rte_pktmbuf_free(frame);
		rte_ring_free(ws->worker[i].strays);
		rte_ring_free(ws->worker[i].mailbox);
	}
	pw_bells_fini(&ws->bells);
	ws->count = 0;
}

void pw_workers_post(struct pw_workers *ws, unsigned path, enum pw_errand_kind kind,
		     struct pw_connection *connection)
{
	struct pw_errand errand = { .kind = kind, .connection = connection };
	int status = rte_ring_sp_enqueue_elem(ws->worker[path].mailbox, &errand, sizeof(errand));

	PW_CHECK(status == 0);
}

uint64_t pw_workers_ask(struct pw_workers *ws)
{
	/* release; pairs with the acquire in obey() */
	uint64_t number = atomic_fetch_add_explicit(&ws->asked, 1, memory_order_release) + 1;

	pw_bells_ring(&ws->bells, PW_BELLS_ALL);
	return number;
}

bool pw_workers_passed(const struct pw_workers *ws, uint64_t number)
{
	for (unsigned i = 0; i < ws->count; i++)
		/* acquire; pairs with the release in obey() */
		if (atomic_load_explicit(&ws->worker[i].passed, memory_order_acquire) < number)
			return false;
	return true;
}
