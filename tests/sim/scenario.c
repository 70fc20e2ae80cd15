/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.c - see scenario.h */

#include <inttypes.h>
#include <string.h>

#include "pagewire/check.h"
#include "scenario.h"

/* Up to most, mostly much less: the square of a uniform number. */
static unsigned rarely(struct sim_world *w, unsigned most)
{
	uint64_t first = sim_below(w, most + 1ull);

	return (unsigned)(first * sim_below(w, most + 1ull) / (most + 1ull));
}

static void draw_speed(struct sim_faults *f, struct sim_world *w)
{
	f->model.delay_ns = sim_between(w, 2 * SIM_US, 150 * SIM_US);
	f->model.jitter_ns = sim_below(w, 20 * SIM_US);
	f->dma_ns_max = sim_below(w, 30 * SIM_US);
	f->ns_per_kib = sim_between(w, 80, 4000);	/* 2 to 100 Gbit/s */
	f->queue_max = (uint32_t)sim_between(w, 2, 256);
}

/* A bottleneck behind the sender's own queue, slower than it, that is not deep. */
static void draw_bottleneck(struct link_config *c, const struct sim_faults *f,
			    struct sim_world *w)
{
	c->bytes_per_s = 1024 * SIM_S / (f->ns_per_kib + sim_below(w, 2000));
	c->queue_bytes = sim_between(w, 32 << 10, 512 << 10);
}

/* Bursts are short, for they are counted in frames: a sender that sends one in
 * 50 ms, as it does after many losses, meets a burst of 40 for two seconds. */
static void draw_faults(struct sim_faults *f, struct sim_world *w, bool forth)
{
	struct link_config *c = &f->model;

	c->lose = rarely(w, 300000);
	c->burst = rarely(w, 10000);
	c->burst_frames = (uint32_t)sim_between(w, 1, 6);
	c->silence = rarely(w, 5000);
	c->silence_ns_max = sim_below(w, 3 * SIM_MS);
	c->repeat_soon = rarely(w, 75000);
	c->repeat_late = rarely(w, 75000);
	c->late_ns_max = 1 + sim_below(w, 80 * SIM_MS);
	c->corrupt = rarely(w, 100000);
	c->reorder = rarely(w, 300000);
	c->reorder_ns_max = 1 + sim_below(w, SIM_MS);
	if (sim_chance(w, 2000))
		draw_bottleneck(c, f, w);
	f->astray = forth ? rarely(w, 1500) : 0;
	f->refuse = rarely(w, 3000);
}

/* Slices much smaller than the product's, so that a seed has dozens of them;
 * sometimes larger ones, of more than one chunk. */
static void draw_memory(struct sim_scenario *s, struct sim_world *w)
{
	s->regions = (unsigned)sim_between(w, 1, 3);
	s->slice_shift = (unsigned)sim_between(w, 16, 18);
	for (unsigned r = 0; r < s->regions; r++)
		s->pages[r] = sim_between(w, 1, 130);
	if (!sim_chance(w, 600))
		return;
	s->slice_shift = (unsigned)sim_between(w, 23, 24);
	s->pages[s->regions - 1] = sim_between(w, 2000, 4500);
}

static void draw_streams(struct sim_scenario *s, struct sim_world *w)
{
	s->streams = (unsigned)sim_below(w, SIM_STREAMS_MAX + 1);
	for (unsigned i = 0; i < s->streams; i++) {
		s->stream_slots[i] = sim_between(w, 1, 60);
		s->stream_bytes_max[i] = (uint16_t)sim_between(w, 1, PW_STREAM_SLOT_BYTES);
		if (sim_chance(w, 1000)) {	/* round the ring, in sips */
			s->stream_slots[i] = sim_between(w, PW_STREAM_SLOTS, 2 * PW_STREAM_SLOTS);
			s->stream_bytes_max[i] = (uint16_t)sim_between(w, 1, 300);
			s->thirst_ns = sim_below(w, 60 * SIM_MS);
		}
	}
}

