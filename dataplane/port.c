/* SPDX-License-Identifier: BSD-3-Clause */
/* port.c - see port.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "eal.h"
#include "link_ethdev.h"
#include "memif.h"
#include "pagewire/wire.h"
#include "port.h"

#define ANY_SOCKET	 ((unsigned)SOCKET_ID_ANY)
#define POOL_CACHE	 256u
#define CONNECT_WAITS	 6u	/* looks at the carrier, 50 ms apart */
#define NIC_DESCRIPTORS	 1024u
#define NIC_POOL_FRAMES	 4095u	/* descriptors, two bursts, caches: 2^k - 1 fits best */
#define MEMIF_POOL_FRAMES 1023u	/* the driver copies: no frame stays in a ring */

/* Room for the longest frame, and more than a memif buffer: see memif.h. */
#define FRAME_ROOM (RTE_PKTMBUF_HEADROOM + PW_MEMIF_BUFFER_BYTES + 64u)
#define XDP_ROOM   (RTE_PKTMBUF_HEADROOM + 3712u)	/* with all else a 4 KiB chunk */
#define XDP_MTU	   3400u	/* it says more and drops that */
#define HEAD_ROOM  (RTE_PKTMBUF_HEADROOM + PW_LINK_HEAD_BYTES_MAX)

static_assert(PW_LINK_ENCAP_BYTES + PW_DATAGRAM_BYTES_MAX <= PW_MEMIF_BUFFER_BYTES,
	      "a frame fits one memif buffer");

/* ---- buffers ---- */

static struct rte_mempool *make_pool(const char *kind, unsigned path, unsigned frames, size_t room,
				     char why[PW_WHY_BYTES])
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "%s%u", kind, path);
	pool = rte_pktmbuf_pool_create(name, frames, POOL_CACHE, 0, (uint16_t)room, SOCKET_ID_ANY);
	if (!pool)
		pw_why(why, -ENOMEM,
		       "no memory for %u packet buffers of path %u (%s): more --memory or fewer "
		       "--paths",
		       frames, path, rte_strerror(rte_errno));
	return pool;
}

static bool is_af_xdp(const char *vdev)
{
	return strncmp(vdev, "net_af_xdp", strlen("net_af_xdp")) == 0;
}

/* Before there is a device: a serving memif sends away who comes until it is
 * configured, so that should not take long. */
static int make_pools(struct pw_port *p, const char *vdev, char why[PW_WHY_BYTES])
{
	unsigned frames = p->is_memif ? MEMIF_POOL_FRAMES : NIC_POOL_FRAMES;
	size_t room = is_af_xdp(vdev) ? XDP_ROOM : FRAME_ROOM;

	for (unsigned i = 0; i < p->paths; i++) {
		struct pw_queue *q = &p->queue[i];

		q->rx = make_pool("frames", i, frames, room, why);
		q->shells = q->rx ? make_pool("shells", i, frames, 0, why) : NULL;
		if (!q->shells)
			return -ENOMEM;
		q->heads = q->rx;
	}
	return 0;
}

/* Frames begin in small buffers, unless the driver is better off with large
 * ones (memif.h), or the whole frame is copied into one: that comes from the
 * pool that the port knows as its receive queue's. */
static int make_heads(struct pw_port *p, char why[PW_WHY_BYTES])
{
	for (unsigned i = 0; i < p->paths; i++) {
		struct pw_queue *q = &p->queue[i];

		if (p->is_memif || !q->gathers)
			continue;
		q->heads = make_pool("heads", i, NIC_POOL_FRAMES, HEAD_ROOM, why);
		if (!q->heads)
			return -ENOMEM;
	}
	return 0;
}

/* ---- bring-up ---- */

