/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_link.c - see sim_link.h */

#include <string.h>

#include "sim_link.h"

/* Of whole words, and of the bytes behind them. */
static uint64_t sum_of(const uint8_t *bytes, uint32_t n)
{
	uint64_t word, sum = n;
	uint32_t at = 0;

	for (; at + sizeof(word) <= n; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
	}
	for (; at < n; at++)
		sum = (sum ^ bytes[at]) * 0x100000001b3ull;
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
	copy->marked = parcel->marked;
	copy->header_bytes = parcel->header_bytes;
	memcpy(copy->bytes, parcel->bytes, parcel->bytes_count);
	return copy;
}

static void arrive(void *who, uint64_t what)
{
	struct sim_link *l = who;
	struct sim_parcel *parcel = (struct sim_parcel *)(uintptr_t)what;
	const struct sim_bytes bytes = { parcel->bytes, parcel->bytes_count, parcel->intact,
					 parcel->marked };

	sim_note(l->world, sum_of(parcel->bytes, parcel->bytes_count));
	if (parcel->stray)
		l->ends.on_stray(l->ends.who, &bytes);
	else
		l->ends.on_arrival(l->ends.who, &bytes);
	put_parcel(l, parcel);
}

static void fly(struct sim_link *l, struct sim_parcel *parcel, uint64_t in_ns)
{
	sim_after(l->world, in_ns, arrive, l, (uintptr_t)parcel);
}

/* Keep a copy for after SEAL; of many, some. */
static void keep(struct sim_link *l, const struct sim_parcel *parcel)
{
	if (l->kept_count < SIM_KEPT_MAX)
		l->kept[l->kept_count++] = copy_parcel(l, parcel);
	else if (sim_chance(l->world, 1000))
		l->kept[sim_below(l->world, SIM_KEPT_MAX)] = copy_parcel(l, parcel);
}

static void send_astray(struct sim_link *l, const struct sim_parcel *parcel)
{
	const struct link_config *model = &l->faults->model;
	struct sim_parcel *copy = copy_parcel(l, parcel);

	copy->stray = true;
	keep(l, copy);
	fly(l, copy, model->delay_ns + sim_below(l->world, model->late_ns_max + 1));
	l->stats.strays++;
}

static void tell(struct sim_link *l, enum sim_fault fault, const struct sim_parcel *parcel)
{
	l->ends.on_fault(l->ends.who, fault, parcel->bytes);
}

static void flip(struct sim_link *l, struct sim_parcel *parcel, const struct link_copy *copy)
{
	bool header = false;

	for (uint32_t i = 0; i < copy->flips; i++)
		header |= copy->at[i] < parcel->header_bytes;
	tell(l, header ? SIM_CORRUPT_HEADER : SIM_CORRUPT_PAYLOAD, parcel);
	for (uint32_t i = 0; i < copy->flips; i++)
		parcel->bytes[copy->at[i]] ^= copy->by[i];
}

static void resize(struct sim_link *l, struct sim_parcel *parcel, uint32_t length)
{
	tell(l, SIM_CORRUPT_LENGTH, parcel);
	for (uint32_t i = parcel->bytes_count; i < length; i++)
		parcel->bytes[i] = (uint8_t)sim_random(l->world);
	parcel->bytes_count = length;
}

static void damage(struct sim_link *l, struct sim_parcel *parcel, const struct link_copy *copy)
{
	if (copy->damage == LINK_INTACT)
		return;
	parcel->intact = false;
	if (copy->damage == LINK_RESIZED)
		resize(l, parcel, copy->length);
	else
		flip(l, parcel, copy);
}

/* Bytes that a checksum covers. The field for the payload's checksum ends the
 * header, and is ignored where there is none. */
static uint32_t covered(const struct sim_link *l, const struct sim_parcel *parcel)
{
	if (l->faults->corrupt_payload && parcel->payload_bytes)
		return parcel->bytes_count;
	return parcel->header_bytes - 4u;
}

/* What the model counted while it looked at this datagram. */
static void tell_news(struct sim_link *l, const struct link_stats *before,
		      const struct sim_parcel *parcel)
{
	const struct link_stats *now = &l->model.stats;
	const struct {
		uint64_t count;
		enum sim_fault fault;
	} news[] = {
		{ now->lost_alone - before->lost_alone, SIM_LOSS },
		{ now->lost_burst - before->lost_burst, SIM_BURST },
		{ now->lost_silence - before->lost_silence, SIM_SILENCE },
		{ now->lost_long - before->lost_long, SIM_BLACK_HOLE },
		{ now->lost_queue - before->lost_queue, SIM_QUEUE_FULL },
		{ now->repeated_soon - before->repeated_soon, SIM_REPEAT_SOON },
		{ now->repeated_late - before->repeated_late, SIM_REPEAT_LATE },
		{ now->delayed - before->delayed, SIM_REORDER },
		{ now->marked - before->marked, SIM_MARK },
	};

	for (unsigned i = 0; i < sizeof(news) / sizeof(news[0]); i++)
		if (news[i].count)
			tell(l, news[i].fault, parcel);
}

/* All bytes are on the wire: what becomes of them. */
static void depart(struct sim_link *l, struct sim_parcel *parcel)
{
	const struct link_frame frame = { .bytes = parcel->bytes_count,
					  .until = covered(l, parcel),
					  .can_mark = true };
	const struct link_stats before = l->model.stats;
	uint64_t now_ns = l->world->now_ns;
	struct link_verdict verdict;

	if (sum_of(parcel->bytes + parcel->header_bytes, parcel->payload_bytes) != parcel->sum) {
		l->stats.torn++;
		tell(l, SIM_TORN, parcel);
	}
	if (sim_chance(l->world, l->faults->astray))
		send_astray(l, parcel);
	link_model_offer(&l->model, &frame, now_ns, &verdict);
	tell_news(l, &before, parcel);
	if (verdict.copies && l->faults->extreme)
		tell(l, SIM_DELAY, parcel);
	for (unsigned i = 0; i < verdict.copies; i++) {
		const struct link_copy *how = &verdict.copy[i];
		struct sim_parcel *copy = copy_parcel(l, parcel);

		copy->marked = how->ce;
		damage(l, copy, how);
		if (how->repeat)
			keep(l, copy);
		fly(l, copy, how->at_ns - now_ns);
	}
	put_parcel(l, parcel);
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
	parcel->marked = false;
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
	if (sim_chance(l->world, l->faults->refuse)) {
		taken = (uint16_t)sim_below(l->world, taken + 1u);
		if (taken < n)
			l->ends.on_fault(l->ends.who, SIM_REFUSED, frames[taken].header);
	}
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
	link_model_init(&l->model, &faults->model, sim_random(w));
}

void sim_link_cut(struct sim_link *l, uint64_t cut_ns)
{
	link_model_cut(&l->model, l->world->now_ns, l->world->now_ns + cut_ns);
}

void sim_link_calm(struct sim_link *l)
{
	l->model.config = l->faults->model;
	l->model.silent_until_ns = 0;
	l->model.in_burst = false;
}

void sim_link_release_kept(struct sim_link *l)
{
	for (uint32_t i = 0; i < l->kept_count; i++)
		fly(l, copy_parcel(l, l->kept[i]),
		    l->faults->model.delay_ns + sim_below(l->world, 20 * SIM_MS));
}
