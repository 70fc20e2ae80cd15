/* SPDX-License-Identifier: BSD-3-Clause */
/* guest.c - see guest.h */

#include <string.h>

#include "guest.h"

static uint8_t *page_at(const struct sim_memory *m, uint64_t page)
{
	return m->base + (page << PW_PAGE_SHIFT);
}

static void fill_page(struct sim_world *w, uint8_t *page)
{
	for (unsigned at = 0; at < PW_PAGE_BYTES; at += 8) {
		uint64_t word = sim_random(w);

		memcpy(page + at, &word, sizeof(word));
	}
}

static void write_word(struct sim_world *w, uint8_t *page)
{
	uint64_t word = sim_random(w);

	memcpy(page + 8 * sim_below(w, PW_PAGE_BYTES / 8), &word, sizeof(word));
}

/* A page that is zero but for one byte, which may be its last. */
static void almost_zero(struct sim_world *w, uint8_t *page)
{
	memset(page, 0, PW_PAGE_BYTES);
	page[sim_chance(w, 5000) ? PW_PAGE_BYTES - 1 : sim_below(w, PW_PAGE_BYTES)] = 1;
}

static void write_page(struct sim_world *w, uint8_t *page)
{
	switch (sim_below(w, 8)) {
	case 0:
	case 1:
		memset(page, 0, PW_PAGE_BYTES);
		break;
	case 2:
		almost_zero(w, page);
		break;
	case 3:
		fill_page(w, page);
		break;
	default:
		write_word(w, page);
	}
}

static void dirty_page(struct sim_guest *g, struct sim_memory *m, uint64_t page)
{
	write_page(g->world, page_at(m, page));
	m->dirty[page / 64] |= 1ull << page % 64;
	g->writes++;
}

/* A few pages, half of them near each other: guests have hot places. */
static void step(void *who, uint64_t what)
{
	struct sim_guest *g = who;
	struct sim_world *w = g->world;

	(void)what;
	if (g->stopped)
		return;
	for (uint64_t n = sim_between(w, 1, 4); n > 0; n--) {
		struct sim_memory *m = &g->memory[sim_below(w, g->regions)];
		uint64_t page = sim_below(w, sim_chance(w, 5000) ? m->pages : m->pages / 8 + 1);

		dirty_page(g, m, page);
	}
	sim_after(w, sim_below(w, g->pause_ns_max), step, g, 0);
}

void sim_guest_init(struct sim_guest *g, struct sim_world *w, const uint64_t *pages,
		    unsigned regions, uint64_t pause_ns_max)
{
	unsigned zero_share = (unsigned)sim_below(w, 10000);

	memset(g, 0, sizeof(*g));
	g->world = w;
	g->regions = regions;
	g->pause_ns_max = pause_ns_max;
	for (unsigned r = 0; r < regions; r++) {
		struct sim_memory *m = &g->memory[r];

		m->pages = pages[r];
		m->base = sim_alloc(w, pages[r] << PW_PAGE_SHIFT);
		m->dirty = sim_alloc(w, (pages[r] + 63) / 64 * 8);
		for (uint64_t page = 0; page < m->pages; page++) {
			m->dirty[page / 64] |= 1ull << page % 64;
			if (!sim_chance(w, zero_share))
				fill_page(w, page_at(m, page));
		}
	}
}

void sim_guest_run(struct sim_guest *g)
{
	sim_after(g->world, 0, step, g, 0);
}

uint64_t sim_guest_harvest(struct sim_guest *g, unsigned region, uint64_t first, uint64_t pages,
			   uint64_t *bitmap)
{
	struct sim_memory *m = &g->memory[region];
	uint64_t dirty = 0;

	for (uint64_t i = 0; i < pages && first + i < m->pages; i++) {
		uint64_t page = first + i;

		if (!(m->dirty[page / 64] >> page % 64 & 1))
			continue;
		m->dirty[page / 64] &= ~(1ull << page % 64);
		bitmap[i / 64] |= 1ull << i % 64;
		dirty++;
	}
	return dirty;
}
