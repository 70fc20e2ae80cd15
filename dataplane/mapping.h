/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping.h - guest memory and boards, from descriptor to address
 *
 * At the target every page is populated before the first datagram comes: a
 * fault costs as much as placing several pages, and would fall into the stun.
 * That takes a while, so a thread of its own does it.
 */
#ifndef PW_MAPPING_H
#define PW_MAPPING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bell.h"

/* Map the first bytes of fd, shared. Returns 0 or a negative errno: -ERANGE,
 * the file is shorter. */
int pw_mapping_open(int fd, uint64_t bytes, bool writable, uint8_t **base);
void pw_mapping_close(uint8_t *base, uint64_t bytes);

struct pw_prefault {
	uint8_t *base;
	uint64_t bytes;
	struct pw_bells *control;	/* rung at the end */
	pthread_t thread;
	_Atomic bool stop;
	_Atomic bool ended;
	int status;	/* final once ended */
};

/* NULL: no memory, no thread. */
struct pw_prefault *pw_prefault_create(uint8_t *base, uint64_t bytes, struct pw_bells *control);
void pw_prefault_stop(struct pw_prefault *p);

static inline bool pw_prefault_has_ended(const struct pw_prefault *p)
{
	/* acquire; pairs with the release at the thread's end */
	return atomic_load_explicit(&p->ended, memory_order_acquire);
}

/* Has ended. Returns its status: 0, a negative errno, or -ECANCELED. */
int pw_prefault_destroy(struct pw_prefault *p);

#endif /* PW_MAPPING_H */
