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
	f->delay_ns = sim_between(w, 2 * SIM_US, 150 * SIM_US);
	f->jitter_ns = sim_below(w, 20 * SIM_US);
	f->dma_ns_max = sim_below(w, 30 * SIM_US);
	f->ns_per_kib = sim_between(w, 80, 4000);	/* 2 to 100 Gbit/s */
	f->queue_max = (uint32_t)sim_between(w, 2, 256);
}

static void draw_faults(struct sim_faults *f, struct sim_world *w, bool astray)
{
	f->lose = rarely(w, 3000);
	f->burst = rarely(w, 50);
	f->burst_ns_max = sim_below(w, 3 * SIM_MS);
	f->duplicate = rarely(w, 1500);
	f->astray = astray ? rarely(w, 1500) : 0;
	f->corrupt = rarely(w, 1000);
	f->reorder = rarely(w, 3000);
	f->refuse = rarely(w, 3000);
	f->reorder_ns_max = 1 + sim_below(w, SIM_MS);
	f->late_ns_max = 1 + sim_below(w, 80 * SIM_MS);
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
	sim_say(w,
		"%s: of 10000 lose %u, silence %u (%" PRIu64 " us), repeat %u (late %" PRIu64
		" us), astray %u, corrupt %u, delay %u (%" PRIu64 " us), refuse %u; %" PRIu64
		" us, %" PRIu64 " ns/KiB, queue %u",
		which, f->lose, f->burst, f->burst_ns_max / SIM_US, f->duplicate,
		f->late_ns_max / SIM_US, f->astray, f->corrupt, f->reorder, f->reorder_ns_max / SIM_US,
		f->refuse, f->delay_ns / SIM_US, f->ns_per_kib, f->queue_max);
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
