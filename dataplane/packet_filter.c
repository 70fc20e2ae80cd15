/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_filter.c - see packet_filter.h
 *
 * Offsets are from the beginning of the frame, without the tag: the kernel has
 * put that aside.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "packet_filter.h"
#include "pagewire/check.h"
#include "pagewire/lane.h"

#define STEPS_MAX 40u
#define AT_TYPE	  12u
#define AT_IP	  14u

struct filter {
	unsigned count;
	struct sock_filter step[STEPS_MAX];
};

/* Go on if what is loaded compares so; drop otherwise, once its place is known. */
static void add(struct filter *f, uint16_t load, uint32_t at, uint16_t compare, uint32_t with)
{
	PW_CHECK(f->count + 2 < STEPS_MAX);
	f->step[f->count++] = (struct sock_filter)BPF_STMT(load, at);
	f->step[f->count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | compare, with, 0, 0);
}

static void want(struct filter *f, uint16_t size, uint32_t at, uint32_t value)
{
	add(f, (uint16_t)(BPF_LD | BPF_ABS | size), at, BPF_JEQ, value);
}

static void want_word(struct filter *f, uint32_t at, const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	want(f, BPF_W, at, ntohl(word));
}

static void want_tag(struct filter *f, uint16_t vlan)
{
	want(f, BPF_B, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), vlan != 0);
	if (!vlan)
		return;
	f->step[f->count++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG));
	add(f, BPF_ALU | BPF_AND | BPF_K, 0x0fff, BPF_JEQ, vlan);
}

/* Returns where UDP begins. */
static uint32_t want_ipv4(struct filter *f, const uint8_t *own)
{
	want(f, BPF_H, AT_TYPE, 0x0800);
	want(f, BPF_B, AT_IP, 0x45);
	f->step[f->count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, AT_IP + 6);
	add(f, BPF_ALU | BPF_AND | BPF_K, 0x3fff, BPF_JEQ, 0);	/* no fragment */
	want(f, BPF_B, AT_IP + 9, IPPROTO_UDP);
	want_word(f, AT_IP + 16, own);
	return AT_IP + 20;
}

static uint32_t want_ipv6(struct filter *f, const uint8_t *own)
{
	want(f, BPF_H, AT_TYPE, 0x86dd);
	want(f, BPF_B, AT_IP + 6, IPPROTO_UDP);
	for (uint32_t i = 0; i < 16; i += 4)
		want_word(f, AT_IP + 24 + i, own + i);
	return AT_IP + 40;
}

/* Steps that drop jump over the rest. */
static void finish(struct filter *f)
{
	for (unsigned i = 0; i < f->count; i++)
		if (BPF_CLASS(f->step[i].code) == BPF_JMP)
			f->step[i].jf = (uint8_t)(f->count - i);
	f->step[f->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	f->step[f->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

static void make(struct filter *f, const struct pw_steer_rule *rule)
{
	uint32_t udp;

	want_tag(f, rule->vlan);
	udp = rule->family == PW_LANE_IPV4 ? want_ipv4(f, rule->ip) : want_ipv6(f, rule->ip);
	want(f, BPF_H, udp + 2, rule->port_first);	/* the one path's */
	finish(f);
}

int pw_packet_filter_attach(int fd, const struct pw_steer_rule *rule)
{
	struct filter filter = { 0 };
	struct sock_fprog program = { .filter = filter.step };

	make(&filter, rule);
	program.len = (unsigned short)filter.count;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}
