/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sender.h - the source's end of a path: extents to datagrams, acks to settled
 *
 *	slices, streams -> extent -> [window loss pacer congestion mtu] -> link
 *	                     ^                                              |
 *	                     +---- lost: again, under a new pn              |
 *	slices, streams <- settled <------------- ack <---------------------+
 *
 *	sender.c       poll: what was lost, probes, a burst of datagrams
 *	sender_next.c  what goes next; what becomes of it when the path is down
 *	sender_ack.c   what an ack settles and teaches
 *
 * Happy path: pw_sender_poll() pulls extents while window, congestion and pacer
 * allow, writes headers in front of them and offers a burst to the link.
 * Payload is never copied here: the link reads guest memory.
 *
 * What can go wrong: the link takes less than offered (the rest stays in the
 * outbox and goes first next time); a datagram is lost (its extent goes to the
 * retry list, which goes before anything new); long datagrams vanish (they get
 * shorter, those in the retry list too); the path falls silent (probes, then
 * PW_EVENT_DOWN once: all it holds is poured into its spill, where the other
 * paths of the transfer take it; PW_EVENT_UP when it hears again).
 *
 * Owned by one worker; set up before any of the transfer polls.
 */
#ifndef PW_SENDER_H
#define PW_SENDER_H

#include "congestion.h"
#include "link.h"
#include "loss.h"
#include "mtu.h"
#include "pacer.h"
#include "runlist.h"
#include "spill.h"
#include "transfer.h"
#include "window.h"

/* An idle path is asked so often whether it still lives; more often in the stun,
 * which waits for whoever finds out late. */
#define PW_KEEPALIVE_NS	     100000000ull
#define PW_KEEPALIVE_STUN_NS 10000000ull

/* Fresh extents are sent while window and retry list together hold fewer than
 * PW_WINDOW_SLOTS; only the pieces of one that got too long make it more. */
#define PW_RETRY_SLOTS (2u * PW_WINDOW_SLOTS)

struct pw_sender_config {
	struct pw_congestion_config congestion;
	uint64_t rate_bytes_per_s;	/* of this path; 0: no ceiling */
	uint32_t peer_cid;
	uint16_t path;	/* below PW_PATHS_MAX */
	uint16_t payload_bytes;	/* PW_PAYLOAD_MIN..PW_PAYLOAD_MAX */
	bool payload_crc;	/* the wire has no checksum of its own */
};

struct pw_sender {
	struct pw_transfer *transfer;
	struct pw_link *link;
	struct pw_path_stats *stats;
	struct pw_sender_config config;
	struct pw_loss loss;
	struct pw_congestion congestion;
	struct pw_pacer pacer;
	struct pw_mtu mtu;
	uint32_t credit;	/* datagrams in flight that the receiver has room for */
	uint32_t marked;	/* as the last ack said */
	uint16_t next_stream;	/* whose turn it is */
	bool streamed;	/* the last fresh extent was a stream's */
	bool down;
	bool yields;	/* set by the worker: a stun has the lane, nothing new is sent */
	struct pw_extent stream_rest;
	uint32_t retry_head;
	uint32_t retry_count;
	uint16_t outbox_first;
	uint16_t outbox_count;
	struct pw_frame outbox[PW_BURST];
	uint8_t headers[PW_BURST][PW_BULK_HEADER_BYTES];
	struct pw_runlist runlist;
	struct pw_spill spill;
	struct pw_window window;
	struct pw_extent retry[PW_RETRY_SLOTS];
	struct pw_extent settled[PW_WINDOW_SLOTS];	/* scratch of pw_sender_on_ack() */
};

void pw_sender_init(struct pw_sender *s, struct pw_transfer *transfer, struct pw_link *link,
		    struct pw_path_stats *stats, const struct pw_sender_config *config,
		    uint64_t now_ns);

/* Bounded work, never waits. Returns PW_EVENT_ bits; *moved counts datagrams sent. */
unsigned pw_sender_poll(struct pw_sender *s, uint64_t now_ns, unsigned *moved);

/* An ACK datagram for this path came in. Returns PW_EVENT_ bits. */
unsigned pw_sender_on_ack(struct pw_sender *s, const uint8_t *bytes, uint32_t n, uint64_t now_ns);

/* True when it holds nothing that is not settled, in its spill neither. */
bool pw_sender_idle(const struct pw_sender *s);

/* Does it have something to send, and a path to send it on? Others wait for it
 * while its guest is paused; one whose target is silent would have them wait for
 * as long as that lasts. */
bool pw_sender_busy(const struct pw_sender *s);

#endif /* PW_SENDER_H */
