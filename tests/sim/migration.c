/* SPDX-License-Identifier: BSD-3-Clause */
/* migration.c - see migration.h; how a transfer is opened: reopen.c */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bed.h"

#define HANDOVER_NS_MAX (100 * SIM_MS)	/* from SEAL: load devices, verify, resume */

unsigned sim_migration_source(const struct sim_migration *m)
{
	return m->move->from;
}

unsigned sim_migration_target(const struct sim_migration *m)
{
	return !m->move->from;
}

unsigned sim_migration_stages(const struct sim_migration *m)
{
	switch (m->state) {
	case SIM_IDLE:
		return 0;
	case SIM_OPENING:
		return 1u << SIM_SETUP;
	case SIM_AGAIN:
		return 1u << SIM_REOPENING;
	case SIM_MOVING:
		if (m->at_target->target_open)
			break;
		return 1u << SIM_REOPENING;	/* though the source does not know it yet */
	default:
		return 1u << SIM_SEALING;
	}
	return (m->guest.stopped ? 1u << SIM_STUN : m->round > 1 ? 1u << SIM_ROUNDS :
								   1u << SIM_ROUND_0) |
	       (sim_attempt_streams_run(m->attempt) ? 1u << SIM_STREAMS : 0);
}

void sim_migration_suffer(struct sim_migration *m, enum sim_fault fault)
{
	sim_cover(m->bed->coverage, fault, sim_migration_stages(m));
}

void sim_migration_enter(struct sim_migration *m, enum sim_state state)
{
	sim_say(m->world, "guest %u: %s", m->number, sim_state_name(state));
	m->state = state;
	sim_bed_stage(m->bed, m);
}

/* ---- control link ---- */

static uint64_t control_ns(struct sim_migration *m)
{
	const struct sim_swarm *swarm = &m->bed->scenario.swarm;
	uint64_t ns = sim_between(m->world, SIM_US, m->bed->scenario.control_ns_max);

	if (sim_bed_has(m->bed, SIM_SLOW_CONTROL) && sim_chance(m->world, swarm->control_stall)) {
		sim_migration_suffer(m, SIM_SLOW_CONTROL);
		ns += sim_below(m->world, swarm->stall_ns_max);
	}
	return ns;
}

void sim_control_send(struct sim_migration *m, unsigned from, sim_fire fire, uint64_t what)
{
	uint64_t at_ns = m->world->now_ns + control_ns(m);

	if (at_ns <= m->control_free_ns[from])
		at_ns = m->control_free_ns[from] + 1;
	m->control_free_ns[from] = at_ns;
	sim_after(m->world, at_ns - m->world->now_ns, fire, m, what);
}

/* ---- slices ---- */

static uint64_t pages_of_slice(const struct sim_migration *m)
{
	return 1ull << (m->move->slice_shift - PW_PAGE_SHIFT);
}

static uint64_t slice_count(const struct sim_migration *m, unsigned region)
{
	return (m->move->pages[region] + pages_of_slice(m) - 1) / pages_of_slice(m);
}

static void init_slices(struct sim_migration *m)
{
	uint32_t chunks = (uint32_t)((pages_of_slice(m) + PW_CHUNK_PAGES - 1) / PW_CHUNK_PAGES);
	struct sim_slice *slice;
	uint64_t n = 0;

	for (unsigned r = 0; r < m->move->regions; r++)
		n += slice_count(m, r);
	m->num_slices = (unsigned)n;
	m->slices = slice = sim_alloc(m->world, n * sizeof(*m->slices));
	for (unsigned r = 0; r < m->move->regions; r++)
		for (uint32_t i = 0; i < slice_count(m, r); i++, slice++) {
			slice->region = r;
			slice->number = i;
			slice->chunks = chunks;
			slice->bitmap = sim_alloc(m->world, chunks * PW_CHUNK_WORDS * 8ull);
		}
}

