/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.h - frames in words, for tests of what tells the lane's from the kernel's */
#ifndef PW_TESTS_FRAME_H
#define PW_TESTS_FRAME_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "steer_rule.h"

#define OWN   "192.0.2.2"
#define OWN6  "2001:db8::2"
#define FIRST 49600
#define LAST  49601
#define TCP   6
#define UDP   17

/* A frame in words; what is 0 or NULL is as the lane's own frames have it. */
struct frame {
	const char *to;	/* IPv6 if it has a colon */
	uint16_t port;
	uint16_t vlan;
	uint16_t vlan_inside;	/* a second tag */
	uint16_t fragment;	/* of the IPv4 header */
	uint16_t ether_type;
	uint8_t protocol;
	uint8_t version_ihl;
	uint8_t bytes;	/* cut off here */
	uint8_t mark;	/* the last byte, if it is not cut off */
};

#define FRAME_BYTES_MAX 256

static inline size_t put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return 2;
}

static inline size_t put_ipv4(uint8_t *at, const struct frame *f)
{
	memset(at, 0, 20);
	at[0] = f->version_ihl ? f->version_ihl : 0x45;
	put16(at + 6, f->fragment ? f->fragment : 0x4000);	/* do not fragment */
	at[9] = f->protocol ? f->protocol : UDP;
	inet_pton(AF_INET, f->to, at + 16);
	return 20;
}

static inline size_t put_ipv6(uint8_t *at, const struct frame *f)
{
	memset(at, 0, 40);
	at[0] = f->version_ihl ? f->version_ihl : 0x60;
	at[6] = f->protocol ? f->protocol : UDP;
	inet_pton(AF_INET6, f->to, at + 24);
	return 40;
}

static inline size_t put_frame(uint8_t *frame, const struct frame *f)
{
	const uint16_t tags[] = { f->vlan, f->vlan_inside };
	bool is_ipv6 = strchr(f->to, ':');
	size_t n = 12;

	for (unsigned i = 0; i < 2; i++)
		if (tags[i]) {
			n += put16(frame + n, 0x8100);
			n += put16(frame + n, tags[i]);
		}
	n += put16(frame + n, f->ether_type ? f->ether_type : is_ipv6 ? 0x86dd : 0x0800);
	n += is_ipv6 ? put_ipv6(frame + n, f) : put_ipv4(frame + n, f);
	n += put16(frame + n, 1000);	/* from */
	n += put16(frame + n, f->port);
	n += 100;	/* length, checksum, payload */
	frame[n - 1] = f->mark;
	return f->bytes ? f->bytes : n;
}

static inline struct pw_steer_rule rule_of(const char *own, uint16_t vlan)
{
	struct pw_steer_rule rule = { .port_first = FIRST, .port_last = LAST, .vlan = vlan,
				      .family = strchr(own, ':') ? 6 : 4 };

	inet_pton(rule.family == 6 ? AF_INET6 : AF_INET, own, rule.ip);
	return rule;
}

#endif /* PW_TESTS_FRAME_H */
