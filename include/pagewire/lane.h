/* SPDX-License-Identifier: BSD-3-Clause */
/* lane.h - where a lane begins and ends: what each host tells the other of its own */
#ifndef PW_LANE_H
#define PW_LANE_H

#include <assert.h>
#include <stdint.h>

/* Path i uses this UDP port + i unless the lane is configured otherwise. */
#define PW_UDP_PORT_BASE 49600u

#define PW_LANE_IPV4 4u
#define PW_LANE_IPV6 6u

/* Host byte order but for the address. */
struct pw_lane_end {
	uint8_t ip[16];	/* network order; the first 4 bytes if IPv4 */
	uint16_t udp_port;	/* of path 0: what is sent to this end goes to udp_port + path */
	uint8_t family;	/* PW_LANE_; 0: a lane of two processes, which needs no address */
	uint8_t unused;
	uint32_t link_mbps;	/* 0: not known, as for software lanes */
};
static_assert(sizeof(struct pw_lane_end) == 24, "one line on the seam");

#endif /* PW_LANE_H */
