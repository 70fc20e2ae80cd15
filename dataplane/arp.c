/* SPDX-License-Identifier: BSD-3-Clause */
/* arp.c - see arp.h */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "arp.h"
#include "pagewire/lane.h"

#include "hot.h"

#define TYPE_ARP    0x0806u
#define TYPE_IPV6   0x86ddu
#define TYPE_TAG    0x8100u
#define TAG_VLAN    0x0fffu
#define FRAME_BYTES 60u	/* the least that Ethernet sends, without its checksum */

#define ARP_BYTES   28u
#define ARP_REQUEST 1u
#define ARP_REPLY   2u

#define IPV6_BYTES   40u
#define ICMPV6	     58u
#define ND_BYTES     24u	/* up to and with the target */
#define ND_ALL_BYTES 32u	/* and one address option */
#define ND_SOLICIT   135u
#define ND_ADVERTISE 136u
#define ND_HOPS	     255u	/* nobody further away can have sent it */
#define ND_SOLICITED 0x60u	/* an answer, and newer than what was known */
#define OPTION_SOURCE 1u
#define OPTION_TARGET 2u

static const uint8_t arp_head[6] = { 0, 1, 8, 0, 6, 4 };	/* Ethernet, IPv4 */
static const uint8_t nobody[16];

/* ---- the table ---- */

static uint64_t whole_of(const uint8_t mac[PW_MAC_BYTES])
{
	uint64_t whole = 0;

	memcpy(&whole, mac, PW_MAC_BYTES);
	return whole;
}

static size_t ip_bytes(const struct pw_arp *a)
{
	return a->family == PW_LANE_IPV6 ? 16 : 4;
}

static struct pw_arp_entry *entry_of(struct pw_arp *a, const uint8_t *ip)
{
	/* acquire; pairs with the release in make_entry() */
	unsigned count = atomic_load_explicit(&a->count, memory_order_acquire);

	for (unsigned i = 0; i < count; i++)
		if (memcmp(a->entry[i].ip, ip, ip_bytes(a)) == 0)
			return &a->entry[i];
	return NULL;
}

static struct pw_arp_entry *make_entry(struct pw_arp *a, const uint8_t *ip)
{
	unsigned count = atomic_load_explicit(&a->count, memory_order_relaxed);

	if (count == PW_ARP_ENTRIES)
		return NULL;
	memcpy(a->entry[count].ip, ip, ip_bytes(a));
	/* release; pairs with the acquire in entry_of() */
	atomic_store_explicit(&a->count, count + 1, memory_order_release);
	return &a->entry[count];
}

int pw_arp_find(struct pw_arp *a, const uint8_t ip[16], bool ask, uint8_t mac[PW_MAC_BYTES])
{
	struct pw_arp_entry *e = entry_of(a, ip);
	uint64_t whole;

	if (!e)
		e = make_entry(a, ip);
	if (!e)
		return -ENOSPC;
	if (ask) {
		atomic_store_explicit(&e->ask, true, memory_order_relaxed);
		/* release; pairs with the acquire in pw_arp_next_request() */
		atomic_store_explicit(&a->asks, true, memory_order_release);
	}
	whole = atomic_load_explicit(&e->mac, memory_order_relaxed);
	memcpy(mac, &whole, PW_MAC_BYTES);
	return whole ? 0 : -EAGAIN;
}

static void learn(struct pw_arp *a, const uint8_t *ip, const uint8_t *mac)
{
	struct pw_arp_entry *e = entry_of(a, ip);

	/* A group is nobody's, and 0 would make it unknown again. */
	if (e && !(mac[0] & 1) && whole_of(mac))
		atomic_store_explicit(&e->mac, whole_of(mac), memory_order_relaxed);
}

/* ---- frames ---- */

static uint8_t *put_ether(const struct pw_arp *a, uint8_t *at, const uint8_t *to, uint32_t type)
{
	memcpy(at, to, PW_MAC_BYTES);
	memcpy(at + 6, a->mac, PW_MAC_BYTES);
	at += 12;
	if (a->vlan) {
		pw_put_be16(at, TYPE_TAG);
		pw_put_be16(at + 2, a->vlan);
		at += 4;
	}
	pw_put_be16(at, type);
	return at + 2;
}

