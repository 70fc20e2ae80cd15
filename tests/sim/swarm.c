/* SPDX-License-Identifier: BSD-3-Clause */
/* swarm.c - see swarm.h */

#include <inttypes.h>
#include <string.h>

#include "pagewire/check.h"
#include "swarm.h"

#define CALM_DELAY_NS  (150 * SIM_US)
#define CALM_JITTER_NS (20 * SIM_US)

/* From most down to a hundredth of it, each size as likely as the next. */
static uint32_t some(struct sim_world *w, uint32_t most)
{
	return most / 2 >> sim_below(w, 7) | (uint32_t)sim_between(w, 1, most / 100 + 1);
}

static void draw_speed(struct sim_faults *f, struct sim_world *w)
{
	f->model.delay_ns = sim_between(w, 2 * SIM_US, CALM_DELAY_NS);
	f->model.jitter_ns = sim_below(w, CALM_JITTER_NS);
	f->dma_ns_max = sim_below(w, 30 * SIM_US);
	f->ns_per_kib = sim_between(w, 80, 4000);	/* 2 to 100 Gbit/s */
	f->queue_max = (uint32_t)sim_between(w, 2, 256);
}

/* A bottleneck behind the sender's own queue, slower than it, that is not deep. */
static void draw_bottleneck(struct sim_faults *f, struct sim_world *w, bool marks)
{
	f->model.bytes_per_s = 1024 * SIM_S / (f->ns_per_kib + sim_below(w, 2000));
	f->model.queue_bytes = sim_between(w, 12 << 10, 200 << 10);
	f->model.mark_bytes = marks ? 1 + (f->model.queue_bytes >> sim_below(w, 12)) : 0;
}

/* Bursts are short, for they are counted in frames: a sender that sends one in
 * 50 ms, as it does after many losses, meets a burst of 40 for two seconds. */
static void draw_model(struct link_config *c, struct sim_world *w, uint32_t has)
{
	c->burst_frames = (uint32_t)sim_between(w, 1, 6);
	c->silence_ns_max = sim_below(w, 3 * SIM_MS);
	c->late_ns_max = 1 + sim_below(w, 80 * SIM_MS);
	c->reorder_ns_max = 1 + sim_below(w, SIM_MS);
	if (has >> SIM_LOSS & 1)
		c->lose = some(w, 300000);
	if (has >> SIM_BURST & 1)
		c->burst = some(w, 50000);
	if (has >> SIM_SILENCE & 1)
		c->silence = some(w, 20000);
	if (has >> SIM_REPEAT_SOON & 1)
		c->repeat_soon = some(w, 200000);
	if (has >> SIM_REPEAT_LATE & 1)
		c->repeat_late = some(w, 100000);
	if (has >> SIM_REORDER & 1)
		c->reorder = some(w, 300000);
	if (has & (1u << SIM_CORRUPT_HEADER | 1u << SIM_CORRUPT_PAYLOAD | 1u << SIM_CORRUPT_LENGTH))
		c->corrupt = some(w, 150000);
}

/* Faults that the seed has need not befall every way. */
static void draw_way(struct sim_faults *f, struct sim_world *w, uint32_t has)
{
	uint32_t here = has & (uint32_t)(sim_random(w) | sim_random(w));

	draw_speed(f, w);
	draw_model(&f->model, w, here);
	if (here >> SIM_STRAY & 1)
		f->astray = some(w, 1500);
	if (here >> SIM_REFUSED & 1)
		f->refuse = some(w, 5000);
	if (here & (1u << SIM_QUEUE_FULL | 1u << SIM_MARK))
		draw_bottleneck(f, w, here >> SIM_MARK & 1);
	if (here >> SIM_DELAY & 1) {
		f->extreme = true;
		f->model.delay_ns = sim_below(w, 10 * SIM_MS);
		f->model.jitter_ns = sim_below(w, 3 * SIM_MS);
	}
}

/* What comes once, and for how long at most. */
static const struct {
	enum sim_fault fault;
	uint64_t lasts_ns_max;
} once[] = {
	{ SIM_CUT_ONE_WAY, 300 * SIM_MS }, { SIM_CUT_PATH, 300 * SIM_MS },
	{ SIM_CUT_ALL, 300 * SIM_MS },	   { SIM_DEAD_PATH, 0 },
	{ SIM_BLACK_HOLE, 300 * SIM_MS },  { SIM_STALL, 20 * SIM_MS },
	{ SIM_SOURCE_CRASH, 0 },	   { SIM_TARGET_CRASH, 0 },
	{ SIM_HALF_PLACED, 0 },
};

