/* SPDX-License-Identifier: BSD-3-Clause */
/* runlist.c - see runlist.h */

#include <string.h>

#include "pagewire/check.h"
#include "pagewire/wire.h"
#include "runlist.h"

#include "hot.h"

static_assert(PW_ZERO_MAPS <= 256 && PW_PATHS_MAX <= 256, "a map's name has 16 bits");

void pw_runlist_init(struct pw_runlist *l, uint16_t path)
{
	PW_CHECK(path < PW_PATHS_MAX);
	memset(l, 0, sizeof(*l));
	l->path = (uint8_t)path;
	pw_zero_maps_init(&l->maps);
}

/* A page of a busy guest shows its colours in the first cache line; only a page
 * that is zero, or nearly, is read whole. */
static bool is_zero(const uint8_t *page)
{
	uint64_t word, any = 0;

	for (unsigned at = 0; at < PW_PAGE_BYTES; at += 64) {
		for (unsigned i = 0; i < 64; i += 8) {
			memcpy(&word, page + at + i, sizeof(word));
			any |= word;
		}
		if (any)
			return false;
	}
	return true;
}

/* The next dirty page of the chunk, taken out of it; false at its end. */
static bool take_page(struct pw_runlist *l, uint32_t *page)
{
	while (l->word < PW_CHUNK_WORDS && !l->chunk.words[l->word])
		l->word++;
	if (l->word == PW_CHUNK_WORDS)
		return false;
	*page = l->word * 64 + (unsigned)__builtin_ctzll(l->chunk.words[l->word]);
	l->chunk.words[l->word] &= l->chunk.words[l->word] - 1;
	return true;
}

static bool is_dirty(const struct pw_runlist *l, uint32_t page)
{
	return page < PW_CHUNK_PAGES && l->chunk.words[page / 64] >> page % 64 & 1;
}

static void note_zero(struct pw_runlist *l, uint32_t page)
{
	l->zero[page / 64] |= 1ull << page % 64;
	l->zero_pages++;
}

static struct pw_extent extent_of(const struct pw_runlist *l, uint8_t kind, uint64_t offset,
				  uint32_t bytes)
{
	return (struct pw_extent){
		.offset = offset,
		.id = l->chunk.region,
		.epoch = l->chunk.epoch,
		.bytes = (uint16_t)bytes,
		.kind = kind,
		.flags = l->chunk.stun ? PW_F_STUN : 0,
		.settles = bytes,
		.slot = (uint16_t)l->chunk.slot,
	};
}

/* An extent larger than a datagram is cut; the rest goes next. */
static void cut(struct pw_runlist *l, struct pw_extent *extent, uint16_t payload_bytes)
{
	l->rest = *extent;
	if (extent->bytes <= payload_bytes) {
		l->rest.kind = PW_EXTENT_NONE;
		return;
	}
	extent->bytes = payload_bytes;
	extent->settles = payload_bytes;
	l->rest.offset += payload_bytes;
	l->rest.bytes = (uint16_t)(l->rest.bytes - payload_bytes);
	l->rest.settles = l->rest.bytes;
}

/* The chunk is read through: its zero pages, if any, and on to the next. False:
 * no map is free, try again later. */
static bool finish_chunk(struct pw_runlist *l, struct pw_extent *extent)
{
	uint16_t map;

	if (!l->zero_pages) {
		l->busy = false;
		extent->kind = PW_EXTENT_NONE;
		return true;
	}
	if (!pw_zero_maps_take(&l->maps, l->zero, &map))
		return false;
	*extent = extent_of(l, PW_EXTENT_ZERO, l->chunk.offset, PW_ZERO_MAP_BYTES);
	extent->settles = l->zero_pages << PW_PAGE_SHIFT;
	extent->zero_map = PW_ZERO_MAP_NAME(l->path, map);
	l->busy = false;
	return true;
}

/* From the next dirty page to an extent of up to two; false if pages_max pages
 * were looked at and all were zero, or at the chunk's end. */
static bool take_pages(struct pw_runlist *l, const uint8_t *base, uint16_t payload_bytes,
		       struct pw_extent *extent, bool *at_end)
{
	uint32_t page, bytes = PW_PAGE_BYTES;

	for (unsigned looked = 0; looked < PW_RUNLIST_PAGES_MAX; looked++) {
		if (!take_page(l, &page)) {
			*at_end = true;
			return false;
		}
		if (is_zero(base + (uint64_t)page * PW_PAGE_BYTES)) {
			note_zero(l, page);
			continue;
		}
		if (payload_bytes >= 2 * PW_PAGE_BYTES && is_dirty(l, page + 1) &&
		    !is_zero(base + (uint64_t)(page + 1) * PW_PAGE_BYTES)) {
			l->chunk.words[(page + 1) / 64] &= ~(1ull << (page + 1) % 64);
			bytes += PW_PAGE_BYTES;
		}
		*extent = extent_of(l, PW_EXTENT_DATA,
				    l->chunk.offset + (uint64_t)page * PW_PAGE_BYTES, bytes);
		return true;
	}
	return false;
}

static bool begin_chunk(struct pw_runlist *l, struct pw_slices_out *slices, bool *settled)
{
	if (!pw_slices_claim(slices, &l->chunk, settled))
		return false;
	memset(l->zero, 0, sizeof(l->zero));
	l->zero_pages = 0;
	l->word = 0;
	l->busy = true;
	return true;
}

bool pw_runlist_rest(struct pw_runlist *l, const struct pw_region *regions, uint16_t payload_bytes,
		     struct pw_extent *extent)
{
	bool at_end = false;

	if (l->rest.kind != PW_EXTENT_NONE) {
		*extent = l->rest;
		cut(l, extent, payload_bytes);
		return true;
	}
	if (!l->busy)
		return false;
	if (take_pages(l, regions[l->chunk.region].base + l->chunk.offset, payload_bytes, extent,
		       &at_end)) {
		cut(l, extent, payload_bytes);
		return true;
	}
	return at_end && finish_chunk(l, extent) && extent->kind != PW_EXTENT_NONE;
}

bool pw_runlist_next(struct pw_runlist *l, struct pw_slices_out *slices,
		     const struct pw_region *regions, uint16_t payload_bytes,
		     struct pw_extent *extent, bool *settled)
{
	for (unsigned chunks = 0; chunks < 2; chunks++) {
		if (pw_runlist_rest(l, regions, payload_bytes, extent))
			return true;
		if (l->busy || !begin_chunk(l, slices, settled))
			return false;
	}
	return pw_runlist_rest(l, regions, payload_bytes, extent);
}
