/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_workload.c - see guest_workload.h */

#include "guest_random.h"
#include "guest_workload.h"
#include "pagewire/check.h"

#define HOT_PERCENT	20u
#define WRITTEN_PERCENT 90u
#define COLD_ONE_IN	128u	/* writes to host memory that go to the cold part */

static uint32_t hot_pages(const struct pw_guest_area *region)
{
	return (uint32_t)(region->pages * HOT_PERCENT / 100);
}

static uint32_t written_pages(const struct pw_guest_area *region)
{
	return (uint32_t)(region->pages * WRITTEN_PERCENT / 100);
}

/* Of the KV cache, each request has the same number of pages: whole tokens. */
static uint32_t request_pages(const struct pw_guest_vgpu *v)
{
	return (v->workspace_first - v->kv_first) * PW_GUEST_BLOCK_PAGES / PW_GUEST_REQUESTS /
	       PW_GUEST_TOKEN_PAGES * PW_GUEST_TOKEN_PAGES;
}

static uint64_t next_chain(uint64_t chain, uint64_t step)
{
	return pw_guest_random_mix(chain + step * 0x9e3779b97f4a7c15ull);
}

void pw_guest_workload_init(struct pw_guest_workload *w, const struct pw_guest_rates *rates,
			    uint64_t seed)
{
	*w = (struct pw_guest_workload){
		.seed = seed,
		.rates = *rates,
		.dice = pw_guest_random_mix(seed + 1),
		.chain = pw_guest_random_mix(seed),
	};
}

void pw_guest_workload_fill(const struct pw_guest_workload *w, struct pw_guest_body *b)
{
	b->seed = w->seed;
	for (uint32_t a = 0; a < b->areas; a++) {
		const struct pw_guest_area *area = &b->area[a];
		uint64_t pages = written_pages(area);

		if (area->id >= PW_GUEST_AREA_VGPU)
			pages = (uint64_t)b->vgpu[area->id - PW_GUEST_AREA_VGPU].kv_first *
				PW_GUEST_BLOCK_PAGES;
		for (uint64_t page = 0; page < pages; page++)
			pw_guest_body_write(b, a, page);
	}
	pw_guest_body_end_step(b, w->step);
}

/* The lesser of two throws: the first quarter of the hot part gets 44 % of the writes. */
static uint64_t hot_page(struct pw_guest_workload *w, uint32_t pages)
{
	uint64_t one = pw_guest_random_below(&w->dice, pages);
	uint64_t other = pw_guest_random_below(&w->dice, pages);

	return one < other ? one : other;
}

static void write_host_page(struct pw_guest_workload *w, struct pw_guest_body *b)
{
	uint32_t r = (uint32_t)pw_guest_random_below(&w->dice, b->memory.regions);
	uint32_t hot = hot_pages(&b->area[r]);
	uint32_t cold = written_pages(&b->area[r]) - hot;

	if (pw_guest_random_below(&w->dice, COLD_ONE_IN))
		pw_guest_body_write(b, r, hot_page(w, hot));
	else
		pw_guest_body_write(b, r, hot + pw_guest_random_below(&w->dice, cold));
}

static void write_host(struct pw_guest_workload *w, struct pw_guest_body *b)
{
	const uint64_t page_price = (uint64_t)PW_PAGE_BYTES * w->rates.steps_per_s;

	w->dirty_credit += w->rates.dirty_bytes_per_s;
	for (; w->dirty_credit >= page_price; w->dirty_credit -= page_price)
		write_host_page(w, b);
}

