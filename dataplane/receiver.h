/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * receiver.h - the target's end of a path: datagram, guards, placement, ack
 *
 * A datagram passes the guards in this order, and is dropped and counted by
 * the first that it fails: shape and checksum (wire), replay, bounds, epoch,
 * room. Only what is placed (or provably needs no placing: an older epoch, a
 * slot placed before) is marked, and only what is marked is acknowledged.
 *
 * Owned by one worker.
 */
#ifndef PW_RECEIVER_H
#define PW_RECEIVER_H

#include "ack.h"
#include "link.h"
#include "replay.h"
#include "transfer.h"

/* What the worker knows of its receive queue, for the next acks. */
struct pw_intake {
	uint32_t room;	/* datagrams that the queue holds for this sender */
	uint32_t grant_mbps;	/* 0: as fast as it can */
	uint16_t fill;	/* of the queue, 0..65535 */
};

struct pw_receiver {
	struct pw_transfer *transfer;
	struct pw_link *link;
	struct pw_path_stats *stats;
	struct pw_replay replay;
	struct pw_acker acker;
	uint64_t ack_pn;	/* our own numbers */
	uint32_t peer_cid;
	uint32_t dropped;
	uint32_t marked;
	uint64_t stun_ns;	/* when something of a paused guest last came; 0: never */
	struct pw_intake intake;	/* set by the worker */
	uint16_t path;
	uint16_t credit_turn;	/* stream whose credit goes first in the next ack */
	uint64_t credit_told[PW_STREAMS_MAX];	/* slots, as the sender last heard from us */
	uint8_t ack[PW_ACK_BYTES_MAX];
};

void pw_receiver_init(struct pw_receiver *r, struct pw_transfer *transfer, struct pw_link *link,
		      struct pw_path_stats *stats, uint32_t peer_cid, uint16_t path);

/* A datagram for this path came in (anything but ACK); marked: with a congestion
 * mark. Returns PW_EVENT_ bits. */
unsigned pw_receiver_on_datagram(struct pw_receiver *r, const uint8_t *bytes, uint32_t n,
				 bool marked, uint64_t now_ns);

/* Acknowledge if it is time to. *moved counts datagrams sent. */
void pw_receiver_poll(struct pw_receiver *r, uint64_t now_ns, unsigned *moved);

#endif /* PW_RECEIVER_H */
