/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * migration.h - rounds of a guest from source to target, as the control plane plays them
 *
 *	harvest -> open slices -> settled -> close at the target -> closed
 *	   ^                                                          |
 *	   +------- next round, epochs one higher <---- all closed ---+
 *
 * After the last round the guest stops; one more round; then, when streams have
 * ended and senders are idle, SEAL. What still arrives must change nothing.
 *
 * When a dataplane dies the transfer is opened anew (reopen.c). Slices that were
 * not closed go again, with the bitmap that they had: dirty bits were cleared
 * when it was made, and nobody else remembers them.
 */
#ifndef PW_SIM_MIGRATION_H
#define PW_SIM_MIGRATION_H

#include "attempt.h"
#include "guest.h"
#include "shadow.h"

enum sim_slice_state {
	SIM_SLICE_CLOSED,	/* may be opened */
	SIM_SLICE_WAITS,	/* harvested; the table of open slices was full, or lost */
	SIM_SLICE_OPEN,
	SIM_SLICE_SETTLED,	/* CLOSE is under way */
};

struct sim_slice {
	enum sim_slice_state state;
	uint64_t *bitmap;
	uint32_t region;
	uint32_t number;	/* in its region */
	uint32_t chunks;
	uint16_t epoch;
	unsigned slot;
};

enum sim_state {
	SIM_IDLE,	/* not begun */
	SIM_OPENING,	/* for the first time */
	SIM_MOVING,
	SIM_AGAIN,	/* opening anew */
	SIM_SEALS,	/* SEAL is under way */
	SIM_SEALED,
};

struct sim_migration {
	struct sim_bed *bed;
	struct sim_world *world;
	const struct sim_move *move;
	struct sim_guest guest;
	struct sim_shadow shadow;
	struct sim_attempt *attempt;	/* the source's newest */
	struct sim_attempt *at_target;	/* the target's newest */
	struct sim_attempt *waiting;	/* at the target, until its dataplane is up */
	struct sim_slice *slices;
	unsigned num_slices;
	unsigned number;
	unsigned round;
	enum sim_state state;
	bool stream_done[SIM_STREAMS_MAX];
	uint64_t control_free_ns[SIM_HOSTS];	/* the control link keeps order */
	uint64_t ended_ns;
	uint64_t digest;	/* of the target's memory when it was sealed */
};

void sim_migration_init(struct sim_migration *m, struct sim_bed *bed, unsigned number);

unsigned sim_migration_source(const struct sim_migration *m);	/* host */
unsigned sim_migration_target(const struct sim_migration *m);

/* Stages that it is in, a bit each. */
unsigned sim_migration_stages(const struct sim_migration *m);

/* A fault befell it. */
void sim_migration_suffer(struct sim_migration *m, enum sim_fault fault);

void sim_migration_enter(struct sim_migration *m, enum sim_state state);

/* Nothing has changed since SEAL. */
void sim_migration_check_seal(const struct sim_migration *m);

/* stuck.c: what it waits for. */
const char *sim_state_name(enum sim_state state);
void sim_migration_why(const struct sim_migration *m, char *why, size_t bytes);

/* A message on the control link, from host to the other: arrives in order. */
void sim_control_send(struct sim_migration *m, unsigned from, sim_fire fire, uint64_t what);

/* reopen.c: open the transfer, or open it anew. */
void sim_reopen_begin(struct sim_migration *m);
void sim_reopen_host_died(struct sim_migration *m, unsigned host);
void sim_reopen_host_ready(struct sim_migration *m, unsigned host);

/* It is open at both ends: slices that were under way go again. */
void sim_migration_opened(struct sim_migration *m);

#endif /* PW_SIM_MIGRATION_H */
