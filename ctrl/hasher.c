/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hasher.c - see hasher.h
 *
 *	jobs, oldest first     job->hashed     worker moves it up, block by block
 *	                       job->delivered  loop moves it up, batch by batch
 *
 * The lock covers the list, hashed and current; the worker lets go of it while
 * it reads a block. A job leaves the list only while it is not current.
 */

#define XXH_STATIC_LINKING_ONLY	/* for XXH3_state_t on the stack */

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <xxhash.h>

#include "hasher.h"
#include "pagewire/check.h"

struct job {
	struct job *next;
	uint64_t id;
	struct pw_hash_job ask;	/* its blocks are not the caller's any more */
	size_t hashed;
	size_t delivered;
	bool over;	/* it has left the list */
	struct pw_hash_block block[];
};

struct pw_hasher {
	struct event *wakeup;
	int eventfd;
	uint64_t ids;
	struct job *delivering;	/* whose fn runs now */
	bool *destroyed;	/* by that fn */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;	/* to the worker: a job came, or stop */
	pthread_cond_t idle;	/* from the worker: current is over */
	/* under lock */
	struct job *jobs;
	struct job *current;	/* of which a block is being read */
	bool stop;
};

/* ---- digests ---- */

uint64_t pw_hasher_blocks(uint64_t bytes)
{
	return (bytes >> PW_BLOCK_SHIFT) + ((bytes & ((1u << PW_BLOCK_SHIFT) - 1)) != 0);
}

/* Pages that block has in a region of so many bytes. */
static uint64_t pages_of(uint64_t bytes, uint64_t block)
{
	uint64_t pages;

	if (block >= pw_hasher_blocks(bytes))
		return 0;
	pages = (bytes - (block << PW_BLOCK_SHIFT)) >> PW_PAGE_SHIFT;
	return pages < PW_BLOCK_PAGES ? pages : PW_BLOCK_PAGES;
}

void pw_hasher_mask_all(uint64_t bytes, uint64_t block, uint64_t mask[PW_BLOCK_WORDS])
{
	uint64_t pages = pages_of(bytes, block);

	for (uint64_t i = 0; i < PW_BLOCK_WORDS; i++) {
		uint64_t left = pages > i * 64 ? pages - i * 64 : 0;

		mask[i] = left >= 64 ? UINT64_MAX : (1ull << left) - 1;
	}
}

static bool names_missing_page(uint64_t bytes, const struct pw_hash_block *b)
{
	uint64_t all[PW_BLOCK_WORDS];
	uint64_t missing = 0;

	pw_hasher_mask_all(bytes, b->block, all);
	for (unsigned i = 0; i < PW_BLOCK_WORDS; i++)
		missing |= b->mask[i] & ~all[i];
	return missing || b->block >= pw_hasher_blocks(bytes);
}

static bool names(const uint64_t *mask, unsigned page)
{
	return mask[page / 64] >> (page % 64) & 1;
}

/* Digest of the pages at memory that mask names, run by run. */
static void digest_pages(const unsigned char *memory, const uint64_t *mask, uint64_t *digest)
{
	XXH3_state_t state;
	XXH128_hash_t hash;

	XXH3_INITSTATE(&state);
	XXH3_128bits_reset(&state);
	for (unsigned page = 0; page < PW_BLOCK_PAGES; page++) {
		unsigned first = page;

		while (page < PW_BLOCK_PAGES && names(mask, page))
			page++;
		if (page > first)
			XXH3_128bits_update(&state, memory + (size_t)first * PW_PAGE_BYTES,
					    (size_t)(page - first) * PW_PAGE_BYTES);
	}
	hash = XXH3_128bits_digest(&state);
	digest[0] = hash.low64;
	digest[1] = hash.high64;
}

int pw_hasher_digest(const void *base, uint64_t bytes, struct pw_hash_block *b)
{
	PW_CHECK(bytes % PW_PAGE_BYTES == 0);
	if (names_missing_page(bytes, b))
		return -ERANGE;
	digest_pages((const unsigned char *)base + (b->block << PW_BLOCK_SHIFT), b->mask, b->digest);
	return 0;
}

/* ---- the worker ---- */

static void wake_loop(struct pw_hasher *h)
{
	uint64_t one = 1;
	ssize_t n = write(h->eventfd, &one, sizeof(one));

	(void)n;	/* it cannot fail but when 2^64 wake-ups are pending: awake enough */
}

/* The oldest job with a block to hash. */
static struct job *next_work(const struct pw_hasher *h)
{
	struct job *job = h->jobs;

	while (job && job->hashed == job->ask.blocks)
		job = job->next;
	return job;
}

/* What is ready to be delivered: a whole batch, or the rest of a job. */
static bool is_ready(const struct job *job)
{
	return job->hashed - job->delivered >= PW_HASHER_BATCH || job->hashed == job->ask.blocks;
}

/* Hash the next block of job. The lock is held, and let go of meanwhile. */
static void work_on(struct pw_hasher *h, struct job *job)
{
	int err;

	h->current = job;
	pthread_mutex_unlock(&h->lock);
	err = pw_hasher_digest(job->ask.base, job->ask.bytes, &job->block[job->hashed]);
	PW_CHECK(err == 0);	/* submit has looked */
	pthread_mutex_lock(&h->lock);
	h->current = NULL;
	job->hashed++;
	pthread_cond_broadcast(&h->idle);
	if (is_ready(job))
		wake_loop(h);
}