/* target_mac NULL: that is the question. */
static uint32_t put_arp(const struct pw_arp *a, uint8_t *frame, const uint8_t *target_mac,
			const uint8_t *target_ip)
{
	static const uint8_t everybody[PW_MAC_BYTES] = { 255, 255, 255, 255, 255, 255 };
	uint8_t *at;

	memset(frame, 0, PW_ARP_FRAME_BYTES);
	at = put_ether(a, frame, target_mac ? target_mac : everybody, TYPE_ARP);
	memcpy(at, arp_head, sizeof(arp_head));
	pw_put_be16(at + 6, target_mac ? ARP_REPLY : ARP_REQUEST);
	memcpy(at + 8, a->mac, PW_MAC_BYTES);
	memcpy(at + 14, a->ip, 4);
	if (target_mac)
		memcpy(at + 18, target_mac, PW_MAC_BYTES);
	memcpy(at + 24, target_ip, 4);
	return FRAME_BYTES;	/* a tag does not make it longer */
}

static uint16_t icmpv6_sum(const uint8_t *ip, const uint8_t *icmp, uint32_t bytes)
{
	return pw_fold_sum(pw_sum_be16(icmp, bytes, pw_sum_be16(ip + 8, 32, bytes + ICMPV6)));
}

struct discovery {
	const uint8_t *to_mac;
	const uint8_t *to_ip;
	const uint8_t *target;
	uint8_t type;
	uint8_t flags;
	uint8_t option;
};

static uint32_t put_discovery(const struct pw_arp *a, uint8_t *frame, const struct discovery *d)
{
	uint8_t *ip, *icmp;

	memset(frame, 0, PW_ARP_FRAME_BYTES);
	ip = put_ether(a, frame, d->to_mac, TYPE_IPV6);
	icmp = ip + IPV6_BYTES;
	ip[0] = 0x60;
	pw_put_be16(ip + 4, ND_ALL_BYTES);
	ip[6] = ICMPV6;
	ip[7] = ND_HOPS;
	memcpy(ip + 8, a->ip, 16);
	memcpy(ip + 24, d->to_ip, 16);
	icmp[0] = d->type;
	icmp[4] = d->flags;
	memcpy(icmp + 8, d->target, 16);
	icmp[24] = d->option;
	icmp[25] = 1;	/* times 8 bytes */
	memcpy(icmp + 26, a->mac, PW_MAC_BYTES);
	pw_put_be16(icmp + 2, ~(uint32_t)icmpv6_sum(ip, icmp, ND_ALL_BYTES));
	return (uint32_t)(icmp + ND_ALL_BYTES - frame);
}

/* To the group of all whose address ends as the target's does. */
static uint32_t put_solicit(const struct pw_arp *a, uint8_t *frame, const uint8_t *target)
{
	uint8_t group[16] = { 0xff, 0x02, [11] = 1, [12] = 0xff };
	uint8_t mac[PW_MAC_BYTES] = { 0x33, 0x33, 0xff };

	memcpy(group + 13, target + 13, 3);
	memcpy(mac + 3, target + 13, 3);
	return put_discovery(a, frame,
			     &(struct discovery){ .to_mac = mac, .to_ip = group, .target = target,
						  .type = ND_SOLICIT, .option = OPTION_SOURCE });
}

uint32_t pw_arp_next_request(struct pw_arp *a, uint8_t request[PW_ARP_FRAME_BYTES])
{
	unsigned count;

	/* acquire; pairs with the release in pw_arp_find() */
	if (!atomic_load_explicit(&a->asks, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&a->asks, false, memory_order_acquire))
		return 0;
	count = atomic_load_explicit(&a->count, memory_order_acquire);
	for (unsigned i = 0; i < count; i++) {
		struct pw_arp_entry *e = &a->entry[i];

		if (!atomic_exchange_explicit(&e->ask, false, memory_order_relaxed))
			continue;
		atomic_store_explicit(&a->asks, true, memory_order_relaxed);	/* look on */
		if (a->family == PW_LANE_IPV6)
			return put_solicit(a, request, e->ip);
		return put_arp(a, request, NULL, e->ip);
	}
	return 0;
}

/* ---- what came ---- */

