/* SPDX-License-Identifier: BSD-3-Clause */
/* hole.c - see hole.h */

#include <errno.h>
#include <unistd.h>

#include "hole.h"
#include "pagewire/limits.h"

static uint64_t clear_bits(uint64_t *bitmap, uint64_t from, uint64_t to)
{
	for (uint64_t page = from; page < to; page++)
		bitmap[page / 64] &= ~(1ull << page % 64);
	return to > from ? to - from : 0;
}

/* Where whence next holds from at on, or end if nowhere before. */
static uint64_t seek(int memfd, uint64_t at, uint64_t end, int whence)
{
	off_t found = lseek(memfd, (off_t)at, whence);

	if (found < 0)	/* ENXIO: only a hole up to the end of the file */
		return whence == SEEK_DATA && errno == ENXIO ? end : at;
	return (uint64_t)found < end ? (uint64_t)found : end;
}

uint64_t pw_hole_clear(int memfd, const struct pw_area *area, uint64_t *bitmap)
{
	uint64_t start = area->page << PW_PAGE_SHIFT;
	uint64_t end = start + (area->pages << PW_PAGE_SHIFT);
	uint64_t at = start, cleared = 0;

	while (at < end) {
		uint64_t data = seek(memfd, at, end, SEEK_DATA);

		/* A page that is partly a hole holds data. */
		cleared += clear_bits(bitmap, (at - start + PW_PAGE_BYTES - 1) >> PW_PAGE_SHIFT,
				      (data - start) >> PW_PAGE_SHIFT);
		at = data < end ? seek(memfd, data, end, SEEK_HOLE) : end;
		if (at <= data && at < end)
			break;	/* a file that cannot tell */
	}
	return cleared;
}
