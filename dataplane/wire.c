/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.c - see wire.h */

#include "pagewire/check.h"
#include "crc32c.h"
#include "wire.h"

#include "hot.h"

static void put_public(uint8_t *to, uint8_t type, uint8_t flags, const struct pw_envelope *env,
		       uint64_t pn, uint16_t span)
{
	const struct pw_wire_public pub = {
		.version_type = (uint8_t)(PW_WIRE_VERSION << 4 | type),
		.flags = flags,
		.path = pw_put16(env->path),
		.dst_cid = pw_put32(env->cid),
		.pn = pw_put48(pn),
		.span = pw_put16(span),
	};

	PW_HOT_CHECK(pn <= PW_PN_MAX);
	memcpy(to, &pub, sizeof(pub));
}

static void put_check(uint8_t *to, unsigned at, uint32_t payload_crc)
{
	const struct pw_wire_check check = {
		.header_crc = pw_put32(pw_crc32c(to, at)),
		.payload_crc = pw_put32(payload_crc),
	};

	memcpy(to + at, &check, sizeof(check));
}

/* The header's checksum covers everything in front of the check. */
static bool check_ok(const uint8_t *bytes, unsigned at, struct pw_wire_check *check)
{
	memcpy(check, bytes + at, sizeof(*check));
	return pw_get32(check->header_crc) == pw_crc32c(bytes, at);
}

unsigned pw_wire_pack(uint8_t *to, const struct pw_datagram *d)
{
	const struct pw_envelope env = { .cid = d->cid, .path = d->path };
	const struct pw_wire_body body = {
		.id = pw_put16(d->id),
		.epoch = pw_put16(d->epoch),
		.tx_time = pw_put32(d->tx_time),
		.offset = pw_put48(d->offset),
		.length = pw_put16(d->length),
	};
	unsigned at = sizeof(struct pw_wire_public);

	put_public(to, d->type, d->flags, &env, d->pn, d->span);
	memcpy(to + at, &body, sizeof(body));
	at += (unsigned)sizeof(body);
	put_check(to, at, d->flags & PW_F_PAYLOAD_CRC ? pw_crc32c(d->payload, d->length) : 0);
	return PW_BULK_HEADER_BYTES;
}

unsigned pw_wire_pack_ack(uint8_t *to, const struct pw_ack *ack, const struct pw_envelope *to_whom,
			  uint64_t pn)
{
	const struct pw_wire_ack fixed = {
		.next = pw_put64(ack->next),
		.echo = pw_put32(ack->echo),
		.dwell_ns = pw_put32(ack->dwell_ns),
		.marked = pw_put32(ack->marked),
		.dropped = pw_put32(ack->dropped),
		.grant_mbps = pw_put32(ack->grant_mbps),
		.credit = pw_put32(ack->credit),
		.ring_fill = pw_put16(ack->ring_fill),
		.words = ack->words,
		.credits = ack->num_credits,
	};
	unsigned at = sizeof(struct pw_wire_public);

	PW_HOT_CHECK(ack->words <= PW_ACK_WORDS_MAX && ack->num_credits <= PW_ACK_CREDITS_MAX);
	put_public(to, PW_ACK, 0, to_whom, pn, 0);
	memcpy(to + at, &fixed, sizeof(fixed));
	at += (unsigned)sizeof(fixed);
	for (unsigned i = 0; i < ack->words; i++, at += 8) {
		struct pw_le64 word = pw_put64(ack->bitmap[i]);

		memcpy(to + at, &word, sizeof(word));
	}
	for (unsigned i = 0; i < ack->num_credits; i++, at += 8) {
		struct pw_wire_credit credit = {
			.stream = pw_put16(ack->credits[i].stream),
			.slots = pw_put48(ack->credits[i].slots),
		};

		memcpy(to + at, &credit, sizeof(credit));
	}
	put_check(to, at, 0);
	return at + (unsigned)sizeof(struct pw_wire_check);
}

bool pw_wire_peek(const uint8_t *bytes, uint32_t n, struct pw_envelope *env)
{
	struct pw_wire_public pub;

	if (n < sizeof(pub))
		return false;
	memcpy(&pub, bytes, sizeof(pub));
	if (pub.version_type >> 4 != PW_WIRE_VERSION)
		return false;
	env->type = pub.version_type & 0xf;
	env->cid = pw_get32(pub.dst_cid);
	env->path = pw_get16(pub.path);
	return env->type == PW_DATA || env->type == PW_ZERO || env->type == PW_ACK ||
	       env->type == PW_STREAM || env->type == PW_PING || env->type == PW_PROBE;
}

