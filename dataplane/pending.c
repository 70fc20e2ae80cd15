/* SPDX-License-Identifier: BSD-3-Clause */
/* pending.c - requests that wait for workers and threads; see serve.h */

#include <errno.h>
#include <stdlib.h>

#include "mapping.h"
#include "pagewire/check.h"
#include "serve.h"

struct pw_pending *pw_pending_add(struct pw_serve *s, struct pw_share *share,
				  const struct pw_seam_msg *msg)
{
	struct pw_pending *p = calloc(1, sizeof(*p));

	PW_CHECK(p);	/* a few hundred bytes: without them there is nothing left to do */
	p->share = share;
	p->msg = *msg;
	p->slot = -1;
	*s->end = p;
	s->end = &p->next;
	return p;
}

/* On a thread of its own; p is kept until that has ended. */
static int map_region(void *user)
{
	struct pw_pending *p = user;

	return pw_share_map_region(p->share, p->msg.region.region, p->msg.region.why);
}

struct pw_pending *pw_pending_add_region(struct pw_serve *s, struct pw_share *share,
					 const struct pw_seam_msg *msg)
{
	const struct pw_region *region = &share->transfer.region[msg->region.region];
	struct pw_pending **end = s->end;
	struct pw_pending *p = pw_pending_add(s, share, msg);

	p->prefault = share->transfer.role == PW_TARGET ?
			      pw_prefault_create(region->base, region->bytes, &s->lane->control) :
			      pw_prefault_create_for(map_region, p, &s->lane->control);
	if (!p->prefault) {
		*end = NULL;
		s->end = end;
		free(p);
		return NULL;
	}
	share->prefaulting++;
	return p;
}

bool pw_pending_has_slice(const struct pw_serve *s, const struct pw_share *share,
			  const struct pw_seam_slice *slice)
{
	for (const struct pw_pending *p = s->first; p; p = p->next)
		if (p->share == share && p->msg.type == PW_SEAM_SLICE_SEND &&
		    p->msg.slice.region == slice->region && p->msg.slice.slice == slice->slice)
			return true;
	return false;
}

/* ---- by type: true, with msg.status, once it can be answered ---- */

static bool advance_region(struct pw_serve *s, struct pw_pending *p)
{
	(void)s;
	if (!pw_prefault_has_ended(p->prefault))
		return false;
	p->msg.status = pw_prefault_destroy(p->prefault);
	p->share->prefaulting--;
	if (p->msg.status)
		pw_share_drop_region(p->share, p->msg.region.region);
	return true;
}

/* Connections are made when it is known where their frames go. */
static bool advance_start(struct pw_serve *s, struct pw_pending *p)
{
	int status;

	if (p->barrier)
		return pw_workers_passed(&s->lane->workers, p->barrier);
	status = pw_share_start(p->share, s->lane, &p->msg.add);
	if (status == -EAGAIN) {
		if (pw_clock_ns(&s->lane->workers.clock) < p->deadline_ns)
			return false;
		p->share->starting = false;
		status = -EHOSTUNREACH;
	}
	p->msg.status = status;
	if (!status)
		p->barrier = pw_workers_ask(&s->lane->workers);
	return status != 0;
}

static bool advance_barrier(struct pw_serve *s, struct pw_pending *p)
{
	return pw_workers_passed(&s->lane->workers, p->barrier);
}

/* Its slot in the table; more than the table holds wait in the order they came. */
static void open_slice(struct pw_serve *s, struct pw_pending *p)
{
	int slot = pw_slices_open(&p->share->transfer.slices, &p->order);

	if (slot < 0)
		return;
	p->slot = slot;
	pw_bells_ring(&s->lane->workers.bells, PW_BELLS_ALL);
}

static bool advance_slice(struct pw_serve *s, struct pw_pending *p)
{
	struct pw_slices_out *slices = &p->share->transfer.slices;
	struct pw_slice_out *slot;

	if (p->slot < 0) {
		open_slice(s, p);
		return false;
	}
	slot = &slices->slot[p->slot];
	/* acquire; pairs with the release in pw_slices_settle() */
	if (atomic_load_explicit(&slot->state, memory_order_acquire) != PW_SLICE_SETTLED)
		return false;
	p->msg.slice.sent_bytes = atomic_load_explicit(&slot->sent_bytes, memory_order_relaxed);
	p->msg.slice.zero_pages = atomic_load_explicit(&slot->zero_pages, memory_order_relaxed);
	pw_slices_free(slices, (unsigned)p->slot);
	return true;
}

static bool advance_del(struct pw_serve *s, struct pw_pending *p)
{
	(void)s;
	if (!pw_share_has_left(p->share))
		return false;
	pw_share_free(p->share);
	return true;
}

static bool advance(struct pw_serve *s, struct pw_pending *p)
{
	switch (p->msg.type) {
	case PW_SEAM_REGION_ADD:
		return advance_region(s, p);
	case PW_SEAM_TRANSFER_START:
		return advance_start(s, p);
	case PW_SEAM_SLICE_SEND:
		return advance_slice(s, p);
	case PW_SEAM_TRANSFER_DEL:
		return advance_del(s, p);
	default:
		return advance_barrier(s, p);
	}
}

/* ---- the list ---- */

static void answer_and_forget(struct pw_serve *s, struct pw_pending **at)
{
	struct pw_pending *p = *at;

	pw_seam_send(s->seam, &p->msg);
	*at = p->next;
	if (!*at)
		s->end = at;
	free(p);
}

void pw_pending_advance(struct pw_serve *s)
{
	for (struct pw_pending **at = &s->first; *at;) {
		if (advance(s, *at))
			answer_and_forget(s, at);
		else
			at = &(*at)->next;
	}
}

void pw_pending_cancel(struct pw_serve *s, struct pw_share *share)
{
	for (struct pw_pending **at = &s->first; *at;) {
		if ((*at)->share != share) {
			at = &(*at)->next;
			continue;
		}
		if ((*at)->prefault) {	/* answered when its thread has stopped */
			pw_prefault_stop((*at)->prefault);
			at = &(*at)->next;
			continue;
		}
		(*at)->msg.status = -ECANCELED;
		answer_and_forget(s, at);
	}
}
