/* SPDX-License-Identifier: BSD-3-Clause */
/* migration.c - see migration.h */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "migration.h"

#define ENDS_WITHIN_NS	  (20 * SIM_S)
#define ENDS_WITHIN_STEPS 4000000u

static uint64_t control_ns(struct sim_migration *m)
{
	return sim_between(m->world, SIM_US, m->scenario.control_ns_max);
}

static uint64_t pages_of_slice(const struct sim_migration *m)
{
	return 1ull << (m->scenario.slice_shift - PW_PAGE_SHIFT);
}

static uint64_t slice_count(const struct sim_migration *m, unsigned region)
{
	return (m->scenario.pages[region] + pages_of_slice(m) - 1) / pages_of_slice(m);
}

static void init_slices(struct sim_migration *m)
{
	uint32_t chunks = (uint32_t)((pages_of_slice(m) + PW_CHUNK_PAGES - 1) / PW_CHUNK_PAGES);
	struct sim_slice *slice;
	uint64_t n = 0;

	for (unsigned r = 0; r < m->scenario.regions; r++)
		n += slice_count(m, r);
	m->num_slices = (unsigned)n;
	m->slices = slice = sim_alloc(m->world, n * sizeof(*m->slices));
	for (unsigned r = 0; r < m->scenario.regions; r++) {
		n = slice_count(m, r);
		m->target.slice_in[r] = sim_alloc(m->world, n * sizeof(struct pw_slice_in));
		for (uint32_t i = 0; i < n; i++, slice++) {
			atomic_init(&m->target.slice_in[r][i].open_epoch, m->scenario.first_epoch);
			slice->region = r;
			slice->number = i;
			slice->chunks = chunks;
			slice->epoch = m->scenario.first_epoch;
			slice->bitmap = sim_alloc(m->world, chunks * PW_CHUNK_WORDS * 8ull);
		}
	}
}

static void init_transfers(struct sim_migration *m)
{
	m->source.role = PW_SOURCE;
	m->target.role = PW_TARGET;
	m->source.slice_shift = m->target.slice_shift = m->scenario.slice_shift;
	pw_slices_init(&m->source.slices, m->scenario.slice_shift);
	for (unsigned r = 0; r < m->scenario.regions; r++) {
		uint64_t bytes = m->scenario.pages[r] << PW_PAGE_SHIFT;

		m->source.region[r] = (struct pw_region){ m->guest.memory[r].base, bytes };
		m->target.region[r] = (struct pw_region){ m->shadow.region[r].base, bytes };
	}
	init_slices(m);
}

static void publish_stream(void *who, uint64_t number)
{
	struct sim_migration *m = who;

	atomic_store_explicit(&m->target.stream_in[number], &m->tap[number].in,
			      memory_order_release);
	atomic_store_explicit(&m->source.stream_out[number], &m->tap[number].out,
			      memory_order_release);
	sim_tap_run(&m->tap[number]);
}

static void init(struct sim_migration *m, struct sim_world *w)
{
	const struct sim_ends ends = { &m->source, &m->target, &m->shadow, m->tap };

	memset(m, 0, sizeof(*m));
	m->world = w;
	sim_scenario_draw(&m->scenario, w);
	sim_scenario_say(&m->scenario, w);
	sim_guest_init(&m->guest, w, m->scenario.pages, m->scenario.regions,
		       m->scenario.guest_pause_ns_max);
	sim_shadow_init(&m->shadow, w, &m->guest, m->scenario.first_epoch);
	init_transfers(m);
	for (unsigned i = 0; i < m->scenario.streams; i++) {
		sim_tap_init(&m->tap[i], w, &m->scenario, i);
		sim_after(w, sim_below(w, 5 * SIM_MS), publish_stream, m, i);
	}
	for (unsigned i = 0; i < m->scenario.paths; i++) {
		sim_path_init(&m->path[i], w, &m->scenario, &ends, i);
		sim_path_run(&m->path[i]);
	}
}

/* Dirty bits are cleared here, before anybody reads the pages. A clean slice is
 * opened now and then all the same: it must settle by itself. */
static void harvest(struct sim_migration *m)
{
	uint64_t pages = pages_of_slice(m), dirty = 0;

	for (unsigned i = 0; i < m->num_slices; i++) {
		struct sim_slice *slice = &m->slices[i];
		uint64_t found;

		memset(slice->bitmap, 0, slice->chunks * PW_CHUNK_WORDS * 8ull);
		found = sim_guest_harvest(&m->guest, slice->region, slice->number * pages, pages,
					  slice->bitmap);
		dirty += found;
		if (found || sim_chance(m->world, 1000))
			slice->state = SIM_SLICE_WAITS;
	}
	sim_say(m->world, "round %u%s: %" PRIu64 " pages are dirty", m->round,
		m->guest.stopped ? ", the last" : "", dirty);
}

static void open_slice(struct sim_migration *m, struct sim_slice *slice)
{
	const struct pw_slice_order order = {
		.bitmap = slice->bitmap,
		.region = slice->region,
		.slice = slice->number,
		.chunks = slice->chunks,
		.epoch = slice->epoch,
		.stun = m->guest.stopped,
	};
	int slot = pw_slices_open(&m->source.slices, &order);

	if (slot == -ENOSPC)
		return;
	SIM_CHECK(m->world, slot >= 0, "slice not opened: %d", slot);
	slice->slot = (unsigned)slot;
	slice->state = SIM_SLICE_OPEN;
}

