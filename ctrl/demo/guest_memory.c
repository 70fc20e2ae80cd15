/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_memory.c - see guest_memory.h */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../error.h"
#include "guest_memory.h"
#include "pagewire/check.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int region_open(struct pw_guest_memory *m, uint32_t r)
{
	void *base;
	int fd = memfd_create("pagewire-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	m->region[r].fd = fd;
	if (fd < 0 || ftruncate(fd, (off_t)m->region_bytes))
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		return -errno;
	base = mmap(NULL, m->region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	m->region[r].base = base;
	return 0;
}

int pw_guest_memory_create(struct pw_guest_memory *m, uint64_t bytes, uint32_t regions,
			   struct pw_error *e)
{
	int err = 0;

	PW_CHECK(regions > 0 && regions <= PW_REGIONS_MAX);
	PW_CHECK(bytes % (PW_PAGE_BYTES * (uint64_t)regions) == 0);
	*m = (struct pw_guest_memory){ .region_bytes = bytes / regions };
	for (uint32_t r = 0; r < regions && !err; r++) {
		m->regions = r + 1;
		err = region_open(m, r);
	}
	if (!err)
		return 0;
	pw_guest_memory_destroy(m);
	return pw_fail(e, err, "PW-8001",
		       "cannot get %" PRIu64 " MiB of guest memory\n%s\n"
		       "ask for less with --memory, or stop what uses memory on this host",
		       bytes >> 20, strerror(-err));
}

void pw_guest_memory_destroy(struct pw_guest_memory *m)
{
	for (uint32_t r = 0; r < m->regions; r++) {
		if (m->region[r].base)
			munmap(m->region[r].base, m->region_bytes);
		if (m->region[r].fd >= 0)
			close(m->region[r].fd);
	}
	*m = (struct pw_guest_memory){ 0 };
}

int pw_guest_memory_fault_in(uint8_t *base, uint64_t bytes)
{
	if (!madvise(base, bytes, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -errno;
	for (uint64_t at = 0; at < bytes; at += PW_PAGE_BYTES) {
		volatile uint8_t *touch = base + at;

		*touch = *touch;
	}
	return 0;
}

int pw_guest_memory_populate(struct pw_guest_memory *m)
{
	int err = 0;

	for (uint32_t r = 0; r < m->regions && !err; r++)
		err = pw_guest_memory_fault_in(m->region[r].base, m->region_bytes);
	return err;
}

int pw_guest_memory_forget(struct pw_guest_memory *m)
{
	for (uint32_t r = 0; r < m->regions; r++) {
		if (fallocate(m->region[r].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			      (off_t)m->region_bytes))
			return -errno;
	}
	return pw_guest_memory_populate(m);
}
