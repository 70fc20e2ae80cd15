/* SPDX-License-Identifier: BSD-3-Clause */
/* tap.c - see tap.h */

#include <inttypes.h>
#include <string.h>

#include "bed.h"

/* The last slot may be empty: a stream whose end came late. */
static uint16_t draw_bytes(struct sim_tap *t, bool last)
{
	if (last && sim_chance(t->world, 3000))
		return 0;
	if (sim_chance(t->world, 3000))
		return t->order.bytes_max;
	return (uint16_t)sim_between(t->world, 1, t->order.bytes_max);
}

void sim_tap_init(struct sim_tap *t, struct sim_world *w, const struct sim_tap_order *order)
{
	uint64_t bytes = 0;

	t->world = w;
	t->order = *order;
	t->start = sim_alloc(w, (order->slots + 1) * sizeof(*t->start));
	for (uint64_t slot = 0; slot < order->slots; slot++) {
		bytes += draw_bytes(t, slot + 1 == order->slots);
		t->start[slot + 1] = bytes;
	}
	t->bytes = sim_alloc(w, bytes + sizeof(uint64_t));
	for (uint64_t at = 0; at < bytes; at += sizeof(uint64_t)) {
		uint64_t word = sim_random(w);

		memcpy(t->bytes + at, &word, sizeof(word));
	}
	pw_stream_out_init(&t->out, sim_alloc(w, PW_STREAM_RING_BYTES));
	pw_stream_in_init(&t->in, sim_alloc(w, PW_STREAM_RING_BYTES));
}

/* A pump stalls now and then, if the seed has it. */
static uint64_t pause_ns(struct sim_tap *t)
{
	struct sim_bed *bed = t->order.migration->bed;
	const struct sim_swarm *swarm = &bed->scenario.swarm;

	if (sim_bed_has(bed, SIM_SLOW_PUMP) && sim_chance(t->world, swarm->pump_stall)) {
		sim_migration_suffer(t->order.migration, SIM_SLOW_PUMP);
		return sim_below(t->world, swarm->stall_ns_max);
	}
	return sim_below(t->world, t->order.pause_ns_max);
}

static uint16_t bytes_of(const struct sim_tap *t, uint64_t slot)
{
	return (uint16_t)(t->start[slot + 1] - t->start[slot]);
}

static void pour(void *who, uint64_t what)
{
	struct sim_tap *t = who;
	uint8_t *room;
	uint32_t slots;

	(void)what;
	if (!t->pours)
		return;
	slots = pw_stream_out_room(&t->out, &room);
	if (slots > 64)
		slots = (uint32_t)sim_between(t->world, 1, 64);
	for (; slots > 0 && t->filled < t->order.slots; slots--, t->filled++) {
		uint16_t n = bytes_of(t, t->filled);

		memcpy(room, t->bytes + t->start[t->filled], n);
		pw_stream_out_fill(&t->out, n, t->filled + 1 == t->order.slots);
		room += PW_STREAM_SLOT_BYTES;
	}
	if (t->filled < t->order.slots)
		sim_after(t->world, pause_ns(t), pour, t, 0);
}

static void compare(struct sim_tap *t, const uint8_t *from, uint16_t n, bool last)
{
	SIM_CHECK(t->world, t->drunk < t->order.slots, "a stream has more slots than were sent");
	SIM_CHECK(t->world, n == bytes_of(t, t->drunk), "slot %" PRIu64 " has %u bytes, not %u",
		  t->drunk, n, bytes_of(t, t->drunk));
	SIM_CHECK(t->world, last == (t->drunk + 1 == t->order.slots), "slot %" PRIu64 ": wrong end",
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
	if (!t->drinks)
		return;
	for (uint64_t sips = sim_between(t->world, 1, 8); sips > 0 && !t->ended; sips--) {
		if (!pw_stream_in_peek(&t->in, &from, &n, &last))
			break;
		compare(t, from, n, last);
		pw_stream_in_drain(&t->in);
		t->drunk++;
		t->ended = last;
	}
	if (!t->ended)
		sim_after(t->world, pause_ns(t), drink, t, 0);
}

void sim_tap_run(struct sim_tap *t)
{
	t->begun = t->pours = t->drinks = true;
	sim_after(t->world, sim_below(t->world, 2 * SIM_MS), pour, t, 0);
	sim_after(t->world, t->order.thirst_ns, drink, t, 0);
}

bool sim_tap_is_done(struct sim_tap *t)
{
	return t->ended && t->filled == t->order.slots && pw_stream_out_settled(&t->out);
}

bool sim_tap_has(struct sim_tap *t, uint64_t slot, uint32_t from, uint32_t n)
{
	uint64_t at = (slot % PW_STREAM_SLOTS) * PW_STREAM_SLOT_BYTES + from;

	if (slot < t->drunk)
		return true;
	return slot < t->order.slots && memcmp(t->in.ring + at, t->bytes + t->start[slot] + from, n) == 0;
}
