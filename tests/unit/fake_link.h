/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_link.h - a link that keeps what it is given, and takes as much as it is told to */
#ifndef PW_TESTS_FAKE_LINK_H
#define PW_TESTS_FAKE_LINK_H

#include <stddef.h>
#include <string.h>

#include "link.h"
#include "pagewire/wire.h"
#include "wire.h"

#define FAKE_SENT_MAX 4096u

struct fake_link {
	struct pw_link link;	/* first */
	unsigned room;	/* frames it still takes */
	unsigned sent;
	uint32_t bytes_count[FAKE_SENT_MAX];
	uint8_t bytes[FAKE_SENT_MAX][PW_DATAGRAM_BYTES_MAX];
};

static inline uint16_t fake_send(struct pw_link *link, const struct pw_frame *frames, uint16_t n)
{
	struct fake_link *f = (struct fake_link *)link;
	uint16_t taken = 0;

	for (; taken < n && f->room && f->sent < FAKE_SENT_MAX; taken++, f->room--, f->sent++) {
		const struct pw_frame *frame = &frames[taken];

		memcpy(f->bytes[f->sent], frame->header, frame->header_bytes);
		if (frame->payload_bytes)
			memcpy(f->bytes[f->sent] + frame->header_bytes, frame->payload,
			       frame->payload_bytes);
		f->bytes_count[f->sent] = (uint32_t)frame->header_bytes + frame->payload_bytes;
	}
	return taken;
}

static inline void fake_link_init(struct fake_link *f)
{
	static const struct pw_link_ops ops = { .send = fake_send };

	f->link.ops = &ops;
	f->room = UINT32_MAX;
	f->sent = 0;
}

/* The nth datagram that was sent; one that does not parse has pn UINT64_MAX. */
static inline struct pw_datagram fake_datagram(const struct fake_link *f, unsigned n)
{
	struct pw_datagram d;

	if (n >= f->sent || !pw_wire_parse(f->bytes[n], f->bytes_count[n], &d))
		d = (struct pw_datagram){ .pn = UINT64_MAX };
	return d;
}

/* The newest ack that was sent; one that does not parse has next UINT64_MAX. */
static inline struct pw_ack fake_ack(const struct fake_link *f)
{
	struct pw_ack ack;

	if (!f->sent || !pw_wire_parse_ack(f->bytes[f->sent - 1], f->bytes_count[f->sent - 1], &ack))
		ack = (struct pw_ack){ .next = UINT64_MAX };
	return ack;
}

#endif /* PW_TESTS_FAKE_LINK_H */