/* What a length may be depends on the type. */
static bool length_ok(const struct pw_datagram *d)
{
	switch (d->type) {
	case PW_DATA:
		return d->length > 0 && d->length <= PW_PAYLOAD_MAX;
	case PW_ZERO:
		return d->length == PW_ZERO_MAP_BYTES &&
		       d->offset % PW_PAGE_BYTES == 0;	/* a slice may be less than a chunk */
	case PW_STREAM:	/* an empty slot is the empty end of a stream */
		return d->length <= PW_STREAM_SLOT_BYTES && d->epoch <= PW_STREAM_SLOT_BYTES &&
		       (d->length > 0 || d->epoch == 0);
	case PW_PING:
		return d->length == 0;
	case PW_PROBE:
		return d->length <= PW_PAYLOAD_MAX;
	default:
		return false;
	}
}

bool pw_wire_parse(const uint8_t *bytes, uint32_t n, struct pw_datagram *d)
{
	struct pw_wire_public pub;
	struct pw_wire_body body;
	struct pw_wire_check check;

	if (n < PW_BULK_HEADER_BYTES || !check_ok(bytes, sizeof(pub) + sizeof(body), &check))
		return false;
	memcpy(&pub, bytes, sizeof(pub));
	memcpy(&body, bytes + sizeof(pub), sizeof(body));
	*d = (struct pw_datagram){
		.pn = pw_get48(pub.pn),
		.offset = pw_get48(body.offset),
		.payload = bytes + PW_BULK_HEADER_BYTES,
		.cid = pw_get32(pub.dst_cid),
		.tx_time = pw_get32(body.tx_time),
		.payload_crc = pw_get32(check.payload_crc),
		.path = pw_get16(pub.path),
		.span = pw_get16(pub.span),
		.id = pw_get16(body.id),
		.epoch = pw_get16(body.epoch),
		.length = pw_get16(body.length),
		.type = pub.version_type & 0xf,
		.flags = pub.flags,
	};
	return n == PW_BULK_HEADER_BYTES + d->length && d->span < PW_WINDOW_SLOTS &&
	       d->span <= d->pn && length_ok(d);
}

static void get_ack(const struct pw_wire_ack *fixed, struct pw_ack *ack)
{
	ack->next = pw_get64(fixed->next);
	ack->echo = pw_get32(fixed->echo);
	ack->dwell_ns = pw_get32(fixed->dwell_ns);
	ack->marked = pw_get32(fixed->marked);
	ack->dropped = pw_get32(fixed->dropped);
	ack->grant_mbps = pw_get32(fixed->grant_mbps);
	ack->credit = pw_get32(fixed->credit);
	ack->ring_fill = pw_get16(fixed->ring_fill);
	ack->words = fixed->words;
	ack->num_credits = fixed->credits;
}

bool pw_wire_parse_ack(const uint8_t *bytes, uint32_t n, struct pw_ack *ack)
{
	struct pw_wire_ack fixed;
	struct pw_wire_check check;
	unsigned at = sizeof(struct pw_wire_public) + sizeof(fixed);

	if (n < at)
		return false;
	memcpy(&fixed, bytes + sizeof(struct pw_wire_public), sizeof(fixed));
	if (fixed.words > PW_ACK_WORDS_MAX || fixed.credits > PW_ACK_CREDITS_MAX)
		return false;
	if (n != at + 8u * fixed.words + 8u * fixed.credits + sizeof(check) ||
	    !check_ok(bytes, n - (unsigned)sizeof(check), &check))
		return false;

	get_ack(&fixed, ack);
	for (unsigned i = 0; i < ack->words; i++, at += 8) {
		struct pw_le64 word;

		memcpy(&word, bytes + at, sizeof(word));
		ack->bitmap[i] = pw_get64(word);
	}
	for (unsigned i = 0; i < ack->num_credits; i++, at += 8) {
		struct pw_wire_credit credit;

		memcpy(&credit, bytes + at, sizeof(credit));
		ack->credits[i].stream = pw_get16(credit.stream);
		ack->credits[i].slots = pw_get48(credit.slots);
	}
	return true;
}

bool pw_wire_payload_ok(const struct pw_datagram *d)
{
	if (!(d->flags & PW_F_PAYLOAD_CRC))
		return d->payload_crc == 0;
	return pw_crc32c(d->payload, d->length) == d->payload_crc;
}
