/* SPDX-License-Identifier: BSD-3-Clause */
/* stuck.c - what a migration waits for, in words: see migration.h */

#include <inttypes.h>
#include <stdio.h>

#include "bed.h"

const char *sim_state_name(enum sim_state state)
{
	static const char *const name[] = {
		[SIM_IDLE] = "idle",	[SIM_OPENING] = "opening", [SIM_MOVING] = "moving",
		[SIM_AGAIN] = "opening anew", [SIM_SEALS] = "sealing",  [SIM_SEALED] = "sealed",
	};

	return name[state];
}

static unsigned slices_that(const struct sim_migration *m, enum sim_slice_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->num_slices; i++)
		n += m->slices[i].state == state;
	return n;
}

static size_t add_path(const struct sim_path *p, char *why, size_t bytes)
{
	int n = snprintf(why, bytes,
			 "; path %u%s, payload %u: %u in flight, %u to repeat, %u spilled",
			 p->number, p->sender.down ? " is down" : "", pw_mtu_payload(&p->sender.mtu),
			 p->sender.window.in_flight, p->sender.retry_count,
			 pw_spill_left(&p->sender.spill));

	return n < 0 ? 0 : (size_t)n < bytes ? (size_t)n : bytes;
}

void sim_migration_why(const struct sim_migration *m, char *why, size_t bytes)
{
	int n = snprintf(why, bytes, "guest %u is %s, round %u, slices %u waiting, %u open, %u closing",
			 m->number, sim_state_name(m->state), m->round, slices_that(m, SIM_SLICE_WAITS),
			 slices_that(m, SIM_SLICE_OPEN), slices_that(m, SIM_SLICE_SETTLED));
	size_t used = n < 0 ? 0 : (size_t)n < bytes ? (size_t)n : bytes;

	for (unsigned i = 0; m->attempt && i < m->move->streams; i++)
		if (m->attempt->has_stream[i] && !m->attempt->tap[i].ended && used < bytes) {
			n = snprintf(why + used, bytes - used, "; stream %u at %" PRIu64, i,
				     m->attempt->tap[i].drunk);
			used += n < 0 ? 0 : (size_t)n;
		}
	for (unsigned i = 0; m->attempt && i < m->bed->scenario.paths && used < bytes; i++)
		if (!pw_sender_idle(&m->attempt->path[i].sender))
			used += add_path(&m->attempt->path[i], why + used, bytes - used);
}