static void *run(void *arg)
{
	struct pw_hasher *h = arg;
	struct job *job;

	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		job = next_work(h);
		if (job)
			work_on(h, job);
		else
			pthread_cond_wait(&h->work, &h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* ---- the loop ---- */

/* Take job off the list; the worker is not reading for it any more. */
static void end_job(struct pw_hasher *h, struct job *job)
{
	struct job **link = &h->jobs;

	while (h->current == job)
		pthread_cond_wait(&h->idle, &h->lock);
	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	job->over = true;
}

static struct job *find_ready(const struct pw_hasher *h)
{
	struct job *job = h->jobs;

	while (job && !is_ready(job))
		job = job->next;
	return job;
}

/* Fill in the next batch of the oldest job that has one, NULL if there is none.
 * A job with its last batch has left the list. */
static struct job *take_batch(struct pw_hasher *h, struct pw_hash_batch *batch)
{
	struct job *job;
	size_t blocks;

	pthread_mutex_lock(&h->lock);
	job = find_ready(h);
	if (job) {
		blocks = job->hashed - job->delivered;
		blocks = blocks < PW_HASHER_BATCH ? blocks : PW_HASHER_BATCH;
		*batch = (struct pw_hash_batch){
			.job = job->id,
			.region = job->ask.region,
			.blocks = (uint32_t)blocks,
			.block = job->block + job->delivered,
			.last = job->delivered + blocks == job->ask.blocks,
		};
		job->delivered += blocks;
		if (batch->last)
			end_job(h, job);
	}
	pthread_mutex_unlock(&h->lock);
	return job;
}

static uint64_t count_pages(const struct pw_hash_batch *batch)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < batch->blocks; i++)
		for (unsigned w = 0; w < PW_BLOCK_WORDS; w++)
			pages += (unsigned)__builtin_popcountll(batch->block[i].mask[w]);
	return pages;
}

/* One batch per turn of the loop: others have their events served in between.
 * fn may destroy h and cancel its own job, whose memory then ends here. */
static void on_wakeup(evutil_socket_t fd, short what, void *arg)
{
	struct pw_hasher *h = arg;
	struct pw_hash_batch batch;
	bool destroyed = false;
	struct job *job;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));	/* first: what gets ready now wakes again */

	(void)n;
	(void)what;
	job = take_batch(h, &batch);
	if (!job)
		return;
	event_active(h->wakeup, EV_READ, 0);	/* until there is none */
	batch.pages = count_pages(&batch);
	h->delivering = job;
	h->destroyed = &destroyed;
	job->ask.fn(job->ask.arg, &batch);
	if (!destroyed)
		h->delivering = NULL;
	if (job->over)
		free(job);
}

static int start_worker(struct pw_hasher *h)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);	/* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_setname_np(h->thread, "pw-hasher");
	return -err;
}

static int add_wakeup(struct pw_hasher *h, struct event_base *base)
{
	h->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->eventfd < 0)
		return -errno;
	h->wakeup = event_new(base, h->eventfd, EV_READ | EV_PERSIST, on_wakeup, h);
	if (h->wakeup && event_add(h->wakeup, NULL) == 0)
		return 0;
	if (h->wakeup)
		event_free(h->wakeup);
	close(h->eventfd);
	return -ENOMEM;
}

int pw_hasher_create(struct pw_hasher **hasher, struct event_base *base)
{
	struct pw_hasher *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	pthread_cond_init(&h->idle, NULL);
	err = add_wakeup(h, base);
	if (err)
		goto out_h;
	err = start_worker(h);
	if (err)
		goto out_wakeup;
	*hasher = h;
	return 0;

out_wakeup:
	event_free(h->wakeup);
	close(h->eventfd);
out_h:
	free(h);
	return err;
}

static struct job *make_job(const struct pw_hash_job *ask)
{
	struct job *job = calloc(1, sizeof(*job) + ask->blocks * sizeof(job->block[0]));

	if (!job)
		return NULL;
	job->ask = *ask;
	job->ask.block = NULL;
	if (ask->blocks)
		memcpy(job->block, ask->block, ask->blocks * sizeof(job->block[0]));
	return job;
}

static void append(struct pw_hasher *h, struct job *job)
{
	struct job **link = &h->jobs;

	while (*link)
		link = &(*link)->next;
	*link = job;
}

int pw_hasher_submit(struct pw_hasher *h, const struct pw_hash_job *ask, uint64_t *id)
{
	struct job *job;

	PW_CHECK(ask->bytes % PW_PAGE_BYTES == 0);
	PW_CHECK(ask->fn);
	for (size_t i = 0; i < ask->blocks; i++)
		if (names_missing_page(ask->bytes, &ask->block[i]))
			return -ERANGE;
	job = make_job(ask);
	if (!job)
		return -ENOMEM;
	job->id = ++h->ids;
	*id = job->id;

	pthread_mutex_lock(&h->lock);
	append(h, job);
	if (is_ready(job))	/* no blocks at all */
		wake_loop(h);
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

void pw_hasher_cancel(struct pw_hasher *h, uint64_t id)
{
	struct job *job;

	pthread_mutex_lock(&h->lock);
	job = h->jobs;
	while (job && job->id != id)
		job = job->next;
	if (job)
		end_job(h, job);
	pthread_mutex_unlock(&h->lock);
	if (job != h->delivering)	/* else on_wakeup() frees it */
		free(job);
}

void pw_hasher_destroy(struct pw_hasher *h)
{
	if (!h)
		return;
	while (h->jobs)	/* only this thread changes the list */
		pw_hasher_cancel(h, h->jobs->id);
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	if (h->delivering)
		*h->destroyed = true;
	event_free(h->wakeup);
	close(h->eventfd);
	pthread_cond_destroy(&h->idle);
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
