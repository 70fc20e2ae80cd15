/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - every byte of the control link between two pagewired
 *
 * TLS 1.3 over TCP, mutual X.509. A message is a header and the body of its
 * type; some bodies end in rows. All integers are little endian; reserved
 * bytes are sent as 0 and refused otherwise. A message of an unknown type or a
 * wrong size ends the link; one that is out of order ends the migration; one of
 * another migration or epoch is ignored. Messages are idempotent within
 * (migration, epoch).
 *
 *	source                               target
 *	HELLO                 <->            HELLO
 *	OPEN                  ->
 *	                      <-             OPENED           or REFUSE
 *	STREAM_OPEN           ->             one per device, when its state is read
 *	                      <-             STREAM_OPENED
 *	CLOSE                 ->             a slice's epoch is over
 *	                      <-             CLOSED
 *	-- the guest is paused --
 *	DIGESTS ...           ->             what memory must hold
 *	STREAM_END            ->             what a device's stream held
 *	SEAL                  ->             everything is placed
 *	                      <-             SEALED
 *	                      <-             VERIFIED         or REFUSE
 *	                      <-             LOADED
 *	GIVE                  ->             the point of no return for the source
 *	                      <-             RUNNING          or REFUSE
 *	RELEASED              ->
 *
 * A dataplane that died is started again and the transfer is opened anew at both
 * ends, from any state up to SEALED; devices whose stream was not complete begin
 * again with STREAM_OPEN, slices that were not closed are sent again:
 *
 *	                      <-             RESET            its dataplane died
 *	REOPEN                ->             new cids; or the source's died
 *	                      <-             REOPENED
 *
 * ABORT (source) and REFUSE (target) end a migration up to GIVE, from any
 * state; after GIVE only REFUSE gives the guest back.
 */
#ifndef PW_CONTROL_H
#define PW_CONTROL_H

#include <stddef.h>

#include "pagewire/le.h"
#include "pagewire/limits.h"

#define PW_CTL_VERSION	 1u
#define PW_CTL_BYTES_MAX (1u << 20)
#define PW_CTL_WHY_MAX	 200u

enum pw_ctl_type {
	PW_CTL_HELLO = 1,
	PW_CTL_OPEN,
	PW_CTL_OPENED,
	PW_CTL_STREAM_OPEN,
	PW_CTL_STREAM_OPENED,
	PW_CTL_CLOSE,
	PW_CTL_CLOSED,
	PW_CTL_DIGESTS,
	PW_CTL_STREAM_END,
	PW_CTL_DEVICE_DATA,	/* legacy mode: device bytes on the control link itself */
	PW_CTL_SEAL,
	PW_CTL_SEALED,
	PW_CTL_VERIFIED,
	PW_CTL_LOADED,
	PW_CTL_GIVE,
	PW_CTL_RUNNING,
	PW_CTL_RELEASED,
	PW_CTL_ABORT,
	PW_CTL_REFUSE,
	PW_CTL_PING,
	PW_CTL_PONG,
	PW_CTL_RESET,
	PW_CTL_REOPEN,
	PW_CTL_REOPENED,
	PW_NUM_CTL_TYPES
};

enum pw_mode { PW_MODE_ENHANCED = 1, PW_MODE_LEGACY = 2 };
enum pw_verify { PW_VERIFY_NONE = 0, PW_VERIFY_STUN = 1, PW_VERIFY_FULL = 2 };

struct pw_ctl_header {
	struct pw_le32 bytes;	/* of the whole message, this header included */
	struct pw_le16 type;
	struct pw_le16 reserved;
	uint8_t migration[16];	/* 0 where it belongs to none: HELLO PING PONG */
	struct pw_le32 epoch;
	struct pw_le32 rows;	/* behind the body: OPEN, CLOSE, CLOSED, DIGESTS; bytes: DEVICE_DATA */
};
static_assert(sizeof(struct pw_ctl_header) == 32, "control header");
static_assert(offsetof(struct pw_ctl_header, migration) == 8, "control header");

/* struct pw_lane_end */
struct pw_ctl_lane {
	uint8_t ip[16];
	struct pw_le16 udp_port;
	uint8_t family;
	uint8_t reserved;
	struct pw_le32 link_mbps;
};
static_assert(sizeof(struct pw_ctl_lane) == 24, "lane");

