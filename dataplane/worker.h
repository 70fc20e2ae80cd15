/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.h - the poll loop of a path, for all transfers
 *
 *	control thread --- mailbox: ATTACH, DETACH ---> worker
 *	               --- asked, passed: barrier --->
 *	               <-- bell: settled, down, gone --
 *
 * A connection is one transfer's end on one path. Its cid names it in every
 * datagram: 12 bits of index into the worker's table, 4 bits of queue, 16
 * random. The control thread makes it, the worker owns it from ATTACH until it
 * says gone, the control thread frees it.
 *
 * A NIC may bring a datagram to the queue of another path. Its worker hands the
 * frame on to the right one, by a ring that any worker may fill.
 *
 * A barrier is passed when every worker has begun a poll after it was asked
 * for: whatever was posted before is obeyed, whatever was being placed is
 * placed and visible.
 */
#ifndef PW_WORKER_H
#define PW_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arp.h"
#include "bell.h"
#include "link_ethdev.h"
#include "nap.h"
#include "port.h"
#include "receiver.h"
#include "sender.h"

#define PW_CID_INDEX(cid) ((cid) >> 20)
#define PW_CID(index, queue, random16)                                                             \
	((uint32_t)(index) << 20 | (uint32_t)(queue) << 16 | (random16))

struct pw_connection {
	uint32_t cid;	/* ours: the peer names us by it */
	enum pw_role role;
	unsigned events;	/* of this poll, not told yet */
	struct pw_path_stats *stats;
	struct pw_bells *pumps;	/* of the transfer's streams */
	_Atomic uint8_t news;	/* PW_EVENT_DOWN, _UP: set by the worker, taken by the control thread */
	_Atomic bool gone;	/* detached, and the port let go of its memory */
	struct pw_link_ethdev link;
	union {
		struct pw_sender sender;
		struct pw_receiver receiver;
	};
};

enum pw_errand_kind { PW_ERRAND_ATTACH, PW_ERRAND_DETACH };

struct pw_errand {
	uintptr_t kind;	/* enum pw_errand_kind */
	struct pw_connection *connection;
};

/* TSC to ns, the same in every thread. */
struct pw_clock {
	uint64_t start;
	uint64_t ns_per_cycle;	/* times 2^32 */
};

uint64_t pw_clock_ns(const struct pw_clock *c);

struct pw_workers;

struct pw_worker {
	const struct pw_queue *queue;
	struct pw_arp *arp;	/* NULL: there are no neighbours to find, or the kernel does it */
	struct pw_workers *all;
	struct rte_ring *mailbox;
	struct rte_ring *strays;	/* frames for us that came to other queues */
	uint64_t polled_at;	/* TSC at the start of the last poll */
	bool moved;	/* something, in the last poll */
	unsigned count;	/* of connections: the first in active */
	unsigned leaving_count;
	unsigned turn;	/* which connection begins */
	uint32_t full_bursts;	/* received in a row: the ring has more */
	uint16_t fill;	/* of the receive ring, estimated; 0..65535 */
	uint64_t shared_ns;	/* when the queue was shared out last */
	struct pw_nap nap;
	struct pw_connection *active[PW_TRANSFERS_MAX];
	struct pw_connection *leaving[PW_TRANSFERS_MAX];
	struct pw_connection *by_index[PW_TRANSFERS_MAX];
	uint8_t scratch[PW_LINK_SCRATCH_BYTES];	/* for a frame that came in pieces */
	struct pw_path_stats unowned;	/* counts what belongs to no transfer while there is none */
	/* read by the control thread */
	_Atomic uint64_t passed __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct pw_workers {
	_Atomic uint64_t asked __attribute__((aligned(64)));	/* barriers, so far */
	_Atomic bool stop;
	_Atomic uint64_t stun_ns;	/* when the sender of a paused guest last had something to send */
	_Atomic uint32_t path_mbps;	/* of the link, a path's share; 0: not known */
	uint16_t count;
	struct pw_clock clock;
	struct pw_bells bells;	/* one per worker */
	struct pw_bells *control;	/* one, of the control thread */
	struct pw_worker worker[PW_PATHS_MAX];
};

/* worker_crew.c: the control thread's side. */
int pw_workers_start(struct pw_workers *ws, const struct pw_port *port, struct pw_bells *control,
		     bool poll_always);
void pw_workers_stop(struct pw_workers *ws);

/* Post an errand; it is obeyed before the next barrier passes. */
void pw_workers_post(struct pw_workers *ws, unsigned path, enum pw_errand_kind kind,
		     struct pw_connection *connection);

/* Ask for a barrier. Returns its number for pw_workers_passed(). The control
 * bell rings when a worker passes. */
uint64_t pw_workers_ask(struct pw_workers *ws);
bool pw_workers_passed(const struct pw_workers *ws, uint64_t number);

/* worker_turn.c: let every connection send; n datagrams were received at once. */
void pw_worker_transmit(struct pw_worker *w, uint64_t now_ns, unsigned *moved);
void pw_worker_note_burst(struct pw_worker *w, unsigned n);

/* worker.c: run until stop. arg: struct pw_worker. */
int pw_worker_run(void *arg);

#endif /* PW_WORKER_H */
