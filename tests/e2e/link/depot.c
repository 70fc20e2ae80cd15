/* SPDX-License-Identifier: BSD-3-Clause */
/* depot.c - see depot.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "depot.h"

int depot_init(struct depot *d, uint32_t room)
{
	memset(d, 0, sizeof(*d));
	d->buffers = malloc((size_t)room * ETHER_BYTES_MAX);
	d->unused = calloc(room, sizeof(*d->unused));
	d->heap = calloc(room, sizeof(*d->heap));
	if (!d->buffers || !d->unused || !d->heap) {
		depot_fini(d);
		return -ENOMEM;
	}
	d->room = room;
	for (uint32_t i = room; i > 0; i--)
		depot_put(d, d->buffers + (size_t)(i - 1) * ETHER_BYTES_MAX);
	return 0;
}

void depot_fini(struct depot *d)
{
	free(d->buffers);
	free(d->unused);
	free(d->heap);
	memset(d, 0, sizeof(*d));
}

/* The one that was used last, for it is in the cache. */
uint8_t *depot_take(struct depot *d)
{
	return d->unused_count ? d->unused[--d->unused_count] : NULL;
}

void depot_put(struct depot *d, uint8_t *bytes)
{
	d->unused[d->unused_count++] = bytes;
}

static bool is_before(const struct departure *a, const struct departure *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void depot_add(struct depot *d, const struct departure *departure)
{
	struct departure added = *departure;
	uint32_t at = d->waiting++;

	added.order = d->order++;
	while (at > 0 && is_before(&added, &d->heap[(at - 1) / 2])) {
		d->heap[at] = d->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	d->heap[at] = added;
}

static void sift_down(struct depot *d, const struct departure *moved)
{
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < d->waiting) {
		if (child + 1 < d->waiting && is_before(&d->heap[child + 1], &d->heap[child]))
			child++;
		if (!is_before(&d->heap[child], moved))
			break;
		d->heap[at] = d->heap[child];
		at = child;
	}
	d->heap[at] = *moved;
}

bool depot_pop(struct depot *d, uint64_t now_ns, struct departure *departure)
{
	if (!d->waiting || d->heap[0].at_ns > now_ns)
		return false;
	*departure = d->heap[0];
	if (--d->waiting)
		sift_down(d, &d->heap[d->waiting]);
	return true;
}

uint64_t depot_next_ns(const struct depot *d)
{
	return d->waiting ? d->heap[0].at_ns : UINT64_MAX;
}
