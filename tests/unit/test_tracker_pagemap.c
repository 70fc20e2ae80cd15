/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tracker_pagemap.c - dirty pages of a real process */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagewire/check.h"
#include "run.h"
#include "tracker_pagemap.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define WP_HUGETLBFS_SHMEM (1ull << 12)	/* features of userfaultfd, newer than some headers */
#define WP_UNPOPULATED	   (1ull << 13)
#define WP_ASYNC	   (1ull << 15)

#define GUEST_PAGES 16384ull	/* more single dirty pages than one scan reports */
#define GUEST_WORDS (GUEST_PAGES / 64)
#define GUEST_BYTES (GUEST_PAGES * PW_PAGE_BYTES)

/* What the parent asks of the guest: write count pages, stride apart. */
struct order {
	uint64_t page;
	uint64_t count;
	uint64_t stride;
};

static struct {
	pid_t pid;
	int line;	/* to the guest */
	int pagemap;
	int clear_refs;
	bool armed;	/* the guest could register its memory */
	struct pw_agent_region region;
} guest;

static struct pw_tracker_pagemap tracker;
static struct pw_tracker *const t = &tracker.tracker;
static uint64_t bitmap[GUEST_WORDS + 1];
static uint64_t expected[GUEST_WORDS + 1];

/* ---- the guest's process ---- */

static bool guest_arms(const unsigned char *memory)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = WP_ASYNC | WP_UNPOPULATED | WP_HUGETLBFS_SHMEM };
	struct uffdio_register range = { .range = { (uintptr_t)memory, GUEST_BYTES },
					 .mode = UFFDIO_REGISTER_MODE_WP };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 &&
	       ioctl(fd, UFFDIO_REGISTER, &range) == 0;
}

_Noreturn static void guest_runs(int line, bool arm)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct order order;
	void *memory;
	struct {
		uint64_t address;
		bool armed;
	} hello = { 0 };

	if (fd < 0 || ftruncate(fd, (off_t)GUEST_BYTES))
		_exit(1);
	memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	memset(memory, 1, GUEST_BYTES / 2);	/* the second half is never touched so far */
	hello.armed = arm && guest_arms(memory);
	hello.address = (uintptr_t)memory;
	if (write(line, &hello, sizeof(hello)) != sizeof(hello))
		_exit(1);
	while (read(line, &order, sizeof(order)) == sizeof(order)) {
		for (uint64_t i = 0; i < order.count; i++)
			((volatile unsigned char *)memory)
				[(order.page + i * order.stride) * PW_PAGE_BYTES + 9]++;
		if (write(line, &order, sizeof(order)) != sizeof(order))
			break;
	}
	_exit(0);
}

static void guest_writes(uint64_t page, uint64_t count, uint64_t stride)
{
	struct order order = { page, count, stride };

	CU_ASSERT_EQUAL_FATAL(write(guest.line, &order, sizeof(order)), sizeof(order));
	CU_ASSERT_EQUAL_FATAL(read(guest.line, &order, sizeof(order)), sizeof(order));
	for (uint64_t i = 0; i < count; i++)
		pw_tracker_set(expected, page + i * stride, 1);
}

static int open_proc(const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)guest.pid, what);
	return open(path, flags | O_CLOEXEC);
}

static void given_guest(bool arm)
{
	struct {
		uint64_t address;
		bool armed;
	} hello;
	int line[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, line), 0);
	fflush(stdout);
	guest.pid = fork();
	CU_ASSERT_FATAL(guest.pid >= 0);
	if (guest.pid == 0) {
		close(line[0]);
		guest_runs(line[1], arm);
	}
	close(line[1]);
	guest.line = line[0];
	CU_ASSERT_EQUAL_FATAL(read(guest.line, &hello, sizeof(hello)), sizeof(hello));
	guest.armed = hello.armed;
	guest.region = (struct pw_agent_region){ .bytes = GUEST_BYTES, .address = hello.address };
	guest.pagemap = open_proc("pagemap", O_RDONLY);
	guest.clear_refs = open_proc("clear_refs", O_WRONLY);
	CU_ASSERT_FATAL(guest.pagemap >= 0);
	memset(bitmap, 0, sizeof(bitmap));
	memset(expected, 0, sizeof(expected));
}

static void guest_ends(void)
{
	int status = -1;

	close(guest.line);
	close(guest.pagemap);
	close(guest.clear_refs);
	CU_ASSERT_EQUAL(waitpid(guest.pid, &status, 0), guest.pid);
	CU_ASSERT_EQUAL(status, 0);
}

/* ---- harvests ---- */

static int init_tracker(uint32_t how)
{
	struct pw_pagemap_guest g = { .how = how,
				      .pagemap_fd = guest.pagemap,
				      .clear_refs_fd = guest.clear_refs,
				      .regions = 1,
				      .region = &guest.region };

	return pw_tracker_pagemap_init(&tracker, &g);
}

static int collect(uint64_t page, uint64_t pages, uint64_t *into)
{
	struct pw_area area = { .page = page, .pages = pages };

	return pw_tracker_collect(t, &area, into);
}

