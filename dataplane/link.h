/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.h - where datagrams leave: an ethdev queue, or the simulator's wire
 *
 * One indirect call per burst. Datagrams come in the other way round: whoever
 * polls the queue hands them to pw_sender_on_ack() or pw_receiver_on_datagram().
 */
#ifndef PW_LINK_H
#define PW_LINK_H

#include <stdint.h>

struct pw_frame {
	const uint8_t *header;	/* read before send() returns */
	const uint8_t *payload;	/* read at any time until the wire has it: guest memory, zero copy */
	uint16_t header_bytes;
	uint16_t payload_bytes;
	uint16_t region;	/* that payload points into; PW_FRAME_NO_REGION: not guest memory */
};

#define PW_FRAME_NO_REGION UINT16_MAX

struct pw_link;

struct pw_link_ops {
	/* Take up to n frames, in order; returns how many. The rest is offered
	 * again later. */
	uint16_t (*send)(struct pw_link *link, const struct pw_frame *frames, uint16_t n);
};

struct pw_link {
	const struct pw_link_ops *ops;
};

#endif /* PW_LINK_H */
