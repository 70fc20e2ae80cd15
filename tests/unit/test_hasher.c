/* SPDX-License-Identifier: BSD-3-Clause */
/* test_hasher.c - digests of guest memory, on a thread of their own */

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

#include "hasher.h"
#include "pagewire/check.h"
#include "run.h"

#define BLOCK_BYTES ((size_t)1 << PW_BLOCK_SHIFT)
#define BLOCKS	    150ull	/* whole ones, of the memory below: two batches and a part */
#define REST_PAGES  70ull	/* of the last, partial one */
#define BYTES	    (BLOCKS * BLOCK_BYTES + REST_PAGES * PW_PAGE_BYTES)

static unsigned char *memory;
static struct event_base *base;
static struct pw_hasher *hasher;

/* What fn was told. */
static struct {
	unsigned batches, lasts;
	uint64_t blocks, pages, job;
	uint32_t region;
	bool in_order, right, other_thread;
	pthread_t thread;
	uint64_t cancels;	/* fn cancels this job ... */
	unsigned cancels_at;	/* ... in this batch; 0: never */
	unsigned destroys_at;
} told;

static uint64_t below(uint64_t n)
{
	static uint64_t state = 5;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static void given_memory(void)
{
	if (memory)
		return;
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_FATAL(memory != MAP_FAILED);
	for (size_t page = 7; page < BYTES / PW_PAGE_BYTES; page += 13)	/* the rest stays zero */
		memcpy(memory + page * PW_PAGE_BYTES, &page, sizeof(page));
}

static void given_hasher(void)
{
	given_memory();
	base = event_base_new();
	CU_ASSERT_EQUAL_FATAL(pw_hasher_create(&hasher, base), 0);
	memset(&told, 0, sizeof(told));
	told.in_order = told.right = true;
	told.thread = pthread_self();
}

static void hasher_ends(void)
{
	pw_hasher_destroy(hasher);
	hasher = NULL;
	event_base_free(base);
}

/* The digest, the plain way: gather the pages, hash them in one go. */
static void naive_digest(const struct pw_hash_block *b, uint64_t digest[2])
{
	static unsigned char gathered[1u << PW_BLOCK_SHIFT];
	size_t bytes = 0;
	XXH128_hash_t hash;

	for (unsigned i = 0; i < PW_BLOCK_PAGES; i++) {
		if (!(b->mask[i / 64] & (1ull << (i % 64))))
			continue;
		memcpy(gathered + bytes, memory + b->block * BLOCK_BYTES + i * PW_PAGE_BYTES,
		       PW_PAGE_BYTES);
		bytes += PW_PAGE_BYTES;
	}
	hash = XXH3_128bits(gathered, bytes);
	digest[0] = hash.low64;
	digest[1] = hash.high64;
}

static bool is_right(const struct pw_hash_block *b)
{
	uint64_t digest[2];

	naive_digest(b, digest);
	return memcmp(digest, b->digest, sizeof(digest)) == 0;
}

static void on_batch(void *arg, const struct pw_hash_batch *batch)
{
	CU_ASSERT_PTR_EQUAL(arg, &told);
	told.other_thread |= !pthread_equal(told.thread, pthread_self());
	for (uint32_t i = 0; i < batch->blocks; i++) {
		told.in_order &= batch->block[i].flags == (uint32_t)(told.blocks + i);
		if (i % 16 == 0)
			told.right &= is_right(&batch->block[i]);
	}
	told.batches++;
	told.lasts += batch->last;
	told.blocks += batch->blocks;
	told.pages += batch->pages;
	told.job = batch->job;
	told.region = batch->region;
	CU_ASSERT(batch->blocks <= PW_HASHER_BATCH);
	if (told.cancels_at == told.batches) {
		pw_hasher_cancel(hasher, told.cancels);
		told.right &= is_right(&batch->block[0]);	/* still there */
	}
	if (told.destroys_at == told.batches) {
		pw_hasher_destroy(hasher);
		hasher = NULL;
		told.right &= is_right(&batch->block[0]);
	}
	if (batch->last || !hasher)
		event_base_loopbreak(base);
}

/* Every page of count blocks from block 0 on, numbered in their flags. */
static int submit(size_t count, uint64_t *id)
{
	struct pw_hash_block *block = calloc(count + 1, sizeof(*block));
	struct pw_hash_job job = { .base = memory, .bytes = BYTES, .region = 3, .block = block,
				   .blocks = count, .fn = on_batch, .arg = &told };
	int err;

	for (size_t i = 0; i < count; i++) {
		block[i].block = i;
		block[i].flags = (uint32_t)i;
		pw_hasher_mask_all(BYTES, i, block[i].mask);
	}
	err = pw_hasher_submit(hasher, &job, id);
	free(block);	/* copied */
	return err;
}

/* Let the loop turn for so long: what must not come would come. */
static void turn_for_ms(unsigned ms)
{
	struct timeval wait = { 0, (suseconds_t)ms * 1000 };

	event_base_loopexit(base, &wait);
	event_base_dispatch(base);
}

/* Let the worker get somewhere, each time a little further. */
static void do_other_work(unsigned blocks)
{
	struct pw_hash_block b = { .block = 3 };

	pw_hasher_mask_all(BYTES, b.block, b.mask);
	for (unsigned i = 0; i < blocks; i++)
		CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), 0);
}

