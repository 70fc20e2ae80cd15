/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * placement.h - bytes into guest memory, past the caches
 *
 * The target's guest will not read a page before it runs: non-temporal stores
 * spare a read of the line and the cache of the worker (10-20 % against
 * memcpy). They are weakly ordered: fence before anybody is told.
 */
#ifndef PW_PLACEMENT_H
#define PW_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

void pw_placement_copy(uint8_t *to, const uint8_t *from, size_t bytes);
void pw_placement_zero(uint8_t *to, size_t bytes);

/* Everything placed by this thread so far is visible to whoever learns of it. */
void pw_placement_fence(void);

#endif /* PW_PLACEMENT_H */
