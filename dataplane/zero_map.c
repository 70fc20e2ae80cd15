/* SPDX-License-Identifier: BSD-3-Clause */
/* zero_map.c - see zero_map.h */

#include <string.h>

#include "pagewire/check.h"
#include "zero_map.h"

#include "hot.h"

#define WORDS (PW_ZERO_MAPS / 64)

void pw_zero_maps_init(struct pw_zero_maps *z)
{
	for (unsigned w = 0; w < WORDS; w++)
		atomic_init(&z->idle[w], UINT64_MAX);
}

bool pw_zero_maps_take(struct pw_zero_maps *z, const uint64_t words[PW_CHUNK_WORDS],
		       uint16_t *number)
{
	for (unsigned w = 0; w < WORDS; w++) {
		/* acquire; pairs with the release in pw_zero_maps_put() */
		uint64_t bits = atomic_load_explicit(&z->idle[w], memory_order_acquire);

		if (!bits)
			continue;
		*number = (uint16_t)(64 * w + (unsigned)__builtin_ctzll(bits));
		atomic_fetch_and_explicit(&z->idle[w], ~(bits & -bits), memory_order_relaxed);
		memcpy(z->map[*number], words, sizeof(z->map[*number]));
		return true;
	}
	return false;
}

void pw_zero_maps_put(struct pw_zero_maps *z, uint16_t number)
{
	uint64_t bit = 1ull << number % 64, before;

	PW_HOT_CHECK(number < PW_ZERO_MAPS);
	before = atomic_fetch_or_explicit(&z->idle[number / 64], bit, memory_order_release);
	PW_HOT_CHECK(!(before & bit));
	(void)before;
}

unsigned pw_zero_maps_in_use(const struct pw_zero_maps *z)
{
	unsigned n = 0;

	for (unsigned w = 0; w < WORDS; w++)
		n += 64 - (unsigned)__builtin_popcountll(
			atomic_load_explicit(&z->idle[w], memory_order_relaxed));
	return n;
}
