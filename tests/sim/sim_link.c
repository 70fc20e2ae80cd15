/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_link.c - see sim_link.h */

#include <string.h>

#include "sim_link.h"

static uint64_t sum_of(const uint8_t *bytes, uint32_t n)
{
	uint64_t sum = n;

	for (uint32_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3ull;
	return sum;
}

static struct sim_parcel *take_parcel(struct sim_link *l)
{
	struct sim_parcel *parcel = l->unused;

	if (!parcel)
		return sim_alloc(l->world, sizeof(*parcel));
	l->unused = parcel->next;
	return parcel;
}

static void put_parcel(struct sim_link *l, struct sim_parcel *parcel)
{
	parcel->next = l->unused;
	l->unused = parcel;
}

static struct sim_parcel *copy_parcel(struct sim_link *l, const struct sim_parcel *parcel)
{
	struct sim_parcel *copy = take_parcel(l);

	copy->bytes_count = parcel->bytes_count;
	copy->intact = parcel->intact;
	copy->stray = parcel->stray;
	memcpy(copy->bytes, parcel->bytes, parcel->bytes_count);
	return copy;
}

static void arrive(void *who, uint64_t what)
{
	struct sim_link *l = who;
	struct sim_parcel *parcel = (struct sim_parcel *)(uintptr_t)what;

	sim_note(l->world, sum_of(parcel->bytes, parcel->bytes_count));
	if (parcel->stray)
		l->ends.on_stray(l->ends.who, parcel->bytes, parcel->bytes_count);
	else
		l->ends.on_arrival(l->ends.who, parcel->bytes, parcel->bytes_count, parcel->intact);
	put_parcel(l, parcel);
}

static void fly(struct sim_link *l, struct sim_parcel *parcel, uint64_t extra_ns)
{
	uint64_t delay_ns = l->faults->delay_ns + sim_below(l->world, l->faults->jitter_ns + 1);

	sim_after(l->world, delay_ns + extra_ns, arrive, l, (uintptr_t)parcel);
}

/* Bytes that a checksum covers. The field for the payload's checksum ends the
 * header, and is ignored where there is none. */
static uint32_t covered(const struct sim_link *l, const struct sim_parcel *parcel)
{
	if (l->faults->corrupt_payload && parcel->payload_bytes)
		return parcel->bytes_count;
	return parcel->header_bytes - 4u;
}

/* Up to three bytes, or the length. */
static void corrupt(struct sim_link *l, struct sim_parcel *parcel)
{
	uint32_t end = covered(l, parcel);
	uint64_t at = sim_below(l->world, end);

	if (sim_chance(l->world, 1000))
		parcel->bytes_count = (uint32_t)sim_below(l->world, parcel->bytes_count);
	else if (sim_chance(l->world, 500))
		parcel->bytes_count += (uint32_t)sim_between(l->world, 1, 64);
	else
		for (uint64_t n = sim_between(l->world, 1, 3); n > 0; n--) {
			at = (at + end / 4) % end;	/* never the same byte twice */
			parcel->bytes[at] ^= (uint8_t)(1 + sim_below(l->world, 255));
		}
	parcel->intact = false;
	l->stats.corrupted++;
}

static bool is_lost(struct sim_link *l)
{
	if (sim_chance(l->world, l->faults->burst))
		sim_link_silence(l, sim_below(l->world, l->faults->burst_ns_max));
	return l->world->now_ns < l->silent_until_ns || sim_chance(l->world, l->faults->lose);
}

/* Keep a copy for after SEAL; of many, some. */
static void keep(struct sim_link *l, const struct sim_parcel *parcel)
{
	if (l->kept_count < SIM_KEPT_MAX)
		l->kept[l->kept_count++] = copy_parcel(l, parcel);
	else if (sim_chance(l->world, 1000))
		l->kept[sim_below(l->world, SIM_KEPT_MAX)] = copy_parcel(l, parcel);
}

static void repeat(struct sim_link *l, const struct sim_parcel *parcel, bool stray)
{
	bool soon = !stray && sim_chance(l->world, 5000);
	struct sim_parcel *copy = copy_parcel(l, parcel);

	copy->stray = stray;
	keep(l, copy);
	fly(l, copy, sim_below(l->world, (soon ? l->faults->jitter_ns : l->faults->late_ns_max) + 1));
}

/* All bytes are on the wire: what becomes of them. */
static void depart(struct sim_link *l, struct sim_parcel *parcel)
{
	uint64_t extra_ns = 0;

	l->stats.datagrams++;
	l->stats.torn += sum_of(parcel->bytes + parcel->header_bytes, parcel->payload_bytes) !=
			 parcel->sum;
	if (sim_chance(l->world, l->faults->duplicate)) {
		repeat(l, parcel, false);
		l->stats.duplicated++;
	}
	if (sim_chance(l->world, l->faults->astray)) {
		repeat(l, parcel, true);
		l->stats.strays++;
	}
	if (is_lost(l)) {
		l->stats.lost++;
		put_parcel(l, parcel);
		return;
	}
	if (sim_chance(l->world, l->faults->corrupt))
		corrupt(l, parcel);
	if (sim_chance(l->world, l->faults->reorder)) {
		extra_ns = sim_below(l->world, l->faults->reorder_ns_max);
		l->stats.delayed++;
	}
	fly(l, parcel, extra_ns);
}

static void read_second_half(void *who, uint64_t what)
{
	struct sim_link *l = who;
	struct sim_parcel *parcel = (struct sim_parcel *)(uintptr_t)what;
	uint32_t half = parcel->payload_bytes / 2u;

	if (parcel->payload_bytes)
		memcpy(parcel->bytes + parcel->header_bytes + half, parcel->payload + half,
		       parcel->payload_bytes - half);
	l->queued--;
	depart(l, parcel);
}

static void read_first_half(void *who, uint64_t what)
{
	struct sim_link *l = who;
	struct sim_parcel *parcel = (struct sim_parcel *)(uintptr_t)what;

	if (parcel->payload_bytes)
		memcpy(parcel->bytes + parcel->header_bytes, parcel->payload,
		       parcel->payload_bytes / 2u);
	sim_after(l->world, sim_below(l->world, 2 * SIM_US), read_second_half, l, what);
}

static void take_frame(struct sim_link *l, const struct pw_frame *frame)
{
	struct sim_parcel *parcel = take_parcel(l);
	uint64_t now_ns = l->world->now_ns;

	parcel->payload = frame->payload;
	parcel->header_bytes = frame->header_bytes;
	parcel->payload_bytes = frame->payload_bytes;
	parcel->bytes_count = (uint32_t)frame->header_bytes + frame->payload_bytes;
	parcel->sum = sum_of(frame->payload, frame->payload_bytes);
	parcel->intact = true;
	parcel->stray = false;
	memcpy(parcel->bytes, frame->header, frame->header_bytes);

	if (l->busy_until_ns < now_ns)
		l->busy_until_ns = now_ns;
	l->busy_until_ns += parcel->bytes_count * l->faults->ns_per_kib / 1024;
	l->queued++;
	sim_after(l->world, l->busy_until_ns - now_ns + sim_below(l->world, l->faults->dma_ns_max + 1),
		  read_first_half, l, (uintptr_t)parcel);
	l->ends.on_taken(l->ends.who, frame);
}

static uint16_t send(struct pw_link *link, const struct pw_frame *frames, uint16_t n)
{
	struct sim_link *l = (struct sim_link *)link;
	uint16_t taken = n;

	if (taken > l->faults->queue_max - l->queued)
		taken = (uint16_t)(l->faults->queue_max - l->queued);
	if (sim_chance(l->world, l->faults->refuse))
		taken = (uint16_t)sim_below(l->world, taken + 1u);
	for (uint16_t i = 0; i < taken; i++)
		take_frame(l, &frames[i]);
	l->stats.refused += taken < n;
	return taken;
}

void sim_link_init(struct sim_link *l, struct sim_world *w, const struct sim_faults *faults,
		   const struct sim_link_ends *ends)
{
	static const struct pw_link_ops ops = { .send = send };

	memset(l, 0, sizeof(*l));
	l->link.ops = &ops;
	l->world = w;
	l->faults = faults;
	l->ends = *ends;
}

void sim_link_silence(struct sim_link *l, uint64_t silent_ns)
{
	uint64_t until_ns = l->world->now_ns + silent_ns;

	if (l->silent_until_ns < until_ns)
		l->silent_until_ns = until_ns;
}

void sim_link_release_kept(struct sim_link *l)
{
	for (uint32_t i = 0; i < l->kept_count; i++)
		fly(l, copy_parcel(l, l->kept[i]), sim_below(l->world, 20 * SIM_MS));
}
