/* SPDX-License-Identifier: BSD-3-Clause */
/* port_queue.c - configuration, buffers and queues of a device: see port.h */

#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "port_parts.h"

#define ANY_SOCKET	 ((unsigned)SOCKET_ID_ANY)
#define POOL_CACHE	 256u
#define NIC_DESCRIPTORS	 1024u
#define NIC_POOL_FRAMES	 4095u	/* descriptors, two bursts, caches: 2^k - 1 fits best */
#define COPY_POOL_FRAMES 1023u	/* the driver copies: no frame stays in a ring */
#define FRAME_SEGMENTS	 3u	/* headers, and payload that crosses a page */
#define XDP_MTU		 3400u	/* it says more and drops that */
#define LANE_MTU_MAX	 9000u

static_assert(PW_ENCAP_BYTES_MAX + PW_DATAGRAM_BYTES_MAX <= PW_MEMIF_BUFFER_BYTES,
	      "a frame fits one memif buffer");

/* ---- buffers ---- */

struct pool {
	const char *kind;
	unsigned frames;
	size_t room;
	int socket;	/* of the NUMA node whose memory it is */
};

static struct rte_mempool *make_pool(const struct pool *wanted, unsigned path,
				     char why[PW_WHY_BYTES])
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "%s%u", wanted->kind, path);
	pool = rte_pktmbuf_pool_create(name, wanted->frames, POOL_CACHE, 0, (uint16_t)wanted->room,
				       wanted->socket);
	if (!pool)
		pw_why(why, -ENOMEM,
		       "no memory for %u packet buffers of path %u (%s): more --memory or fewer "
		       "--paths",
		       wanted->frames, path, rte_strerror(rte_errno));
	return pool;
}

/* Of a buffer that any frame of the lane, or of its driver, fits in. */
static size_t frame_room(const struct pw_port *p)
{
	if (p->interface.kind == PW_INTERFACE_XDP)
		return PW_XDP_ROOM;
	if (p->interface.kind == PW_INTERFACE_PACKET)
		return RTE_PKTMBUF_HEADROOM + pw_interface_room(&p->interface);
	return PW_FRAME_ROOM;
}

/* Before there is a device: a serving memif sends away who comes until it is
 * configured, so that should not take long. */
int pw_port_make_pools(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	bool copies = p->is_memif || p->interface.kind == PW_INTERFACE_PACKET;
	struct pool rx = { "frames", copies ? COPY_POOL_FRAMES : NIC_POOL_FRAMES, frame_room(p),
			   SOCKET_ID_ANY };
	struct pool shells;
	uint16_t nic;

	if (args->pci)
		rx.room = PW_NIC_ROOM;
	if (args->pci && rte_eth_dev_get_port_by_name(args->pci, &nic) == 0)
		rx.socket = rte_eth_dev_socket_id(nic);
	shells = (struct pool){ "shells", rx.frames, 0, rx.socket };
	for (unsigned i = 0; i < p->paths; i++) {
		struct pw_queue *q = &p->queue[i];

		q->rx = make_pool(&rx, i, why);
		q->shells = q->rx ? make_pool(&shells, i, why) : NULL;
		if (!q->shells)
			return -ENOMEM;
		q->heads = q->rx;
	}
	return 0;
}

/* Frames begin in small buffers, unless the driver is better off with large
 * ones (memif.h), or the whole frame is copied into one: that comes from the
 * pool that the port knows as its receive queue's. */
static int make_heads(struct pw_port *p, const struct pw_device *d, char why[PW_WHY_BYTES])
{
	const struct pool heads = { "heads", NIC_POOL_FRAMES, PW_HEAD_ROOM,
				    p->is_nic ? rte_eth_dev_socket_id(d->id) : SOCKET_ID_ANY };

	for (unsigned i = d->first_path; i < d->first_path + d->queues; i++) {
		struct pw_queue *q = &p->queue[i];

		if (p->is_memif || !q->gathers)
			continue;
		q->heads = make_pool(&heads, i, why);
		if (!q->heads)
			return -ENOMEM;
	}
	return 0;
}

/* ---- queues ---- */

/* Of af_xdp's 3328 bytes a page takes two frames, as it would of 2048, and a slot
 * of a stream three instead of four: nothing is gained by even parts. */
uint16_t pw_port_fit_payload(uint32_t room)
{
	if (room >= PW_PAYLOAD_MAX)
		return PW_PAYLOAD_MAX;
	if (room >= PW_PAGE_BYTES)
		return PW_PAGE_BYTES;
	return (uint16_t)(room / PW_STREAM_GRAIN * PW_STREAM_GRAIN);
}

/* Payload that a frame of this port carries. */
static uint16_t payload_of(const struct pw_port *p, uint16_t mtu)
{
	uint32_t headers = pw_encap_ip_udp_bytes(p->own.family) + (uint32_t)PW_BULK_HEADER_BYTES;

	if (p->is_memif)	/* says 1500, takes a whole buffer */
		return PW_PAYLOAD_MAX;
	return mtu <= headers ? 0 : pw_port_fit_payload(mtu - headers);
}

/* rte_eth_tx_done_cleanup() of this one stops its queue for good. */
static bool is_igb(const char *driver)
{
	return strcmp(driver, "net_e1000_igb") == 0;
}

