/* SPDX-License-Identifier: BSD-3-Clause */
/* tracker.c - see tracker.h */

#include "pagewire/check.h"
#include "tracker.h"

static const char *const exactness_name[] = {
	[PW_TRACKER_EXACT] = "exact",
	[PW_TRACKER_COARSE] = "coarse",
	[PW_TRACKER_NOTHING] = "nothing",
};
static_assert(PW_ARRAY_SIZE(exactness_name) == PW_NUM_EXACTNESSES, "every exactness has a name");

/* Bits from..63 of a word; none if from is 64. */
static uint64_t bits_from(uint64_t from)
{
	return from < 64 ? UINT64_MAX << from : 0;
}

void pw_tracker_set(uint64_t *bitmap, uint64_t first, uint64_t pages)
{
	uint64_t end = first + pages;
	uint64_t word = first / 64;

	PW_CHECK(end >= first);
	while (first < end) {
		uint64_t next = (word + 1) * 64;
		uint64_t behind = end < next ? bits_from(end % 64) : 0;

		bitmap[word] |= bits_from(first % 64) & ~behind;
		first = next;
		word++;
	}
}

int pw_tracker_arm(struct pw_tracker *t)
{
	return t->ops->arm(t);
}

int pw_tracker_begin(struct pw_tracker *t)
{
	return t->ops->begin(t);
}

int pw_tracker_collect(struct pw_tracker *t, const struct pw_area *area, uint64_t *bitmap)
{
	int err;

	PW_CHECK(area->pages > 0);
	err = t->ops->collect(t, area, bitmap);
	PW_CHECK(err <= 0);
	if (err)	/* some of it may be read and re-armed already: never trust a part */
		pw_tracker_set(bitmap, 0, area->pages);
	return err;
}

int pw_tracker_end(struct pw_tracker *t)
{
	return t->ops->end(t);
}

void pw_tracker_disarm(struct pw_tracker *t)
{
	t->ops->disarm(t);
}

const char *pw_tracker_exactness_name(enum pw_exactness exactness)
{
	return (unsigned)exactness < PW_NUM_EXACTNESSES ? exactness_name[exactness] : "unknown";
}