static uint32_t on_arp(struct pw_arp *a, const uint8_t *arp, uint32_t bytes, uint8_t *reply)
{
	if (a->family != PW_LANE_IPV4 || bytes < ARP_BYTES ||
	    memcmp(arp, arp_head, sizeof(arp_head)))
		return 0;
	if (memcmp(arp + 14, a->ip, 4) == 0)	/* ours, come back */
		return 0;
	learn(a, arp + 14, arp + 8);
	if (pw_get_be16(arp + 6) != ARP_REQUEST || memcmp(arp + 24, a->ip, 4) || (arp[8] & 1))
		return 0;
	return put_arp(a, reply, arp + 8, arp + 14);
}

/* The MAC in an option of this kind, or NULL. */
static const uint8_t *find_option(const uint8_t *icmp, uint32_t bytes, uint8_t kind)
{
	for (uint32_t at = ND_BYTES; at + 8 <= bytes && icmp[at + 1];
	     at += 8u * icmp[at + 1])
		if (icmp[at] == kind && icmp[at + 1] == 1)
			return icmp + at + 2;
	return NULL;
}

static uint32_t on_solicit(struct pw_arp *a, const uint8_t *from_mac, const uint8_t *ip,
			   uint32_t bytes, uint8_t *reply)
{
	/* One that only makes sure that nobody has the address has none yet: all
	 * are told. */
	static const uint8_t all_mac[PW_MAC_BYTES] = { 0x33, 0x33, [5] = 1 };
	static const uint8_t all[16] = { 0xff, 0x02, [15] = 1 };
	const uint8_t *icmp = ip + IPV6_BYTES, *mac = find_option(icmp, bytes, OPTION_SOURCE);
	bool has_address = memcmp(ip + 8, nobody, 16) != 0;
	struct discovery d = { .to_mac = from_mac, .to_ip = ip + 8, .target = a->ip,
			       .type = ND_ADVERTISE, .flags = ND_SOLICITED,
			       .option = OPTION_TARGET };

	if (has_address && mac)
		learn(a, ip + 8, mac);
	if (memcmp(icmp + 8, a->ip, 16))
		return 0;
	if (!has_address) {
		d.to_mac = all_mac;
		d.to_ip = all;
		d.flags = ND_SOLICITED & 0x20;
	}
	return put_discovery(a, reply, &d);
}

static uint32_t on_ipv6(struct pw_arp *a, const uint8_t *from_mac, const uint8_t *ip,
			uint32_t bytes, uint8_t *reply)
{
	const uint8_t *icmp = ip + IPV6_BYTES, *mac;
	uint32_t icmp_bytes;

	if (a->family != PW_LANE_IPV6 || bytes < IPV6_BYTES + ND_BYTES)
		return 0;
	icmp_bytes = pw_get_be16(ip + 4);
	if (ip[0] >> 4 != 6 || ip[6] != ICMPV6 || ip[7] != ND_HOPS || icmp_bytes < ND_BYTES ||
	    icmp_bytes > bytes - IPV6_BYTES || icmp[1] ||
	    icmpv6_sum(ip, icmp, icmp_bytes) != 0xffff)
		return 0;
	if (icmp[0] == ND_SOLICIT)
		return on_solicit(a, from_mac, ip, icmp_bytes, reply);
	mac = icmp[0] == ND_ADVERTISE ? find_option(icmp, icmp_bytes, OPTION_TARGET) : NULL;
	if (mac)
		learn(a, icmp + 8, mac);
	return 0;
}

uint32_t pw_arp_on_frame(struct pw_arp *a, const uint8_t *frame, uint32_t bytes,
			 uint8_t reply[PW_ARP_FRAME_BYTES])
{
	uint32_t at = 14, type, vlan = 0;

	if (bytes < 14)
		return 0;
	type = pw_get_be16(frame + 12);
	if (type == TYPE_TAG && bytes >= 18) {
		vlan = pw_get_be16(frame + 14) & TAG_VLAN;
		type = pw_get_be16(frame + 16);
		at = 18;
	}
	if (vlan != a->vlan)
		return 0;
	if (type == TYPE_ARP)
		return on_arp(a, frame + at, bytes - at, reply);
	return type == TYPE_IPV6 ? on_ipv6(a, frame + 6, frame + at, bytes - at, reply) : 0;
}