static void describe_queues(struct pw_port *p, const struct pw_device *d, uint64_t offloads,
			    const char *driver)
{
	for (uint16_t i = 0; i < d->queues; i++) {
		struct pw_queue *q = &p->queue[d->first_path + i];

		q->gathers = offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
		q->sums_ip = offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
		q->sums_udp = offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
		q->sweeps = is_igb(driver);
		q->pushes_back = p->is_memif;
		q->path = (uint16_t)(d->first_path + i);
		q->port = d->id;
		q->number = i;
	}
}

/* Never MBUF_FAST_FREE: it forgets the memory that is attached. */
static uint64_t tx_offloads(const struct rte_eth_dev_info *info)
{
	uint64_t offloads = info->tx_offload_capa &
			    (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
			     RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
	uint16_t segments = info->tx_desc_lim.nb_mtu_seg_max;	/* 0: no bound */

	if (segments && segments < FRAME_SEGMENTS)
		offloads &= ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	return offloads;
}

/* What only a NIC has: checksums on the way in, steering. */
static int plan_nic(struct pw_port *p, const struct pw_device *d,
		    const struct rte_eth_dev_info *info, struct rte_eth_conf *conf,
		    char why[PW_WHY_BYTES])
{
	conf->rxmode.offloads = info->rx_offload_capa &
				(RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
				 RTE_ETH_RX_OFFLOAD_SCATTER);
	pw_port_steer_plan(&p->queues, &p->own, p->paths, p->is_shared, info, conf);
	return pw_port_steer_isolate(&p->queues, d->id, why);
}

/* The longest packet of the lane, unless the operator wants shorter ones. */
static uint16_t longest(const struct pw_port *p, const struct rte_eth_dev_info *info)
{
	switch (p->interface.kind) {
	case PW_INTERFACE_XDP:
		return (uint16_t)RTE_MIN(XDP_MTU, p->interface.mtu);
	case PW_INTERFACE_PACKET:
		return (uint16_t)RTE_MIN(LANE_MTU_MAX, p->interface.mtu);
	default:
		break;
	}
	if (p->is_memif || info->max_mtu <= RTE_ETHER_MTU ||
	    info->max_rx_pktlen <= RTE_ETHER_MTU + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
		return RTE_ETHER_MTU;
	return (uint16_t)RTE_MIN(LANE_MTU_MAX, RTE_MIN((uint32_t)info->max_mtu,
						       info->max_rx_pktlen - 18u));
}

static int configure(struct pw_port *p, const struct pw_device *d, const struct pw_args *args,
		     const struct rte_eth_dev_info *info, char why[PW_WHY_BYTES])
{
	struct rte_eth_conf conf = { .txmode.offloads = tx_offloads(info) };
	uint16_t mtu = longest(p, info);
	int status;

	if (d->queues > info->max_rx_queues || d->queues > info->max_tx_queues)
		return pw_why(why, -EINVAL, "%u paths asked, %s has %u queues: fewer --paths",
			      p->paths, info->driver_name,
			      RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	if (args->mtu && args->mtu < mtu)
		mtu = (uint16_t)args->mtu;
	/* af_packet knows of no long frames, and passes them. */
	conf.rxmode.mtu = p->interface.kind == PW_INTERFACE_PACKET ? RTE_ETHER_MTU : mtu;
	status = p->is_nic ? plan_nic(p, d, info, &conf, why) : 0;
	if (status)
		return status;
	status = rte_eth_dev_configure(d->id, d->queues, d->queues, &conf);
	if (status)
		return pw_why(why, status, "%s does not take %u queues at MTU %u: %s",
			      info->driver_name, d->queues, mtu, pw_eal_error());
	p->mtu = p->is_memif ? 0 : mtu;
	p->payload_bytes = payload_of(p, mtu);
	if (p->payload_bytes < PW_PAYLOAD_MIN)
		return pw_why(why, -EMSGSIZE, "MTU %u leaves %u bytes of payload, %u are needed",
			      mtu, p->payload_bytes, PW_PAYLOAD_MIN);
	p->payload_crc = !p->is_memif && !(conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	describe_queues(p, d, conf.txmode.offloads, info->driver_name);
	return 0;
}

static int set_up_queues(struct pw_port *p, const struct pw_device *d,
			 const struct rte_eth_dev_info *info, char why[PW_WHY_BYTES])
{
	uint16_t rx = NIC_DESCRIPTORS, tx = NIC_DESCRIPTORS;
	int status = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &rx, &tx);

	for (uint16_t i = 0; i < d->queues && !status; i++) {
		struct pw_queue *q = &p->queue[d->first_path + i];

		q->descriptors = rx;
		status = rte_eth_rx_queue_setup(d->id, i, rx, ANY_SOCKET, NULL, q->rx);
		if (!status)
			status = rte_eth_tx_queue_setup(d->id, i, tx, ANY_SOCKET, NULL);
	}
	if (status)
		return pw_why(why, status, "queues of %s: %s", info->driver_name, pw_eal_error());
	return 0;
}

int pw_port_configure(struct pw_port *p, const struct pw_device *d, const struct pw_args *args,
		      char why[PW_WHY_BYTES])
{
	struct rte_eth_dev_info info;
	int status = rte_eth_dev_info_get(d->id, &info);

	if (status)
		return pw_why(why, status, "device %u: %s", d->id, strerror(-status));
	status = configure(p, d, args, &info, why);
	if (!status)
		status = set_up_queues(p, d, &info, why);
	if (!status)
		status = make_heads(p, d, why);
	return status;
}
