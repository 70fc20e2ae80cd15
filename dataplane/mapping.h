/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping.h - guest memory and boards, from descriptor to address
 *
 * At the target every page is populated before the first datagram comes: a
 * fault costs as much as placing several pages, and would fall into the stun.
 * At the source a NIC gets every page mapped, which pins it. Both take a while,
 * so a thread of its own makes the region ready.
 */
#ifndef PW_MAPPING_H
#define PW_MAPPING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bell.h"

#define PW_MAPPING_PIECE (2ull << 20)

/* Map the first bytes of fd, shared, in whole pieces of address space: so much
 * at a time is registered for a NIC. Returns 0 or a negative errno: -ERANGE, the
 * file is shorter; -EINVAL, bytes end inside one of its huge pages. */
int pw_mapping_open(int fd, uint64_t bytes, bool writable, uint8_t **base);
void pw_mapping_close(uint8_t *base, uint64_t bytes);

/* Memory of our own, likewise; NULL: there is none. */
uint8_t *pw_mapping_create(uint64_t bytes);

/* From now on this process cannot write it. */
void pw_mapping_only_read(uint8_t *base, uint64_t bytes);

/* Size of the pages that fd's memory is made of. */
uint64_t pw_mapping_page_bytes(int fd);

/* Makes memory that was mapped ready for use; returns 0 or a negative errno. */
typedef int (*pw_prefault_fn)(void *user);

struct pw_prefault {
	uint8_t *base;
	uint64_t bytes;
	pw_prefault_fn instead;	/* of populating it; NULL: populate */
	void *user;
	struct pw_bells *control;	/* rung at the end */
	pthread_t thread;
	_Atomic bool stop;
	_Atomic bool ended;
	int status;	/* final once ended */
};

/* Populate memory. NULL: no memory, no thread. */
struct pw_prefault *pw_prefault_create(uint8_t *base, uint64_t bytes, struct pw_bells *control);

/* Do something else that takes as long. */
struct pw_prefault *pw_prefault_create_for(pw_prefault_fn instead, void *user,
					   struct pw_bells *control);
void pw_prefault_stop(struct pw_prefault *p);

static inline bool pw_prefault_has_ended(const struct pw_prefault *p)
{
	/* acquire; pairs with the release at the thread's end */
	return atomic_load_explicit(&p->ended, memory_order_acquire);
}

/* Has ended. Returns its status: 0, a negative errno, or -ECANCELED. */
int pw_prefault_destroy(struct pw_prefault *p);

#endif /* PW_MAPPING_H */
