/* SPDX-License-Identifier: BSD-3-Clause */
/* mapping.c - see mapping.h */

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "mapping.h"
#include "pagewire/limits.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

#define PIECE_BYTES (64ull << 20)	/* some 20 ms: how long a stop may take */

static uint64_t whole_pieces(uint64_t bytes)
{
	return (bytes + PW_MAPPING_PIECE - 1) & ~(PW_MAPPING_PIECE - 1);
}

/* Address space for bytes, aligned, or MAP_FAILED. */
static uint8_t *reserve(uint64_t bytes, uint64_t align)
{
	uint64_t whole = whole_pieces(bytes), before;
	uint8_t *hole = mmap(NULL, whole + align, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (hole == MAP_FAILED)
		return MAP_FAILED;
	before = -(uintptr_t)hole & (align - 1);
	if (before)
		munmap(hole, before);
	if (before < align)
		munmap(hole + before + whole, align - before);
	return hole + before;
}

uint64_t pw_mapping_page_bytes(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == HUGETLBFS_MAGIC ? (uint64_t)st.f_bsize :
								       PW_PAGE_BYTES;
}

int pw_mapping_open(int fd, uint64_t bytes, bool writable, uint8_t **base)
{
	uint64_t page = pw_mapping_page_bytes(fd);
	struct stat st;
	uint8_t *hole;
	void *at;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size < bytes)
		return -ERANGE;
	if (page > PW_PAGE_BYTES && bytes % page)
		return -EINVAL;
	hole = reserve(bytes, page > PW_MAPPING_PIECE ? page : PW_MAPPING_PIECE);
	if (hole == MAP_FAILED)
		return -ENOMEM;
	at = mmap(hole, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		  MAP_SHARED | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED) {
		int status = -errno;

		munmap(hole, whole_pieces(bytes));
		return status;
	}
	madvise(at, bytes, MADV_DONTDUMP);	/* a guest's secrets, and its size */
	*base = at;
	return 0;
}

void pw_mapping_close(uint8_t *base, uint64_t bytes)
{
	munmap(base, whole_pieces(bytes));
}

uint8_t *pw_mapping_create(uint64_t bytes)
{
	uint8_t *hole = reserve(bytes, PW_MAPPING_PIECE);

	if (hole == MAP_FAILED)
		return NULL;
	if (mprotect(hole, bytes, PROT_READ | PROT_WRITE) == 0)
		return hole;
	munmap(hole, whole_pieces(bytes));
	return NULL;
}

void pw_mapping_only_read(uint8_t *base, uint64_t bytes)
{
	mprotect(base, bytes, PROT_READ);
}

static int populate(struct pw_prefault *p)
{
	for (uint64_t at = 0; at < p->bytes; at += PIECE_BYTES) {
		uint64_t bytes = p->bytes - at < PIECE_BYTES ? p->bytes - at : PIECE_BYTES;

		if (atomic_load_explicit(&p->stop, memory_order_relaxed))
			return -ECANCELED;
		if (madvise(p->base + at, bytes, MADV_POPULATE_WRITE) == 0)
			continue;
		if (errno == EINVAL)	/* an older kernel: faults will come, nothing worse */
			return 0;
		return -errno;
	}
	return 0;
}

static void *run(void *arg)
{
	struct pw_prefault *p = arg;

	p->status = p->instead ? p->instead(p->user) : populate(p);
	/* release; pairs with the acquire in pw_prefault_has_ended() */
	atomic_store_explicit(&p->ended, true, memory_order_release);
	pw_bells_ring(p->control, PW_BELLS_ALL);
	return NULL;
}

static struct pw_prefault *start(const struct pw_prefault *wanted)
{
	struct pw_prefault *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	*p = *wanted;
	if (pthread_create(&p->thread, NULL, run, p)) {
		free(p);
		return NULL;
	}
	return p;
}

struct pw_prefault *pw_prefault_create(uint8_t *base, uint64_t bytes, struct pw_bells *control)
{
	return start(&(struct pw_prefault){ .base = base, .bytes = bytes, .control = control });
}

struct pw_prefault *pw_prefault_create_for(pw_prefault_fn instead, void *user,
					   struct pw_bells *control)
{
	return start(&(struct pw_prefault){ .instead = instead, .user = user, .control = control });
}

void pw_prefault_stop(struct pw_prefault *p)
{
	atomic_store_explicit(&p->stop, true, memory_order_relaxed);
}

int pw_prefault_destroy(struct pw_prefault *p)
{
	int status;

	pthread_join(p->thread, NULL);
	status = p->status;
	free(p);
	return status;
}
