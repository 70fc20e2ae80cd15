/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_vgpu.c - a synthetic vGPU: memory and dirty marks; see guest_vgpu.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guest_memory.h"
#include "guest_vgpu.h"
#include "guest_vgpu_mark.h"
#include "pagewire/check.h"

#define HUGE_BYTES (2ull << 20)

/* Aligned, so that 2 MiB pages can back it: filling it in the stun then costs
 * one fault per 512 pages. */
static uint8_t *memory_map(uint64_t bytes)
{
	uint8_t *all = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)all & (HUGE_BYTES - 1);
	if (before)
		munmap(all, before);
	if (before < HUGE_BYTES)
		munmap(all + before + bytes, HUGE_BYTES - before);
	madvise(all + before, bytes, MADV_HUGEPAGE);	/* a wish; it works without */
	return all + before;
}

int pw_guest_vgpu_create(struct pw_guest_vgpu *v, uint64_t bytes)
{
	uint32_t blocks = (uint32_t)(bytes / PW_GUEST_BLOCK_BYTES);

	PW_CHECK(bytes >= PW_GUEST_VGPU_BYTES_MIN && bytes % (1u << 20) == 0);
	*v = (struct pw_guest_vgpu){
		.memory_bytes = bytes,
		.blocks = blocks,
		.kv_first = (uint32_t)(blocks * 70ull / 100),
		.workspace_first = (uint32_t)(blocks * 90ull / 100),
	};
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->changed, NULL);
	v->memory = memory_map(bytes);
	v->fresh = calloc((blocks + 63) / 64, sizeof(*v->fresh));
	v->mark = calloc(blocks, sizeof(*v->mark));
	v->written_step = calloc(blocks, sizeof(*v->written_step));
	if (v->memory && v->fresh && v->mark && v->written_step)
		return 0;
	pw_guest_vgpu_destroy(v);
	return -ENOMEM;
}

void pw_guest_vgpu_destroy(struct pw_guest_vgpu *v)
{
	if (!v->memory_bytes)
		return;
	if (v->memory)
		munmap(v->memory, v->memory_bytes);
	free(v->fresh);
	free(v->mark);
	free(v->written_step);
	pthread_cond_destroy(&v->changed);
	pthread_mutex_destroy(&v->lock);
	*v = (struct pw_guest_vgpu){ 0 };
}

int pw_guest_vgpu_forget(struct pw_guest_vgpu *v)
{
	if (madvise(v->memory, v->memory_bytes, MADV_DONTNEED))
		return -errno;
	memset(v->fresh, 0, (v->blocks + 63) / 64 * sizeof(*v->fresh));
	memset(v->mark, 0, v->blocks * sizeof(*v->mark));
	memset(v->written_step, 0, v->blocks * sizeof(*v->written_step));
	v->step = 0;
	return pw_guest_memory_fault_in(v->memory, v->memory_bytes);
}

static void mark_written(struct pw_guest_vgpu *v, uint32_t block)
{
	if (v->mark[block] & PW_MARK_INITIAL)
		v->initial_blocks--;	/* not static after all: it follows when it has settled */
	v->mark[block] &= (uint8_t)~PW_MARK_INITIAL;
	v->mark[block] |= PW_MARK_WRITTEN | PW_MARK_DIRTY;
	v->written_step[block] = v->step;
}

void pw_guest_vgpu_end_step(struct pw_guest_vgpu *v, uint64_t step)
{
	pthread_mutex_lock(&v->lock);
	v->step = (uint32_t)step;
	for (uint32_t w = 0; w < (v->blocks + 63) / 64; w++) {
		for (uint64_t bits = v->fresh[w]; bits; bits &= bits - 1)
			mark_written(v, w * 64 + (uint32_t)__builtin_ctzll(bits));
		v->fresh[w] = 0;
	}
	if (v->phase == PW_SAVE_PRE_COPY)
		pthread_cond_signal(&v->changed);	/* something may have settled */
	pthread_mutex_unlock(&v->lock);
}

bool pw_guest_vgpu_mark_is_settled(const struct pw_guest_vgpu *v, uint32_t block)
{
	if (!(v->mark[block] & PW_MARK_WRITTEN))
		return true;
	return v->step - v->written_step[block] >= PW_GUEST_SETTLE_STEPS;
}

void pw_guest_vgpu_begin_save(struct pw_guest_vgpu *v, bool stopped)
{
	pthread_mutex_lock(&v->lock);
	PW_CHECK(v->phase == PW_SAVE_NONE || v->phase == PW_SAVE_ABORT);
	v->phase = stopped ? PW_SAVE_STOP_COPY : PW_SAVE_PRE_COPY;
	v->initial_blocks = 0;
	v->cursor = 0;
	for (uint32_t b = 0; b < v->blocks; b++) {
		v->mark[b] = (v->mark[b] & PW_MARK_WRITTEN) | PW_MARK_DIRTY;
		if (stopped || !pw_guest_vgpu_mark_is_settled(v, b))
			continue;
		v->mark[b] |= PW_MARK_INITIAL;
		v->initial_blocks++;
	}
	pthread_mutex_unlock(&v->lock);
}

static void set_phase(struct pw_guest_vgpu *v, enum pw_guest_save_phase phase)
{
	pthread_mutex_lock(&v->lock);
	v->phase = phase;
	pthread_cond_signal(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

void pw_guest_vgpu_finish_save(struct pw_guest_vgpu *v)
{
	set_phase(v, PW_SAVE_STOP_COPY);
}

void pw_guest_vgpu_abort_save(struct pw_guest_vgpu *v)
{
	set_phase(v, PW_SAVE_ABORT);
}

void pw_guest_vgpu_info(struct pw_guest_vgpu *v, struct pw_agent_device_info *info)
{
	pthread_mutex_lock(&v->lock);
	for (uint32_t b = 0; b < v->blocks; b++) {
		if (v->mark[b] & PW_MARK_INITIAL)
			info->initial_bytes += PW_GUEST_BLOCK_BYTES;
		else if (!(v->mark[b] & PW_MARK_DIRTY))
			continue;
		else if (pw_guest_vgpu_mark_is_settled(v, b) && v->phase == PW_SAVE_PRE_COPY)
			info->dirty_bytes += PW_GUEST_BLOCK_BYTES;
		else
			info->stop_bytes += PW_GUEST_BLOCK_BYTES;
	}
	pthread_mutex_unlock(&v->lock);
}
