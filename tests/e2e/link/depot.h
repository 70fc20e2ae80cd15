/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * depot.h - frames on their way: buffers, and a heap of when each departs
 *
 * Frames that depart at the same time do so in the order in which they came.
 */
#ifndef PW_E2E_LINK_DEPOT_H
#define PW_E2E_LINK_DEPOT_H

#include <stdbool.h>
#include <stdint.h>

#include "ether.h"
#include "setting.h"

struct departure {
	uint64_t at_ns;
	uint64_t order;
	uint8_t *bytes;
	uint32_t count;
	enum link_way way;
};

struct depot {
	uint8_t *buffers;
	uint8_t **unused;
	struct departure *heap;
	uint64_t order;
	uint32_t room;	/* buffers in all */
	uint32_t unused_count;
	uint32_t waiting;
};

/* 0 or -ENOMEM. */
int depot_init(struct depot *d, uint32_t room);
void depot_fini(struct depot *d);

/* A buffer of ETHER_BYTES_MAX; NULL: none is left. */
uint8_t *depot_take(struct depot *d);
void depot_put(struct depot *d, uint8_t *bytes);

/* The frame waits; order is set here. There is room for as many as there are buffers. */
void depot_add(struct depot *d, const struct departure *departure);

/* The next one, if it departs until now_ns; its buffer is the caller's then. */
bool depot_pop(struct depot *d, uint64_t now_ns, struct departure *departure);

/* When the next one departs; UINT64_MAX: none waits. */
uint64_t depot_next_ns(const struct depot *d);

#endif /* PW_E2E_LINK_DEPOT_H */
