/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer.bpf.c - XDP: the lane's datagrams to their queue's socket, all else to the kernel
 *
 * May also be used under GPL-2.0: the licence below says so to the kernel.
 *
 * A frame is the lane's if the receiver takes it (link_ethdev.c): UDP to our
 * address and ports, without IP options, fragments or extension headers, and
 * with the lane's VLAN tag or none. The address keeps the hosts that are
 * behind us, in bridges and containers, in possession of these ports.
 *
 * libxdp, which the driver uses, takes a program for its own default one, and
 * does not load that, if it is called xsk_def_prog, has xsk_prog_version in a
 * section xdp_metadata and an XSKMAP xsks_map. It would detach it with the last
 * socket if there were a map with "refcnt" in its name.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer_rule.h"

#define IPV4_WITHOUT_OPTIONS 0x45
#define IPV4_FRAGMENT	     0x3fff	/* more fragments, or an offset: the kernel's to put together */
#define VLAN_ID		     0x0fff

struct vlan_tag {
	__be16 control;
	__be16 type;
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, PW_STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_steer_rule);
} steer_rule SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PW_STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, struct pw_steer_count);
} steer_counts SEC(".maps");

__uint(xsk_prog_version, 1) SEC("xdp_metadata");

static __always_inline bool is_same(const void *a, const void *b, unsigned words)
{
	const __u32 *x = a, *y = b;

	for (unsigned i = 0; i < words; i++)
		if (x[i] != y[i])
			return false;
	return true;
}

/* What follows Ethernet and the tag, if that is as the rule wants it; or NULL. */
static __always_inline void *over_ethernet(void *at, void *end, const struct pw_steer_rule *rule)
{
	__be16 wanted = bpf_htons(rule->family == 4 ? ETH_P_IP : ETH_P_IPV6);
	struct ethhdr *ether = at;
	struct vlan_tag *tag = at + sizeof(*ether);

	if ((void *)(ether + 1) > end)
		return NULL;
	if (!rule->vlan)
		return ether->h_proto == wanted ? ether + 1 : NULL;
	if (ether->h_proto != bpf_htons(ETH_P_8021Q) || (void *)(tag + 1) > end)
		return NULL;
	if ((bpf_ntohs(tag->control) & VLAN_ID) != rule->vlan || tag->type != wanted)
		return NULL;
	return tag + 1;
}

/* The UDP header of a packet to our address, or NULL. */
static __always_inline struct udphdr *over_ipv4(void *at, void *end, const __u8 *own)
{
	struct iphdr *ip = at;

	if ((void *)(ip + 1) > end || *(__u8 *)ip != IPV4_WITHOUT_OPTIONS)
		return NULL;
	if (ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(IPV4_FRAGMENT))
		return NULL;
	return is_same(&ip->daddr, own, 1) ? (void *)(ip + 1) : NULL;
}

static __always_inline struct udphdr *over_ipv6(void *at, void *end, const __u8 *own)
{
	struct ipv6hdr *ip = at;

	if ((void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return NULL;
	return is_same(&ip->daddr, own, 4) ? (void *)(ip + 1) : NULL;
}

static __always_inline bool is_ours(void *at, void *end, const struct pw_steer_rule *rule)
{
	struct udphdr *udp;
	__u16 port;

	if (!rule->port_last)
		return false;
	at = over_ethernet(at, end, rule);
	if (!at)
		return false;
	udp = rule->family == 4 ? over_ipv4(at, end, rule->ip) : over_ipv6(at, end, rule->ip);
	if (!udp || (void *)(udp + 1) > end)
		return false;
	port = bpf_ntohs(udp->dest);
	return port >= rule->port_first && port <= rule->port_last;
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *frame)
{
	__u32 queue = frame->rx_queue_index, zero = 0;
	struct pw_steer_rule *rule = bpf_map_lookup_elem(&steer_rule, &zero);
	struct pw_steer_count *count = bpf_map_lookup_elem(&steer_counts, &queue);

	if (!rule || !count)
		return XDP_PASS;
	if (!is_ours((void *)(long)frame->data, (void *)(long)frame->data_end, rule)) {
		count->passed++;
		return XDP_PASS;
	}
	if (bpf_redirect_map(&xsks_map, queue, XDP_PASS) == XDP_REDIRECT) {
		count->redirected++;
		return XDP_REDIRECT;
	}
	count->unserved++;
	return XDP_PASS;
}

char licence[] SEC("license") = "Dual BSD/GPL";
