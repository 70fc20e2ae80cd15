/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - datagrams to bytes and back; the only file of the dataplane that
 * knows byte order and checksums
 *
 * Parsing checks length, version, type, ranges and the header's checksum, and
 * yields a plain struct that points at the payload. What it says is well
 * formed, not true: whether the region exists or the epoch is open is for the
 * receiver to ask.
 */
#ifndef PW_DATAPLANE_WIRE_H
#define PW_DATAPLANE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "pagewire/wire.h"

/* DATA, ZERO, STREAM or PING. */
struct pw_datagram {
	uint64_t pn;
	uint64_t offset;
	const uint8_t *payload;
	uint32_t cid;
	uint32_t tx_time;
	uint32_t payload_crc;
	uint16_t path;
	uint16_t span;	/* below PW_WINDOW_SLOTS */
	uint16_t id;	/* region or stream */
	uint16_t epoch;	/* STREAM: bytes of the whole slot */
	uint16_t length;	/* of payload */
	uint8_t type;	/* enum pw_datagram_type */
	uint8_t flags;
};

struct pw_credit {
	uint16_t stream;
	uint64_t slots;
};

struct pw_ack {
	uint64_t next;	/* every pn below is placed, or was given up by its sender */
	uint64_t bitmap[PW_ACK_WORDS_MAX];	/* bit i of word w: pn next + 1 + 64 * w + i */
	struct pw_credit credits[PW_ACK_CREDITS_MAX];
	uint32_t echo;
	uint32_t dwell_ns;
	uint32_t marked;
	uint32_t dropped;
	uint32_t grant_mbps;
	uint32_t credit;
	uint16_t ring_fill;
	uint8_t words;	/* of bitmap, at most PW_ACK_WORDS_MAX */
	uint8_t num_credits;
};

/* Public header of any datagram, enough to find its connection. */
struct pw_envelope {
	uint32_t cid;
	uint16_t path;
	uint8_t type;
};

/* Write the headers of d in front of its payload: PW_BULK_HEADER_BYTES. With
 * PW_F_PAYLOAD_CRC in d->flags payload_crc is computed from d->payload. */
unsigned pw_wire_pack(uint8_t *to, const struct pw_datagram *d);

/* Write a whole ack. pn is the acknowledging side's own. Returns its bytes,
 * at most PW_ACK_BYTES_MAX. */
unsigned pw_wire_pack_ack(uint8_t *to, const struct pw_ack *ack, const struct pw_envelope *to_whom,
			  uint64_t pn);

/* False: not a datagram of this version, of a known type. */
bool pw_wire_peek(const uint8_t *bytes, uint32_t n, struct pw_envelope *env);

/* Type as peeked: anything but ACK. *d points into bytes. False: malformed. */
bool pw_wire_parse(const uint8_t *bytes, uint32_t n, struct pw_datagram *d);

/* Type as peeked: ACK. False: malformed. */
bool pw_wire_parse_ack(const uint8_t *bytes, uint32_t n, struct pw_ack *ack);

/* False: the payload is not what was sent. Without a checksum it is taken as it is. */
bool pw_wire_payload_ok(const struct pw_datagram *d);

#endif /* PW_DATAPLANE_WIRE_H */
