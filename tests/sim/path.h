/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.h - one path of the simulator: a sender, a receiver, two links, a judge
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
#include "scenario.h"
#include "sender.h"
#include "shadow.h"
#include "sim_link.h"
#include "tap.h"

#define SIM_RECORDS_MAX (1u << 18)

/* What was sent under a pn. */
struct sim_record {
	uint64_t offset;
	uint64_t *map;	/* ZERO */
	uint16_t id;
	uint16_t epoch;
	uint16_t length;
	uint8_t type;
};

/* A receiver, and what the judge knows of it. */
struct sim_inlet {
	struct pw_receiver receiver;
	struct pw_path_stats stats;
	uint64_t floor;	/* it was told that nothing below is waited for */
	uint64_t top;	/* highest pn that arrived, plus one */
	uint64_t judged;	/* acks were judged up to here */
	uint64_t reordered;
	uint8_t *seen;	/* by pn: SIM_TAKEN, SIM_JUDGED */
};

#define SIM_TAKEN  0x1u	/* marked by the receiver */
#define SIM_JUDGED 0x2u	/* was acknowledged, rightly */

struct sim_path {
	struct sim_world *world;
	struct sim_shadow *shadow;
	struct sim_tap *taps;	/* streams */
	struct pw_transfer *source;
	struct pw_transfer *target;
	struct pw_sender sender;
	struct pw_path_stats source_stats;
	struct sim_inlet inlet;
	struct sim_inlet astray;	/* sees strays only */
	struct sim_link forth;
	struct sim_link back;
	struct sim_record *records;	/* by pn */
	uint64_t sent;	/* pns that left */
	uint64_t steps;
	unsigned regions;
	unsigned number;
	bool stopped;	/* no more polls */
};

/* Where a path stands between the two ends of a migration. */
struct sim_ends {
	struct pw_transfer *source;
	struct pw_transfer *target;
	struct sim_shadow *shadow;
	struct sim_tap *taps;
};

void sim_path_init(struct sim_path *p, struct sim_world *w, const struct sim_scenario *s,
		   const struct sim_ends *ends, unsigned number);

/* Begin to poll both ends. */
void sim_path_run(struct sim_path *p);

#endif /* PW_SIM_PATH_H */
