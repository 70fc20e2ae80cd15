/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.h - where frames to a peer go first: its MAC, or its gateway's
 *
 * Over a kernel's interface the kernel routes and resolves: it is asked, and
 * moved to resolve by a datagram to the peer's discard port. Where the kernel
 * does not see the NIC we resolve ourselves (arp.h), by our own prefix and
 * gateway. Nothing here waits; owned by the control thread.
 */
#ifndef PW_NEIGHBOUR_H
#define PW_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "arp.h"
#include "why.h"

struct pw_neighbours {
	struct pw_lane_end own;	/* family 0: a lane of two processes, nothing to resolve */
	unsigned prefix;
	uint8_t gateway[16];
	int ifindex;	/* 0: we resolve ourselves, by arp */
	int netlink;
	int nudge;	/* the socket that makes the kernel resolve */
	struct pw_arp arp;	/* shared with workers, who own its queue */
};

/* The lane's own MAC is mac. */
int pw_neighbours_open(struct pw_neighbours *n, const struct pw_args *args,
		       const uint8_t mac[PW_MAC_BYTES], char why[PW_WHY_BYTES]);
void pw_neighbours_close(struct pw_neighbours *n);

/* 0 and the MAC that frames to peer go to. With ask set it is also asked for
 * anew, so that a change is seen soon. -EAGAIN: not known yet. -ENETUNREACH: no
 * route leads there; -EXDEV: one does, by another interface. */
int pw_neighbours_find(struct pw_neighbours *n, const struct pw_lane_end *peer, bool ask,
		       uint8_t mac[PW_MAC_BYTES]);

#endif /* PW_NEIGHBOUR_H */