void sim_migration_opened(struct sim_migration *m)
{
	for (unsigned i = 0; i < m->num_slices; i++) {
		struct sim_slice *slice = &m->slices[i];

		slice->epoch = m->attempt->first_epoch;
		if (slice->state != SIM_SLICE_CLOSED)
			slice->state = SIM_SLICE_WAITS;
	}
	atomic_store(&m->attempt->source.stun, m->guest.stopped);
	sim_migration_enter(m, SIM_MOVING);
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
	sim_say(m->world, "guest %u: round %u%s: %" PRIu64 " pages are dirty", m->number, m->round,
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
	int slot = pw_slices_open(&m->attempt->source.slices, &order);

	if (slot == -ENOSPC)
		return;
	SIM_CHECK(m->world, slot >= 0, "slice not opened: %d", slot);
	slice->slot = (unsigned)slot;
	slice->state = SIM_SLICE_OPEN;
}

/* A message about a slice, or about a whole transfer, names the attempt. */
static uint64_t about(const struct sim_attempt *a, uint64_t number)
{
	return (uint64_t)a->number << 32 | number;
}

static void on_closed(void *who, uint64_t what)
{
	struct sim_migration *m = who;
	struct sim_slice *slice = &m->slices[(uint32_t)what];

	if (m->attempt->number != what >> 32 || m->state != SIM_MOVING)
		return;
	slice->state = SIM_SLICE_CLOSED;
	slice->epoch++;
}

/* CLOSE arrives at the target; CLOSED goes back. */
static void on_close(void *who, uint64_t what)
{
	struct sim_migration *m = who;
	struct sim_attempt *a = m->at_target;
	struct sim_slice *slice = &m->slices[(uint32_t)what];
	struct pw_slice_in *in;

	if (a->number != what >> 32 || !a->target_open)
		return;
	in = &a->target.slice_in[slice->region][slice->number];
	SIM_CHECK(m->world, pw_slice_close(in, slice->epoch) == 0, "slice not closed");
	SIM_CHECK(m->world, pw_slice_check(in, slice->epoch) == PW_EPOCH_STALE, "closed, not stale");
	sim_shadow_check_guards(&m->shadow);
	sim_control_send(m, sim_migration_target(m), on_closed, what);
}

/* Settled means: every page that was dirty stands at the target. */
static void check_settled(struct sim_migration *m, const struct sim_slice *slice)
{
	uint64_t pages = pages_of_slice(m), first = slice->number * pages;
	uint32_t stamp = sim_stamp(m->attempt->number,
				   (uint16_t)(slice->epoch - m->attempt->first_epoch));

	for (uint64_t i = 0; i < pages; i++) {
		struct sim_span span = { (first + i) << PW_PAGE_SHIFT, PW_PAGE_BYTES,
					 slice->region };

		SIM_CHECK(m->world,
			  !(slice->bitmap[i / 64] >> i % 64 & 1) ||
				  sim_shadow_has(&m->shadow, &span, stamp),
			  "slice settled, region %u page %" PRIu64 " was not placed in epoch %u",
			  slice->region, first + i, slice->epoch);
	}
}

static void advance_slice(struct sim_migration *m, unsigned number)
{
	struct sim_slice *slice = &m->slices[number];
	struct pw_slices_out *slices = &m->attempt->source.slices;

	if (slice->state == SIM_SLICE_WAITS)
		open_slice(m, slice);
	if (slice->state != SIM_SLICE_OPEN ||
	    atomic_load(&slices->slot[slice->slot].state) != PW_SLICE_SETTLED)
		return;
	check_settled(m, slice);
	pw_slices_free(slices, slice->slot);
	slice->state = SIM_SLICE_SETTLED;
	if (m->guest.stopped && m->move->seal_closes)
		on_closed(m, about(m->attempt, number));
	else
		sim_control_send(m, sim_migration_source(m), on_close, about(m->attempt, number));
}

/* ---- rounds ---- */

static bool round_is_over(const struct sim_migration *m)
{
	for (unsigned i = 0; i < m->num_slices; i++)
		if (m->slices[i].state != SIM_SLICE_CLOSED)
			return false;
	return true;
}

static void begin_round(struct sim_migration *m)
{
	if (m->round == m->move->rounds) {
		m->guest.stopped = true;
		atomic_store(&m->attempt->source.stun, true);
	}
	harvest(m);
	m->round++;
	sim_bed_stage(m->bed, m);
}

/* The target has taken over; the source has no more use for its end. */
static void on_running(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	if (m->attempt->source_open)
		sim_attempt_close_source(m->attempt);
}

static void on_sealed(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	sim_after(m->world, sim_below(m->world, HANDOVER_NS_MAX), on_running, m, 0);
}

/* Each stream was drunk to its end, in this attempt or in one before. */
static void check_streams(const struct sim_migration *m)
{
	for (unsigned i = 0; i < m->move->streams; i++)
		SIM_CHECK(m->world, m->stream_done[i] || m->attempt->tap[i].ended,
			  "guest %u was sealed without the end of stream %u", m->number, i);
}

/* From here on nothing may change. */
static void on_seal(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	atomic_store_explicit(&m->at_target->target.sealed, true, memory_order_release);
	m->ended_ns = m->world->now_ns;
	check_streams(m);
	sim_shadow_check_guards(&m->shadow);
	sim_shadow_check_equal(&m->shadow, &m->guest);
	m->digest = sim_shadow_digest(&m->shadow);
	sim_note(m->world, m->digest);
	sim_migration_enter(m, SIM_SEALED);
	sim_control_send(m, sim_migration_target(m), on_sealed, 0);
	sim_bed_sealed(m->bed);
}

void sim_migration_check_seal(const struct sim_migration *m)
{
	SIM_CHECK(m->world, sim_shadow_digest(&m->shadow) == m->digest,
		  "guest %u: memory of the target changed after SEAL", m->number);
	sim_shadow_check_guards(&m->shadow);
}

static void advance(struct sim_migration *m)
{
	for (unsigned i = 0; i < m->num_slices; i++)
		if (m->slices[i].state != SIM_SLICE_CLOSED)
			advance_slice(m, i);
	if (!round_is_over(m))
		return;
	if (!m->guest.stopped) {
		begin_round(m);
	} else if (sim_attempt_is_done(m->attempt)) {
		sim_migration_enter(m, SIM_SEALS);
		sim_control_send(m, sim_migration_source(m), on_seal, 0);
	}
}

/* The control thread looks around. */
static void tick(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	if (m->state == SIM_MOVING && m->attempt->source_open)
		advance(m);
	if (m->state < SIM_SEALS)
		sim_after(m->world, sim_between(m->world, 10 * SIM_US, 150 * SIM_US), tick, m, 0);
}

static void start(void *who, uint64_t what)
{
	struct sim_migration *m = who;

	(void)what;
	sim_migration_enter(m, SIM_OPENING);
	sim_reopen_begin(m);
	tick(m, 0);
}

void sim_migration_init(struct sim_migration *m, struct sim_bed *bed, unsigned number)
{
	m->bed = bed;
	m->world = bed->world;
	m->number = number;
	m->move = &bed->scenario.move[number];
	sim_guest_init(&m->guest, m->world, m->move->pages, m->move->regions,
		       m->move->guest_pause_ns_max);
	sim_shadow_init(&m->shadow, m->world, &m->guest);
	init_slices(m);
	sim_guest_run(&m->guest);
	sim_after(m->world, m->move->starts_ns, start, m, 0);
}