static void harvest(void)
{
	CU_ASSERT_EQUAL(pw_tracker_begin(t), 0);
	CU_ASSERT_EQUAL(collect(0, GUEST_PAGES, bitmap), 0);
	CU_ASSERT_EQUAL(pw_tracker_end(t), 0);
}

static void forget_expected(void)
{
	memset(bitmap, 0, sizeof(bitmap));
	memset(expected, 0, sizeof(expected));
}

static bool as_expected(void)
{
	return memcmp(bitmap, expected, sizeof(bitmap)) == 0;
}

static uint64_t bits(const uint64_t *map)
{
	uint64_t n = 0;

	for (size_t i = 0; i < GUEST_WORDS + 1; i++)
		n += (unsigned)__builtin_popcountll(map[i]);
	return n;
}

/* A guest whose first harvest is over, or false with the error that has to come
 * on a machine that cannot do this. */
static bool given_armed_guest(void)
{
	int err;

	given_guest(true);
	CU_ASSERT_EQUAL_FATAL(init_tracker(PW_TRACK_UFFD_WP), 0);
	err = pw_tracker_arm(t);
	if (err == 0) {
		CU_ASSERT_TRUE(guest.armed);
		harvest();
		forget_expected();
		return true;
	}
	printf("(cannot scan here: %s) ", strerror(-err));
	CU_ASSERT_EQUAL(err, guest.armed ? -EOPNOTSUPP : err);
	CU_ASSERT_TRUE(err == -EOPNOTSUPP || err == -EPERM);
	CU_ASSERT_EQUAL(collect(0, GUEST_PAGES, bitmap), err);
	CU_ASSERT_EQUAL(bits(bitmap), GUEST_PAGES);
	guest_ends();
	return false;
}

static void test_wp_reports_written_pages_exactly_and_once(void)
{
	if (!given_armed_guest())
		return;
	CU_ASSERT_FALSE(t->needs_pause);
	guest_writes(0, 1, 1);
	guest_writes(63, 3, 1);
	guest_writes(1000, 17, 3);
	guest_writes(GUEST_PAGES / 2 - 1, 1, 1);
	harvest();
	CU_ASSERT_TRUE(as_expected());

	forget_expected();
	harvest();
	CU_ASSERT_TRUE(as_expected());

	guest_writes(63, 1, 1);	/* re-armed: seen again */
	harvest();
	CU_ASSERT_TRUE(as_expected());
	guest_ends();
}

static void test_wp_reports_first_touch_of_an_unpopulated_page(void)
{
	if (!given_armed_guest())
		return;
	guest_writes(GUEST_PAGES / 2, 1, 1);
	guest_writes(GUEST_PAGES - 700, 5, 100);
	guest_writes(GUEST_PAGES - 1, 1, 1);
	harvest();
	CU_ASSERT_TRUE(as_expected());
	guest_ends();
}

static void test_wp_ors_into_the_bitmap_and_leaves_bits_behind_the_area(void)
{
	if (!given_armed_guest())
		return;
	guest_writes(5, 1, 1);
	memset(bitmap, 0, sizeof(bitmap));
	bitmap[0] = expected[0] |= 1ull << 7;
	bitmap[GUEST_WORDS] = expected[GUEST_WORDS] = 0xa5;
	harvest();
	CU_ASSERT_TRUE(as_expected());
	guest_ends();
}

static void test_wp_harvests_slice_by_slice_into_the_words_of_the_slice(void)
{
	uint64_t slice[3] = { 0 };

	if (!given_armed_guest())
		return;
	guest_writes(255, 1, 1);
	guest_writes(256, 1, 1);
	guest_writes(400, 1, 1);
	guest_writes(406, 1, 1);
	CU_ASSERT_EQUAL(collect(256, 150, slice), 0);
	CU_ASSERT_EQUAL(slice[0], 1);
	CU_ASSERT_EQUAL(slice[1], 0);
	CU_ASSERT_EQUAL(slice[2], 1ull << 16);

	memset(slice, 0, sizeof(slice));	/* what lies beside it was left alone */
	CU_ASSERT_EQUAL(collect(256, 150, slice), 0);
	CU_ASSERT_EQUAL(slice[0] | slice[1] | slice[2], 0);
	CU_ASSERT_EQUAL(collect(255, 1, slice), 0);
	CU_ASSERT_EQUAL(slice[0], 1);
	slice[0] = 0;
	CU_ASSERT_EQUAL(collect(406, 1, slice), 0);
	CU_ASSERT_EQUAL(slice[0], 1);
	guest_ends();
}

static void test_wp_resumes_when_runs_are_more_than_one_scan_reports(void)
{
	if (!given_armed_guest())
		return;
	guest_writes(1, GUEST_PAGES / 2 - 1, 2);	/* 8191 single pages: three scans */
	harvest();
	CU_ASSERT_TRUE(as_expected());
	CU_ASSERT(bits(expected) > PW_PAGEMAP_RUNS);
	forget_expected();
	harvest();
	CU_ASSERT_TRUE(as_expected());
	guest_ends();
}