/* ---- digests ---- */

static void digest_of(uint64_t block, unsigned first, unsigned pages, uint64_t digest[2])
{
	struct pw_hash_block b = { .block = block };

	for (unsigned i = first; i < first + pages; i++)
		b.mask[i / 64] |= 1ull << (i % 64);
	CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), 0);
	CU_ASSERT_TRUE(is_right(&b));
	memcpy(digest, b.digest, sizeof(b.digest));
}

static bool differ(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] != b[0] && a[1] != b[1];
}

static void test_digest_is_xxh3_128_of_the_named_pages_in_order(void)
{
	struct pw_hash_block b = { .block = 0 };

	given_memory();
	for (unsigned i = 0; i < 300; i++) {
		b.block = below(BLOCKS);
		for (unsigned w = 0; w < PW_BLOCK_WORDS; w++)
			b.mask[w] = below(4) ? below(UINT32_MAX) * below(UINT32_MAX) : 0 - below(2);
		CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), 0);
		CU_ASSERT_TRUE(is_right(&b));
	}
}

static void test_digest_of_nothing_is_the_known_value(void)
{
	struct pw_hash_block b = { .block = 1 };

	given_memory();
	CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), 0);
	CU_ASSERT_EQUAL(b.digest[0], 0x6001c324468d497full);	/* of the XXH3 specification */
	CU_ASSERT_EQUAL(b.digest[1], 0x99aa06d3014798d8ull);
}

static void test_changed_byte_changes_the_digest_only_if_its_page_is_named(void)
{
	uint64_t before[2], after[2];

	given_memory();
	for (unsigned i = 0; i < 200; i++) {
		size_t at = below(PW_PAGE_BYTES * 10);
		unsigned char *byte = memory + BLOCK_BYTES + 20 * PW_PAGE_BYTES + at;

		digest_of(1, 20, 10, before);
		*byte ^= 1;
		digest_of(1, 20, 10, after);
		CU_ASSERT_TRUE(differ(before, after));
		*byte ^= 1;
	}
	memory[BLOCK_BYTES + 19 * PW_PAGE_BYTES + 4095] ^= 1;
	memory[BLOCK_BYTES + 30 * PW_PAGE_BYTES] ^= 1;
	digest_of(1, 20, 10, after);
	CU_ASSERT_FALSE(differ(before, after));
	memory[BLOCK_BYTES + 19 * PW_PAGE_BYTES + 4095] ^= 1;
	memory[BLOCK_BYTES + 30 * PW_PAGE_BYTES] ^= 1;
}