static int create_device(struct pw_port *p, const char *vdev, char why[PW_WHY_BYTES])
{
	const char *comma = strchr(vdev, ',');
	int name_bytes = comma ? (int)(comma - vdev) : (int)strlen(vdev);
	char name[RTE_ETH_NAME_MAX_LEN], full[PW_MEMIF_VDEV_BYTES];
	int status;

	if (name_bytes >= (int)sizeof(name))
		return pw_why(why, -EINVAL, "--vdev: the name is too long");
	snprintf(name, sizeof(name), "%.*s", name_bytes, vdev);
	snprintf(full, sizeof(full), "%s", comma ? comma + 1 : "");
	if (p->is_memif) {
		status = pw_memif_prepare(comma ? comma + 1 : "", full, why);
		if (status)
			return status;
		p->far_end = pw_memif_serves(full);
		if (p->far_end)
			pw_memif_socket(full, p->socket);
	}
	status = rte_vdev_init(name, full);
	if (status)
		return pw_why(why, status, "--vdev %s: no such device, or not so: %s", name,
			      pw_eal_error()[0] ? pw_eal_error() : "no driver is called that");
	status = rte_eth_dev_get_port_by_name(name, &p->id);
	if (status)
		return pw_why(why, status, "--vdev %s is not a network port", name);
	return 0;
}

/* Payload that a frame of this port carries: two pages, a page, or whole grains. */
static uint16_t payload_of(const struct pw_port *p, uint16_t mtu)
{
	uint32_t room;

	if (p->is_memif)	/* says 1500, takes a whole buffer */
		return PW_PAYLOAD_MAX;
	if (mtu <= PW_LINK_IP_UDP_BYTES + PW_BULK_HEADER_BYTES)
		return 0;
	room = mtu - PW_LINK_IP_UDP_BYTES - (uint32_t)PW_BULK_HEADER_BYTES;
	if (room >= PW_PAYLOAD_MAX)
		return PW_PAYLOAD_MAX;
	if (room >= PW_PAGE_BYTES)
		return PW_PAGE_BYTES;
	return (uint16_t)(room / PW_STREAM_GRAIN * PW_STREAM_GRAIN);
}

