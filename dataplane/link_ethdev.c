/* SPDX-License-Identifier: BSD-3-Clause */
/* link_ethdev.c - see link_ethdev.h */

#include <stddef.h>
#include <string.h>

#include <rte_ethdev.h>

#include "link_ethdev.h"
#include "pagewire/check.h"

#include "hot.h"

#define OFFER_FEW   4u
#define FULL_MAX_NS 100000000ull	/* a peer that shares its core may be away for some ms */

static void let_go(void *address, void *opaque)
{
	(void)address;	/* the memory is the guest's; only the count matters */
	(void)opaque;
}

/* The port sums up what it said it would. */
static void ask_for_sums(const struct pw_encap *e, struct rte_mbuf *head)
{
	if (!e->sums_ip && !e->sums_udp)
		return;
	head->tx_offload = rte_mbuf_tx_offload(e->l2_bytes, e->l3_bytes, 0, 0, 0, 0, 0);
	head->ol_flags |= e->is_ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
	if (e->sums_ip)
		head->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (e->sums_udp)
		head->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
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

static void write_head(const struct pw_link_ethdev *l, struct rte_mbuf *head,
		       const struct pw_frame *frame, bool copied)
{
	uint16_t all = (uint16_t)(frame->header_bytes + frame->payload_bytes);
	uint16_t bytes = (uint16_t)(l->encap.bytes + frame->header_bytes);
	uint8_t *at = rte_pktmbuf_mtod(head, uint8_t *);

	pw_encap_write(&l->encap, at, all);
	ask_for_sums(&l->encap, head);
	memcpy(at + l->encap.bytes, frame->header, frame->header_bytes);
	if (frame->payload_bytes && copied) {
		memcpy(at + bytes, frame->payload, frame->payload_bytes);
		bytes = (uint16_t)(bytes + frame->payload_bytes);
	}
	head->data_len = bytes;
	head->pkt_len = (uint32_t)l->encap.bytes + all;
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
		write_head(l, heads[i], &frames[i], !lent[i]);
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
			 struct pw_path_stats *stats, const struct pw_dma *dma,
			 const struct pw_encap_ends *ends)
{
	struct pw_encap_ends all = *ends;
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
	all.sums_ip = queue->sums_ip && ends->own.family == PW_LANE_IPV4;
	all.sums_udp = queue->sums_udp;
	pw_encap_init(&l->encap, &all);
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

/* What the port says of UDP's checksum; what it does not say is found out. */
static bool sum_ok(const struct pw_queue *q, const struct rte_mbuf *frame,
		   const struct pw_encap_found *found)
{
	if (!found->summed)
		return true;
	switch (frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
	case RTE_MBUF_F_RX_L4_CKSUM_BAD:
		return false;
	case RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN:
		return pw_encap_sum_ok(&q->filter, found);
	default:	/* good; or not filled in, and it never was on a wire */
		return true;
	}
}

enum pw_encap_kind pw_link_ethdev_parse(const struct pw_queue *q, const struct rte_mbuf *frame,
					uint8_t *scratch, struct pw_encap_found *found)
{
	struct pw_encap_frame whole = {
		.bytes = rte_pktmbuf_mtod(frame, const uint8_t *),
		.count = frame->pkt_len,
		.tag_taken = frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED,
		.tag = frame->vlan_tci,
	};
	enum pw_encap_kind kind;

	if (frame->nb_segs > 1) {
		if (frame->pkt_len > PW_LINK_SCRATCH_BYTES)
			return PW_ENCAP_OTHER;	/* longer than any of ours */
		whole.bytes = rte_pktmbuf_read(frame, 0, frame->pkt_len, scratch);
	}
	kind = pw_encap_parse(&q->filter, &whole, found);
	return kind == PW_ENCAP_OURS && !sum_ok(q, frame, found) ? PW_ENCAP_BAD : kind;
}

void pw_link_ethdev_send_one(const struct pw_queue *q, const uint8_t *bytes, uint32_t n)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(q->heads);

	if (!frame)
		return;
	memcpy(rte_pktmbuf_mtod(frame, uint8_t *), bytes, n);
	frame->data_len = (uint16_t)n;
	frame->pkt_len = n;
	if (!rte_eth_tx_burst(q->port, q->number, &frame, 1))
		rte_pktmbuf_free(frame);
}
