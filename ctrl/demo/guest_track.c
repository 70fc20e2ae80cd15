/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_track.c - see guest_track.h */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest_track.h"
#include "pagewire/agent.h"

/* Newer than the headers of some systems that we build on. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

#define SOFT_DIRTY_BIT 55	/* of a pagemap entry */

void pw_guest_track_init(struct pw_guest_track *t)
{
	*t = (struct pw_guest_track){ .uffd = -1 };
}

static void region_range(const struct pw_guest_memory *m, uint32_t r, struct uffdio_range *range)
{
	range->start = (uintptr_t)m->region[r].base;
	range->len = m->region_bytes;
}

static int register_regions(int uffd, const struct pw_guest_memory *m)
{
	for (uint32_t r = 0; r < m->regions; r++) {
		struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };

		region_range(m, r, &reg.range);
		if (ioctl(uffd, UFFDIO_REGISTER, &reg))
			return -errno;
	}
	return 0;
}

/* User mode only: all that is asked of the kernel is to note writes of the
 * engine, and it is what a user without privileges may have. */
static int arm_uffd(struct pw_guest_track *t, const struct pw_guest_memory *m)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	int err;

	t->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (t->uffd < 0)
		return -errno;
	err = ioctl(t->uffd, UFFDIO_API, &api) ? -errno : register_regions(t->uffd, m);
	if (err) {
		close(t->uffd);
		t->uffd = -1;
		return err;
	}
	t->how = PW_TRACK_UFFD_WP;
	return 0;
}

static int is_soft_dirty(int pagemap, const void *page, bool *dirty)
{
	uint64_t entry;
	off_t at = (off_t)((uintptr_t)page / PW_PAGE_BYTES * sizeof(entry));

	if (pread(pagemap, &entry, sizeof(entry), at) != (ssize_t)sizeof(entry))
		return -EIO;
	*dirty = entry >> SOFT_DIRTY_BIT & 1;
	return 0;
}

static int clear_soft_dirty(int clear_refs)
{
	return write(clear_refs, "4", 1) == 1 ? 0 : -EIO;
}

/* A kernel without soft-dirty takes the writes to clear_refs all the same and
 * never sets the bit, or never clears it: so try on a page. */
static int try_soft_dirty(int pagemap, int clear_refs, volatile uint8_t *page)
{
	bool clean_seen = true, dirty_seen = false;
	int err;

	*page = 1;
	err = clear_soft_dirty(clear_refs);
	if (!err)
		err = is_soft_dirty(pagemap, (const void *)page, &clean_seen);
	*page = 2;
	if (!err)
		err = is_soft_dirty(pagemap, (const void *)page, &dirty_seen);
	if (err)
		return err;
	return !clean_seen && dirty_seen ? 0 : -EOPNOTSUPP;
}

static int probe_soft_dirty(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	void *page = mmap(NULL, PW_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int err = -EOPNOTSUPP;

	if (pagemap >= 0 && clear_refs >= 0 && page != MAP_FAILED)
		err = try_soft_dirty(pagemap, clear_refs, page);
	if (page != MAP_FAILED)
		munmap(page, PW_PAGE_BYTES);
	if (clear_refs >= 0)
		close(clear_refs);
	if (pagemap >= 0)
		close(pagemap);
	return err;
}

int pw_guest_track_arm(struct pw_guest_track *t, const struct pw_guest_memory *m, uint32_t wanted)
{
	if (t->how & wanted)
		return 0;
	pw_guest_track_disarm(t, m);
	if ((wanted & PW_TRACK_UFFD_WP) && !arm_uffd(t, m))
		return 0;
	if (!(wanted & PW_TRACK_SOFT_DIRTY) || probe_soft_dirty())
		return -EOPNOTSUPP;
	t->how = PW_TRACK_SOFT_DIRTY;
	return 0;
}

void pw_guest_track_disarm(struct pw_guest_track *t, const struct pw_guest_memory *m)
{
	if (t->uffd >= 0) {
		for (uint32_t r = 0; r < m->regions; r++) {
			struct uffdio_range range;

			region_range(m, r, &range);
			ioctl(t->uffd, UFFDIO_UNREGISTER, &range);
		}
		close(t->uffd);
	}
	pw_guest_track_init(t);
}
