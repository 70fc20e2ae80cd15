/* SPDX-License-Identifier: BSD-3-Clause */
/* port_parts.h - what the files of the port share; see port.h */
#ifndef PW_PORT_PARTS_H
#define PW_PORT_PARTS_H

#include <rte_mbuf.h>

#include "link_ethdev.h"
#include "pagewire/wire.h"
#include "port.h"

/* Room for the longest frame, and more than a memif buffer: see memif.h. */
#define PW_FRAME_ROOM (RTE_PKTMBUF_HEADROOM + PW_MEMIF_BUFFER_BYTES + 64u)
/* NICs take room in steps of 1 KiB: 9 of them hold a frame in one piece. */
#define PW_NIC_ROOM   (RTE_PKTMBUF_HEADROOM + 9216u)
#define PW_XDP_ROOM   (RTE_PKTMBUF_HEADROOM + 3712u)	/* with all else a 4 KiB chunk */
#define PW_HEAD_ROOM  (RTE_PKTMBUF_HEADROOM + PW_LINK_HEAD_BYTES_MAX)

/* port_device.c: make the devices that args name, and fill p->device. On
 * failure what was made is in p->device too. */
int pw_port_create(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES]);

/* port_nic.c: the NIC that args name, which DPDK found when it started. */
int pw_port_find_nic(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES]);

/* port_nic.c: it was started: what do its link and its slot carry? Waits for the
 * link, some seconds at most. */
void pw_port_look_at_link(struct pw_port *p, const char *address);

/* port_queue.c: buffers that devices take when they are made. */
int pw_port_make_pools(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES]);

/* Configure one device, its queues and the rest of its buffers. */
int pw_port_configure(struct pw_port *p, const struct pw_device *d, const struct pw_args *args,
		      char why[PW_WHY_BYTES]);

#endif /* PW_PORT_PARTS_H */
