/* SPDX-License-Identifier: BSD-3-Clause */
/* link_ethdev.c - see link_ethdev.h */

#include <stddef.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "link_ethdev.h"
#include "pagewire/check.h"

#include "hot.h"

#define OFFER_FEW   4u
#define FULL_MAX_NS 100000000ull	/* a peer that shares its core may be away for some ms */

struct encap {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
} __attribute__((packed, aligned(2)));
static_assert(sizeof(struct encap) == PW_LINK_ENCAP_BYTES, "headers in front of a datagram");

/* The two ends of a software lane; nothing but this lane ever sees them.
 * 02-...: locally administered; 169.254/16: link local. */
static const struct rte_ether_addr mac[2] = { { { 2, 'p', 'a', 'g', 'e', 1 } },
					      { { 2, 'p', 'a', 'g', 'e', 2 } } };
static const uint32_t ip[2] = { 0xa9fe5001, 0xa9fe5002 };	/* 169.254.80.1 and .2 */

static void let_go(void *address, void *opaque)
{
	(void)address;	/* the memory is the guest's; only the count matters */
	(void)opaque;
}

static void write_encap(const struct pw_queue *q, struct encap *e, uint16_t datagram_bytes)
{
	rte_be16_t port = rte_cpu_to_be_16((uint16_t)(PW_UDP_PORT_BASE + q->path));
	uint16_t udp_bytes = (uint16_t)(sizeof(e->udp) + datagram_bytes);
	unsigned own = q->far_end, peer = !q->far_end;

	e->ether.dst_addr = mac[peer];
	e->ether.src_addr = mac[own];
	e->ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	e->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(e->ip) + udp_bytes)),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(ip[own]),
		.dst_addr = rte_cpu_to_be_32(ip[peer]),
	};
	if (!q->sums_ip)
		e->ip.hdr_checksum = rte_ipv4_cksum(&e->ip);
	e->udp = (struct rte_udp_hdr){ .src_port = port,
				       .dst_port = port,
				       .dgram_len = rte_cpu_to_be_16(udp_bytes) };
}

/* What the port computes itself. Without it UDP goes without: the payload may
 * change while it is summed up, and the headers have a checksum of their own. */
static void ask_for_sums(const struct pw_queue *q, struct rte_mbuf *head, struct encap *e)
{
	if (!q->sums_ip && !q->sums_udp)
		return;
	head->l2_len = sizeof(e->ether);
	head->l3_len = sizeof(e->ip);
	head->ol_flags |= RTE_MBUF_F_TX_IPV4;
	if (q->sums_ip)
		head->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (q->sums_udp) {
		head->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		e->udp.dgram_cksum = rte_ipv4_phdr_cksum(&e->ip, head->ol_flags);
	}
}

/* Shells that the payload is lent in, to be sent from where it is; 0: it is
 * copied behind its headers. */
static unsigned shells_for(const struct pw_link_ethdev *l, const struct pw_frame *frame)
{
	if (frame->payload_bytes <= PW_LINK_COPY_BYTES || !l->queue->gathers)
		return 0;
	if (!pw_dma_may_read(l->dma, frame)) {
		pw_stat_add(&l->stats->tx_unmapped, 1);
		return 0;
	}
	return pw_dma_contiguous(l->dma, frame) < frame->payload_bytes ? 2 : 1;
}

static void lend(struct pw_link_ethdev *l, struct rte_mbuf *shell, const uint8_t *from,
		 uint16_t bytes)
{
	void *payload = (void *)(uintptr_t)from;	/* only read */

	rte_mbuf_ext_refcnt_update(&l->shared, 1);
	rte_pktmbuf_attach_extbuf(shell, payload, (rte_iova_t)(uintptr_t)payload, bytes,
				  &l->shared);
	shell->data_len = bytes;
}

static void attach_payload(struct pw_link_ethdev *l, struct rte_mbuf *head,
			   struct rte_mbuf **shells, unsigned n, const struct pw_frame *frame)
{
	uint16_t first = pw_dma_contiguous(l->dma, frame);

	lend(l, shells[0], frame->payload, first);
	head->next = shells[0];
	head->nb_segs = (uint16_t)(1 + n);
	if (n == 1)
		return;
	lend(l, shells[1], frame->payload + first, (uint16_t)(frame->payload_bytes - first));
	shells[0]->next = shells[1];
}

static void write_head(const struct pw_queue *q, struct rte_mbuf *head,
		       const struct pw_frame *frame, bool copied)
{
	struct encap *e = rte_pktmbuf_mtod(head, struct encap *);
	uint8_t *at = (uint8_t *)(e + 1);
	uint16_t bytes = frame->header_bytes;

	write_encap(q, e, (uint16_t)(frame->header_bytes + frame->payload_bytes));
	ask_for_sums(q, head, e);
	memcpy(at, frame->header, frame->header_bytes);
	if (frame->payload_bytes && copied) {
		memcpy(at + bytes, frame->payload, frame->payload_bytes);
		bytes = (uint16_t)(bytes + frame->payload_bytes);
	}
	head->data_len = (uint16_t)(sizeof(*e) + bytes);
	head->pkt_len = (uint32_t)(sizeof(*e) + frame->header_bytes + frame->payload_bytes);
}

/* Build n frames. False: no buffers. */
static bool build(struct pw_link_ethdev *l, const struct pw_frame *frames, uint16_t n,
		  struct rte_mbuf **heads)
{
	const struct pw_queue *q = l->queue;
	struct rte_mempool *pool = q->heads;
	struct rte_mbuf *shells[2 * PW_BURST];
	unsigned lent[PW_BURST], attached = 0;

