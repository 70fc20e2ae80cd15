/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hasher.h - digests of guest memory, off the event loop
 *
 * A block is 2 MiB of a region (PW_BLOCK_SHIFT). Its digest is the XXH3-128 of
 * its pages that a mask of 512 bits names, in order, low bit = low page: what
 * struct pw_ctl_digest_row carries.
 *
 *	create -> submit ... -> fn(batch), ..., fn(last batch) -> destroy
 *
 * One worker thread hashes the jobs in the order of their submission. fn runs
 * on the thread of the event loop, batch by batch, the blocks of a job in
 * their order. fn may submit, cancel and destroy.
 *
 * The memory of a job is read until its last batch was called or its cancel
 * has returned: it stays mapped and does not shrink so long. Whether it holds
 * still is the caller's affair. Everything but the hashing belongs to the
 * thread of the event loop.
 */
#ifndef PW_HASHER_H
#define PW_HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pagewire/control.h"

#define PW_BLOCK_PAGES (1u << (PW_BLOCK_SHIFT - PW_PAGE_SHIFT))
#define PW_BLOCK_WORDS (PW_BLOCK_PAGES / 64u)
#define PW_HASHER_BATCH 64u	/* blocks: 128 MiB, 10-30 ms of hashing; 6 KiB of digest rows */

struct event_base;
struct pw_hasher;

struct pw_hash_block {
	uint64_t block;
	uint64_t mask[PW_BLOCK_WORDS];	/* pages of it */
	uint64_t digest[2];	/* answer: XXH3-128, low half first */
	uint32_t flags;	/* caller's: PW_DIGEST_... */
	uint32_t unused;
};

struct pw_hash_batch {
	uint64_t job;
	uint32_t region;	/* as submitted */
	uint32_t blocks;	/* 0 only for a job without blocks */
	const struct pw_hash_block *block;	/* valid during the call */
	uint64_t pages;	/* hashed in this batch */
	bool last;	/* of its job: the job is over when fn returns */
};

typedef void (*pw_hasher_fn)(void *arg, const struct pw_hash_batch *batch);

struct pw_hash_job {
	const void *base;	/* of the region */
	uint64_t bytes;	/* of the region; a multiple of PW_PAGE_BYTES */
	uint32_t region;	/* caller's: comes back with each batch */
	const struct pw_hash_block *block;	/* copied */
	size_t blocks;
	pw_hasher_fn fn;
	void *arg;
};

/* Number of blocks of so many bytes, a last partial one included. */
uint64_t pw_hasher_blocks(uint64_t bytes);

/* Name every page that block has in a region of so many bytes. */
void pw_hasher_mask_all(uint64_t bytes, uint64_t block, uint64_t mask[PW_BLOCK_WORDS]);

/* Fill b->digest, on the caller's thread. -ERANGE: b names a page that the
 * region does not have, nothing was read. */
int pw_hasher_digest(const void *base, uint64_t bytes, struct pw_hash_block *b);

/* Starts the worker thread. */
int pw_hasher_create(struct pw_hasher **hasher, struct event_base *base);

/* *id names the job for cancel; it is never 0. -ERANGE as for digest: nothing
 * was started; -ENOMEM. fn is not called from within submit. */
int pw_hasher_submit(struct pw_hasher *h, const struct pw_hash_job *job, uint64_t *id);

/* After it no batch of this job is called and its memory is not read any more:
 * it waits for the block that is being hashed (below 1 ms). A job that is
 * over, or an id of 0, is no error. */
void pw_hasher_cancel(struct pw_hasher *h, uint64_t id);

/* Cancels every job and ends the thread. NULL is no error. */
void pw_hasher_destroy(struct pw_hasher *h);

#endif /* PW_HASHER_H */
