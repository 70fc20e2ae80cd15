/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_steer.h - which datagram reaches which queue of a NIC
 *
 *	a port of our own  -> hash (RSS): the queue follows from the destination
 *	                      port, whoever sends and wherever from
 *	that has no hash   -> rules (rte_flow): one per path
 *	shared with kernel -> rules, and nothing but what they name comes to us
 *	none of these      -> whatever comes, comes to any queue
 *
 * Path i is udp_port + i at the destination. The hash of a NIC (Toeplitz) is
 * linear in the bits of addresses and ports, and its key is ours to choose: one
 * with zeros where addresses and the source port would meet the low bits of the
 * hash makes those bits a function of the destination port alone. The table
 * behind the hash then names the queue. No port has to be agreed on with the
 * peer for that. Rules come second because a NIC may take one and not obey it.
 *
 * Where a key of our own is refused, the source port that a peer uses can still
 * bring its datagrams to the right queue: pw_port_source_port() in port.h.
 *
 * What comes to a wrong queue is handed to the worker of the right one and is
 * counted (rx_wrong_queue): a NIC that does not steer costs speed, not data.
 */
#ifndef PW_PORT_STEER_H
#define PW_PORT_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "pagewire/lane.h"
#include "pagewire/limits.h"
#include "why.h"

struct rte_eth_dev_info;
struct rte_eth_conf;
struct rte_flow;

#define PW_PORT_STEER_KEY_MAX  64u	/* bytes; 40 and 52 are common */
#define PW_PORT_STEER_RETA_MAX 2048u	/* entries of the table behind the hash */

enum pw_port_steer_how { PW_PORT_STEER_NONE, PW_PORT_STEER_HASH, PW_PORT_STEER_RULES };

struct pw_port_steer {
	enum pw_port_steer_how how;
	bool shared;	/* with the kernel */
	bool hash_known;	/* key and table are what the device uses: read back */
	uint8_t family;	/* PW_LANE_ */
	uint16_t udp_port;	/* of path 0 */
	uint16_t paths;
	uint16_t reta_size;
	uint16_t key_bytes;
	uint64_t rss_types;
	uint8_t key[PW_PORT_STEER_KEY_MAX + 4];	/* and what an unaligned read may touch */
	uint8_t reta[PW_PORT_STEER_RETA_MAX];
	struct rte_flow *rule[PW_PATHS_MAX];
};

/* Choose how, by what the device can do, and say so in conf, which is about to
 * configure it. */
void pw_port_steer_plan(struct pw_port_steer *s, const struct pw_lane_end *own, uint16_t paths, bool shared,
		   const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/* Before the device is configured: take nothing that no rule names. */
int pw_port_steer_isolate(const struct pw_port_steer *s, uint16_t port, char why[PW_WHY_BYTES]);

/* The device was started: table and rules go in, every time. A device that
 * refuses the hash gets rules, one that refuses those is not steered, unless it
 * is shared: then nothing would come, which is the only failure. */
int pw_port_steer_apply(struct pw_port_steer *s, uint16_t port, char why[PW_WHY_BYTES]);

/* The queue that datagrams of a peer to path come to, sent from this source port. */
uint16_t pw_port_steer_queue(const struct pw_port_steer *s, const struct pw_lane_end *own,
			const struct pw_lane_end *peer, uint16_t source_port, uint16_t path);

/* The source port with which datagrams of a peer to path come to queue path;
 * udp_port + path if that does, or if none is known to. */
uint16_t pw_port_steer_source_port(const struct pw_port_steer *s, const struct pw_lane_end *own,
			      const struct pw_lane_end *peer, uint16_t path);

#endif /* PW_PORT_STEER_H */
