/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_vgpu_stream.c - a vGPU's memory to a stream and back; see guest_vgpu.h */

#include <errno.h>
#include <string.h>

#include "guest_vgpu.h"
#include "guest_vgpu_mark.h"

static_assert(sizeof(struct pw_guest_record) == 24, "no padding travels");

static struct pw_guest_record record_of(enum pw_guest_record_kind kind, uint64_t offset,
					uint64_t bytes)
{
	return (struct pw_guest_record){ PW_GUEST_RECORD_MAGIC, kind, offset, bytes };
}

static bool may_send(const struct pw_guest_vgpu *v, uint32_t block)
{
	if (v->phase == PW_SAVE_STOP_COPY)
		return v->mark[block] & PW_MARK_DIRTY;
	if (v->initial_blocks)	/* first: the reader waits for these before it stops the guest */
		return v->mark[block] & PW_MARK_INITIAL;
	return (v->mark[block] & PW_MARK_DIRTY) && pw_guest_vgpu_mark_is_settled(v, block);
}

static bool find_block(struct pw_guest_vgpu *v, uint32_t *block)
{
	for (uint32_t i = 0; i < v->blocks; i++) {
		uint32_t b = v->cursor;

		v->cursor = b + 1 == v->blocks ? 0 : b + 1;
		if (may_send(v, b)) {
			*block = b;
			return true;
		}
	}
	return false;
}

/* Clear the mark before the block is read: what is written from now on marks
 * it again (V1). */
static void take_mark(struct pw_guest_vgpu *v, uint32_t block)
{
	if (v->mark[block] & PW_MARK_INITIAL)
		v->initial_blocks--;
	v->mark[block] &= (uint8_t)~(PW_MARK_DIRTY | PW_MARK_INITIAL);
}

/* What goes next: a record, and the bytes of the block if it has any. */
struct next {
	struct pw_guest_record record;
	uint8_t *bytes;
};

/* 1, or 0 if that was all, or -ECANCELED. */
static int next_block(struct pw_guest_vgpu *v, struct next *next)
{
	uint32_t block = 0;
	bool written;
	int more = 0;

	pthread_mutex_lock(&v->lock);
	while (v->phase != PW_SAVE_ABORT && !find_block(v, &block)) {
		if (v->phase == PW_SAVE_STOP_COPY)
			goto out;
		pthread_cond_wait(&v->changed, &v->lock);
	}
	more = v->phase == PW_SAVE_ABORT ? -ECANCELED : 1;
	if (more < 0)
		goto out;
	take_mark(v, block);
	written = v->mark[block] & PW_MARK_WRITTEN;
	next->record = record_of(written ? PW_RECORD_DATA : PW_RECORD_ZERO,
				 (uint64_t)block * PW_GUEST_BLOCK_BYTES, PW_GUEST_BLOCK_BYTES);
	next->bytes = written ? v->memory + next->record.offset : NULL;
out:
	pthread_mutex_unlock(&v->lock);
	return more;
}

/* The block is lent, not copied: who reads the pipe sees it as it is then,
 * which is later than its mark was cleared, so V1 holds all the same. */
static int send_next(const struct pw_guest_pipe *p, struct next *next)
{
	struct iovec iov = { .iov_base = &next->record, .iov_len = sizeof(next->record) };
	int err = pw_guest_pipe_write(p, &iov, 1);

	if (!err && next->bytes)
		err = pw_guest_pipe_lend(p, next->bytes, next->record.bytes);
	return err;
}

int pw_guest_vgpu_save(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p)
{
	struct next next = {
		.record = record_of(PW_RECORD_HELLO, PW_GUEST_STREAM_VERSION, v->memory_bytes),
	};
	uint64_t sent_bytes = 0;
	int err = send_next(p, &next);

	while (!err) {
		err = next_block(v, &next);
		if (err <= 0)
			break;
		sent_bytes += next.record.bytes;
		err = send_next(p, &next);
	}
	if (err)
		return err;
	next = (struct next){ .record = record_of(PW_RECORD_END, 0, sent_bytes) };
	return send_next(p, &next);
}

static int load_hello(const struct pw_guest_vgpu *v, const struct pw_guest_pipe *p)
{
	struct pw_guest_record r;
	int err = pw_guest_pipe_read_all(p, &r, sizeof(r));

	if (err)
		return err;
	if (r.magic != PW_GUEST_RECORD_MAGIC || r.kind != PW_RECORD_HELLO ||
	    r.offset != PW_GUEST_STREAM_VERSION)
		return -EPROTO;
	return r.bytes == v->memory_bytes ? 0 : -EINVAL;
}

static bool is_inside(const struct pw_guest_vgpu *v, const struct pw_guest_record *r)
{
	return r->bytes > 0 && r->bytes <= v->memory_bytes &&
	       r->offset <= v->memory_bytes - r->bytes &&
	       r->offset % PW_GUEST_BLOCK_BYTES == 0 && r->bytes % PW_GUEST_BLOCK_BYTES == 0;
}

/* r lies inside the memory. */
static int place(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p,
		 const struct pw_guest_record *r)
{
	uint32_t block = (uint32_t)(r->offset / PW_GUEST_BLOCK_BYTES);
	uint32_t end = block + (uint32_t)(r->bytes / PW_GUEST_BLOCK_BYTES);
	int err = 0;

	if (r->kind == PW_RECORD_DATA)
		err = pw_guest_pipe_read_all(p, v->memory + r->offset, r->bytes);
	for (; block < end; block++) {
		if (r->kind == PW_RECORD_DATA)
			v->mark[block] |= PW_MARK_WRITTEN;
		else if (v->mark[block] & PW_MARK_WRITTEN)
			memset(v->memory + (uint64_t)block * PW_GUEST_BLOCK_BYTES, 0,
			       PW_GUEST_BLOCK_BYTES);
		v->mark[block] |= PW_MARK_ARRIVED;
	}
	return err;
}

static bool all_arrived(const struct pw_guest_vgpu *v)
{
	for (uint32_t b = 0; b < v->blocks; b++)
		if (!(v->mark[b] & PW_MARK_ARRIVED))
			return false;
	return true;
}

/* 1: go on; 0: that was the end record, and everything came. */
static int load_record(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p, uint64_t *came_bytes)
{
	struct pw_guest_record r;
	int err = pw_guest_pipe_read_all(p, &r, sizeof(r));

	if (err)
		return err;
	if (r.magic != PW_GUEST_RECORD_MAGIC)
		return -EPROTO;
	if (r.kind == PW_RECORD_END)
		return r.bytes == *came_bytes && all_arrived(v) ? 0 : -EPROTO;
	if ((r.kind != PW_RECORD_DATA && r.kind != PW_RECORD_ZERO) || !is_inside(v, &r))
		return -EPROTO;
	*came_bytes += r.bytes;
	err = place(v, p, &r);
	if (!err && pw_guest_pipe_is_stopped(p))	/* a stream without end must not hold us */
		err = -ECANCELED;
	return err ? err : 1;
}

int pw_guest_vgpu_load(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p)
{
	uint64_t came_bytes = 0;
	int err = load_hello(v, p);

	if (err)
		return err;
	for (uint32_t b = 0; b < v->blocks; b++)
		v->mark[b] &= (uint8_t)~PW_MARK_ARRIVED;
	do {
		err = load_record(v, p, &came_bytes);
	} while (err > 0);
	return err ? err : pw_guest_pipe_expect_end(p);
}
