/* SPDX-License-Identifier: BSD-3-Clause */
/* encap.c - see encap.h */

#include <string.h>

#include "encap.h"
#include "pagewire/check.h"

#include "hot.h"

#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_TAG  0x8100u
#define TAG_VLAN  0x0fffu

#define IPV4_VERSION_IHL 0x45u	/* no options: those who send them are not our peers */
#define IPV4_DF	       0x4000u
#define ECN_MASK       3u
#define ECN_ECT0       2u
#define ECN_CE	       3u
#define HOPS	       64u
#define PROTOCOL_UDP   17u

/* ---- out ---- */

static uint8_t *put_bytes(uint8_t *at, const void *from, size_t bytes)
{
	memcpy(at, from, bytes);
	return at + bytes;
}

static uint8_t *put_ether(uint8_t *at, const struct pw_encap_ends *ends)
{
	at = put_bytes(at, ends->next_hop, PW_MAC_BYTES);
	at = put_bytes(at, ends->own_mac, PW_MAC_BYTES);
	if (ends->vlan) {
		pw_put_be16(at, TYPE_TAG);
		pw_put_be16(at + 2, ends->vlan);
		at += PW_TAG_BYTES;
	}
	pw_put_be16(at, ends->own.family == PW_LANE_IPV6 ? TYPE_IPV6 : TYPE_IPV4);
	return at + 2;
}

/* Length and checksum stay 0. */
static uint8_t *put_ipv4(uint8_t *at, const struct pw_encap_ends *ends)
{
	memset(at, 0, PW_IPV4_BYTES);
	at[0] = IPV4_VERSION_IHL;
	at[1] = ends->has_data ? ECN_ECT0 : 0;
	pw_put_be16(at + 6, IPV4_DF);	/* and no identification: RFC 6864 */
	at[8] = HOPS;
	at[9] = PROTOCOL_UDP;
	memcpy(at + 12, ends->own.ip, 4);
	memcpy(at + 16, ends->peer.ip, 4);
	return at + PW_IPV4_BYTES;
}

static uint8_t *put_ipv6(uint8_t *at, const struct pw_encap_ends *ends)
{
	memset(at, 0, 8);
	at[0] = 0x60;
	at[1] = ends->has_data ? ECN_ECT0 << 4 : 0;
	at[6] = PROTOCOL_UDP;
	at[7] = HOPS;
	at = put_bytes(at + 8, ends->own.ip, 16);
	return put_bytes(at, ends->peer.ip, 16);
}

void pw_encap_set_next_hop(struct pw_encap *e, const uint8_t mac[PW_MAC_BYTES])
{
	uint64_t whole = 0;

	memcpy(&whole, mac, PW_MAC_BYTES);
	atomic_store_explicit(&e->next_hop, whole, memory_order_relaxed);
}

void pw_encap_init(struct pw_encap *e, const struct pw_encap_ends *ends)
{
	bool is_ipv6 = ends->own.family == PW_LANE_IPV6;
	uint32_t ip_bytes = is_ipv6 ? 16 : 4;
	uint8_t *l3, *l4;

	memset(e, 0, sizeof(*e));
	e->is_ipv6 = is_ipv6;
	e->any_source = ends->any_source;
	e->sums_ip = ends->sums_ip;
	e->sums_udp = ends->sums_udp;
	memcpy(e->peer_ip, ends->peer.ip, sizeof(e->peer_ip));
	l3 = put_ether(e->head, ends);
	l4 = is_ipv6 ? put_ipv6(l3, ends) : put_ipv4(l3, ends);
	pw_put_be16(l4, ends->source_port);
	pw_put_be16(l4 + 2, ends->target_port);
	e->l2_bytes = (uint16_t)(l3 - e->head);
	e->l3_bytes = (uint16_t)(l4 - l3);
	e->bytes = (uint16_t)(e->l2_bytes + e->l3_bytes + PW_UDP_BYTES);
	e->ip_sum = pw_sum_be16(l3, e->l3_bytes, 0);
	e->pseudo_sum = pw_sum_be16(ends->own.ip, ip_bytes,
				    pw_sum_be16(ends->peer.ip, ip_bytes, PROTOCOL_UDP));
	pw_encap_set_next_hop(e, ends->next_hop);
}