static void test_order_of_pages_and_mask_matter(void)
{
	uint64_t before[2], after[2], other[2];
	unsigned char page[PW_PAGE_BYTES];
	unsigned char *a, *b;

	given_memory();
	a = memory + 7 * PW_PAGE_BYTES;
	b = memory + 8 * PW_PAGE_BYTES;
	digest_of(0, 7, 2, before);
	memcpy(page, a, sizeof(page));
	memcpy(a, b, sizeof(page));
	memcpy(b, page, sizeof(page));
	digest_of(0, 7, 2, after);
	CU_ASSERT_TRUE(differ(before, after));
	digest_of(0, 7, 1, other);
	CU_ASSERT_TRUE(differ(after, other));
	digest_of(0, 8, 1, after);
	CU_ASSERT_TRUE(differ(after, other));
	memcpy(b, a, sizeof(page));
	memcpy(a, page, sizeof(page));
}

static void test_last_partial_block_has_its_pages_and_no_more(void)
{
	static const uint64_t all[PW_BLOCK_WORDS] = { UINT64_MAX, 0x3f };
	struct pw_hash_block b = { .block = BLOCKS };

	given_memory();
	CU_ASSERT_EQUAL(pw_hasher_blocks(BYTES), BLOCKS + 1);
	pw_hasher_mask_all(BYTES, BLOCKS, b.mask);
	CU_ASSERT_EQUAL(memcmp(b.mask, all, sizeof(all)), 0);
	CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), 0);
	CU_ASSERT_TRUE(is_right(&b));
	b.mask[1] |= 0x40;
	CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), -ERANGE);
	b.mask[1] = 0;
	b.mask[7] = 1ull << 63;
	CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), -ERANGE);
}

static void test_blocks_that_a_region_does_not_have_are_refused(void)
{
	static const uint64_t beyond[] = { BLOCKS + 1, 1ull << 43, UINT64_MAX };
	struct pw_hash_block b = { 0 };

	given_memory();
	for (size_t i = 0; i < PW_ARRAY_SIZE(beyond); i++) {
		b.block = beyond[i];
		CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), -ERANGE);
		b.mask[0] = 1;
		CU_ASSERT_EQUAL(pw_hasher_digest(memory, BYTES, &b), -ERANGE);
		b.mask[0] = 0;
	}
	CU_ASSERT_EQUAL(pw_hasher_blocks(0), 0);
	CU_ASSERT_EQUAL(pw_hasher_blocks(1), 1);
	CU_ASSERT_EQUAL(pw_hasher_blocks(BLOCK_BYTES), 1);
	CU_ASSERT_EQUAL(pw_hasher_blocks(BLOCK_BYTES + 1), 2);
	pw_hasher_mask_all(BLOCK_BYTES, 0, b.mask);
	CU_ASSERT_EQUAL(b.mask[0] & b.mask[7], UINT64_MAX);
	pw_hasher_mask_all(BLOCK_BYTES, 1, b.mask);
	CU_ASSERT_EQUAL(b.mask[0] | b.mask[7], 0);
}

/* ---- jobs ---- */

static void test_job_comes_back_in_order_batch_by_batch_on_the_loop_thread(void)
{
	uint64_t id = 0;

	given_hasher();
	CU_ASSERT_EQUAL(submit(BLOCKS + 1, &id), 0);
	CU_ASSERT_NOT_EQUAL(id, 0);
	CU_ASSERT_EQUAL(told.batches, 0);	/* not from within submit */
	event_base_dispatch(base);
	CU_ASSERT_EQUAL(told.batches, (BLOCKS + PW_HASHER_BATCH) / PW_HASHER_BATCH);
	CU_ASSERT_EQUAL(told.blocks, BLOCKS + 1);
	CU_ASSERT_EQUAL(told.pages, BYTES / PW_PAGE_BYTES);
	CU_ASSERT_EQUAL(told.lasts, 1);
	CU_ASSERT_EQUAL(told.job, id);
	CU_ASSERT_EQUAL(told.region, 3);
	CU_ASSERT_TRUE(told.in_order && told.right && !told.other_thread);
	pw_hasher_cancel(hasher, id);	/* over: no error */
	pw_hasher_cancel(hasher, 0);
	hasher_ends();
}

