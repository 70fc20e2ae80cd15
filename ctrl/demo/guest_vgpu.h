/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_vgpu.h - a synthetic vGPU: its memory, and how it is saved and loaded
 *
 *	| weights 70 %, never written again | KV cache 20 % | workspace 10 % |
 *
 * Its memory is private: no region, seen by nobody but this device. It leaves
 * and arrives only as the stream below. Blocks of 64 pages are the unit of
 * dirty marks.
 *
 * Happy path, source: pw_guest_vgpu_begin_save, then pw_guest_vgpu_save in a
 * thread of its own while the engine goes on writing. It sends what is settled
 * (not written for two sweeps of the workspace), then what became dirty and has
 * settled again, and waits when there is nothing. When the engine is parked
 * pw_guest_vgpu_finish_save lets it send all that is still dirty and end.
 *
 * Target: pw_guest_vgpu_load, straight into the memory.
 *
 * The stream: records { magic, kind, offset, bytes }; HELLO (version, bytes of
 * memory), then DATA (followed by its bytes) and ZERO in any order, any block
 * any number of times, each at least once, then END (bytes announced before)
 * and the end of the file. Host byte order: little-endian at both ends.
 *
 * What can go wrong: a block may be written while it is read. The mark is
 * cleared before that and set after the write (at the end of the step), so V1
 * holds and the torn block is followed by a whole one. From finish_save on the
 * engine stays parked until all is read, or the session is given up.
 *
 * V1  A block whose mark is clear is, once the current step has ended with its
 *     mark still clear, at the target as it is here.
 * V2  Marks are changed under lock only; fresh belongs to the engine alone.
 */
#ifndef PW_GUEST_VGPU_H
#define PW_GUEST_VGPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest_pipe.h"
#include "pagewire/agent.h"

#define PW_GUEST_BLOCK_PAGES 64u	/* 256 KiB: KV cache of 16 tokens, one big write */
#define PW_GUEST_BLOCK_BYTES (PW_GUEST_BLOCK_PAGES * PW_PAGE_BYTES)

/* Steps in which the whole workspace is rewritten, part by part. */
#define PW_GUEST_SWEEP_STEPS  8u
#define PW_GUEST_SETTLE_STEPS (2u * PW_GUEST_SWEEP_STEPS)

#define PW_GUEST_RECORD_MAGIC	0x75677670u	/* "pvgu" */
#define PW_GUEST_STREAM_VERSION 1u

enum pw_guest_record_kind {
	PW_RECORD_HELLO = 1,	/* offset: version; bytes: of the device's memory */
	PW_RECORD_DATA,	/* whole blocks; bytes of them follow */
	PW_RECORD_ZERO,	/* whole blocks that were never written */
	PW_RECORD_END,	/* bytes: sum of all DATA and ZERO */
};

struct pw_guest_record {
	uint32_t magic;
	uint32_t kind;
	uint64_t offset;
	uint64_t bytes;
};

enum pw_guest_save_phase { PW_SAVE_NONE, PW_SAVE_PRE_COPY, PW_SAVE_STOP_COPY, PW_SAVE_ABORT };

struct pw_guest_vgpu {
	uint8_t *memory;
	uint64_t memory_bytes;
	uint32_t blocks;
	uint32_t kv_first;	/* weights are before it */
	uint32_t workspace_first;

	uint64_t *fresh;	/* bit per block: written in this step */

	pthread_mutex_t lock;	/* of everything below */
	pthread_cond_t changed;
	enum pw_guest_save_phase phase;
	uint8_t *mark;	/* per block */
	uint32_t *written_step;	/* per block, the step's low 32 bits */
	uint32_t step;
	uint32_t initial_blocks;	/* of PRE_COPY, still to be sent */
	uint32_t cursor;	/* where the search for a block goes on */
};

/* bytes is a multiple of 1 MiB, at least PW_GUEST_VGPU_BYTES_MIN. */
#define PW_GUEST_VGPU_BYTES_MIN (16ull << 20)
int pw_guest_vgpu_create(struct pw_guest_vgpu *v, uint64_t bytes);
void pw_guest_vgpu_destroy(struct pw_guest_vgpu *v);

/* All zero and never written; no save or load is going on. */
int pw_guest_vgpu_forget(struct pw_guest_vgpu *v);

/* Engine: this page was written in this step. */
static inline void pw_guest_vgpu_wrote(struct pw_guest_vgpu *v, uint64_t page)
{
	uint64_t block = page / PW_GUEST_BLOCK_PAGES;

	v->fresh[block / 64] |= 1ull << (block % 64);
}

/* Engine: the step is over; marks what was written in it. */
void pw_guest_vgpu_end_step(struct pw_guest_vgpu *v, uint64_t step);

/* stopped: the engine is parked and stays so, everything is sent at once. */
void pw_guest_vgpu_begin_save(struct pw_guest_vgpu *v, bool stopped);
void pw_guest_vgpu_finish_save(struct pw_guest_vgpu *v);
void pw_guest_vgpu_abort_save(struct pw_guest_vgpu *v);
int pw_guest_vgpu_save(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p);

/* 0, -EPROTO (not such a stream), -EINVAL (another size), -ENODATA (cut off). */
int pw_guest_vgpu_load(struct pw_guest_vgpu *v, const struct pw_guest_pipe *p);

/* Fill the byte counts of what is still to be put into the pipe. */
void pw_guest_vgpu_info(struct pw_guest_vgpu *v, struct pw_agent_device_info *info);

#endif /* PW_GUEST_VGPU_H */