void pw_encap_local_ends(struct pw_encap_ends *ends, bool far_end)
{
	/* 02-...: locally administered; 169.254/16: link local */
	static const uint8_t mac[2][PW_MAC_BYTES] = { { 2, 'p', 'a', 'g', 'e', 1 },
						      { 2, 'p', 'a', 'g', 'e', 2 } };
	static const uint8_t ip[2][4] = { { 169, 254, 80, 1 }, { 169, 254, 80, 2 } };

	*ends = (struct pw_encap_ends){ .own.family = PW_LANE_IPV4, .peer.family = PW_LANE_IPV4,
					.any_source = true };
	memcpy(ends->own_mac, mac[far_end], PW_MAC_BYTES);
	memcpy(ends->next_hop, mac[!far_end], PW_MAC_BYTES);
	memcpy(ends->own.ip, ip[far_end], 4);
	memcpy(ends->peer.ip, ip[!far_end], 4);
}

void pw_encap_write(const struct pw_encap *e, uint8_t *to, uint16_t datagram_bytes)
{
	uint32_t udp_bytes = PW_UDP_BYTES + (uint32_t)datagram_bytes;
	uint64_t next_hop = atomic_load_explicit(&e->next_hop, memory_order_relaxed);
	uint8_t *l3 = to + e->l2_bytes, *l4 = l3 + e->l3_bytes;

	memcpy(to, e->head, e->bytes);
	memcpy(to, &next_hop, PW_MAC_BYTES);
	if (e->is_ipv6) {
		pw_put_be16(l3 + 4, udp_bytes);
	} else {
		uint32_t ip_bytes = PW_IPV4_BYTES + udp_bytes;

		pw_put_be16(l3 + 2, ip_bytes);
		if (!e->sums_ip)
			pw_put_be16(l3 + 10, ~(uint32_t)pw_fold_sum(e->ip_sum + ip_bytes));
	}
	pw_put_be16(l4 + 4, udp_bytes);
	if (e->sums_udp)	/* a port goes on from here */
		pw_put_be16(l4 + 6, pw_fold_sum(e->pseudo_sum + udp_bytes));
}

/* ---- in ---- */

/* Where IP begins, or 0: another protocol or another network. */
static uint32_t parse_ether(const struct pw_encap_filter *filter,
			    const struct pw_encap_frame *frame)
{
	uint32_t at = PW_ETHER_BYTES, type, vlan = frame->tag_taken ? frame->tag & TAG_VLAN : 0;

	if (frame->count < PW_ETHER_BYTES)
		return 0;
	type = pw_get_be16(frame->bytes + 12);
	if (type == TYPE_TAG && !frame->tag_taken && frame->count >= at + PW_TAG_BYTES) {
		vlan = pw_get_be16(frame->bytes + 14) & TAG_VLAN;
		type = pw_get_be16(frame->bytes + 16);
		at += PW_TAG_BYTES;
	}
	if (vlan != filter->vlan ||
	    type != (filter->family == PW_LANE_IPV6 ? TYPE_IPV6 : TYPE_IPV4))
		return 0;
	return at;
}

static bool is_to_us(const struct pw_encap_filter *filter, const uint8_t *ip)
{
	return filter->any_address ||
	       memcmp(ip, filter->ip, filter->family == PW_LANE_IPV6 ? 16 : 4) == 0;
}

/* UDP at l4, of which IP says that it has bytes; that many are there. */
static enum pw_encap_kind parse_udp(const struct pw_encap_filter *filter, const uint8_t *l4,
				    uint32_t bytes, struct pw_encap_found *found)
{
	if (bytes < PW_UDP_BYTES)
		return PW_ENCAP_BAD;
	if (pw_get_be16(l4 + 2) != filter->port)
		return PW_ENCAP_OTHER;
	if (pw_get_be16(l4 + 4) != bytes)
		return PW_ENCAP_BAD;
	found->datagram = l4 + PW_UDP_BYTES;
	found->bytes = bytes - PW_UDP_BYTES;
	found->summed = pw_get_be16(l4 + 6) != 0;
	return PW_ENCAP_OURS;
}