static int configure(struct pw_port *p, const struct rte_eth_dev_info *info, char why[PW_WHY_BYTES])
{
	static const uint64_t wanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
				       RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	/* Never MBUF_FAST_FREE: it forgets the memory that is attached. */
	struct rte_eth_conf conf = { .txmode.offloads = info->tx_offload_capa & wanted };
	uint16_t mtu = is_af_xdp(info->driver_name) ? XDP_MTU : RTE_ETHER_MTU;
	int status;

	if (p->paths > info->max_rx_queues || p->paths > info->max_tx_queues)
		return pw_why(why, -EINVAL, "%u paths asked, %s has %u queues: fewer --paths",
			      p->paths, info->driver_name,
			      RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	if (!p->is_memif && mtu == RTE_ETHER_MTU && info->max_mtu > RTE_ETHER_MTU &&
	    info->max_rx_pktlen > RTE_ETHER_MTU + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
		mtu = (uint16_t)RTE_MIN(9000u, RTE_MIN((uint32_t)info->max_mtu,
						       info->max_rx_pktlen - 18u));
	conf.rxmode.mtu = mtu;
	status = rte_eth_dev_configure(p->id, p->paths, p->paths, &conf);
	if (status)
		return pw_why(why, status, "%s does not take %u queues at MTU %u: %s",
			      info->driver_name, p->paths, mtu, pw_eal_error());
	p->payload_bytes = payload_of(p, mtu);
	if (p->payload_bytes < PW_PAYLOAD_MIN)
		return pw_why(why, -EMSGSIZE, "MTU %u leaves %u bytes of payload, %u are needed",
			      mtu, p->payload_bytes, PW_PAYLOAD_MIN);
	p->payload_crc = !p->is_memif && !(conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	for (unsigned i = 0; i < p->paths; i++) {
		struct pw_queue *q = &p->queue[i];

		q->gathers = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
		q->sums_ip = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
		q->sums_udp = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
		q->far_end = p->far_end;
		q->port = p->id;
		q->number = (uint16_t)i;
	}
	return 0;
}

static int set_up_queues(struct pw_port *p, const struct rte_eth_dev_info *info,
			 char why[PW_WHY_BYTES])
{
	uint16_t rx = NIC_DESCRIPTORS, tx = NIC_DESCRIPTORS;
	int status = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);

	for (uint16_t i = 0; i < p->paths && !status; i++) {
		status = rte_eth_rx_queue_setup(p->id, i, rx, ANY_SOCKET, NULL, p->queue[i].rx);
		if (!status)
			status = rte_eth_tx_queue_setup(p->id, i, tx, ANY_SOCKET, NULL);
	}
	if (status)
		return pw_why(why, status, "queues of %s: %s", info->driver_name, pw_eal_error());
	return 0;
}

int pw_port_open(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	struct rte_eth_dev_info info;
	int status;

	memset(p, 0, sizeof(*p));
	p->paths = (uint16_t)args->paths;
	p->is_memif = pw_memif_is(args->vdev);
	status = make_pools(p, args->vdev, why);
	if (!status)
		status = create_device(p, args->vdev, why);
	if (status)
		return status;
	p->opened = true;
	status = rte_eth_dev_info_get(p->id, &info);
	if (status)
		return pw_why(why, status, "port of --vdev: %s", strerror(-status));
	status = configure(p, &info, why);
	if (!status)
		status = set_up_queues(p, &info, why);
	if (!status)
		status = make_heads(p, why);
	if (!status)
		pw_port_tend(p);
	return status;
}

void pw_port_close(struct pw_port *p)
{
	if (!p->opened)
		return;
	p->opened = false;
	if (p->is_memif) {
		if (p->socket[0])
			unlink(p->socket);
		return;
	}
	if (p->state != PW_PORT_STOPPED)
		rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
}

/* ---- carrier ---- */

static void set_up_flag(struct pw_port *p, bool up)
{
	/* release; pairs with the acquire in pw_worker_run(): the port is started */
	for (unsigned i = 0; i < p->paths; i++)
		atomic_store_explicit(&p->queue[i].up, up, memory_order_release);
}

static bool has_carrier(const struct pw_port *p)
{
	struct rte_eth_link link = { 0 };

	return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

bool pw_port_tend(struct pw_port *p)
{
	switch (p->state) {
	case PW_PORT_STOPPED:
		if (rte_eth_dev_start(p->id))
			return false;
		p->state = PW_PORT_STARTED;
		p->waits = 0;
		rte_eth_promiscuous_enable(p->id);
		/* fallthrough */
	case PW_PORT_STARTED:
		if (!has_carrier(p)) {
			/* Whoever connects to an end that is not ready is sent away. */
			if (++p->waits > CONNECT_WAITS)
				pw_port_restart(p);
			return false;
		}
		p->state = PW_PORT_UP;
		set_up_flag(p, true);
		return false;
	case PW_PORT_UP:
		if (has_carrier(p))
			return false;
		set_up_flag(p, false);
		p->state = PW_PORT_LEAVING;
		return true;
	default:
		return false;
	}
}

void pw_port_restart(struct pw_port *p)
{
	/* A NIC finds its carrier again by itself; a memif serves for ever, but
	 * does not connect twice. */
	p->state = PW_PORT_STARTED;
	if (p->is_memif && !p->far_end) {
		rte_eth_dev_stop(p->id);
		p->state = PW_PORT_STOPPED;
	}
}

struct pw_congestion_config pw_port_congestion(const struct pw_port *p)
{
	/* A software lane has a ring that pushes back instead of a queue that
	 * overflows, and its round trip is the scheduler's: delay says nothing. */
	if (p->is_memif)
		return (struct pw_congestion_config){ .window_start = 512,
						      .window_min = 256,	/* the ring */
						      .window_max = PW_WINDOW_SLOTS,
						      .delay_target_ns = 100000000 };
	return (struct pw_congestion_config){ .window_start = 128, /* 100 us at 100 Gbit/s */
					      .window_min = 4,
					      .window_max = PW_WINDOW_SLOTS / 2,
					      .delay_target_ns = 25000 };
}
