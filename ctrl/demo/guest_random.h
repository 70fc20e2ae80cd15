/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_random.h - the guest's dice: splitmix64, one word of state, same on every host */
#ifndef PW_GUEST_RANDOM_H
#define PW_GUEST_RANDOM_H

#include <stdint.h>

static inline uint64_t pw_guest_random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static inline uint64_t pw_guest_random_next(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ull;
	return pw_guest_random_mix(*state);
}

/* Below bound, which is not 0; by multiplication, which is cheaper than a division. */
static inline uint64_t pw_guest_random_below(uint64_t *state, uint32_t bound)
{
	return ((pw_guest_random_next(state) >> 32) * bound) >> 32;
}

#endif /* PW_GUEST_RANDOM_H */
