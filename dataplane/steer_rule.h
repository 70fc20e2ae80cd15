/* SPDX-License-Identifier: BSD-3-Clause */
/* steer_rule.h - what the XDP program and its user space share: see steer.h */
#ifndef PW_STEER_RULE_H
#define PW_STEER_RULE_H

#include <linux/types.h>

/* Queues that are counted, and may have a socket. */
#define PW_STEER_QUEUES_MAX 64u

/* Which frames are the lane's. Host byte order but for the address. */
struct pw_steer_rule {
	__u8 ip[16];	/* destination, network order; the first 4 bytes if IPv4 */
	__u16 port_first;	/* UDP destination */
	__u16 port_last;	/* 0: no rule, everything is the kernel's */
	__u16 vlan;	/* 0: no tag */
	__u8 family;	/* 4 or 6 */
	__u8 unused;
};

/* Frames of a receive queue, on one CPU. */
struct pw_steer_count {
	__u64 redirected;	/* given to the queue's socket */
	__u64 passed;	/* the kernel's own */
	__u64 unserved;	/* the lane's, but the queue has no socket: left to the kernel */
};

#endif /* PW_STEER_RULE_H */