	for (uint16_t i = 0; i < n; i++) {
		lent[i] = shells_for(l, &frames[i]);
		attached += lent[i];
		if (!lent[i] && frames[i].payload_bytes > PW_LINK_COPY_BYTES)
			pool = q->rx;	/* room for all of a frame */
	}
	if (rte_pktmbuf_alloc_bulk(pool, heads, n))
		return false;
	if (attached && rte_pktmbuf_alloc_bulk(q->shells, shells, attached)) {
		rte_pktmbuf_free_bulk(heads, n);
		return false;
	}
	for (uint16_t i = 0; i < n; i++) {
		write_head(q, heads[i], &frames[i], !lent[i]);
		attached -= lent[i];
		if (lent[i])
			attach_payload(l, heads[i], shells + attached, lent[i], &frames[i]);
	}
	return true;
}

/* Frames that the port does not take are given back: the core offers them again. */
static uint16_t offer(struct pw_link_ethdev *l, const struct pw_frame *frames, uint16_t n)
{
	struct rte_mbuf *heads[PW_BURST];
	uint16_t sent;

	if (!build(l, frames, n, heads)) {
		pw_stat_add(&l->stats->tx_no_buffer, 1);
		return 0;
	}
	sent = rte_eth_tx_burst(l->queue->port, l->queue->number, heads, n);
	if (sent < n)
		rte_pktmbuf_free_bulk(heads + sent, n - sent);
	return sent;
}

/* Nothing was taken. True: for too long. */
static bool is_stuck(struct pw_link_ethdev *l)
{
	if (!l->full_since_ns)
		l->full_since_ns = l->now_ns;
	return l->now_ns - l->full_since_ns > FULL_MAX_NS;
}

static uint16_t send_frames(struct pw_link *link, const struct pw_frame *frames, uint16_t n)
{
	struct pw_link_ethdev *l = (struct pw_link_ethdev *)link;
	uint16_t sent = 0;

	/* acquire; pairs with the release in port.c */
	if (!atomic_load_explicit(&l->queue->up, memory_order_acquire))
		return n;	/* lost, as on a cable that was pulled */
	while (sent < n) {
		uint16_t left = (uint16_t)(n - sent);
		uint16_t some = left < l->offer ? left : l->offer;
		uint16_t taken = offer(l, frames + sent, some);

		sent = (uint16_t)(sent + taken);
		/* A full port is tried with few, so that little is built in vain. */
		l->offer = taken == some ? PW_BURST : OFFER_FEW;
		if (taken < some)
			break;
	}
	if (!sent)
		return is_stuck(l) ? n : 0;
	l->full_since_ns = 0;
	return sent;
}

void pw_link_ethdev_init(struct pw_link_ethdev *l, const struct pw_queue *queue,
			 const struct pw_dma *dma, struct pw_path_stats *stats)
{
	static const struct pw_link_ops ops = { .send = send_frames };

	static_assert(offsetof(struct pw_link_ethdev, link) == 0, "a link is cast to its ethdev");
	*l = (struct pw_link_ethdev){
		.link.ops = &ops,
		.queue = queue,
		.stats = stats,
		.dma = dma,
		.offer = PW_BURST,
		.shared.free_cb = let_go,
	};
	/* One is ours: the count is never 0 while the connection lives. Shells out
	 * are bounded by the port's descriptors, far below 65535. */
	rte_mbuf_ext_refcnt_set(&l->shared, 1);
}

bool pw_link_ethdev_settled(struct pw_link_ethdev *l)
{
	if (rte_mbuf_ext_refcnt_read(&l->shared) == 1)
		return true;
	if (!atomic_load_explicit(&l->queue->up, memory_order_acquire))
		return false;
	if (l->queue->sweeps ||
	    rte_eth_tx_done_cleanup(l->queue->port, l->queue->number, 0) < 0)
		pw_port_sweep(l->queue);
	return rte_mbuf_ext_refcnt_read(&l->shared) == 1;
}

static bool is_ours(const struct encap *e, uint16_t path)
{
	return e->ether.ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
	       e->ip.version_ihl == RTE_IPV4_VHL_DEF && e->ip.next_proto_id == IPPROTO_UDP &&
	       !(e->ip.fragment_offset & rte_cpu_to_be_16((uint16_t)~RTE_IPV4_HDR_DF_FLAG)) &&
	       e->udp.dst_port == rte_cpu_to_be_16((uint16_t)(PW_UDP_PORT_BASE + path));
}

const uint8_t *pw_link_ethdev_datagram(const struct rte_mbuf *frame, uint16_t path,
				       uint8_t *scratch, uint32_t *bytes)
{
	const struct encap *e = rte_pktmbuf_mtod(frame, const struct encap *);
	uint32_t ip_bytes, udp_bytes;

	if (frame->pkt_len < sizeof(*e))
		return NULL;
	if (frame->nb_segs > 1) {
		if (frame->pkt_len > PW_LINK_SCRATCH_BYTES)
			return NULL;
		e = rte_pktmbuf_read(frame, 0, frame->pkt_len, scratch);
	}
	if (!is_ours(e, path))
		return NULL;
	ip_bytes = rte_be_to_cpu_16(e->ip.total_length);
	udp_bytes = rte_be_to_cpu_16(e->udp.dgram_len);
	/* Short frames are padded on a real wire. */
	if (ip_bytes > frame->pkt_len - sizeof(e->ether) || udp_bytes < sizeof(e->udp) ||
	    udp_bytes + sizeof(e->ip) != ip_bytes)
		return NULL;
	*bytes = udp_bytes - (uint32_t)sizeof(e->udp);
	return (const uint8_t *)(e + 1);
}
