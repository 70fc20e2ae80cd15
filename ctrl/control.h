/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - messages of the control link, between bytes and a plain struct
 *
 *	sender:    struct pw_ctl --pw_ctl_pack-->  bytes
 *	receiver:  bytes         --pw_ctl_parse--> struct pw_ctl
 *
 * The only place that knows the byte order of pagewire/control.h. Pure: no
 * clock, no allocation, no system call. Both directions pass through one
 * validation, so what packs also parses, and what parses packs to the same
 * bytes.
 */
#ifndef PW_CTRL_CONTROL_H
#define PW_CTRL_CONTROL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "pagewire/control.h"
#include "pagewire/lane.h"

#define PW_CTL_HEADER_BYTES   ((uint32_t)sizeof(struct pw_ctl_header))
#define PW_CTL_MIGRATION_BYTES 16u
#define PW_CTL_DEVICE_NAME_MAX 24u
/* Device bytes that one DEVICE_DATA carries. */
#define PW_CTL_DATA_MAX	      (PW_CTL_BYTES_MAX - PW_CTL_HEADER_BYTES)

/* Bodies, in the byte order of the host. Texts end in NUL and are printable
 * ASCII; what stands behind the NUL is not sent. */

struct pw_ctl_host_hello {
	uint32_t version;
	uint32_t features;
	uint8_t boot[16];
	char name[PW_GUEST_NAME_MAX];
	struct pw_lane_end lane;
};

/* OPEN and OPENED. regions + devices is the number of rows of an OPEN; an
 * OPENED repeats the counts and has no rows. cids and ports behind paths are 0. */
struct pw_ctl_host_open {
	char guest[PW_GUEST_NAME_MAX];
	enum pw_mode mode;
	enum pw_verify verify;
	uint32_t regions;
	uint32_t devices;
	uint32_t paths;
	uint32_t slice_shift;	/* PW_PAGE_SHIFT to PW_SLICE_SHIFT */
	uint32_t payload_bytes;	/* PW_PAYLOAD_MIN to PW_PAYLOAD_MAX */
	uint32_t cids[PW_PATHS_MAX];
	uint16_t ports[PW_PATHS_MAX];
};

struct pw_ctl_host_reopen {
	uint32_t attempt;	/* from 1 on */
	uint32_t devices_done;	/* bit per device */
	uint32_t cids[PW_PATHS_MAX];
	uint16_t ports[PW_PATHS_MAX];
};

struct pw_ctl_host_stream {
	uint32_t device;
	uint64_t bytes;
	uint64_t digest[2];
};

struct pw_ctl_host_seal {
	uint64_t blocks;
	uint32_t streams;
};

struct pw_ctl_host_verified {
	uint64_t pages;
	uint64_t blocks;
};

struct pw_ctl_host_running {
	uint64_t last_step_ns;
	uint64_t first_step_ns;
	uint64_t since_step_ns;
};

struct pw_ctl_host_why {
	int code;		/* positive errno */
	char why[PW_CTL_WHY_MAX];
};

/* Rows. */

struct pw_ctl_part {		/* OPEN: first the regions, then the devices */
	char name[PW_CTL_DEVICE_NAME_MAX];	/* of a device; empty for a region */
	uint64_t bytes;		/* of a region: whole pages, not 0 */
	uint32_t flags;		/* of a device; 0 for a region */
};

struct pw_ctl_slice {		/* CLOSE, CLOSED */
	uint32_t region;
	uint32_t slice;
	uint32_t epoch;
};

struct pw_ctl_digest {		/* DIGESTS */
	uint32_t region;
	uint32_t flags;		/* PW_DIGEST_LATE */
	uint64_t block;
	uint64_t mask[8];
	uint64_t digest[2];
};

struct pw_ctl {
	enum pw_ctl_type type;
	uint8_t migration[PW_CTL_MIGRATION_BYTES]; /* 0 for HELLO PING PONG, else never 0 */
	uint32_t epoch;
	uint32_t rows;		/* how many stand behind the pointer below */
	union {			/* borrowed, by both directions */
		const struct pw_ctl_part *parts;	/* OPEN */
		const struct pw_ctl_slice *slices;	/* CLOSE, CLOSED */
		const struct pw_ctl_digest *digests;	/* DIGESTS */
		const uint8_t *bytes;			/* DEVICE_DATA: rows counts bytes */
	};
	union {
		struct pw_ctl_host_hello hello;		/* HELLO */
		struct pw_ctl_host_open open;		/* OPEN, OPENED */
		struct pw_ctl_host_reopen reopen;	/* REOPEN, REOPENED */
		struct pw_ctl_host_stream stream;	/* STREAM_OPEN, _OPENED, _END, LOADED */
		struct pw_ctl_host_seal seal;		/* SEAL */
		struct pw_ctl_host_verified verified;	/* VERIFIED */
		struct pw_ctl_host_running running;	/* RUNNING */
		struct pw_ctl_host_why why;		/* ABORT, REFUSE */
		uint64_t cookie;			/* PING, PONG */
		/* CLOSE CLOSED DIGESTS DEVICE_DATA SEALED GIVE RELEASED RESET: none */
	};
};

/* Room for the rows of any one message in host order. */
struct pw_ctl_room {
	alignas(8) uint8_t bytes[PW_CTL_BYTES_MAX];
};

/* "OPEN"; "unknown" for a number that is no type. */
const char *pw_ctl_name(unsigned type);

/*
 * How long the message is whose header stands at from (PW_CTL_HEADER_BYTES of
 * it), or -EPROTO: enough to frame a byte stream. Only pw_ctl_parse() looks at
 * the rest.
 */
int pw_ctl_frame_bytes(const uint8_t *from);

/* How long msg is when packed, or -EMSGSIZE if longer than a message may be. */
int pw_ctl_packed_bytes(const struct pw_ctl *msg);

/*
 * Write msg to the to_bytes at to. Returns its length; -EINVAL if msg is none
 * that pw_ctl_parse() would accept, -EMSGSIZE if there are too many rows,
 * -ENOSPC if it does not fit.
 */
int pw_ctl_pack(const struct pw_ctl *msg, uint8_t *to, size_t to_bytes);

/* The header of a DEVICE_DATA whose bytes (at most PW_CTL_DATA_MAX) follow it. */
int pw_ctl_pack_data_header(const uint8_t *migration, uint32_t epoch, uint32_t bytes,
			    uint8_t *to);

/*
 * Read the one message that from_bytes at from are. 0, or -EPROTO if anything
 * about it is not as it must be; then msg and room mean nothing. The rows of
 * msg stand in room, the bytes of a DEVICE_DATA stay where they are.
 */
int pw_ctl_parse(const uint8_t *from, size_t from_bytes, struct pw_ctl *msg,
		 struct pw_ctl_room *room);

/* Is text 1 to text_max - 1 printable characters of ASCII? Names and reasons must be. */
bool pw_ctl_may_send_text(const char *text, size_t text_max);

/*
 * Make msg an ABORT or REFUSE of code (positive errno). The text is cut to
 * length and made printable, so that it can always be sent; its lines become
 * "; ".
 */
void pw_ctl_set_why(struct pw_ctl *msg, enum pw_ctl_type type, int code, const char *why);

#endif /* PW_CTRL_CONTROL_H */
