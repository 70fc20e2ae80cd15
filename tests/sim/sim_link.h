/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_link.h - one direction of a path, with all that can go wrong
 *
 *	send() -> queue -> payload read in two halves -> link model -> deliver
 *	header copied        later: torn, or newer          astray
 *	                     than the header knew
 *
 * What a wire does to frames, the link model decides; see link/model.h.
 *
 * Astray: a copy comes out much later, at a receiver that saw none of its
 * neighbours, as if the path had died and another had taken over its work.
 * Nothing but the epoch tells that receiver that it is late.
 *
 * The queue is finite and takes fewer frames than offered when it is full, and
 * sometimes for no reason.
 */
#ifndef PW_SIM_LINK_H
#define PW_SIM_LINK_H

#include "coverage.h"
#include "link.h"
#include "model.h"
#include "pagewire/wire.h"
#include "world.h"

#define SIM_KEPT_MAX 64u	/* datagrams per link that come once more after SEAL */

/* Chances are of 10000; those of the model of a million. */
struct sim_faults {
	struct link_config model;
	unsigned astray;
	unsigned refuse;
	bool extreme;	/* delay and jitter */
	bool hole_stays;	/* that of the model, in the calm too */
	bool corrupt_payload;	/* it has a checksum of its own */
	uint64_t dma_ns_max;	/* from send() to the payload's being read */
	uint64_t ns_per_kib;
	uint32_t queue_max;	/* frames */
};

struct sim_link_stats {
	uint64_t strays;
	uint64_t torn;	/* payload changed between header and wire */
	uint64_t refused;	/* bursts that were not taken whole */
};

struct sim_parcel {
	struct sim_parcel *next;
	const uint8_t *payload;	/* until it was read */
	uint16_t header_bytes;
	uint16_t payload_bytes;
	uint32_t bytes_count;
	uint64_t sum;	/* of the payload at send() */
	bool intact;	/* as it was put on the wire */
	bool stray;
	bool marked;
	uint8_t bytes[PW_DATAGRAM_BYTES_MAX + 64];
};

/* A datagram as it came. */
struct sim_bytes {
	const uint8_t *at;
	uint32_t n;
	bool intact;	/* as they left */
	bool marked;	/* with a congestion mark */
};

struct sim_link_ends {
	void *who;
	/* A frame was taken; its payload may still change. */
	void (*on_taken)(void *who, const struct pw_frame *frame);
	void (*on_arrival)(void *who, const struct sim_bytes *bytes);
	/* An intact copy arrives astray. */
	void (*on_stray)(void *who, const struct sim_bytes *bytes);
	/* Something happened to a datagram that begins with header. */
	void (*on_fault)(void *who, enum sim_fault fault, const uint8_t *header);
};

struct sim_link {
	struct pw_link link;	/* first: send() gets this */
	struct sim_world *world;
	const struct sim_faults *faults;
	struct sim_link_ends ends;
	struct sim_link_stats stats;
	struct link_model model;
	struct sim_parcel *unused;
	struct sim_parcel *kept[SIM_KEPT_MAX];
	uint32_t kept_count;
	uint32_t queued;
	uint64_t busy_until_ns;
};

void sim_link_init(struct sim_link *l, struct sim_world *w, const struct sim_faults *faults,
		   const struct sim_link_ends *ends);

/* Lose everything for cut_ns from now. */
void sim_link_cut(struct sim_link *l, uint64_t cut_ns);

/* Cuts and silences end; its faults are what they are by now. */
void sim_link_calm(struct sim_link *l);

/* Deliver what was kept, at random times. */
void sim_link_release_kept(struct sim_link *l);

#endif /* PW_SIM_LINK_H */
