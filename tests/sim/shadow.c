/* SPDX-License-Identifier: BSD-3-Clause */
/* shadow.c - see shadow.h */

#include <inttypes.h>
#include <string.h>

#include "shadow.h"

#define GUARD 0xa5
#define BEFORE 0x5e	/* a target that was in use: nothing is zero by luck */

static void init_region(struct sim_shadow *s, struct sim_shadow_region *r, uint64_t pages)
{
	uint8_t *memory;

	r->bytes = pages << PW_PAGE_SHIFT;
	memory = sim_alloc(s->world, r->bytes + 2 * SIM_GUARD_BYTES);
	r->base = memory + SIM_GUARD_BYTES;
	memset(memory, GUARD, SIM_GUARD_BYTES);
	memset(r->base, BEFORE, r->bytes);
	memset(r->base + r->bytes, GUARD, SIM_GUARD_BYTES);
	r->stamp = sim_alloc(s->world, r->bytes / SIM_GRAIN_BYTES * sizeof(*r->stamp));
}

void sim_shadow_init(struct sim_shadow *s, struct sim_world *w, const struct sim_guest *g)
{
	memset(s, 0, sizeof(*s));
	s->world = w;
	s->regions = g->regions;
	for (unsigned r = 0; r < g->regions; r++)
		init_region(s, &s->region[r], g->memory[r].pages);
}

void sim_shadow_placed(struct sim_shadow *s, const struct sim_span *span, uint32_t stamp)
{
	uint32_t *at = s->region[span->region].stamp + span->offset / SIM_GRAIN_BYTES;

	for (uint64_t i = 0; i < span->bytes / SIM_GRAIN_BYTES; i++) {
		SIM_CHECK(s->world, at[i] <= stamp, "region %u at %" PRIu64 ": an older page landed",
			  span->region, span->offset + i * SIM_GRAIN_BYTES);
		at[i] = stamp;
	}
}

bool sim_shadow_has(const struct sim_shadow *s, const struct sim_span *span, uint32_t stamp)
{
	const uint32_t *at = s->region[span->region].stamp + span->offset / SIM_GRAIN_BYTES;

	for (uint64_t i = 0; i < span->bytes / SIM_GRAIN_BYTES; i++)
		if (at[i] < stamp)
			return false;
	return true;
}

static bool is_untouched(const uint8_t *guard)
{
	return guard[0] == GUARD && memcmp(guard, guard + 1, SIM_GUARD_BYTES - 1) == 0;
}

void sim_shadow_check_guards(const struct sim_shadow *s)
{
	for (unsigned r = 0; r < s->regions; r++) {
		const struct sim_shadow_region *region = &s->region[r];

		SIM_CHECK(s->world, is_untouched(region->base - SIM_GUARD_BYTES),
			  "written in front of region %u", r);
		SIM_CHECK(s->world, is_untouched(region->base + region->bytes),
			  "written behind region %u", r);
	}
}

void sim_shadow_check_equal(const struct sim_shadow *s, const struct sim_guest *g)
{
	for (unsigned r = 0; r < s->regions; r++)
		for (uint64_t page = 0; page < g->memory[r].pages; page++) {
			uint64_t offset = page << PW_PAGE_SHIFT;

			SIM_CHECK(s->world,
				  memcmp(s->region[r].base + offset, g->memory[r].base + offset,
					 PW_PAGE_BYTES) == 0,
				  "region %u page %" PRIu64 " of the target differs from the source",
				  r, page);
		}
}

uint64_t sim_shadow_digest(const struct sim_shadow *s)
{
	uint64_t digest = 0;

	for (unsigned r = 0; r < s->regions; r++)
		for (uint64_t at = 0; at < s->region[r].bytes; at += 8) {
			uint64_t word;

			memcpy(&word, s->region[r].base + at, sizeof(word));
			digest = (digest ^ word) * 0x9e3779b97f4a7c15ull;
			digest ^= digest >> 31;
		}
	return digest;
}