static void append_token(struct pw_guest_workload *w, struct pw_guest_body *b, uint32_t v)
{
	const struct pw_guest_vgpu *vgpu = &b->vgpu[v];
	struct pw_guest_inference *i = &w->vgpu[v];
	uint32_t pages = request_pages(vgpu), turn = i->turn;
	struct pw_guest_request *q = &i->request[turn];
	uint64_t first = (uint64_t)vgpu->kv_first * PW_GUEST_BLOCK_PAGES + (uint64_t)turn * pages;

	if (q->next_page + PW_GUEST_TOKEN_PAGES > q->end_page) {	/* the next request */
		uint32_t half = pages / PW_GUEST_TOKEN_PAGES / 2;

		q->next_page = 0;
		q->end_page = PW_GUEST_TOKEN_PAGES *
			      (half + 1 + (uint32_t)pw_guest_random_below(&w->dice, half));
	}
	for (uint32_t p = 0; p < PW_GUEST_TOKEN_PAGES; p++)
		pw_guest_body_write(b, b->memory.regions + v, first + q->next_page++);
	i->turn = (turn + 1) % PW_GUEST_REQUESTS;
}

static void sweep_workspace(struct pw_guest_workload *w, struct pw_guest_body *b, uint32_t v)
{
	const struct pw_guest_vgpu *vgpu = &b->vgpu[v];
	uint64_t first = (uint64_t)vgpu->workspace_first * PW_GUEST_BLOCK_PAGES;
	uint64_t pages = (uint64_t)vgpu->blocks * PW_GUEST_BLOCK_PAGES - first;
	uint64_t part = w->vgpu[v].sweep;

	for (uint64_t p = pages * part / PW_GUEST_SWEEP_STEPS;
	     p < pages * (part + 1) / PW_GUEST_SWEEP_STEPS; p++)
		pw_guest_body_write(b, b->memory.regions + v, first + p);
	w->vgpu[v].sweep = (uint32_t)((part + 1) % PW_GUEST_SWEEP_STEPS);
}

static void infer(struct pw_guest_workload *w, struct pw_guest_body *b, uint32_t v)
{
	w->vgpu[v].token_credit += w->rates.tokens_per_s;
	for (; w->vgpu[v].token_credit >= w->rates.steps_per_s;
	     w->vgpu[v].token_credit -= w->rates.steps_per_s)
		append_token(w, b, v);
	sweep_workspace(w, b, v);
}

void pw_guest_workload_step(struct pw_guest_workload *w, struct pw_guest_body *b)
{
	w->step++;
	write_host(w, b);
	for (uint32_t v = 0; v < b->vgpus; v++)
		infer(w, b, v);
	w->chain = next_chain(w->chain, w->step);
	pw_guest_body_end_step(b, w->step);
}

static bool inference_is_sane(const struct pw_guest_inference *i, const struct pw_guest_vgpu *v)
{
	uint32_t pages = request_pages(v);

	if (i->sweep >= PW_GUEST_SWEEP_STEPS || i->turn >= PW_GUEST_REQUESTS)
		return false;
	for (uint32_t q = 0; q < PW_GUEST_REQUESTS; q++)
		if (i->request[q].end_page > pages || i->request[q].next_page > pages)
			return false;
	return true;
}

/* Credits are kept below the price of one unit, so a step cannot take for ever. */
bool pw_guest_workload_is_sane(const struct pw_guest_workload *w, const struct pw_guest_body *b)
{
	const struct pw_guest_rates *r = &w->rates;

	if (r->steps_per_s == 0 || r->steps_per_s > PW_GUEST_STEP_RATE_MAX ||
	    r->tokens_per_s > PW_GUEST_TOKEN_RATE_MAX ||
	    r->dirty_bytes_per_s > PW_GUEST_DIRTY_RATE_MAX)
		return false;
	if (w->dirty_credit >= (uint64_t)PW_PAGE_BYTES * r->steps_per_s)
		return false;
	for (uint32_t v = 0; v < b->vgpus; v++)
		if (w->vgpu[v].token_credit >= r->steps_per_s ||
		    !inference_is_sane(&w->vgpu[v], &b->vgpu[v]))
			return false;
	return true;
}

bool pw_guest_workload_is_continuous(const struct pw_guest_workload *w)
{
	uint64_t chain = pw_guest_random_mix(w->seed);

	for (uint64_t step = 1; step <= w->step; step++)
		chain = next_chain(chain, step);
	return chain == w->chain;
}