static void test_jobs_come_back_in_the_order_of_their_submission(void)
{
	uint64_t id[20];

	given_hasher();
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(submit(1 + i % 3, &id[i]), 0);
	for (unsigned i = 0; i < 20; i++) {
		told.blocks = 0;
		event_base_dispatch(base);
		CU_ASSERT_EQUAL(told.job, id[i]);
		CU_ASSERT_EQUAL(told.blocks, 1 + i % 3);
	}
	turn_for_ms(5);
	CU_ASSERT_EQUAL(told.lasts, 20);
	hasher_ends();
}

static void test_job_without_blocks_ends_with_one_empty_batch(void)
{
	uint64_t id;

	given_hasher();
	CU_ASSERT_EQUAL(submit(0, &id), 0);
	CU_ASSERT_EQUAL(told.batches, 0);
	event_base_dispatch(base);
	turn_for_ms(5);
	CU_ASSERT_EQUAL(told.batches, 1);
	CU_ASSERT_EQUAL(told.lasts, 1);
	CU_ASSERT_EQUAL(told.blocks, 0);
	hasher_ends();
}

static void test_job_that_names_a_missing_page_is_refused_as_a_whole(void)
{
	struct pw_hash_block block[2] = { { .block = 0 }, { .block = BLOCKS + 1 } };
	struct pw_hash_job job = { .bytes = BYTES, .block = block, .blocks = 2, .fn = on_batch,
				   .arg = &told };
	uint64_t id = 77;

	given_hasher();
	job.base = memory;
	CU_ASSERT_EQUAL(pw_hasher_submit(hasher, &job, &id), -ERANGE);
	CU_ASSERT_EQUAL(id, 77);
	turn_for_ms(5);
	CU_ASSERT_EQUAL(told.batches, 0);
	hasher_ends();
}