static void draw_trouble(struct sim_swarm *s, struct sim_world *w, unsigned which,
			 const unsigned of[2])
{
	struct sim_trouble *t = &s->trouble[s->troubles++];

	t->fault = once[which].fault;
	t->by_stage = sim_chance(w, 7000);
	t->stage = (enum sim_stage)sim_below(w, SIM_NUM_STAGES);
	t->after_ns = sim_below(w, t->by_stage ? SIM_US << sim_below(w, 12) : s->calm_ns);
	t->lasts_ns = 1 + sim_below(w, once[which].lasts_ns_max >> sim_below(w, 6));
	t->path = (unsigned)sim_below(w, of[0]);
	t->guest = (unsigned)sim_below(w, of[1]);
	t->host = (unsigned)sim_below(w, SIM_HOSTS);
}

static void draw_troubles(struct sim_swarm *s, struct sim_world *w, unsigned paths, unsigned guests)
{
	const unsigned of[2] = { paths, guests };

	for (unsigned i = 0; i < PW_ARRAY_SIZE(once); i++)
		for (unsigned n = 0; n < 3 && s->troubles < SIM_TROUBLES_MAX; n++)
			if (sim_swarm_has(s, once[i].fault) && (n == 0 || sim_chance(w, 4000)))
				draw_trouble(s, w, i, of);
}

/* No fault at all in an eighth of the seeds: what fails on a perfect wire is not
 * the faults' doing. */
static uint32_t draw_has(struct sim_world *w, unsigned paths)
{
	static const unsigned of_10000[] = { 0, 1000, 2000, 2000, 3500, 3500, 6000, 8000 };
	unsigned share = of_10000[sim_below(w, PW_ARRAY_SIZE(of_10000))];
	uint32_t has = 0;

	for (unsigned f = 0; f < SIM_NUM_FAULTS; f++)
		if (sim_chance(w, share))
			has |= 1u << f;
	if (share && sim_chance(w, 4000))	/* rare where nothing queues up */
		has |= 1u << SIM_MARK;
	if (paths == 1)
		has &= ~(1u << SIM_DEAD_PATH);
	return has;
}

void sim_swarm_draw(struct sim_swarm *s, struct sim_world *w, unsigned paths, unsigned guests)
{
	memset(s, 0, sizeof(*s));
	s->has = draw_has(w, paths);
	s->calm_ns = (2 * SIM_MS << sim_below(w, 10)) + sim_below(w, SIM_MS);
	for (unsigned path = 0; path < paths; path++)
		for (unsigned host = 0; host < SIM_HOSTS; host++)
			draw_way(&s->way[path][host], w, s->has);
	s->pump_stall = some(w, 300);
	s->control_stall = some(w, 6000);
	s->stall_ns_max = SIM_MS << sim_below(w, 6);
	s->ring_frames = 2u << sim_below(w, 8);
	draw_troubles(s, w, paths, guests);
}

void sim_swarm_calm(struct sim_faults *f)
{
	struct link_config speed = {
		.delay_ns = f->model.delay_ns < CALM_DELAY_NS ? f->model.delay_ns : CALM_DELAY_NS,
		.jitter_ns = f->model.jitter_ns < CALM_JITTER_NS ? f->model.jitter_ns : CALM_JITTER_NS,
		.late_ns_max = f->model.late_ns_max,
		.hole_bytes = f->hole_stays ? f->model.hole_bytes : 0,
	};

	f->model = speed;
	f->astray = 0;
	f->refuse = 0;
	f->extreme = false;
}

static void say_way(const struct sim_faults *f, const struct sim_world *w, unsigned path,
		    unsigned from)
{
	const struct link_config *c = &f->model;

	sim_say(w,
		"path %u from host %u: of a million lose %u, burst %u (of %u), silence %u (%" PRIu64
		" us), repeat soon %u, late %u (%" PRIu64 " us), corrupt %u, delay %u (%" PRIu64
		" us); of 10000 astray %u, refuse %u",
		path, from, c->lose, c->burst, c->burst_frames, c->silence,
		c->silence_ns_max / SIM_US, c->repeat_soon, c->repeat_late, c->late_ns_max / SIM_US,
		c->corrupt, c->reorder, c->reorder_ns_max / SIM_US, f->astray, f->refuse);
	sim_say(w,
		"path %u from host %u: %" PRIu64 " ns/KiB, queue %u; delay %" PRIu64
		" us, jitter %" PRIu64 " us; bottleneck of %" PRIu64 " bytes/s, room for %" PRIu64
		", marks from %" PRIu64,
		path, from, f->ns_per_kib, f->queue_max, c->delay_ns / SIM_US, c->jitter_ns / SIM_US,
		c->bytes_per_s, c->queue_bytes, c->mark_bytes);
}

void sim_swarm_say(const struct sim_swarm *s, const struct sim_world *w, unsigned paths)
{
	sim_say(w, "faults %08x, calm after %" PRIu64 " us, %u troubles, rings of %u", s->has,
		s->calm_ns / SIM_US, s->troubles, s->ring_frames);
	for (unsigned path = 0; path < paths; path++)
		for (unsigned host = 0; host < SIM_HOSTS; host++)
			say_way(&s->way[path][host], w, path, host);
}
