/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * migration.h - one guest's move: its states, its clock, its record
 *
 * Pure: whoever drives it (source.h, target.h) tells it what happened and
 * when. The states of the source and what may follow are a table; so is who
 * has the guest in each.
 *
 *	setup -> pre-copy -> quiesce -> sync -> wire -> verify -> load -> handover -> done
 *	   \________\___________\________\_______\_______\________\________ failed, cancelled
 *
 * Up to the end of load the source may take the guest back by itself. From the
 * moment GIVE is sent (handover) only the target's refusal returns it: silence
 * leaves the guest paused here (uncertain), never running twice.
 */
#ifndef PW_MIGRATION_H
#define PW_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "pagewire/control.h"

enum pw_stage {
	PW_STAGE_SETUP,	/* both ends map memory and open paths; the guest runs */
	PW_STAGE_PRECOPY,	/* rounds over what is dirty; the guest runs */
	PW_STAGE_QUIESCE,	/* the guest and its devices come to rest */
	PW_STAGE_SYNC,	/* last harvest of dirty pages */
	PW_STAGE_WIRE,	/* last pages and device state travel, until SEALED */
	PW_STAGE_VERIFY,	/* the target compares digests */
	PW_STAGE_LOAD,	/* the target's devices take their state */
	PW_STAGE_HANDOVER,	/* GIVE was sent: no return but by refusal */
	PW_STAGE_DONE,	/* runs at the target */
	PW_STAGE_FAILED,	/* runs at the source */
	PW_STAGE_CANCELLED,	/* runs at the source */
	PW_STAGE_UNCERTAIN,	/* given, no answer: paused here, perhaps running there */
	PW_NUM_STAGES
};

struct pw_round_record {
	uint64_t dirty_bytes;	/* to send */
	uint64_t sent_bytes;	/* payload */
	uint64_t zero_pages;
	uint64_t start_ns;
	uint64_t end_ns;	/* 0: not over */
	bool stun;	/* sent while the guest was paused */
};

#define PW_ROUNDS_RECORDED 256u	/* more rounds than any policy allows */

struct pw_migration {
	uint8_t id[16];
	uint32_t epoch;
	char guest[PW_GUEST_NAME_MAX];
	char peer[PW_GUEST_NAME_MAX];
	enum pw_mode mode;
	enum pw_verify verify;
	enum pw_stage stage;
	uint64_t entered_ns[PW_NUM_STAGES];	/* 0: was never there */
	uint64_t stun_start_ns;	/* the guest's last step, by its own account */
	uint64_t end_ns;
	uint64_t first_step_ns;	/* at the target, on this host's clock too; 0: clocks differ */
	uint64_t since_step_ns;	/* from the guest's first step to the target's report of it */
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t device_stun_bytes;	/* device state that moved in the stun */
	uint64_t verified_pages;
	bool verified;
	uint32_t rounds;
	struct pw_round_record round[PW_ROUNDS_RECORDED];
	uint32_t dataplane_restarts;	/* of both hosts, that it went through */
	bool guest_gone;	/* its process ended at the source */
	bool guest_stands;	/* it did not run when the migration began */
	struct pw_error error;	/* of failed, cancelled, uncertain */
};

/* Enter stage. -EPERM, and nothing changes, if the table does not allow it. */
int pw_migration_enter(struct pw_migration *m, enum pw_stage stage, uint64_t now_ns);

/* Not over: somebody still drives it. */
bool pw_migration_is_live(const struct pw_migration *m);

/* May the source take the guest back by itself? */
bool pw_migration_may_take_back(enum pw_stage stage);

/* Does the guest stand still in this stage? */
bool pw_migration_is_stunned(enum pw_stage stage);

const char *pw_stage_name(enum pw_stage stage);

/* "running", "done", "failed", ... */
const char *pw_migration_result(const struct pw_migration *m);

/* "running at the source", ... */
const char *pw_migration_guest_is(const struct pw_migration *m);

/* Phases of the stun, in ns, without a gap: from the guest's last step here to
 * its first step there. Where clocks differ the end is taken from the target's
 * report, and the journey of GIVE and RUNNING counts as resume. */
struct pw_stun_phases {
	uint64_t quiesce_ns;
	uint64_t sync_ns;
	uint64_t wire_ns;
	uint64_t verify_ns;
	uint64_t load_ns;
	uint64_t resume_ns;
};

struct pw_stun_phases pw_migration_phases(const struct pw_migration *m);

/* The sum of the phases: what the guest saw. */
uint64_t pw_migration_stun_ns(const struct pw_migration *m);

#endif /* PW_MIGRATION_H */