static uint64_t below(uint64_t n)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static void test_wp_agrees_with_a_model_over_random_writes_and_slices(void)
{
	if (!given_armed_guest())
		return;
	for (unsigned round = 0; round < 200; round++) {
		uint64_t slice = 64ull << below(9);

		for (unsigned i = 0; i < 5; i++)
			guest_writes(below(GUEST_PAGES - 600), below(100), 1 + below(6));
		for (uint64_t page = 0; page < GUEST_PAGES; page += slice)
			CU_ASSERT_EQUAL(collect(page, slice, &bitmap[page / 64]), 0);
		CU_ASSERT_TRUE(as_expected());
		forget_expected();
	}
	guest_ends();
}

static void test_wp_of_a_guest_that_is_not_armed_is_refused_and_all_is_dirty(void)
{
	int err;

	given_guest(false);
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_UFFD_WP), 0);
	err = pw_tracker_arm(t);
	if (err == -EOPNOTSUPP)
		printf("(this kernel has no PAGEMAP_SCAN) ");
	else
		CU_ASSERT_EQUAL(err, -EPERM);	/* the agent has not armed */
	CU_ASSERT_EQUAL(collect(10, 100, bitmap), err);
	CU_ASSERT_EQUAL(bits(bitmap), 100);
	CU_ASSERT_EQUAL(bitmap[0], UINT64_MAX);
	CU_ASSERT_EQUAL(bitmap[1], (1ull << 36) - 1);
	guest_ends();
}

static void test_wp_of_a_guest_that_is_gone_loses_nothing(void)
{
	if (!given_armed_guest())
		return;
	kill(guest.pid, SIGKILL);
	waitpid(guest.pid, NULL, 0);
	CU_ASSERT_EQUAL(pw_tracker_arm(t), -ENXIO);
	CU_ASSERT_EQUAL(collect(0, GUEST_PAGES, bitmap), -ENXIO);
	CU_ASSERT_EQUAL(bits(bitmap), GUEST_PAGES);
	close(guest.line);
	close(guest.pagemap);
	close(guest.clear_refs);
}

static void test_wp_of_a_region_that_is_not_all_mapped_is_refused(void)
{
	if (!given_armed_guest())
		return;
	guest.region.bytes += PW_PAGE_BYTES;
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_UFFD_WP), 0);
	CU_ASSERT(pw_tracker_arm(t) < 0);
	CU_ASSERT(collect(GUEST_PAGES - 70, 71, bitmap) < 0);
	CU_ASSERT_EQUAL(bits(bitmap), 71);
	guest_ends();
}

static void test_soft_dirty_of_a_real_process_is_exact_or_refused(void)
{
	uint64_t entry = 0;
	int err;

	given_guest(false);
	CU_ASSERT_EQUAL(pread(guest.pagemap, &entry, sizeof(entry),
			      (off_t)(guest.region.address / PW_PAGE_BYTES * sizeof(entry))),
			sizeof(entry));
	CU_ASSERT_EQUAL(init_tracker(PW_TRACK_SOFT_DIRTY), 0);
	err = pw_tracker_arm(t);
	if (entry & 1ull << 55) {	/* the guest wrote that page when it started */
		CU_ASSERT_EQUAL(err, 0);
		harvest();
		CU_ASSERT_TRUE(as_expected());
		guest_writes(3, 1, 1);
		guest_writes(70, 40, 2);
		guest_writes(GUEST_PAGES - 7, 3, 2);	/* for the first time */
		harvest();
		CU_ASSERT_TRUE(as_expected());
		forget_expected();
		harvest();
		CU_ASSERT_TRUE(as_expected());
	} else {
		printf("(this kernel keeps no soft-dirty bits) ");
		CU_ASSERT_EQUAL(err, -EOPNOTSUPP);
	}
	guest_ends();
}

static const struct pw_test tests[] = {
	PW_TEST(test_wp_reports_written_pages_exactly_and_once),
	PW_TEST(test_wp_reports_first_touch_of_an_unpopulated_page),
	PW_TEST(test_wp_ors_into_the_bitmap_and_leaves_bits_behind_the_area),
	PW_TEST(test_wp_harvests_slice_by_slice_into_the_words_of_the_slice),
	PW_TEST(test_wp_resumes_when_runs_are_more_than_one_scan_reports),
	PW_TEST(test_wp_agrees_with_a_model_over_random_writes_and_slices),
	PW_TEST(test_wp_of_a_guest_that_is_not_armed_is_refused_and_all_is_dirty),
	PW_TEST(test_wp_of_a_guest_that_is_gone_loses_nothing),
	PW_TEST(test_wp_of_a_region_that_is_not_all_mapped_is_refused),
	PW_TEST(test_soft_dirty_of_a_real_process_is_exact_or_refused),
};

int main(void)
{
	return PW_RUN_SUITE("tracker_pagemap", tests);
}
