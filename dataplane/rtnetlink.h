/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink.h - what the kernel knows of routes, neighbours and VLANs
 *
 * The kernel answers while it is asked: nothing here waits. Functions return 0
 * or a negative errno.
 */
#ifndef PW_RTNETLINK_H
#define PW_RTNETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "pagewire/lane.h"

struct pw_route {
	int ifindex;	/* that it leaves by */
	uint8_t family;	/* PW_LANE_, of hop: IPv6 routers may serve IPv4 */
	uint8_t hop[16];	/* the gateway, or the peer itself */
};

/* A socket to ask with, or a negative errno. */
int pw_rtnetlink_open(void);

/* How the kernel sends from own to peer. -ENETUNREACH: it does not. */
int pw_rtnetlink_route(int fd, const struct pw_lane_end *own, const struct pw_lane_end *peer,
		       struct pw_route *route);

/* The MAC of a route's hop. -EAGAIN: it is not known, or not any more. */
int pw_rtnetlink_neighbour(int fd, const struct pw_route *route, uint8_t mac[PW_MAC_BYTES]);

/* The interface of VLAN vlan on top of another. -ENODEV: there is none. */
int pw_rtnetlink_vlan(int fd, int ifindex, unsigned vlan, int *vlan_ifindex);

#endif /* PW_RTNETLINK_H */