static void draw_sender(struct sim_scenario *s, struct sim_world *w)
{
	static const uint16_t usual[] = { 1024, 1408, 2048, 4096, 8192 };
	struct pw_congestion_config *c = &s->sender.congestion;

	c->window_max = (uint32_t)sim_between(w, 16, PW_WINDOW_SLOTS);
	c->window_min = (uint32_t)sim_between(w, 1, 16);
	c->window_start = (uint32_t)sim_between(w, c->window_min, c->window_max);
	c->delay_target_ns = sim_between(w, 25 * SIM_US, 2 * SIM_MS);
	s->sender.rate_bytes_per_s = sim_chance(w, 5000) ? 0 : sim_between(w, 20000000, 5000000000);
	s->sender.payload_bytes = usual[sim_below(w, PW_ARRAY_SIZE(usual))];
	if (sim_chance(w, 2000))
		s->sender.payload_bytes =
			(uint16_t)(32 * sim_between(w, PW_PAYLOAD_MIN / 32, PW_PAYLOAD_MAX / 32));
	s->sender.payload_crc = sim_chance(w, 7500);
}

void sim_scenario_draw(struct sim_scenario *s, struct sim_world *w)
{
	/* What fails on a perfect wire is not the faults' doing. */
	bool perfect = sim_chance(w, 1250);

	memset(s, 0, sizeof(*s));
	s->paths = (unsigned)sim_between(w, 1, SIM_PATHS_MAX);
	s->rounds = (unsigned)sim_below(w, 5);
	draw_memory(s, w);
	draw_streams(s, w);
	draw_sender(s, w);
	draw_speed(&s->forth, w);
	draw_speed(&s->back, w);
	if (!perfect) {
		draw_faults(&s->forth, w, true);
		draw_faults(&s->back, w, false);
	}
	s->forth.corrupt_payload = s->sender.payload_crc;
	s->first_epoch = sim_chance(w, 2500) ? (uint16_t)(0 - sim_below(w, 4)) : PW_EPOCH_FIRST;
	s->guest_pause_ns_max = sim_between(w, 2 * SIM_US, 300 * SIM_US);
	s->pump_pause_ns_max = sim_between(w, SIM_US, 300 * SIM_US);
	s->control_ns_max = sim_between(w, 10 * SIM_US, 2 * SIM_MS);
	s->seal_closes = sim_chance(w, 5000);
	s->outage_ns = sim_chance(w, 1000) ? sim_between(w, 10 * SIM_MS, 900 * SIM_MS) : 0;
}

static void say_faults(const struct sim_faults *f, const struct sim_world *w, const char *which)
{
	const struct link_config *c = &f->model;

	sim_say(w,
		"%s: of a million lose %u, burst %u (of %u), silence %u (%" PRIu64
		" us), repeat soon %u, late %u (%" PRIu64 " us), corrupt %u, delay %u (%" PRIu64
		" us); %" PRIu64 " us, then %" PRIu64 " bytes/s with room for %" PRIu64,
		which, c->lose, c->burst, c->burst_frames, c->silence, c->silence_ns_max / SIM_US,
		c->repeat_soon, c->repeat_late, c->late_ns_max / SIM_US, c->corrupt, c->reorder,
		c->reorder_ns_max / SIM_US, c->delay_ns / SIM_US, c->bytes_per_s, c->queue_bytes);
	sim_say(w, "%s: of 10000 astray %u, refuse %u; %" PRIu64 " ns/KiB, queue %u", which,
		f->astray, f->refuse, f->ns_per_kib, f->queue_max);
}

void sim_scenario_say(const struct sim_scenario *s, const struct sim_world *w)
{
	sim_say(w,
		"%u paths, %u regions (%" PRIu64 ", %" PRIu64 ", %" PRIu64
		" pages), slices of %u KiB, %u rounds and a last, %u streams, payload %u%s, "
		"epochs from %u, outage %" PRIu64 " ms",
		s->paths, s->regions, s->pages[0], s->pages[1], s->pages[2],
		1u << (s->slice_shift - 10), s->rounds, s->streams, s->sender.payload_bytes,
		s->sender.payload_crc ? " with checksum" : "", s->first_epoch,
		s->outage_ns / SIM_MS);
	say_faults(&s->forth, w, "forth");
	say_faults(&s->back, w, "back");
}
