/* SPDX-License-Identifier: BSD-3-Clause */
/* window.c - see window.h */

#include <errno.h>

#include "pagewire/check.h"
#include "window.h"

#include "hot.h"

static_assert(sizeof(struct pw_sent) == 32, "two slots share a cache line");

static struct pw_sent *slot_of(struct pw_window *w, uint64_t pn)
{
	return &w->slot[pn & (PW_WINDOW_SLOTS - 1)];
}

static bool is_settled(const struct pw_sent *sent)
{
	return sent->extent.kind == PW_EXTENT_NONE;
}

/* Restores W2. */
static void advance_head(struct pw_window *w)
{
	while (w->head < w->tail && is_settled(slot_of(w, w->head)))
		w->head++;
}

/* Move the extent of pn out if it is unsettled; returns how many (0 or 1). */
static int settle(struct pw_window *w, uint64_t pn, struct pw_extent *to)
{
	struct pw_sent *sent = slot_of(w, pn);

	PW_HOT_CHECK(w->head <= pn && pn < w->tail);
	if (is_settled(sent))
		return 0;
	*to = sent->extent;
	sent->extent.kind = PW_EXTENT_NONE;
	PW_HOT_CHECK(w->in_flight > 0);
	w->in_flight--;
	return 1;
}

/* One above the highest pn that ack names, as far as it can be said without
 * overflow: next is known to be at most tail. */
static uint64_t top_of(const struct pw_ack *ack)
{
	for (unsigned i = ack->words; i-- > 0;)
		if (ack->bitmap[i])
			return ack->next + 1 + 64u * i + 64 -
			       (unsigned)__builtin_clzll(ack->bitmap[i]);
	return ack->next;
}

void pw_window_init(struct pw_window *w)
{
	w->head = 0;
	w->tail = 0;
	w->acked_top = 0;
	w->in_flight = 0;
}

uint64_t pw_window_send(struct pw_window *w, const struct pw_extent *extent, uint64_t now_ns)
{
	PW_HOT_CHECK(!pw_window_full(w));
	PW_HOT_CHECK(extent->kind != PW_EXTENT_NONE);
	*slot_of(w, w->tail) = (struct pw_sent){ .sent_ns = now_ns, .extent = *extent };
	w->in_flight++;
	return w->tail++;
}

int pw_window_ack(struct pw_window *w, const struct pw_ack *ack, struct pw_extent *settled)
{
	uint64_t pn, top;
	int n = 0;

	if (ack->next > w->tail)	/* first: keeps the sums in top_of() from wrapping */
		return -EPROTO;
	top = top_of(ack);
	if (top > w->tail)
		return -EPROTO;

	for (pn = w->head; pn < ack->next; pn++)	/* W1 bounds this */
		n += settle(w, pn, &settled[n]);
	for (unsigned i = 0; i < ack->words; i++)
		for (uint64_t word = ack->bitmap[i]; word; word &= word - 1) {
			pn = ack->next + 1 + 64u * i + (unsigned)__builtin_ctzll(word);
			if (pn >= w->head)
				n += settle(w, pn, &settled[n]);
		}
	if (top > w->acked_top)
		w->acked_top = top;
	advance_head(w);
	return n;
}

void pw_window_give_up(struct pw_window *w, struct pw_sent *lost)
{
	PW_HOT_CHECK(w->head < w->tail);
	lost->sent_ns = slot_of(w, w->head)->sent_ns;
	settle(w, w->head, &lost->extent);
	advance_head(w);
}

bool pw_window_take_lost(struct pw_window *w, uint64_t distance, uint64_t before_ns,
			 struct pw_sent *lost)
{
	const struct pw_sent *oldest = slot_of(w, w->head);

	if (w->head == w->tail || w->head + distance >= w->acked_top ||
	    oldest->sent_ns >= before_ns)
		return false;
	pw_window_give_up(w, lost);
	return true;
}