static void test_cancelled_job_is_silent_and_lets_go_of_the_memory_at_once(void)
{
	given_hasher();
	for (unsigned i = 0; i < 20; i++) {
		unsigned char *short_lived = mmap(NULL, 64 * BLOCK_BYTES, PROT_READ,
						  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct pw_hash_block block[64] = { 0 };
		struct pw_hash_job job = { .base = short_lived, .bytes = 64 * BLOCK_BYTES,
					   .block = block, .blocks = 64, .fn = on_batch,
					   .arg = &told };
		uint64_t id;

		for (unsigned b = 0; b < 64; b++) {
			block[b].block = b;
			memset(block[b].mask, 0xff, sizeof(block[b].mask));
		}
		CU_ASSERT_EQUAL(pw_hasher_submit(hasher, &job, &id), 0);
		do_other_work(i % 5);
		pw_hasher_cancel(hasher, id);
		munmap(short_lived, 64 * BLOCK_BYTES);	/* a read would crash */
	}
	turn_for_ms(5);
	CU_ASSERT_EQUAL(told.batches, 0);
	hasher_ends();
}

static void test_job_cancelled_between_batches_ends_and_the_next_one_is_whole(void)
{
	uint64_t first, second;

	given_hasher();
	CU_ASSERT_EQUAL(submit(BLOCKS, &first), 0);
	event_base_loop(base, EVLOOP_ONCE);
	CU_ASSERT_EQUAL(told.batches, 1);
	pw_hasher_cancel(hasher, first);
	CU_ASSERT_EQUAL(submit(5, &second), 0);
	told.blocks = 0;
	event_base_dispatch(base);
	CU_ASSERT_EQUAL(told.job, second);
	CU_ASSERT_EQUAL(told.batches, 2);
	CU_ASSERT_EQUAL(told.blocks, 5);
	hasher_ends();
}

static void test_fn_may_cancel_its_own_job_and_others(void)
{
	uint64_t first, second;

	given_hasher();
	CU_ASSERT_EQUAL(submit(BLOCKS, &first), 0);
	told.cancels = first;
	told.cancels_at = 2;
	turn_for_ms(200);
	CU_ASSERT_EQUAL(told.batches, 2);
	CU_ASSERT_EQUAL(told.lasts, 0);

	memset(&told, 0, sizeof(told));
	told.thread = pthread_self();
	told.right = true;
	CU_ASSERT_EQUAL(submit(3, &first), 0);
	CU_ASSERT_EQUAL(submit(3, &second), 0);
	told.cancels = second;
	told.cancels_at = 1;	/* in the last batch of the first */
	turn_for_ms(50);
	CU_ASSERT_EQUAL(told.job, first);
	CU_ASSERT_EQUAL(told.batches, 1);
	CU_ASSERT_TRUE(told.right);
	hasher_ends();
}

static void test_fn_may_destroy_the_hasher_mid_way_and_in_the_last_batch(void)
{
	for (unsigned at = 1; at <= 3; at++) {	/* 3: the last of its job */
		uint64_t id;

		given_hasher();
		CU_ASSERT_EQUAL(submit(BLOCKS, &id), 0);
		CU_ASSERT_EQUAL(submit(BLOCKS, &id), 0);
		told.destroys_at = at;
		event_base_dispatch(base);
		CU_ASSERT_EQUAL(told.batches, at);
		CU_ASSERT_PTR_NULL(hasher);
		CU_ASSERT_TRUE(told.right);
		hasher_ends();
	}
}

static void test_destroy_with_jobs_under_way_waits_for_the_worker(void)
{
	for (unsigned i = 0; i < 10; i++) {
		uint64_t id;

		given_hasher();
		CU_ASSERT_EQUAL(submit(BLOCKS, &id), 0);
		CU_ASSERT_EQUAL(submit(BLOCKS, &id), 0);
		do_other_work(2 * i);
		hasher_ends();
		CU_ASSERT_EQUAL(told.batches, 0);
	}
	pw_hasher_destroy(NULL);
}

static const struct pw_test tests[] = {
	PW_TEST(test_digest_is_xxh3_128_of_the_named_pages_in_order),
	PW_TEST(test_digest_of_nothing_is_the_known_value),
	PW_TEST(test_changed_byte_changes_the_digest_only_if_its_page_is_named),
	PW_TEST(test_order_of_pages_and_mask_matter),
	PW_TEST(test_last_partial_block_has_its_pages_and_no_more),
	PW_TEST(test_blocks_that_a_region_does_not_have_are_refused),
	PW_TEST(test_job_comes_back_in_order_batch_by_batch_on_the_loop_thread),
	PW_TEST(test_jobs_come_back_in_the_order_of_their_submission),
	PW_TEST(test_job_without_blocks_ends_with_one_empty_batch),
	PW_TEST(test_job_that_names_a_missing_page_is_refused_as_a_whole),
	PW_TEST(test_cancelled_job_is_silent_and_lets_go_of_the_memory_at_once),
	PW_TEST(test_job_cancelled_between_batches_ends_and_the_next_one_is_whole),
	PW_TEST(test_fn_may_cancel_its_own_job_and_others),
	PW_TEST(test_fn_may_destroy_the_hasher_mid_way_and_in_the_last_batch),
	PW_TEST(test_destroy_with_jobs_under_way_waits_for_the_worker),
};

int main(void)
{
	return PW_RUN_SUITE("hasher", tests);
}
