/* SPDX-License-Identifier: BSD-3-Clause */
/* mapping.c - see mapping.h */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "mapping.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

#define PIECE_BYTES (64ull << 20)	/* some 20 ms: how long a stop may take */

int pw_mapping_open(int fd, uint64_t bytes, bool writable, uint8_t **base)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size < bytes)
		return -ERANGE;
	at = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	madvise(at, bytes, MADV_DONTDUMP);	/* a guest's secrets, and its size */
	*base = at;
	return 0;
}

void pw_mapping_close(uint8_t *base, uint64_t bytes)
{
	munmap(base, bytes);
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

	p->status = populate(p);
	/* release; pairs with the acquire in pw_prefault_has_ended() */
	atomic_store_explicit(&p->ended, true, memory_order_release);
	pw_bells_ring(p->control, PW_BELLS_ALL);
	return NULL;
}

struct pw_prefault *pw_prefault_create(uint8_t *base, uint64_t bytes, struct pw_bells *control)
{
	struct pw_prefault *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->base = base;
	p->bytes = bytes;
	p->control = control;
	if (pthread_create(&p->thread, NULL, run, p)) {
		free(p);
		return NULL;
	}
	return p;
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
