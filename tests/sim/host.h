/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.h - two hosts, the lanes between them, and the life and death of their dataplanes
 *
 *	host 0                          lane                         host 1
 *	worker --- ends of all guests == way[0] ==> ring ==> worker
 *	       <== ring ===================== way[1] ====== worker
 *
 * A host has one worker per lane. It serves the connections of all transfers,
 * in both roles, as the product's does: what comes is handed to the connection
 * that the cid names, and dropped if there is none; then each is polled in turn.
 *
 * A dataplane that dies takes all its connections along. Frames that it had
 * handed to the lane still leave, and what its peers send still comes.
 */
#ifndef PW_SIM_HOST_H
#define PW_SIM_HOST_H

#include "path.h"
#include "swarm.h"

#define SIM_ENDS_MAX 16u	/* served by one worker */

struct sim_held {
	struct sim_held *next;
	struct sim_bytes bytes;
	uint8_t copy[];
};

struct sim_worker {
	struct sim_host *host;
	unsigned path;
	unsigned count;
	struct sim_end *end[SIM_ENDS_MAX];
	unsigned turn;	/* whose it is first */
	uint64_t shared_ns;	/* when the queue was shared out last */
	uint64_t asked;	/* polls; of several that were asked for the last one counts */
	uint64_t polls_at_ns;
	uint64_t idle_ns;
	uint64_t stalled_until_ns;
	unsigned held;	/* in the receive ring, while it stalls */
	struct sim_held *first;
	struct sim_held **last;
};

struct sim_host {
	struct sim_bed *bed;
	unsigned number;
	unsigned lives;
	bool up;	/* its dataplane is */
	uint64_t stun_ns;	/* when the sender of a paused guest last had something to send */
	bool dies_placing;	/* the next time that it places */
	struct sim_worker worker[SIM_PATHS_MAX];
};

/* One direction of a lane. */
struct sim_way {
	struct sim_lane *lane;
	struct sim_faults faults;
	struct sim_link link;
	unsigned from;	/* host */
};

struct sim_lane {
	struct sim_bed *bed;
	struct sim_way way[SIM_HOSTS];	/* leaving that host */
	unsigned number;
	bool dead;
};

void sim_host_init(struct sim_host *h, struct sim_bed *bed, unsigned number);
void sim_lane_init(struct sim_lane *l, struct sim_bed *bed, unsigned number);

/* A fault befell a datagram that begins with header. */
void sim_lane_suffer(struct sim_bed *bed, const uint8_t *header, enum sim_fault fault);

/* A worker begins, or ends, to serve an end; its cid names it from here on. */
void sim_host_attach(struct sim_host *h, struct sim_end *end);
void sim_host_detach(struct sim_host *h, struct sim_end *end);

/* From now on a lane has only its speed; a dead one has none. */
void sim_lane_calm(struct sim_lane *l);

/* The dataplane dies, and is started again a little later. */
void sim_host_crash(struct sim_host *h);

/* turn.c: poll all ends of a worker. *moved counts datagrams sent. */
void sim_worker_turn(struct sim_worker *w, unsigned *moved);

/* A worker does nothing for so long. */
void sim_host_stall(struct sim_host *h, unsigned path, uint64_t stall_ns);

#endif /* PW_SIM_HOST_H */
