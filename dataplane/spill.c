/* SPDX-License-Identifier: BSD-3-Clause */
/* spill.c - see spill.h */

#include "pagewire/check.h"
#include "spill.h"

#include "hot.h"

#define NUMBER_BITS 32	/* of claims; above them: how many there are */

void pw_spill_init(struct pw_spill *s)
{
	atomic_init(&s->claims, 0);
	atomic_init(&s->left, 0);
}

void pw_spill_pour(struct pw_spill *s, uint32_t count)
{
	PW_HOT_CHECK(count <= PW_WINDOW_SLOTS && pw_spill_left(s) == 0);
	atomic_store_explicit(&s->left, count, memory_order_relaxed);
	/* release; pairs with the fetch-add in pw_spill_take() */
	atomic_store_explicit(&s->claims, (uint64_t)count << NUMBER_BITS, memory_order_release);
}

static bool is_extent(uint64_t claims)
{
	return (uint32_t)claims < claims >> NUMBER_BITS;
}

bool pw_spill_take(struct pw_spill *s, struct pw_extent *extent)
{
	/* The plain load keeps those who look from counting up for ever. */
	uint64_t claims = atomic_load_explicit(&s->claims, memory_order_relaxed);

	if (!is_extent(claims))
		return false;
	/* acquire; pairs with the release in pw_spill_pour() */
	claims = atomic_fetch_add_explicit(&s->claims, 1, memory_order_acq_rel);
	if (!is_extent(claims))
		return false;
	*extent = s->extent[(uint32_t)claims];
	/* release: it may be poured over from here on (P2) */
	atomic_fetch_sub_explicit(&s->left, 1, memory_order_release);
	return true;
}
