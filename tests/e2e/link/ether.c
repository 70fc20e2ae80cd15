/* SPDX-License-Identifier: BSD-3-Clause */
/* ether.c - see ether.h */

#include <netinet/in.h>
#include <string.h>

#include "ether.h"

#define ETHER_HEADER 14u
#define IPV4_HEADER  20u
#define IPV6_HEADER  40u
#define UDP_HEADER   8u
#define TCP_HEADER   20u
#define ECN_MASK     0x3u
#define FILLER	     0xa5u	/* of what was not in the frame */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint8_t *ip_of(const struct ether_frame *f)
{
	return f->bytes + ETHER_HEADER;
}

/* One's complement sum, as in RFC 1071. */
static uint64_t sum_words(uint64_t sum, const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		sum += get16(bytes + i);
	return n % 2 ? sum + ((uint32_t)bytes[n - 1] << 8) : sum;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)~sum & 0xffff;
}

static void sum_ipv4(struct ether_frame *f)
{
	uint8_t *ip = ip_of(f);

	put16(ip + 10, 0);
	put16(ip + 10, fold(sum_words(0, ip, (ip[0] & 0xfu) * 4u)));
}

/* A sender that left it out (0) meets no receiver that looks. */
static void sum_udp(struct ether_frame *f)
{
	uint8_t *udp = f->bytes + f->transport;
	uint32_t n = get16(udp + 4), sum;
	const uint8_t *addresses = ip_of(f) + (f->ipv6 ? 8 : 12);

	if (!get16(udp + 6))
		return;
	put16(udp + 6, 0);
	sum = fold(sum_words(sum_words(IPPROTO_UDP + n, addresses, f->ipv6 ? 32 : 8), udp, n));
	put16(udp + 6, sum ? sum : 0xffff);
}

static uint32_t protocol_of_ipv4(struct ether_frame *f)
{
	const uint8_t *ip = ip_of(f);
	bool is_fragment;

	if (f->count < ETHER_HEADER + IPV4_HEADER || ip[0] >> 4 != 4)
		return IPPROTO_NONE;
	is_fragment = get16(ip + 6) & 0x3fff;
	f->transport = ETHER_HEADER + (ip[0] & 0xfu) * 4u;
	f->link.can_mark = ip[1] & ECN_MASK;
	return is_fragment || (ip[0] & 0xfu) < 5 ? IPPROTO_NONE : ip[9];
}

static uint32_t protocol_of_ipv6(struct ether_frame *f)
{
	const uint8_t *ip = ip_of(f);

	if (f->count < ETHER_HEADER + IPV6_HEADER || ip[0] >> 4 != 6)
		return IPPROTO_NONE;
	f->ipv6 = true;
	f->transport = ETHER_HEADER + IPV6_HEADER;
	f->link.can_mark = ip[1] >> 4 & ECN_MASK;
	return ip[6];
}

static void look_at_udp(struct ether_frame *f)
{
	uint32_t bytes;

	if (f->count < f->transport + UDP_HEADER)
		return;
	bytes = get16(f->bytes + f->transport + 4);
	if (bytes < UDP_HEADER || bytes > f->count - f->transport)
		return;
	f->link.class = LINK_UDP;
	f->link.ports[0] = (uint16_t)get16(f->bytes + f->transport);
	f->link.ports[1] = (uint16_t)get16(f->bytes + f->transport + 2);
	f->link.from = f->transport + UDP_HEADER;
	f->link.until = f->transport + bytes;
}

static void look_at_tcp(struct ether_frame *f)
{
	if (f->count < f->transport + TCP_HEADER)
		return;
	f->link.class = LINK_TCP;
	f->link.from = f->transport;
	f->link.until = f->count;
	f->link.fixed_length = true;
}

void ether_look(struct ether_frame *f, uint8_t *bytes, uint32_t count)
{
	uint32_t type = count < ETHER_HEADER ? 0 : get16(bytes + 12), protocol = IPPROTO_NONE;

	memset(f, 0, sizeof(*f));
	f->bytes = bytes;
	f->count = count;
	f->link = (struct link_frame){ .bytes = count, .class = LINK_OTHER };
	if (type == 0x0800)
		protocol = protocol_of_ipv4(f);
	else if (type == 0x86dd)
		protocol = protocol_of_ipv6(f);
	if (protocol == IPPROTO_UDP)
		look_at_udp(f);
	else if (protocol == IPPROTO_TCP)
		look_at_tcp(f);
}

static void resize_udp(struct ether_frame *f, uint32_t count)
{
	uint8_t *ip = ip_of(f);

	if (count > ETHER_BYTES_MAX)
		count = ETHER_BYTES_MAX;
	if (count > f->count)
		memset(f->bytes + f->count, FILLER, count - f->count);
	f->count = count;
	put16(f->bytes + f->transport + 4, count - f->transport);
	if (f->ipv6) {
		put16(ip + 4, count - ETHER_HEADER - IPV6_HEADER);
		return;
	}
	put16(ip + 2, count - ETHER_HEADER);
	sum_ipv4(f);
}

/* Of TCP one byte: that changes the sum, where three might leave it as it was. */
void ether_spoil(struct ether_frame *f, const struct link_copy *copy)
{
	uint32_t flips = f->link.class == LINK_TCP && copy->flips ? 1 : copy->flips;

	if (copy->damage == LINK_INTACT || f->link.class == LINK_OTHER)
		return;
	for (uint32_t i = 0; i < flips; i++)
		f->bytes[copy->at[i]] ^= copy->by[i];
	if (f->link.class == LINK_TCP)
		return;
	if (copy->damage == LINK_RESIZED)
		resize_udp(f, copy->length);
	sum_udp(f);
}

void ether_mark(struct ether_frame *f)
{
	uint8_t *ip = ip_of(f);

	if (!f->link.can_mark)
		return;
	if (f->ipv6) {
		ip[1] |= ECN_MASK << 4;
		return;
	}
	ip[1] |= ECN_MASK;
	sum_ipv4(f);
}
