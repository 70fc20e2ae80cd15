/* SPDX-License-Identifier: BSD-3-Clause */
/* model.c - see model.h */

#include <string.h>

#include "model.h"

#define MILLION	     1000000u
#define NS_PER_S     UINT64_C(1000000000)
#define SHORTEN	     100000u	/* of a million corruptions */
#define LENGTHEN     50000u
#define LENGTHEN_MAX 64u	/* bytes */

/* splitmix64, as the simulator's world: any seed will do. */
static uint64_t draw(struct link_model *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t below(struct link_model *m, uint64_t n)
{
	return n ? draw(m) % n : 0;
}

static bool chance(struct link_model *m, uint32_t of_a_million)
{
	return of_a_million && draw(m) % MILLION < of_a_million;
}

static bool is_faulty(const struct link_model *m, const struct link_frame *frame)
{
	uint32_t classes = m->config.faulty_classes;

	return !classes || classes >> frame->class & 1u;
}

static bool is_in_hole(const struct link_model *m, const struct link_frame *frame,
		       uint64_t now_ns)
{
	const struct link_config *c = &m->config;

	return c->hole_bytes && frame->bytes > c->hole_bytes && now_ns >= c->hole_from_ns &&
	       is_faulty(m, frame);
}

static bool is_cut(const struct link_model *m, const struct link_frame *frame, uint64_t now_ns)
{
	return now_ns >= m->config.cut_from_ns && now_ns < m->config.cut_until_ns &&
	       is_faulty(m, frame);
}

static bool is_lost_as_first(struct link_model *m, const struct link_frame *frame)
{
	if (!m->config.first_frames[frame->class])
		return false;
	m->config.first_frames[frame->class]--;
	return !m->config.first_lose || chance(m, m->config.first_lose);
}

static bool has_dead_port(const struct link_model *m, const struct link_frame *frame)
{
	uint32_t port = m->config.dead_port;

	return port && (frame->ports[0] == port || frame->ports[1] == port);
}

/* In front of the queue: what no copy survives. */
static bool is_stopped(struct link_model *m, const struct link_frame *frame, uint64_t now_ns)
{
	if (is_cut(m, frame, now_ns)) {
		m->stats.lost_cut++;
	} else if (is_lost_as_first(m, frame)) {
		m->stats.lost_first++;
	} else if (has_dead_port(m, frame)) {
		m->stats.lost_port++;
	} else if (is_in_hole(m, frame, now_ns)) {
		m->stats.lost_long++;
	} else {
		return false;
	}
	return true;
}

/* Neither product overflows: frames are short, and a rate is at most 18e9. */
static uint64_t ns_for(const struct link_model *m, uint64_t bytes)
{
	return bytes * NS_PER_S / m->config.bytes_per_s;
}

uint64_t link_model_queue(const struct link_model *m, uint64_t now_ns)
{
	uint64_t wait_ns = m->busy_until_ns > now_ns ? m->busy_until_ns - now_ns : 0;

	return wait_ns / NS_PER_S * m->config.bytes_per_s +
	       wait_ns % NS_PER_S * m->config.bytes_per_s / NS_PER_S;
}

/* Wait for the rate limit; false: no room. */
static bool queue_up(struct link_model *m, const struct link_frame *frame, uint64_t now_ns,
		     bool *ce)
{
	const struct link_config *c = &m->config;
	uint64_t queued = link_model_queue(m, now_ns);

	if (m->busy_until_ns < now_ns)
		m->busy_until_ns = now_ns;
	if (!c->bytes_per_s)
		return true;
	if (c->queue_bytes && queued + frame->bytes > c->queue_bytes) {
		m->stats.lost_queue++;
		return false;
	}
	*ce = c->mark_bytes && queued > c->mark_bytes && frame->can_mark;
	m->stats.marked += *ce;
	m->busy_until_ns += ns_for(m, frame->bytes);
	return true;
}

/* A burst that began loses at least one, and ends with chance 1 / burst_frames
 * after each: burst_frames in the mean. */
static bool is_in_burst(struct link_model *m)
{
	if (!m->config.burst)	/* any more */
		m->in_burst = false;
	if (!m->in_burst) {
		if (!chance(m, m->config.burst))
			return false;
		m->stats.bursts++;
	}
	m->in_burst = m->config.burst_frames && below(m, m->config.burst_frames) != 0;
	return true;
}

static bool is_silent(struct link_model *m, uint64_t now_ns)
{
	if (chance(m, m->config.silence)) {
		uint64_t until_ns = now_ns + 1 + below(m, m->config.silence_ns_max);

		m->stats.silences++;
		if (m->silent_until_ns < until_ns)
			m->silent_until_ns = until_ns;
	}
	return m->config.silence && now_ns < m->silent_until_ns;
}

static bool is_lost(struct link_model *m, uint64_t now_ns)
{
	if (is_silent(m, now_ns))
		m->stats.lost_silence++;
	else if (is_in_burst(m))
		m->stats.lost_burst++;
	else if (chance(m, m->config.lose))
		m->stats.lost_alone++;
	else
		return false;
	return true;
}

static void flip(struct link_model *m, const struct link_frame *frame, struct link_copy *copy)
{
	uint32_t bytes = frame->until - frame->from;
	uint64_t at = below(m, bytes);

	copy->damage = LINK_FLIPPED;
	copy->flips = bytes < LINK_FLIPS_MAX + 1u ? 1 : 1 + (uint32_t)below(m, LINK_FLIPS_MAX);
	for (uint32_t i = 0; i < copy->flips; i++) {
		copy->at[i] = frame->from + (uint32_t)at;
		copy->by[i] = (uint8_t)(1 + below(m, 255));
		at = (at + bytes / 4) % bytes;	/* never the same byte twice */
	}
	m->stats.flipped++;
}

/* Shortened, what is left still reaches to from: the layers below find nothing. */
static void corrupt(struct link_model *m, const struct link_frame *frame, struct link_copy *copy)
{
	uint64_t kind = frame->fixed_length ? MILLION : below(m, MILLION);

	if (frame->until <= frame->from)
		return;
	if (kind < SHORTEN) {
		copy->damage = LINK_RESIZED;
		copy->length = frame->from + (uint32_t)below(m, frame->bytes - frame->from);
		m->stats.shortened++;
	} else if (kind < SHORTEN + LENGTHEN) {
		copy->damage = LINK_RESIZED;
		copy->length = frame->bytes + 1 + (uint32_t)below(m, LENGTHEN_MAX);
		m->stats.lengthened++;
	} else {
		flip(m, frame, copy);
	}
}

static struct link_copy *add_copy(struct link_model *m, struct link_verdict *verdict, bool ce)
{
	struct link_copy *copy = &verdict->copy[verdict->copies++];

	memset(copy, 0, sizeof(*copy));
	copy->at_ns = m->busy_until_ns + m->config.delay_ns;
	if (m->config.jitter_ns)
		copy->at_ns += below(m, m->config.jitter_ns + 1);
	copy->ce = ce;
	return copy;
}

static void maybe_repeat(struct link_model *m, struct link_verdict *verdict, bool ce)
{
	bool soon = chance(m, m->config.repeat_soon);
	bool late = !soon && chance(m, m->config.repeat_late);
	struct link_copy *copy;

	if (!soon && !late)
		return;
	copy = add_copy(m, verdict, ce);
	copy->repeat = true;
	copy->late = late;
	if (late)
		copy->at_ns += below(m, m->config.late_ns_max + 1);
	m->stats.repeated_soon += soon;
	m->stats.repeated_late += late;
}

static void cross_faultily(struct link_model *m, const struct link_frame *frame, uint64_t now_ns,
			   bool ce, struct link_verdict *verdict)
{
	bool lost = is_lost(m, now_ns);
	struct link_copy *copy;

	if (!lost) {
		copy = add_copy(m, verdict, ce);
		if (chance(m, m->config.corrupt))
			corrupt(m, frame, copy);
		if (chance(m, m->config.reorder)) {
			copy->at_ns += below(m, m->config.reorder_ns_max + 1);
			m->stats.delayed++;
		}
	}
	maybe_repeat(m, verdict, ce);
}

void link_model_init(struct link_model *m, const struct link_config *config, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->random = seed;
}

void link_model_offer(struct link_model *m, const struct link_frame *frame, uint64_t now_ns,
		      struct link_verdict *verdict)
{
	bool ce = false;

	verdict->copies = 0;
	m->stats.frames++;
	m->stats.bytes += frame->bytes;
	if (is_stopped(m, frame, now_ns) || !queue_up(m, frame, now_ns, &ce))
		return;
	if (is_faulty(m, frame))
		cross_faultily(m, frame, now_ns, ce, verdict);
	else
		add_copy(m, verdict, ce);
	m->stats.delivered += verdict->copies;
}

void link_model_cut(struct link_model *m, uint64_t now_ns, uint64_t until_ns)
{
	m->config.cut_from_ns = now_ns;
	m->config.cut_until_ns = until_ns;
}

void link_stats_add(struct link_stats *to, const struct link_stats *from)
{
#define X(name, words) to->name += from->name;
	LINK_COUNTERS(X)
#undef X
}
