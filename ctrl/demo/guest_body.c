/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_body.c - see guest_body.h */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../error.h"
#include "guest_body.h"
#include "pagewire/check.h"

static void add_area(struct pw_guest_body *b, uint8_t *base, uint64_t bytes, uint32_t id)
{
	const struct pw_guest_area *last = b->areas ? &b->area[b->areas - 1] : NULL;

	PW_CHECK(b->areas < PW_GUEST_AREAS_MAX);
	b->area[b->areas++] = (struct pw_guest_area){
		.base = base,
		.pages = bytes / PW_PAGE_BYTES,
		.first = last ? last->first + last->pages : 0,
		.id = id,
	};
}

static int add_vgpus(struct pw_guest_body *b, const struct pw_guest_size *size)
{
	for (uint32_t i = 0; i < size->vgpus; i++) {
		int err = pw_guest_vgpu_create(&b->vgpu[i], size->vgpu_bytes);

		if (err)
			return err;
		b->vgpus = i + 1;
		add_area(b, b->vgpu[i].memory, size->vgpu_bytes, PW_GUEST_AREA_VGPU + i);
	}
	return 0;
}

int pw_guest_body_create(struct pw_guest_body *b, const struct pw_guest_size *size,
			 struct pw_error *e)
{
	const struct pw_guest_area *last;
	int err;

	PW_CHECK(size->vgpus <= PW_GUEST_VGPUS_MAX);
	*b = (struct pw_guest_body){ .spared = PW_GUEST_NO_PAGE };
	err = pw_guest_memory_create(&b->memory, size->memory_bytes, size->regions, e);
	if (err)
		return err;
	for (uint32_t r = 0; r < size->regions; r++)
		add_area(b, b->memory.region[r].base, b->memory.region_bytes, r);
	err = add_vgpus(b, size);
	last = &b->area[b->areas - 1];
	if (!err)
		err = pw_guest_ledger_create(&b->ledger, last->first + last->pages);
	if (!err)
		return 0;
	pw_guest_body_destroy(b);
	return pw_fail(e, err, "PW-8002",
		       "cannot get %" PRIu64 " MiB of memory for %u vGPU(s)\n%s\n"
		       "ask for less with --device, or stop what uses memory on this host",
		       size->vgpu_bytes * size->vgpus >> 20, size->vgpus, strerror(-err));
}

void pw_guest_body_destroy(struct pw_guest_body *b)
{
	pw_guest_ledger_destroy(&b->ledger);
	for (uint32_t i = 0; i < b->vgpus; i++)
		pw_guest_vgpu_destroy(&b->vgpu[i]);
	pw_guest_memory_destroy(&b->memory);
	b->vgpus = 0;
	b->areas = 0;
}

int pw_guest_body_populate(struct pw_guest_body *b)
{
	int err = pw_guest_memory_populate(&b->memory);

	for (uint32_t i = 0; i < b->vgpus && !err; i++)
		err = pw_guest_memory_fault_in(b->vgpu[i].memory, b->vgpu[i].memory_bytes);
	return err;
}

int pw_guest_body_forget(struct pw_guest_body *b)
{
	int err = pw_guest_memory_forget(&b->memory);

	for (uint32_t i = 0; i < b->vgpus && !err; i++)
		err = pw_guest_vgpu_forget(&b->vgpu[i]);
	pw_guest_ledger_forget(&b->ledger);
	b->spared = PW_GUEST_NO_PAGE;
	return err;
}

void pw_guest_body_write(struct pw_guest_body *b, uint32_t area, uint64_t page)
{
	const struct pw_guest_area *a = &b->area[area];
	struct pw_guest_page_id id = { .seed = b->seed, .page = page, .area = a->id };

	PW_CHECK(page < a->pages);
	if (a->first + page == b->spared)
		return;
	id.version = pw_guest_ledger_bump(&b->ledger, a->first + page);
	pw_guest_page_write(a->base + page * PW_PAGE_BYTES, &id);
	if (a->id >= PW_GUEST_AREA_VGPU)
		pw_guest_vgpu_wrote(&b->vgpu[a->id - PW_GUEST_AREA_VGPU], page);
}

void pw_guest_body_end_step(struct pw_guest_body *b, uint64_t step)
{
	for (uint32_t i = 0; i < b->vgpus; i++)
		pw_guest_vgpu_end_step(&b->vgpu[i], step);
}

static void check_page(const struct pw_guest_body *b, const struct pw_guest_area *a, uint64_t page,
		       struct pw_guest_check *check)
{
	const uint8_t *at = a->base + page * PW_PAGE_BYTES;
	struct pw_guest_page_id want = {
		.seed = b->seed,
		.page = page,
		.area = a->id,
		.version = b->ledger.version[a->first + page],
	};

	check->pages++;
	if (pw_guest_page_check(at, &want) == PW_PAGE_GOOD)
		return;
	if (!check->bad++)
		pw_guest_page_describe(at, &want, check->first_bad, sizeof(check->first_bad));
}

void pw_guest_body_check(const struct pw_guest_body *b, struct pw_guest_check *check)
{
	*check = (struct pw_guest_check){ 0 };
	for (uint32_t i = 0; i < b->areas; i++)
		for (uint64_t page = 0; page < b->area[i].pages; page++)
			check_page(b, &b->area[i], page, check);
}

/* Written at least twice, so that its version - 1 is a page too, and seldom,
 * so the last such page: the hot ones come first in a region. */
static bool find_victim(const struct pw_guest_body *b, uint64_t *page)
{
	for (uint64_t i = b->area[0].pages; i > 0; i--) {
		if (b->ledger.version[i - 1] < 2)
			continue;
		*page = i - 1;
		return true;
	}
	return false;
}

int pw_guest_body_sabotage(struct pw_guest_body *b, enum pw_guest_sabotage how)
{
	struct pw_guest_page_id older = { .seed = b->seed, .area = b->area[0].id };
	uint8_t *at;

	if (how == PW_SABOTAGE_NONE)
		return 0;
	if (!find_victim(b, &older.page))
		return -ENOENT;
	at = b->area[0].base + older.page * PW_PAGE_BYTES;
	older.version = b->ledger.version[older.page] - 1;
	b->spared = older.page;	/* or the workload might heal it */
	if (how == PW_SABOTAGE_CORRUPT)
		at[PW_PAGE_BYTES / 2] ^= 1;
	else if (how == PW_SABOTAGE_STALE)
		pw_guest_page_write(at, &older);
	else
		memset(at, 0, PW_PAGE_BYTES);
	return 0;
}
