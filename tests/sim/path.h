/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.h - one path of an attempt: a sender at one host, a receiver at the other, a judge
 *
 * The judge writes down what travels under every pn and looks at each step:
 *
 *	a datagram leaves    its pn is new, its span tells the truth
 *	a datagram arrives   damaged, repeated, old or early: nothing was placed;
 *	                     placed: where it said, what it said
 *	an ack leaves        what it names is placed, or was given up
 *	after either         W1-W4 and R1-R2 hold
 */
#ifndef PW_SIM_PATH_H
#define PW_SIM_PATH_H

#include "receiver.h"
#include "sender.h"
#include "shadow.h"
#include "sim_link.h"
#include "tap.h"

struct sim_bed;
struct sim_migration;

/* What was sent under a pn. */
struct sim_record {
	uint64_t offset;
	uint64_t *map;	/* ZERO */
	uint16_t id;
	uint16_t epoch;
	uint16_t length;
	uint8_t type;
	uint8_t seen[2];	/* by inlet, by stray: SIM_TAKEN, SIM_JUDGED */
};

#define SIM_TAKEN  0x1u	/* marked by the receiver */
#define SIM_JUDGED 0x2u	/* was acknowledged, rightly */

/* A receiver, and what the judge knows of it. */
struct sim_inlet {
	struct pw_receiver receiver;
	struct pw_path_stats stats;
	unsigned number;	/* in sim_record.seen */
	uint64_t floor;	/* it was told that nothing below is waited for */
	uint64_t top;	/* highest pn that arrived, plus one */
	uint64_t judged;	/* acks were judged up to here */
	uint64_t reordered;
};

/* A connection, as a worker knows it. */
struct sim_end {
	struct sim_path *path;
	uint32_t cid;
	enum pw_role role;
	bool attached;	/* a worker serves it; else whatever names it is dropped */
};

struct sim_path {
	struct sim_bed *bed;
	struct sim_world *world;
	struct sim_migration *migration;
	struct sim_shadow *shadow;
	struct sim_tap *taps;	/* streams */
	struct pw_transfer *source;
	struct pw_transfer *target;
	struct sim_end source_end;
	struct sim_end target_end;
	struct pw_sender sender;
	struct pw_path_stats source_stats;
	struct sim_inlet inlet;
	struct sim_inlet astray;	/* sees strays only */
	struct sim_record *records;	/* by pn */
	uint64_t room;	/* of records */
	uint64_t sent;	/* pns that left */
	uint64_t steps;
	unsigned attempt;
	unsigned regions;
	unsigned number;
	uint16_t first_epoch;
};

/* Where it stands. */
struct sim_path_order {
	struct sim_migration *migration;
	struct sim_shadow *shadow;
	struct sim_tap *taps;
	struct pw_transfer *source;
	struct pw_transfer *target;
	unsigned attempt;
	unsigned regions;
	unsigned number;
	uint16_t first_epoch;
};

void sim_path_init(struct sim_path *p, struct sim_bed *bed, const struct sim_path_order *order);

/* Make the sender, or the receivers. */
void sim_path_open_source(struct sim_path *p);
void sim_path_open_target(struct sim_path *p);

/* What is known of a pn. */
struct sim_record *sim_path_record(struct sim_path *p, uint64_t pn);

/* What a worker does for it in a poll. *moved counts datagrams sent. */
void sim_path_poll_source(struct sim_path *p, unsigned *moved);
void sim_path_poll_target(struct sim_path *p, unsigned *moved);

/* What a worker does with a datagram once it has found the connection. */
void sim_path_on_datagram(struct sim_path *p, const struct sim_bytes *bytes);
void sim_path_on_stray(struct sim_path *p, const struct sim_bytes *bytes);
void sim_path_on_ack(struct sim_path *p, const struct sim_bytes *bytes);

/* Place a part of what these bytes carry, as a dataplane that dies meanwhile.
 * False: they would not have been placed. */
bool sim_path_place_half(struct sim_path *p, const struct sim_bytes *bytes);

#endif /* PW_SIM_PATH_H */
