/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.h - ordered bytes over many paths: a device checkpoint
 *
 * A stream is a row of slots of up to 8 KiB. A slot may be short (its reader
 * had no more at the time), so that nothing waits for a slot to fill; the
 * offset of a datagram counts in slots of full size. Slots travel on any path
 * in any order; both ends hold a ring of PW_STREAM_SLOTS of them.
 *
 *	source:  pump fills -> workers claim -> placed -> pump fills again
 *	target:  workers place -> pump drains in order -> credit
 *
 * Source  freed <= claimed <= filled <= freed + PW_STREAM_SLOTS; claimed <= credit
 * Target  a slot is drained only when all its grains are placed. A worker first
 *         claims grains and then looks at drained again: a late duplicate can
 *         neither write into a slot that was reused nor be acknowledged for a
 *         copy that another worker has not finished.
 *
 * One pump thread and any number of workers per stream; no lock.
 */
#ifndef PW_STREAM_H
#define PW_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pagewire/limits.h"
#include "pagewire/run.h"
#include "wire.h"

#define PW_STREAM_RING_BYTES ((uint64_t)PW_STREAM_SLOTS * PW_STREAM_SLOT_BYTES)

struct pw_stream_out {
	uint8_t *ring;	/* PW_STREAM_RING_BYTES, the caller's */
	_Atomic uint64_t filled;	/* slots below hold bytes: written by the pump */
	_Atomic uint64_t claimed;	/* slots below are in workers' hands or done */
	_Atomic uint64_t credit;	/* slots below may be sent: written from acks */
	uint64_t freed;	/* slots below may be filled again: the pump's own */
	_Atomic uint16_t bytes[PW_STREAM_SLOTS];
	_Atomic bool last[PW_STREAM_SLOTS];	/* the stream ends with this slot */
	_Atomic uint64_t placed[PW_STREAM_SLOTS];	/* grains acknowledged */
};

void pw_stream_out_init(struct pw_stream_out *s, uint8_t *ring);

/* Pump: free contiguous room for filling, in whole slots; *room is where.
 * Takes back what was placed meanwhile. Returns slots, 0 if there is none. */
uint32_t pw_stream_out_room(struct pw_stream_out *s, uint8_t **room);

/* Pump: the next slot holds bytes bytes (0 only for an empty last one). */
void pw_stream_out_fill(struct pw_stream_out *s, uint16_t bytes, bool last);

/* Pump: true when everything filled is placed at the target. */
bool pw_stream_out_settled(struct pw_stream_out *s);

/* Worker: claim the next slot as an extent of id stream. False: none now. */
bool pw_stream_out_claim(struct pw_stream_out *s, uint16_t stream, struct pw_extent *extent);

/* Worker: cut extent down to payload_bytes; *rest is what remains (kind NONE: nothing). */
void pw_stream_cut(struct pw_extent *extent, uint16_t payload_bytes, struct pw_extent *rest);

/* Worker: where the bytes of an extent are, and how long its slot is. */
const uint8_t *pw_stream_out_ptr(const struct pw_stream_out *s, const struct pw_extent *extent,
				 uint16_t *slot_bytes);

/* Worker: an extent was acknowledged. */
void pw_stream_out_placed(struct pw_stream_out *s, const struct pw_extent *extent);

/* Worker: the target has room for slots below slots. Older news is ignored. */
void pw_stream_out_credit(struct pw_stream_out *s, uint64_t slots);

/* Worker: there are bytes that only lack credit. */
static inline bool pw_stream_out_needs_credit(struct pw_stream_out *s)
{
	uint64_t claimed = atomic_load_explicit(&s->claimed, memory_order_relaxed);

	return claimed < atomic_load_explicit(&s->filled, memory_order_relaxed) &&
	       claimed >= atomic_load_explicit(&s->credit, memory_order_relaxed);
}

struct pw_stream_in {
	uint8_t *ring;
	_Atomic uint64_t drained;	/* slots below were taken by the pump */
	_Atomic uint16_t bytes[PW_STREAM_SLOTS];
	_Atomic bool last[PW_STREAM_SLOTS];
	_Atomic uint64_t claims[PW_STREAM_SLOTS];	/* grains that some worker places or placed */
	_Atomic uint64_t grains[PW_STREAM_SLOTS];	/* grains placed */
};

enum pw_stream_verdict {
	PW_STREAM_PLACED,
	PW_STREAM_DUPLICATE,	/* placed before: acknowledge */
	PW_STREAM_BUSY,	/* another worker is at it: neither place nor acknowledge */
	PW_STREAM_NO_ROOM,	/* beyond the window: do not acknowledge */
	PW_STREAM_BAD,	/* bounds */
};

void pw_stream_in_init(struct pw_stream_in *s, uint8_t *ring);

/* Worker: put the payload of d where it belongs. */
enum pw_stream_verdict pw_stream_in_place(struct pw_stream_in *s, const struct pw_datagram *d);

/* Pump: the next slot in order, or false if it is not complete. *from stays
 * valid until pw_stream_in_drain(). */
bool pw_stream_in_peek(struct pw_stream_in *s, const uint8_t **from, uint16_t *bytes, bool *last);

/* Pump: likewise, the slot that is ahead slots further on (below PW_STREAM_SLOTS). */
bool pw_stream_in_peek_at(struct pw_stream_in *s, uint32_t ahead, const uint8_t **from,
			  uint16_t *bytes, bool *last);

/* Pump: done with the slot that was peeked. */
void pw_stream_in_drain(struct pw_stream_in *s);

/* Worker: slots below this number may be sent. */
static inline uint64_t pw_stream_in_credit(const struct pw_stream_in *s)
{
	return atomic_load_explicit(&s->drained, memory_order_acquire) + PW_STREAM_SLOTS;
}

#endif /* PW_STREAM_H */
