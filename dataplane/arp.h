/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arp.h - who has which MAC on a lane that the kernel does not see
 *
 *	control thread                    workers
 *	  pw_arp_find() -- entry, ask --> pw_arp_next_request() -> wire
 *	  pw_arp_find() <---- MAC ------- pw_arp_on_frame()     <- wire
 *
 * ARP for IPv4, neighbour discovery (RFC 4861) for IPv6. Our own address is
 * answered for; others are learned only if they were asked for, from answers
 * and from the questions of their owners. Entries stay: a host has at most as
 * many peers as its configuration names, and a gateway.
 *
 * The control thread writes entries, any worker may learn, one worker sends
 * requests.
 */
#ifndef PW_ARP_H
#define PW_ARP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define PW_ARP_ENTRIES	  128u
#define PW_ARP_FRAME_BYTES 90u	/* neighbour discovery with a tag; Ethernet sends 60 at least */

struct pw_arp_entry {
	uint8_t ip[16];	/* before the entry is counted; then it stays */
	_Atomic bool ask;	/* set by the control thread, taken by the worker */
	_Atomic uint64_t mac;	/* 6 bytes, as in memory; 0: not known */
};

struct pw_arp {
	uint8_t ip[16];	/* ours; fixed while workers run, and the next three */
	uint8_t mac[PW_MAC_BYTES];
	uint8_t family;	/* PW_LANE_IPV4 or _IPV6; 0: there is nothing to answer */
	uint16_t vlan;	/* 0: no tag */
	_Atomic bool asks;	/* some entry has ask set */
	_Atomic unsigned count;	/* of entries */
	struct pw_arp_entry entry[PW_ARP_ENTRIES];
};

/* Control thread. 0 and the MAC if it is known, else -EAGAIN; -ENOSPC: too many
 * addresses in one life. With ask set it is asked for, whether it is known or
 * not; then a worker must poll. */
int pw_arp_find(struct pw_arp *a, const uint8_t ip[16], bool ask, uint8_t mac[PW_MAC_BYTES]);

/* Worker. A frame that is for no path: learn from it. Returns the bytes of an
 * answer in reply, or 0. */
uint32_t pw_arp_on_frame(struct pw_arp *a, const uint8_t *frame, uint32_t bytes,
			 uint8_t reply[PW_ARP_FRAME_BYTES]);

/* Worker: a question to send, if there is one. Returns its bytes, or 0. */
uint32_t pw_arp_next_request(struct pw_arp *a, uint8_t request[PW_ARP_FRAME_BYTES]);

#endif /* PW_ARP_H */
