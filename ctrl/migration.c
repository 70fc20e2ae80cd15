/* SPDX-License-Identifier: BSD-3-Clause */
/* migration.c - see migration.h */

#include <assert.h>
#include <errno.h>

#include "migration.h"
#include "pagewire/check.h"

#define TO(stage) (1u << PW_STAGE_##stage)
#define GIVES_UP  (TO(FAILED) | TO(CANCELLED))

static const struct {
	const char *name;
	unsigned next;	/* stages that may follow */
	const char *guest_is;
	bool stunned;
	bool may_take_back;	/* the source, without asking */
} stages[] = {
	[PW_STAGE_SETUP] = { "setup", TO(PRECOPY) | GIVES_UP, "running at the source", false, true },
	[PW_STAGE_PRECOPY] = { "pre-copy", TO(QUIESCE) | GIVES_UP, "running at the source", false,
			       true },
	[PW_STAGE_QUIESCE] = { "quiesce", TO(SYNC) | GIVES_UP, "paused at the source", true, true },
	[PW_STAGE_SYNC] = { "sync", TO(WIRE) | GIVES_UP, "paused at the source", true, true },
	[PW_STAGE_WIRE] = { "wire", TO(VERIFY) | GIVES_UP, "paused at the source", true, true },
	[PW_STAGE_VERIFY] = { "verify", TO(LOAD) | GIVES_UP, "paused at the source", true, true },
	[PW_STAGE_LOAD] = { "load", TO(HANDOVER) | GIVES_UP, "paused at the source", true, true },
	[PW_STAGE_HANDOVER] = { "handover", TO(DONE) | TO(FAILED) | TO(UNCERTAIN),
				"given to the target, paused at the source", true, false },
	[PW_STAGE_DONE] = { "done", 0, "running at the target", false, false },
	[PW_STAGE_FAILED] = { "failed", 0, "running at the source", false, false },
	[PW_STAGE_CANCELLED] = { "cancelled", 0, "running at the source", false, false },
	[PW_STAGE_UNCERTAIN] = { "uncertain", TO(DONE) | TO(FAILED),
				 "paused at the source; the target was told to run it and did not answer",
				 true, false },
};
static_assert(PW_ARRAY_SIZE(stages) == PW_NUM_STAGES, "every stage has its row");

int pw_migration_enter(struct pw_migration *m, enum pw_stage stage, uint64_t now_ns)
{
	if (!(stages[m->stage].next & 1u << stage))
		return -EPERM;
	m->stage = stage;
	m->entered_ns[stage] = now_ns;
	if (!pw_migration_is_live(m))
		m->end_ns = now_ns;
	return 0;
}

bool pw_migration_is_live(const struct pw_migration *m)
{
	return m->stage < PW_STAGE_DONE;
}

bool pw_migration_may_take_back(enum pw_stage stage)
{
	return stages[stage].may_take_back;
}

bool pw_migration_is_stunned(enum pw_stage stage)
{
	return stages[stage].stunned;
}

const char *pw_stage_name(enum pw_stage stage)
{
	return stages[stage].name;
}

const char *pw_migration_result(const struct pw_migration *m)
{
	return pw_migration_is_live(m) ? "running" : stages[m->stage].name;
}

const char *pw_migration_guest_is(const struct pw_migration *m)
{
	if (m->guest_gone && m->stage != PW_STAGE_DONE)
		return "gone: its process at the source ended";
	if (m->guest_stands)
		return "standing still at the source, as it was before";
	return stages[m->stage].guest_is;
}

/* From one stage to the next; 0 if the later was never entered. */
static uint64_t span(const struct pw_migration *m, enum pw_stage from, enum pw_stage to)
{
	if (!m->entered_ns[from] || !m->entered_ns[to])
		return 0;
	return m->entered_ns[to] - m->entered_ns[from];
}

struct pw_stun_phases pw_migration_phases(const struct pw_migration *m)
{
	struct pw_stun_phases p = {
		.sync_ns = span(m, PW_STAGE_SYNC, PW_STAGE_WIRE),
		.wire_ns = span(m, PW_STAGE_WIRE, PW_STAGE_VERIFY),
		.verify_ns = span(m, PW_STAGE_VERIFY, PW_STAGE_LOAD),
		.load_ns = span(m, PW_STAGE_LOAD, PW_STAGE_HANDOVER),
		.resume_ns = span(m, PW_STAGE_HANDOVER, PW_STAGE_DONE),
	};

	/* The guest's last step is where its stun begins, not our request. */
	if (m->stun_start_ns && m->entered_ns[PW_STAGE_SYNC] > m->stun_start_ns)
		p.quiesce_ns = m->entered_ns[PW_STAGE_SYNC] - m->stun_start_ns;
	if (m->first_step_ns > m->entered_ns[PW_STAGE_HANDOVER])
		p.resume_ns = m->first_step_ns - m->entered_ns[PW_STAGE_HANDOVER];
	else
		p.resume_ns -= p.resume_ns > m->since_step_ns ? m->since_step_ns : 0;
	return p;
}

uint64_t pw_migration_stun_ns(const struct pw_migration *m)
{
	struct pw_stun_phases p = pw_migration_phases(m);

	return p.quiesce_ns + p.sync_ns + p.wire_ns + p.verify_ns + p.load_ns + p.resume_ns;
}
