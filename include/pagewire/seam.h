/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seam.h - the whole contract between pagewired and pagewire-dp
 *
 * A unix SOCK_SEQPACKET carries struct pw_seam_msg, one per packet, with at
 * most one file descriptor (SCM_RIGHTS). pagewired makes the socket pair and
 * starts pagewire-dp with one end as --seam-fd. Every request has one answer
 * with the same transfer and the same fields, and a status: 0 or a negative
 * errno. The end of either process is the end of the socket: the dataplane
 * then drops every transfer and exits.
 *
 * A transfer is the dataplane's share of one migration. It has one board: a
 * memfd made by pagewired, mapped by both, with the paths' counters (written
 * by the workers) and the dirty bitmaps (written by ctrl while the slice is
 * not open, read by the workers while it is).
 *
 * In order, at the source                at the target
 *	TRANSFER_ADD (board)              TRANSFER_ADD (board)
 *	REGION_ADD (memfd) ...            REGION_ADD (memfd) ...
 *	TRANSFER_START (peer's cids)      TRANSFER_START (peer's cids)
 *	STREAM_ADD (fd to read) ...       STREAM_ADD (fd to write) ...
 *	SLICE_SEND -> when all placed     SLICE_CLOSE -> when no worker can
 *	                                    place that epoch any more
 *	STREAM_ENDED when all placed      STREAM_ENDED when all written
 *	TRANSFER_DEL                      SEAL, TRANSFER_DEL
 *
 * After TRANSFER_DEL was answered, or the dataplane was started again, the same
 * transfer can be added again with the same board.
 *
 * Host byte order: both ends are on one host, of one version (checked in READY).
 */
#ifndef PW_SEAM_H
#define PW_SEAM_H

#include <assert.h>
#include <stdint.h>

#include "pagewire/lane.h"
#include "pagewire/limits.h"
#include "pagewire/stats.h"

#define PW_SEAM_VERSION 1u

enum pw_seam_type {
	PW_SEAM_READY = 1,	/* dp: EAL is up, ports and workers run; or status says why not */
	PW_SEAM_TRANSFER_ADD,	/* fd: board */
	PW_SEAM_REGION_ADD,	/* fd: guest memory */
	PW_SEAM_TRANSFER_START,
	PW_SEAM_STREAM_ADD,	/* fd: read from it (source) or write to it (target) */
	PW_SEAM_STREAM_ENDED,	/* dp, unasked: end of file and everything placed, or failed */
	PW_SEAM_SLICE_SEND,	/* answered when every dirty page of it is placed at the target */
	PW_SEAM_SLICE_CLOSE,	/* answered behind a quiescent point of every worker */
	PW_SEAM_SEAL,	/* likewise, for everything: no write can reach guest memory afterwards */
	PW_SEAM_TRANSFER_DEL,	/* workers let go of it, mappings are gone, fds are closed */
	PW_SEAM_PATH_DOWN,	/* dp, unasked: this path heard nothing for 8 timeouts */
	PW_SEAM_PATH_UP,	/* dp, unasked: and now it does */
	PW_NUM_SEAM_TYPES
};

enum pw_role { PW_SOURCE = 1, PW_TARGET = 2 };

struct pw_seam_ready {
	uint32_t version;
	uint32_t paths;
	uint32_t payload_bytes;	/* that a datagram of this lane carries */
	uint32_t unused;
	struct pw_lane_end end;	/* ours, for the other host */
	char why[200];	/* status != 0: one line, what was found */
};

struct pw_seam_transfer {
	uint32_t role;	/* enum pw_role */
	uint32_t slice_shift;
	uint64_t board_bytes;
	uint64_t rate_bytes_per_s;	/* ceiling for all paths together, 0 for none */
	uint32_t cids[PW_PATHS_MAX];	/* ADD: our receiving ids until now, not to be used again;
					 * answer: those from now on; START: the peer's */
	uint16_t ports[PW_PATHS_MAX];	/* UDP source port of each path. Answer: that the peer is to
					 * use, so that its datagrams reach the right queue here;
					 * START: that we are to use, 0 for our own choice */
	struct pw_lane_end peer;	/* ADD */
	uint32_t payload_bytes;	/* START: no datagram carries more, 0 for our own bound */
	uint32_t unused;
};

struct pw_seam_region {
	uint32_t region;
	uint32_t populated;	/* target: all of it has memory already */
	uint64_t bytes;
	uint64_t bitmap_offset;	/* source: of its dirty bitmap in the board */
	char why[200];	/* answer, status != 0: one line, what was found; or "" */
};

struct pw_seam_slice {
	uint32_t region;
	uint32_t slice;
	uint16_t epoch;
	uint16_t stun;	/* SLICE_SEND: the guest is paused */
	uint32_t unused;
	uint64_t sent_bytes;	/* answer: payload, repeats not included */
	uint64_t zero_pages;	/* answer */
};

struct pw_seam_stream {
	uint32_t stream;
	uint32_t unused;
	uint64_t bytes;	/* ENDED */
	uint64_t digest[2];	/* ENDED: XXH3-128 of all bytes, low half first */
};

struct pw_seam_msg {
	uint32_t type;	/* enum pw_seam_type */
	int32_t status;	/* answers: 0 or negative errno */
	uint32_t transfer;	/* chosen by ctrl, below PW_TRANSFERS_MAX */
	uint32_t unused;
	union {
		struct pw_seam_ready ready;
		struct pw_seam_transfer add;
		struct pw_seam_region region;
		struct pw_seam_slice slice;
		struct pw_seam_stream stream;
		uint32_t path;	/* PATH_DOWN, PATH_UP */
		uint8_t bytes[240];
	};
};
static_assert(sizeof(struct pw_seam_msg) == 256, "seam message");

/* The board: this header, then bitmaps at the offsets that REGION_ADD names,
 * each a whole number of chunks (PW_CHUNK_WORDS words), low bit = low page. */
struct pw_board {
	struct pw_path_stats path[PW_PATHS_MAX];
};

#endif /* PW_SEAM_H */
