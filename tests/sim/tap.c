/* SPDX-License-Identifier: BSD-3-Clause */
/* tap.c - see tap.h */

#include <inttypes.h>
#include <string.h>

#include "tap.h"

/* The last slot may be empty: a stream whose end came late. */
static uint16_t draw_bytes(struct sim_tap *t, bool last)
{
	if (last && sim_chance(t->world, 3000))
		return 0;
	if (sim_chance(t->world, 3000))
		return t->bytes_max;
	return (uint16_t)sim_between(t->world, 1, t->bytes_max);
}

void sim_tap_init(struct sim_tap *t, struct sim_world *w, const struct sim_scenario *s,
		  unsigned number)
{
	uint64_t bytes = 0;

	t->world = w;
	t->slots = s->stream_slots[number];
	t->bytes_max = s->stream_bytes_max[number];
	t->pause_ns_max = s->pump_pause_ns_max;
	t->thirst_ns = s->thirst_ns;
	t->start = sim_alloc(w, (t->slots + 1) * sizeof(*t->start));
	for (uint64_t slot = 0; slot < t->slots; slot++) {
		bytes += draw_bytes(t, slot + 1 == t->slots);
		t->start[slot + 1] = bytes;
	}
	t->bytes = sim_alloc(w, bytes + 1);
	for (uint64_t at = 0; at < bytes; at++)
		t->bytes[at] = (uint8_t)sim_random(w);
	pw_stream_out_init(&t->out, sim_alloc(w, PW_STREAM_RING_BYTES));
	pw_stream_in_init(&t->in, sim_alloc(w, PW_STREAM_RING_BYTES));
}

static uint16_t bytes_of(const struct sim_tap *t, uint64_t slot)
{
	return (uint16_t)(t->start[slot + 1] - t->start[slot]);
}

static void pour(void *who, uint64_t what)
{
	struct sim_tap *t = who;
	uint8_t *room;
	uint32_t slots = pw_stream_out_room(&t->out, &room);

	(void)what;
	if (slots > 64)
		slots = (uint32_t)sim_between(t->world, 1, 64);
	for (; slots > 0 && t->filled < t->slots; slots--, t->filled++) {
		uint16_t n = bytes_of(t, t->filled);

		memcpy(room, t->bytes + t->start[t->filled], n);
		pw_stream_out_fill(&t->out, n, t->filled + 1 == t->slots);
		room += PW_STREAM_SLOT_BYTES;
	}
	if (t->filled < t->slots)
		sim_after(t->world, sim_below(t->world, t->pause_ns_max), pour, t, 0);
}

static void compare(struct sim_tap *t, const uint8_t *from, uint16_t n, bool last)
{
	SIM_CHECK(t->world, t->drunk < t->slots, "a stream has more slots than were sent");
	SIM_CHECK(t->world, n == bytes_of(t, t->drunk), "slot %" PRIu64 " has %u bytes, not %u",
		  t->drunk, n, bytes_of(t, t->drunk));
	SIM_CHECK(t->world, last == (t->drunk + 1 == t->slots), "slot %" PRIu64 ": wrong end",
		  t->drunk);
	SIM_CHECK(t->world, memcmp(from, t->bytes + t->start[t->drunk], n) == 0,
		  "slot %" PRIu64 " has other bytes than were sent", t->drunk);
}

static void drink(void *who, uint64_t what)
{
	struct sim_tap *t = who;
	const uint8_t *from;
	uint16_t n;
	bool last;

	(void)what;
	for (uint64_t sips = sim_between(t->world, 1, 8); sips > 0 && !t->ended; sips--) {
		if (!pw_stream_in_peek(&t->in, &from, &n, &last))
			break;
		compare(t, from, n, last);
		pw_stream_in_drain(&t->in);
		t->drunk++;
		t->ended = last;
	}
	if (!t->ended)
		sim_after(t->world, sim_below(t->world, t->pause_ns_max), drink, t, 0);
}

void sim_tap_run(struct sim_tap *t)
{
	sim_after(t->world, sim_below(t->world, 2 * SIM_MS), pour, t, 0);
	sim_after(t->world, t->thirst_ns, drink, t, 0);
}

bool sim_tap_is_done(struct sim_tap *t)
{
	return t->ended && t->filled == t->slots && pw_stream_out_settled(&t->out);
}

bool sim_tap_has(struct sim_tap *t, uint64_t slot, uint32_t from, uint32_t n)
{
	uint64_t at = (slot % PW_STREAM_SLOTS) * PW_STREAM_SLOT_BYTES + from;

	if (slot < t->drunk)
		return true;
	return slot < t->slots && memcmp(t->in.ring + at, t->bytes + t->start[slot] + from, n) == 0;
}
