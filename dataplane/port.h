/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.h - the lane's ethdev: bring-up, buffers, capabilities, carrier
 *
 *	port.c         open, close, carrier
 *	port_device.c  which devices a lane is made of
 *	port_queue.c   configuration, buffers and queues of one device
 *	port_pci       what the kernel says of a NIC, before DPDK has it
 *	port_steer     which datagram reaches which queue of a NIC
 *	port_dma       which memory a NIC may read
 *
 * A lane is one device with a queue pair per path, or, where a driver has only
 * one queue per device (af_xdp, see interface.h), a device per path. READY does not wait for the
 * other end: the control thread tends the port, which starts it, sees its
 * carrier come and go, and starts it anew when a software lane lost its peer.
 * While up is false workers leave the queues alone and frames are lost, as on
 * a cable that was pulled.
 */
#ifndef PW_PORT_H
#define PW_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "congestion.h"
#include "encap.h"
#include "interface.h"
#include "memif.h"
#include "pagewire/lane.h"
#include "pagewire/limits.h"
#include "port_steer.h"
#include "steer.h"
#include "why.h"

struct pw_arp;
struct rte_device;
struct rte_mempool;

/* What a worker needs to know of its queue; fixed before workers run, but for up. */
struct pw_queue {
	_Atomic bool up;	/* written by the control thread */
	bool gathers;	/* the port sends frames of several segments */
	bool sums_ip;	/* the port fills in these checksums */
	bool sums_udp;
	bool sweeps;	/* its driver lets go of what was sent only when more is sent */
	bool pushes_back;	/* a full ring takes nothing, and loses nothing */
	uint16_t path;	/* whose queue it is */
	uint16_t port;	/* DPDK's number of its device */
	uint16_t number;	/* in its device */
	uint16_t descriptors;	/* of its receive ring */
	struct rte_mempool *rx;
	struct rte_mempool *heads;	/* what a frame begins in */
	struct rte_mempool *shells;	/* carry foreign memory: no room of their own */
	struct pw_encap_filter filter;	/* what is for this path */
};

enum pw_port_state { PW_PORT_STOPPED, PW_PORT_STARTED, PW_PORT_UP, PW_PORT_LEAVING };

/* Paths first_path to first_path + queues - 1. */
struct pw_device {
	uint16_t id;	/* DPDK's number */
	uint16_t first_path;
	uint16_t queues;
};

struct pw_port {
	enum pw_port_state state;
	bool is_memif;
	bool is_nic;	/* a PCI device that reads memory by itself */
	bool is_shared;	/* with the kernel, which keeps what no rule names */
	unsigned told;	/* what was said once: bits, see serve.c */
	bool far_end;	/* of a lane of two processes: the one that serves */
	uint16_t paths;
	uint16_t payload_bytes;	/* of a datagram, at most */
	uint16_t mtu;	/* bytes above Ethernet; 0: a lane without one */
	uint16_t vlan;	/* 0: no tag */
	uint8_t mac[PW_MAC_BYTES];	/* of its first device */
	struct pw_lane_end own;	/* family 0: a lane of two processes */
	struct pw_arp *arp;	/* NULL: there are no neighbours to find, or the kernel does it */
	char socket[PW_MEMIF_PATH_BYTES];	/* that we serve, or "" */
	struct pw_interface interface;	/* the kernel's, below the devices */
	struct pw_steer steer;	/* what sorts its frames, with af_xdp */
	uint32_t link_mbps;	/* 0: not known */
	uint32_t delay_target_us;	/* 0: the lane's own */
	uint32_t waits;	/* STARTED: times looked, no carrier yet */
	struct pw_port_steer queues;	/* which datagram reaches which, of a NIC */
	struct rte_device *dma_device;	/* that memory is mapped for; NULL: none */
	char trouble[PW_WHY_BYTES];	/* why a NIC does not start, or is slower than it could be */
	uint64_t left_at;	/* LEAVING: the barrier after which no worker is in the driver */
	bool payload_crc;	/* nothing else guards the payload on its way */
	unsigned devices;
	struct pw_device device[PW_PATHS_MAX];
	struct pw_queue queue[PW_PATHS_MAX];
};

int pw_port_open(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES]);

/* After the workers have ended. */
void pw_port_close(struct pw_port *p);

/* Control thread, every now and then. True: the carrier was lost, workers must
 * pass a barrier; then call pw_port_restart(). */
bool pw_port_tend(struct pw_port *p);
void pw_port_restart(struct pw_port *p);

/* Worker: make the driver let go of what was sent, where nothing else does. */
void pw_port_sweep(const struct pw_queue *q);

/* The UDP source port that peer is to send from, so that its datagrams of a path
 * come to that path's queue here. */
uint16_t pw_port_source_port(const struct pw_port *p, unsigned path,
			     const struct pw_lane_end *peer);

/* What frames from here to peer say on a path; source_port 0: our own choice. */
struct pw_encap_ends pw_port_ends(const struct pw_port *p, unsigned path,
				  const struct pw_lane_end *peer, uint16_t source_port);

/* The payload that fits room bytes: two pages, a page, or whole grains. */
uint16_t pw_port_fit_payload(uint32_t room);

/* Where the congestion window of a path starts on this lane, and its bounds. */
struct pw_congestion_config pw_port_congestion(const struct pw_port *p);

#endif /* PW_PORT_H */