/* The header's own checksum is not looked at: ports do, and what matters of it
 * is compared here or guarded by the datagram's CRC32C. */
static enum pw_encap_kind parse_ipv4(const struct pw_encap_filter *filter, const uint8_t *l3,
				     uint32_t left, struct pw_encap_found *found)
{
	uint32_t bytes;

	if (left < PW_IPV4_BYTES || !is_to_us(filter, l3 + 16))
		return PW_ENCAP_OTHER;
	if (l3[9] != PROTOCOL_UDP)
		return PW_ENCAP_OTHER;
	bytes = pw_get_be16(l3 + 2);
	if (l3[0] != IPV4_VERSION_IHL || bytes < PW_IPV4_BYTES || bytes > left ||
	    (pw_get_be16(l3 + 6) & (uint16_t)~IPV4_DF))
		return PW_ENCAP_BAD;
	found->marked = (l3[1] & ECN_MASK) == ECN_CE;
	found->source_ip = l3 + 12;
	return parse_udp(filter, l3 + PW_IPV4_BYTES, bytes - PW_IPV4_BYTES, found);
}

/* Headers that IPv6 may put before UDP. Fragments are among them. */
static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
}

static enum pw_encap_kind parse_ipv6(const struct pw_encap_filter *filter, const uint8_t *l3,
				     uint32_t left, struct pw_encap_found *found)
{
	uint32_t bytes;

	if (left < PW_IPV6_BYTES || !is_to_us(filter, l3 + 24))
		return PW_ENCAP_OTHER;
	bytes = pw_get_be16(l3 + 4);
	if (l3[0] >> 4 != 6 || bytes > left - PW_IPV6_BYTES || is_extension(l3[6]))
		return PW_ENCAP_BAD;
	if (l3[6] != PROTOCOL_UDP)
		return PW_ENCAP_OTHER;
	found->marked = (l3[1] >> 4 & ECN_MASK) == ECN_CE;
	found->source_ip = l3 + 8;
	return parse_udp(filter, l3 + PW_IPV6_BYTES, bytes, found);
}

enum pw_encap_kind pw_encap_parse(const struct pw_encap_filter *filter,
				  const struct pw_encap_frame *frame, struct pw_encap_found *found)
{
	uint32_t at = parse_ether(filter, frame);

	if (!at)
		return PW_ENCAP_OTHER;
	if (filter->family == PW_LANE_IPV6)
		return parse_ipv6(filter, frame->bytes + at, frame->count - at, found);
	return parse_ipv4(filter, frame->bytes + at, frame->count - at, found);
}

/* IP has the address that it was sent to right behind that of who sent it. */
bool pw_encap_sum_ok(const struct pw_encap_filter *filter, const struct pw_encap_found *found)
{
	uint32_t udp_bytes = PW_UDP_BYTES + found->bytes;
	uint32_t sum = pw_sum_be16(found->source_ip, filter->family == PW_LANE_IPV6 ? 32 : 8,
				   PROTOCOL_UDP + udp_bytes);

	return pw_fold_sum(pw_sum_be16(found->datagram - PW_UDP_BYTES, udp_bytes, sum)) == 0xffff;
}

bool pw_encap_is_from_peer(const struct pw_encap *e, const struct pw_encap_found *found)
{
	return e->any_source || memcmp(found->source_ip, e->peer_ip, e->is_ipv6 ? 16 : 4) == 0;
}

bool pw_encap_is_same_peer(const struct pw_encap *a, const struct pw_encap *b)
{
	return a->is_ipv6 == b->is_ipv6 && memcmp(a->peer_ip, b->peer_ip, a->is_ipv6 ? 16 : 4) == 0;
}
