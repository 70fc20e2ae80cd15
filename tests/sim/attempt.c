/* SPDX-License-Identifier: BSD-3-Clause */
/* attempt.c - see attempt.h */

#include "bed.h"

static void init_transfers(struct sim_attempt *a)
{
	const struct sim_migration *m = a->migration;
	unsigned shift = m->move->slice_shift;

	a->source.role = PW_SOURCE;
	a->target.role = PW_TARGET;
	a->source.slice_shift = a->target.slice_shift = shift;
	pw_slices_init(&a->source.slices, shift);
	for (unsigned r = 0; r < m->move->regions; r++) {
		uint64_t bytes = m->move->pages[r] << PW_PAGE_SHIFT;
		uint64_t slices = (bytes + (1ull << shift) - 1) >> shift;

		a->source.region[r] = (struct pw_region){ m->guest.memory[r].base, bytes };
		a->target.region[r] = (struct pw_region){ m->shadow.region[r].base, bytes };
		a->target.slice_in[r] = sim_alloc(m->world, slices * sizeof(struct pw_slice_in));
		for (uint64_t i = 0; i < slices; i++)
			atomic_init(&a->target.slice_in[r][i].open_epoch, a->first_epoch);
	}
}

static void init_streams(struct sim_attempt *a)
{
	const struct sim_migration *m = a->migration;

	for (unsigned i = 0; i < m->move->streams; i++) {
		const struct sim_tap_order order = {
			.migration = a->migration,
			.slots = m->move->stream_slots[i],
			.pause_ns_max = m->bed->scenario.pump_pause_ns_max,
			.thirst_ns = m->move->thirst_ns,
			.bytes_max = m->move->stream_bytes_max[i],
		};

		a->has_stream[i] = !m->stream_done[i];
		if (a->has_stream[i])
			sim_tap_init(&a->tap[i], m->world, &order);
	}
}

struct sim_attempt *sim_attempt_new(struct sim_migration *m, unsigned number)
{
	unsigned paths = m->bed->scenario.paths;
	struct sim_attempt *a = sim_alloc(m->world, sizeof(*a) + paths * sizeof(a->path[0]));

	a->migration = m;
	a->number = number;
	a->first_epoch = number == 1 ? m->move->first_epoch : PW_EPOCH_FIRST;
	init_transfers(a);
	for (unsigned i = 0; i < paths; i++)
		sim_path_init(&a->path[i], m->bed,
			      &(struct sim_path_order){
				      .migration = m,
				      .shadow = &m->shadow,
				      .taps = a->tap,
				      .source = &a->source,
				      .target = &a->target,
				      .attempt = number,
				      .regions = m->move->regions,
				      .number = i,
				      .first_epoch = a->first_epoch,
			      });
	return a;
}

/* A stream begins at any time, and at both ends at once. */
static void publish(void *who, uint64_t number)
{
	struct sim_attempt *a = who;

	if (!a->source_open || !a->target_open)
		return;
	atomic_store_explicit(&a->target.stream_in[number], &a->tap[number].in,
			      memory_order_release);
	atomic_store_explicit(&a->source.stream_out[number], &a->tap[number].out,
			      memory_order_release);
	sim_tap_run(&a->tap[number]);
}

void sim_attempt_open_target(struct sim_attempt *a)
{
	struct sim_bed *bed = a->migration->bed;

	a->target_open = true;
	for (unsigned i = 0; i < bed->scenario.paths; i++) {
		sim_path_open_target(&a->path[i]);
		sim_host_attach(&bed->host[sim_migration_target(a->migration)],
				&a->path[i].target_end);
	}
}

void sim_attempt_open_source(struct sim_attempt *a)
{
	struct sim_bed *bed = a->migration->bed;

	a->source_open = true;
	for (unsigned i = 0; i < bed->scenario.paths; i++)	/* all, before any is polled */
		sim_path_open_source(&a->path[i]);
	for (unsigned i = 0; i < bed->scenario.paths; i++)
		sim_host_attach(&bed->host[sim_migration_source(a->migration)],
				&a->path[i].source_end);
	init_streams(a);
	for (unsigned i = 0; i < a->migration->move->streams; i++)
		if (a->has_stream[i])
			sim_after(bed->world, sim_below(bed->world, 5 * SIM_MS), publish, a, i);
}

void sim_attempt_close_target(struct sim_attempt *a)
{
	struct sim_bed *bed = a->migration->bed;

	a->target_open = false;
	for (unsigned i = 0; i < bed->scenario.paths; i++)
		sim_host_detach(&bed->host[sim_migration_target(a->migration)],
				&a->path[i].target_end);
	for (unsigned i = 0; i < a->migration->move->streams; i++) {
		a->tap[i].drinks = false;
		a->migration->stream_done[i] |= a->tap[i].ended;
	}
}

void sim_attempt_close_source(struct sim_attempt *a)
{
	struct sim_bed *bed = a->migration->bed;

	a->source_open = false;
	for (unsigned i = 0; i < bed->scenario.paths; i++)
		sim_host_detach(&bed->host[sim_migration_source(a->migration)],
				&a->path[i].source_end);
	for (unsigned i = 0; i < a->migration->move->streams; i++)
		a->tap[i].pours = false;
}

bool sim_attempt_streams_run(const struct sim_attempt *a)
{
	for (unsigned i = 0; i < a->migration->move->streams; i++)
		if (a->tap[i].begun && !a->tap[i].ended)
			return true;
	return false;
}

bool sim_attempt_is_done(struct sim_attempt *a)
{
	for (unsigned i = 0; i < a->migration->move->streams; i++)
		if (a->has_stream[i] && !sim_tap_is_done(&a->tap[i]))
			return false;
	for (unsigned i = 0; i < a->migration->bed->scenario.paths; i++)
		if (!pw_sender_idle(&a->path[i].sender))
			return false;
	return true;
}
