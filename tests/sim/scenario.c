/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.c - see scenario.h */

#include <inttypes.h>
#include <string.h>

#include "pagewire/check.h"
#include "scenario.h"

/* Slices much smaller than the product's, so that a seed has dozens of them;
 * sometimes larger ones, of more than one chunk. */
static void draw_memory(struct sim_move *m, struct sim_world *w)
{
	m->regions = (unsigned)sim_between(w, 1, 3);
	m->slice_shift = (unsigned)sim_between(w, 16, 18);
	for (unsigned r = 0; r < m->regions; r++)
		m->pages[r] = sim_between(w, 1, 130);
	if (!sim_chance(w, 300))
		return;
	m->slice_shift = (unsigned)sim_between(w, 23, 24);
	m->pages[m->regions - 1] = sim_between(w, 2000, 4500);
}

static void draw_streams(struct sim_move *m, struct sim_world *w)
{
	m->streams = (unsigned)sim_below(w, SIM_STREAMS_MAX + 1);
	for (unsigned i = 0; i < m->streams; i++) {
		m->stream_slots[i] = sim_between(w, 1, 60);
		m->stream_bytes_max[i] = (uint16_t)sim_between(w, 1, PW_STREAM_SLOT_BYTES);
		if (sim_chance(w, 500)) {	/* round the ring, in sips */
			m->stream_slots[i] = sim_between(w, PW_STREAM_SLOTS, 2 * PW_STREAM_SLOTS);
			m->stream_bytes_max[i] = (uint16_t)sim_between(w, 1, 300);
			m->thirst_ns = sim_below(w, 60 * SIM_MS);
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

static void draw_move(struct sim_move *m, struct sim_world *w)
{
	m->from = (unsigned)sim_below(w, SIM_HOSTS);
	m->rounds = (unsigned)sim_below(w, 8);
	draw_memory(m, w);
	draw_streams(m, w);
	m->first_epoch = sim_chance(w, 2500) ? (uint16_t)(0 - sim_below(w, 4)) : PW_EPOCH_FIRST;
	m->starts_ns = sim_below(w, SIM_US << sim_below(w, 14));
	m->guest_pause_ns_max = sim_between(w, 10 * SIM_US, SIM_MS);
	m->seal_closes = sim_chance(w, 5000);
}

/* Guests that are to be compared have the same work to do at the same time. */
static void make_comparable(struct sim_scenario *s, struct sim_world *w)
{
	struct sim_move *m = &s->move[0];

	m->starts_ns = 0;
	m->rounds = 1;
	m->pages[0] = sim_between(w, 1000, 2000);
	for (unsigned i = 1; i < s->guests; i++)
		s->move[i] = *m;
}

void sim_scenario_draw(struct sim_scenario *s, struct sim_world *w)
{
	memset(s, 0, sizeof(*s));
	s->paths = (unsigned)sim_between(w, 1, SIM_PATHS_MAX);
	s->guests = sim_chance(w, 5000) ? 1 : (unsigned)sim_between(w, 2, SIM_GUESTS_MAX);
	for (unsigned i = 0; i < s->guests; i++)
		draw_move(&s->move[i], w);
	draw_sender(s, w);
	s->pump_pause_ns_max = sim_between(w, SIM_US, 300 * SIM_US);
	s->control_ns_max = sim_between(w, 10 * SIM_US, 2 * SIM_MS);
	s->path_mbps = sim_chance(w, 5000) ? 0 : (uint32_t)sim_between(w, 500, 100000);
	s->ring_known = sim_chance(w, 5000);
	sim_swarm_draw(&s->swarm, w, s->paths, s->guests);
	for (unsigned path = 0; path < s->paths; path++)
		for (unsigned host = 0; host < SIM_HOSTS; host++)
			s->swarm.way[path][host].corrupt_payload = s->sender.payload_crc;
	if (!s->swarm.has && s->guests > 1)
		make_comparable(s, w);
}

static void say_move(const struct sim_move *m, const struct sim_world *w, unsigned guest)
{
	sim_say(w,
		"guest %u leaves host %u after %" PRIu64 " us: %u regions (%" PRIu64 ", %" PRIu64
		", %" PRIu64 " pages), slices of %u KiB, %u rounds and a last, %u streams, epochs "
		"from %u",
		guest, m->from, m->starts_ns / SIM_US, m->regions, m->pages[0], m->pages[1],
		m->pages[2], 1u << (m->slice_shift - 10), m->rounds, m->streams, m->first_epoch);
}

void sim_scenario_say(const struct sim_scenario *s, const struct sim_world *w)
{
	sim_say(w, "%u paths, %u guests, payload %u%s, window %u..%u", s->paths, s->guests,
		s->sender.payload_bytes, s->sender.payload_crc ? " with checksum" : "",
		s->sender.congestion.window_min, s->sender.congestion.window_max);
	for (unsigned i = 0; i < s->guests; i++)
		say_move(&s->move[i], w, i);
	sim_swarm_say(&s->swarm, w, s->paths);
}
