/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - every byte of a datagram
 *
 * All integers are little endian. A datagram is the UDP payload:
 *
 *	public 16 | body 16 | check 8 | payload         DATA ZERO STREAM PING
 *	public 16 | ack 40 | bitmap 8*n | credits 8*k | check 8     ACK
 *
 * "check" stands in clear mode only; a sealed datagram ends in a 16 byte tag
 * instead. Versions and features are negotiated on the control link; the
 * version here only catches a stray.
 */
#ifndef PW_WIRE_H
#define PW_WIRE_H

#include <stddef.h>

#include "pagewire/le.h"
#include "pagewire/limits.h"

#define PW_WIRE_VERSION 1u

enum pw_datagram_type {
	PW_DATA = 1,	/* bytes of guest memory */
	PW_ZERO = 2,	/* map of pages that are zero */
	PW_ACK = 3,	/* what was placed */
	PW_STREAM = 4,	/* bytes of a stream */
	PW_PROBE = 5,	/* path MTU */
	PW_PING = 6,	/* asks for an acknowledgement */
	PW_CHALLENGE = 7,
	PW_NUM_TYPES
};

#define PW_F_KEY_PHASE	 0x01u
#define PW_F_ACK_NOW	 0x02u	/* acknowledge without waiting for more */
#define PW_F_AGAIN	 0x04u	/* carried before under another pn; statistics only */
#define PW_F_STUN	 0x08u	/* the guest is paused */
#define PW_F_MANY	 0x10u	/* reserved: more than one extent */
#define PW_F_END	 0x20u	/* last slot of its stream */
#define PW_F_PAYLOAD_CRC 0x40u	/* payload_crc of the check is set */

struct pw_wire_public {
	uint8_t version_type;	/* version in the high four bits */
	uint8_t flags;
	struct pw_le16 path;
	struct pw_le32 dst_cid;	/* chosen by the receiver */
	struct pw_le48 pn;	/* datagram number: never reused on a path */
	struct pw_le16 span;	/* every pn below pn - span is settled: do not wait for it */
};
static_assert(sizeof(struct pw_wire_public) == 16, "public header");
static_assert(offsetof(struct pw_wire_public, dst_cid) == 4, "public header");
static_assert(offsetof(struct pw_wire_public, pn) == 8, "public header");
static_assert(offsetof(struct pw_wire_public, span) == 14, "public header");

struct pw_wire_body {
	struct pw_le16 id;	/* region, or stream */
	struct pw_le16 epoch;	/* of the slice; STREAM: bytes of the whole slot */
	struct pw_le32 tx_time;	/* sender's clock in 64 ns, echoed in the ack */
	struct pw_le48 offset;	/* bytes into the region, or into the stream's slots */
	struct pw_le16 length;	/* of the payload in bytes */
};
static_assert(sizeof(struct pw_wire_body) == 16, "body");
static_assert(offsetof(struct pw_wire_body, tx_time) == 4, "body");
static_assert(offsetof(struct pw_wire_body, offset) == 8, "body");
static_assert(offsetof(struct pw_wire_body, length) == 14, "body");

/* CRC32C in clear mode. A checksum that the CPU makes over a page of a running
 * guest can fail for no fault of the wire: the datagram is then lost and sent
 * again, and the page is dirty anyway. */
struct pw_wire_check {
	struct pw_le32 header_crc;	/* everything in front of the check */
	struct pw_le32 payload_crc;	/* 0 unless PW_F_PAYLOAD_CRC */
};
static_assert(sizeof(struct pw_wire_check) == 8, "check");

/* ZERO: payload is a map of one chunk, one bit a page, low bit first. offset is
 * the chunk's; length is the map's. */
#define PW_ZERO_MAP_BYTES (PW_CHUNK_PAGES / 8u)

struct pw_wire_ack {
	struct pw_le64 next;	/* every pn below is placed, or was given up by its sender */
	struct pw_le32 echo;	/* tx_time of the newest datagram */
	struct pw_le32 dwell_ns;	/* how long it waited for this ack */
	struct pw_le32 marked;	/* datagrams that came with congestion marks, so far */
	struct pw_le32 dropped;	/* datagrams that failed a guard, so far */
	struct pw_le32 grant_mbps;	/* receiver's rate for this sender, 0 for none */
	struct pw_le32 credit;	/* datagrams in flight that the receiver has room for */
	struct pw_le16 ring_fill;	/* 0..65535 of the receive ring */
	uint8_t words;		/* of bitmap: bit i of word w is pn next + 1 + 64 * w + i */
	uint8_t credits;	/* stream credits behind the bitmap */
	struct pw_le32 reserved;	/* 0, ignored */
};
static_assert(sizeof(struct pw_wire_ack) == 40, "ack");
static_assert(offsetof(struct pw_wire_ack, credit) == 28, "ack");
static_assert(offsetof(struct pw_wire_ack, words) == 34, "ack");

struct pw_wire_credit {
	struct pw_le16 stream;
	struct pw_le48 slots;	/* slots below this number may be sent */
};
static_assert(sizeof(struct pw_wire_credit) == 8, "credit");

#define PW_BULK_HEADER_BYTES                                                                       \
	(sizeof(struct pw_wire_public) + sizeof(struct pw_wire_body) + sizeof(struct pw_wire_check))
#define PW_ACK_BYTES_MAX                                                                           \
	(sizeof(struct pw_wire_public) + sizeof(struct pw_wire_ack) + 8u * PW_ACK_WORDS_MAX +      \
	 8u * PW_ACK_CREDITS_MAX + sizeof(struct pw_wire_check))
#define PW_HEADER_BYTES_MAX 512u
#define PW_DATAGRAM_BYTES_MAX (PW_BULK_HEADER_BYTES + PW_PAYLOAD_MAX)

static_assert(PW_BULK_HEADER_BYTES == 40, "headers of a page");
static_assert(PW_ACK_BYTES_MAX <= PW_HEADER_BYTES_MAX, "an ack fits in a header buffer");

#endif /* PW_WIRE_H */
