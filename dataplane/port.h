/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.h - the lane's ethdev port: bring-up, buffers, capabilities, carrier
 *
 * One queue pair and one set of buffer pools per path. READY does not wait for
 * the other end: the control thread tends the port, which starts it, sees its
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
#include "memif.h"
#include "pagewire/limits.h"
#include "why.h"

struct rte_mempool;

/* What a worker needs to know of its queue; fixed before workers run, but for up. */
struct pw_queue {
	_Atomic bool up;	/* written by the control thread */
	bool gathers;	/* the port sends frames of several segments */
	bool sums_ip;	/* the port fills in these checksums */
	bool sums_udp;
	bool far_end;	/* of a lane with two: the addresses are swapped */
	uint16_t port;
	uint16_t number;
	struct rte_mempool *rx;
	struct rte_mempool *heads;	/* what a frame begins in */
	struct rte_mempool *shells;	/* carry foreign memory: no room of their own */
};

enum pw_port_state { PW_PORT_STOPPED, PW_PORT_STARTED, PW_PORT_UP, PW_PORT_LEAVING };

struct pw_port {
	enum pw_port_state state;
	bool is_memif;
	bool far_end;	/* of a lane with two: the one that serves */
	bool opened;
	uint16_t id;
	uint16_t paths;
	uint16_t payload_bytes;
	char socket[PW_MEMIF_PATH_BYTES];	/* that we serve, or "" */
	uint32_t link_mbps;	/* 0: not known */
	uint32_t waits;	/* STARTED: times looked, no carrier yet */
	uint64_t left_at;	/* LEAVING: the barrier after which no worker is in the driver */
	bool payload_crc;	/* nothing else guards the payload on its way */
	struct pw_queue queue[PW_PATHS_MAX];
};

int pw_port_open(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES]);

/* After the workers have ended. */
void pw_port_close(struct pw_port *p);

/* Control thread, every now and then. True: the carrier was lost, workers must
 * pass a barrier; then call pw_port_restart(). */
bool pw_port_tend(struct pw_port *p);
void pw_port_restart(struct pw_port *p);

/* Where the congestion window of a path starts on this lane, and its bounds. */
struct pw_congestion_config pw_port_congestion(const struct pw_port *p);

#endif /* PW_PORT_H */
