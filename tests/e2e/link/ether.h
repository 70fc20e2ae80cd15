/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ether.h - Ethernet frames on their way: what they are, how they are spoilt and marked
 *
 *	UDP	payload changes, checksums and lengths are made right again:
 *		only the receiver's own checks can find it
 *	TCP	a byte changes, the checksum is left: the kernel drops it
 *	other	is never spoilt: ARP has no checksum and would not get over it
 *
 * IPv4 and IPv6 without extension headers or VLAN tags. Fragments are "other".
 */
#ifndef PW_E2E_LINK_ETHER_H
#define PW_E2E_LINK_ETHER_H

#include <stdint.h>

#include "model.h"

#define ETHER_BYTES_MAX 10240u	/* MTU of 9600 and what lengthened ones grow by */

struct ether_frame {
	uint8_t *bytes;	/* room for ETHER_BYTES_MAX */
	uint32_t count;
	uint32_t transport;	/* where the UDP or TCP header begins */
	bool ipv6;
	struct link_frame link;	/* as the model sees it */
};

/* Look at count bytes. */
void ether_look(struct ether_frame *f, uint8_t *bytes, uint32_t count);

/* Do to the frame what the model says. */
void ether_spoil(struct ether_frame *f, const struct link_copy *copy);

/* Set CE in a frame that can be marked. */
void ether_mark(struct ether_frame *f);

#endif /* PW_E2E_LINK_ETHER_H */