struct pw_ctl_hello {
	struct pw_le32 version;
	struct pw_le32 features;
	uint8_t boot[16];	/* of the host: same value = same clocks */
	uint8_t name[PW_GUEST_NAME_MAX];	/* of the host as its operator calls it */
	struct pw_ctl_lane lane;	/* where the sender's lane ends */
};
static_assert(sizeof(struct pw_ctl_hello) == 112, "hello");

struct pw_ctl_open {
	uint8_t guest[PW_GUEST_NAME_MAX];
	uint8_t mode;	/* enum pw_mode */
	uint8_t verify;	/* enum pw_verify */
	uint8_t regions;	/* rows: first the regions, then the devices */
	uint8_t devices;
	struct pw_le32 paths;
	struct pw_le32 slice_shift;
	struct pw_le32 payload_bytes;
	struct pw_le32 cids[PW_PATHS_MAX];	/* where the source takes acks; answer: where the target takes data */
	struct pw_le16 ports[PW_PATHS_MAX];	/* UDP source port that the other end is to use, per path */
};
static_assert(sizeof(struct pw_ctl_open) == 176, "open");

/* REOPEN, REOPENED */
struct pw_ctl_reopen {
	struct pw_le32 attempt;	/* counts the REOPENs of a migration; REOPENED repeats it */
	struct pw_le32 devices_done;	/* REOPENED: bit per device whose whole stream is at the target */
	struct pw_le32 cids[PW_PATHS_MAX];
	struct pw_le16 ports[PW_PATHS_MAX];
};
static_assert(sizeof(struct pw_ctl_reopen) == 104, "reopen");

struct pw_ctl_open_row {
	uint8_t name[24];	/* device; regions are known by their order */
	struct pw_le64 bytes;	/* of the region; of the device's memory */
	struct pw_le32 flags;	/* device: PW_DEVICE_CAN_... */
	struct pw_le32 reserved;
};
static_assert(sizeof(struct pw_ctl_open_row) == 40, "open row");

/* STREAM_OPEN, STREAM_OPENED, STREAM_END, LOADED */
struct pw_ctl_stream {
	struct pw_le32 device;
	struct pw_le32 reserved;
	struct pw_le64 bytes;
	struct pw_le64 digest[2];	/* XXH3-128, low half first */
};
static_assert(sizeof(struct pw_ctl_stream) == 32, "stream");

struct pw_ctl_slice_row {
	struct pw_le32 region;
	struct pw_le32 slice;
	struct pw_le32 epoch;
	struct pw_le32 reserved;
};
static_assert(sizeof(struct pw_ctl_slice_row) == 16, "slice row");

/* One 2 MiB block: digest of its pages that mask names, in order. */
#define PW_BLOCK_SHIFT 21u
#define PW_DIGEST_LATE 0x1u	/* the stun moves pages of it: hash only after SEAL */

struct pw_ctl_digest_row {
	struct pw_le32 region;
	struct pw_le32 flags;
	struct pw_le64 block;
	struct pw_le64 mask[8];
	struct pw_le64 digest[2];
};
static_assert(sizeof(struct pw_ctl_digest_row) == 96, "digest row");

struct pw_ctl_seal {
	struct pw_le64 blocks;	/* rows of DIGESTS that were sent in all */
	struct pw_le32 streams;	/* devices whose STREAM_END was sent in all */
	struct pw_le32 reserved;
};
static_assert(sizeof(struct pw_ctl_seal) == 16, "seal");

struct pw_ctl_verified {
	struct pw_le64 pages;	/* that were hashed here */
	struct pw_le64 blocks;
};
static_assert(sizeof(struct pw_ctl_verified) == 16, "verified");

struct pw_ctl_running {
	struct pw_le64 last_step_ns;	/* guest's last step at the source, from its registers */
	struct pw_le64 first_step_ns;	/* its first step here, on this host's clock */
	struct pw_le64 since_step_ns;	/* from the first step to this message */
};
static_assert(sizeof(struct pw_ctl_running) == 24, "running");

/* ABORT, REFUSE */
struct pw_ctl_why {
	struct pw_le32 code;	/* positive errno */
	uint8_t why[PW_CTL_WHY_MAX];	/* one line: what was found, what to do */
};
static_assert(sizeof(struct pw_ctl_why) == 204, "why");

struct pw_ctl_ping {
	struct pw_le64 cookie;
};

#endif /* PW_CONTROL_H */
