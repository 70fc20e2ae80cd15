/* SPDX-License-Identifier: BSD-3-Clause */
/* host.h - what all migrations of this pagewired share */
#ifndef PW_HOST_H
#define PW_HOST_H

#include <stdint.h>
#include <sys/queue.h>

#include "conf.h"
#include "dataplane.h"
#include "guest.h"
#include "hasher.h"
#include "peer.h"

struct pw_source;
struct pw_target;

struct pw_host {
	struct event_base *loop;
	const struct pw_conf *conf;
	struct pw_guests *guests;
	struct pw_dataplane *dataplane;
	struct pw_hasher *hasher;
	struct pw_peer_self self;
	uint8_t boot[16];	/* of this host: equal boots share a clock */
	LIST_HEAD(, pw_source) sources;
	LIST_HEAD(, pw_target) targets;
};

/* CLOCK_MONOTONIC. Read once per event. */
uint64_t pw_now_ns(void);

#endif /* PW_HOST_H */
