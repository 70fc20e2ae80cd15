/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reopen.c - how a transfer is opened, and opened anew when a dataplane died
 *
 *	source                        target
 *	makes an attempt -- OPEN n -> closes the older, opens n
 *	attaches senders <- OPENED n -
 *	                 <- RESET n - its dataplane had n and died
 *
 * The source drives. Its own dataplane's death is an attempt more as soon as that
 * is up again, the other's as soon as RESET tells of it. Messages of an older
 * attempt are ignored. Once SEAL was sent a death no longer matters.
 */
#include "bed.h"

static bool is_under_way(const struct sim_migration *m)
{
	return m->state == SIM_OPENING || m->state == SIM_MOVING || m->state == SIM_AGAIN;
}

static void on_opened(void *who, uint64_t number)
{
	struct sim_migration *m = who;

	if (number != m->attempt->number || !m->bed->host[sim_migration_source(m)].up)
		return;
	sim_attempt_open_source(m->attempt);
	sim_migration_opened(m);
}

static void open_at_target(struct sim_migration *m, struct sim_attempt *a)
{
	m->waiting = NULL;
	m->at_target = a;
	sim_attempt_open_target(a);
	sim_control_send(m, sim_migration_target(m), on_opened, a->number);
}

static void on_open(void *who, uint64_t what)
{
	struct sim_migration *m = who;
	struct sim_attempt *a = (struct sim_attempt *)(uintptr_t)what;

	if (m->at_target && m->at_target->target_open)
		sim_attempt_close_target(m->at_target);
	if (m->bed->host[sim_migration_target(m)].up)
		open_at_target(m, a);
	else
		m->waiting = a;
}

void sim_reopen_begin(struct sim_migration *m)
{
	struct sim_attempt *old = m->attempt;

	if (old && old->source_open)
		sim_attempt_close_source(old);
	if (!m->bed->host[sim_migration_source(m)].up)
		return;	/* when it is */
	m->attempt = sim_attempt_new(m, old ? old->number + 1 : 1);
	if (m->state == SIM_MOVING)
		sim_migration_enter(m, SIM_AGAIN);
	sim_control_send(m, sim_migration_source(m), on_open, (uintptr_t)m->attempt);
}

static void on_reset(void *who, uint64_t number)
{
	struct sim_migration *m = who;

	if (is_under_way(m) && number == m->attempt->number)
		sim_reopen_begin(m);
}

void sim_reopen_host_died(struct sim_migration *m, unsigned host)
{
	enum sim_fault fault = host == sim_migration_source(m) ? SIM_SOURCE_CRASH : SIM_TARGET_CRASH;

	sim_migration_suffer(m, fault);
	if (fault == SIM_TARGET_CRASH) {
		if (m->at_target && m->at_target->target_open)
			sim_attempt_close_target(m->at_target);
		sim_bed_stage(m->bed, m);
		return;
	}
	if (m->attempt && m->attempt->source_open)
		sim_attempt_close_source(m->attempt);
	if (m->state == SIM_MOVING)
		sim_migration_enter(m, SIM_AGAIN);
}

void sim_reopen_host_ready(struct sim_migration *m, unsigned host)
{
	if (!is_under_way(m))
		return;
	if (host == sim_migration_source(m))
		sim_reopen_begin(m);
	else if (m->waiting)
		open_at_target(m, m->waiting);
	else if (m->at_target)
		sim_control_send(m, sim_migration_target(m), on_reset, m->at_target->number);
}
