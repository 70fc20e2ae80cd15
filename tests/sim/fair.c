/* SPDX-License-Identifier: BSD-3-Clause */
/* fair.c - see fair.h */

#include <inttypes.h>

#include "bed.h"

#define LOOK_NS	  (200 * SIM_US)
#define STARVES	  4u	/* gets less than one in so many of its share */
#define SHARE_MIN (1024u << 10)	/* bytes: over less, whose window was cut last decides */

/* Some slice has chunks that no sender took yet. */
static bool wants(const struct sim_migration *m)
{
	const struct pw_slices_out *slices;

	if (m->state != SIM_MOVING)
		return false;
	slices = &m->attempt->source.slices;
	for (unsigned i = 0; i < PW_SLICES_OPEN_MAX; i++) {
		uint64_t next = atomic_load(&slices->slot[i].next_chunk);

		if ((uint32_t)next < next >> 32)
			return true;
	}
	return false;
}

static uint64_t sent_by(const struct sim_migration *m)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; m->attempt && i < m->bed->scenario.paths; i++)
		bytes += m->attempt->path[i].source_stats.tx_payload_bytes;
	return bytes;
}

static bool has_stun(const struct sim_bed *bed, unsigned from)
{
	for (unsigned i = 0; i < bed->scenario.guests; i++)
		if (bed->scenario.move[i].from == from && bed->migration[i]->guest.stopped &&
		    bed->migration[i]->state == SIM_MOVING)
			return true;
	return false;
}

/* Of guests that leave one host: who wanted at both ends of this while. */
static void weigh(struct sim_bed *bed, unsigned from, const bool wanted[], const uint64_t sent[])
{
	struct sim_fair *f = &bed->fair;
	uint64_t sum = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < bed->scenario.guests; i++)
		if (bed->scenario.move[i].from == from && wanted[i]) {
			sum += sent[i];
			n++;
		}
	for (unsigned i = 0; n > 1 && i < bed->scenario.guests; i++)
		if (bed->scenario.move[i].from == from && wanted[i]) {
			f->got[i] += sent[i];
			f->share[i] += sum / n;
		}
}

static void look(void *who, uint64_t what)
{
	struct sim_bed *bed = who;
	struct sim_fair *f = &bed->fair;
	bool wanted[SIM_GUESTS_MAX];
	uint64_t sent[SIM_GUESTS_MAX];

	(void)what;
	for (unsigned i = 0; i < bed->scenario.guests; i++) {
		const struct sim_migration *m = bed->migration[i];
		bool now = wants(m);
		uint64_t bytes = sent_by(m);

		wanted[i] = f->wants[i] && now;
		sent[i] = bytes - f->sent[i];
		f->wants[i] = now;
		f->sent[i] = bytes;
	}
	for (unsigned host = 0; host < SIM_HOSTS; host++)
		if (!has_stun(bed, host))
			weigh(bed, host, wanted, sent);
	if (!bed->over)
		sim_after(bed->world, LOOK_NS, look, bed, 0);
}

void sim_fair_run(struct sim_bed *bed)
{
	if (bed->scenario.guests > 1 && !bed->scenario.swarm.has)
		look(bed, 0);
}

bool sim_fair_compared(const struct sim_fair *f, unsigned guest)
{
	return f->share[guest] >= SHARE_MIN;
}

void sim_fair_check(const struct sim_bed *bed)
{
	const struct sim_fair *f = &bed->fair;

	for (unsigned i = 0; i < bed->scenario.guests; i++)
		SIM_CHECK(bed->world,
			  !sim_fair_compared(f, i) || f->got[i] >= f->share[i] / STARVES,
			  "guest %u starved: %" PRIu64 " KiB, where an equal share is %" PRIu64, i,
			  f->got[i] >> 10, f->share[i] >> 10);
}