static void on_closed(void *who, uint64_t what)
{
	struct sim_slice *slice = who;

	(void)what;
	slice->state = SIM_SLICE_CLOSED;
	slice->epoch++;
}

/* CLOSE arrives at the target; CLOSED goes back. */
static void close_at_target(void *who, uint64_t number)
{
	struct sim_migration *m = who;
	struct sim_slice *slice = &m->slices[number];
	struct pw_slice_in *in = &m->target.slice_in[slice->region][slice->number];

	SIM_CHECK(m->world, pw_slice_close(in, slice->epoch) == 0, "slice not closed");
	SIM_CHECK(m->world, pw_slice_check(in, slice->epoch) == PW_EPOCH_STALE, "closed, not stale");
	sim_shadow_check_guards(&m->shadow);
	sim_after(m->world, control_ns(m), on_closed, slice, 0);
}

/* Settled means: every page that was dirty stands at the target. */
static void check_settled(struct sim_migration *m, const struct sim_slice *slice)
{
	uint64_t pages = pages_of_slice(m), first = slice->number * pages;

	for (uint64_t i = 0; i < pages; i++) {
		struct sim_span span = { (first + i) << PW_PAGE_SHIFT, PW_PAGE_BYTES,
					 slice->region };

		SIM_CHECK(m->world,
			  !(slice->bitmap[i / 64] >> i % 64 & 1) ||
				  sim_shadow_has(&m->shadow, &span, slice->epoch),
			  "slice settled, region %u page %" PRIu64 " was not placed in epoch %u",
			  slice->region, first + i, slice->epoch);
	}
}

static void advance_slice(struct sim_migration *m, unsigned number)
{
	struct sim_slice *slice = &m->slices[number];
	struct pw_slice_out *out = &m->source.slices.slot[slice->slot];

	if (slice->state == SIM_SLICE_WAITS)
		open_slice(m, slice);
	if (slice->state != SIM_SLICE_OPEN || atomic_load(&out->state) != PW_SLICE_SETTLED)
		return;
	check_settled(m, slice);
	pw_slices_free(&m->source.slices, slice->slot);
	slice->state = SIM_SLICE_SETTLED;
	if (m->guest.stopped && m->scenario.seal_closes)
		on_closed(slice, 0);
	else
		sim_after(m->world, control_ns(m), close_at_target, m, number);
}

static bool round_is_over(const struct sim_migration *m)
{
	for (unsigned i = 0; i < m->num_slices; i++)
		if (m->slices[i].state != SIM_SLICE_CLOSED)
			return false;
	return true;
}

static bool all_is_sent(struct sim_migration *m)
{
	for (unsigned i = 0; i < m->scenario.streams; i++)
		if (!sim_tap_is_done(&m->tap[i]))
			return false;
	for (unsigned i = 0; i < m->scenario.paths; i++)
		if (!pw_sender_idle(&m->path[i].sender))
			return false;
	return true;
}

static void begin_round(struct sim_migration *m)
{
	if (m->round == m->scenario.rounds)
		m->guest.stopped = true;
	harvest(m);
	m->round++;
}

/* The control thread looks around. */
static void tick(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	for (unsigned i = 0; i < m->num_slices; i++)
		advance_slice(m, i);
	if (round_is_over(m)) {
		if (!m->guest.stopped) {
			begin_round(m);
		} else if (all_is_sent(m)) {
			m->done = true;
			return;
		}
	}
	sim_after(m->world, sim_between(m->world, 5 * SIM_US, 100 * SIM_US), tick, m, 0);
}

/* The seal stays unbroken whatever still comes. */
static void seal(struct sim_migration *m)
{
	uint64_t digest, ends_ns = m->world->now_ns + 30 * SIM_MS;

	atomic_store_explicit(&m->target.sealed, true, memory_order_release);
	m->ended_ns = m->world->now_ns;
	sim_say(m->world, "sealed after %u rounds", m->round);
	sim_shadow_check_guards(&m->shadow);
	sim_shadow_check_equal(&m->shadow, &m->guest);
	digest = sim_shadow_digest(&m->shadow);
	for (unsigned i = 0; i < m->scenario.paths; i++)
		sim_link_release_kept(&m->path[i].forth);
	while (m->world->now_ns < ends_ns && sim_step(m->world))
		;
	for (unsigned i = 0; i < m->scenario.paths; i++)
		m->path[i].stopped = true;
	while (sim_step(m->world))
		;
	SIM_CHECK(m->world, sim_shadow_digest(&m->shadow) == digest,
		  "memory of the target changed after SEAL");
	sim_shadow_check_guards(&m->shadow);
}

void sim_migration_play(struct sim_migration *m, struct sim_world *w)
{
	uint64_t begin_ns = w->now_ns;

	init(m, w);
	sim_guest_run(&m->guest);
	sim_after(w, 0, tick, m, 0);
	if (m->scenario.outage_ns) {
		sim_link_cut(&m->path[0].forth, m->scenario.outage_ns);
		sim_link_cut(&m->path[0].back, m->scenario.outage_ns);
	}
	while (!m->done && sim_step(w)) {
		SIM_CHECK(w, w->now_ns - begin_ns < ENDS_WITHIN_NS,
			  "did not end: %" PRIu64 " s of virtual time, round %u",
			  ENDS_WITHIN_NS / SIM_S, m->round);
		SIM_CHECK(w, w->events < ENDS_WITHIN_STEPS, "did not end: %u events, round %u",
			  ENDS_WITHIN_STEPS, m->round);
	}
	seal(m);
	sim_note(w, m->ended_ns);
}
