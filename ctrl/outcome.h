/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outcome.h - a migration as migration_get tells it: how it goes, how it went
 *
 * pw_outcome_parse takes what is there: a field that is absent is 0 or "". The
 * printers write what people read, in lines of at most 100 columns.
 */
#ifndef PW_OUTCOME_H
#define PW_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "pagewire/limits.h"

#define PW_OUTCOME_NO_PREDICTION (-1.0)

/* The parts of a stun, in order; together they are all of it. */
enum pw_phase {
	PW_PHASE_QUIESCE,
	PW_PHASE_SYNC,
	PW_PHASE_WIRE,
	PW_PHASE_VERIFY,
	PW_PHASE_LOAD,
	PW_PHASE_RESUME,
	PW_NUM_PHASES
};

struct pw_outcome_round {
	uint32_t round;
	bool stun;	/* the guest was paused */
	uint64_t dirty_bytes;	/* that were to be sent */
	uint64_t sent_bytes;
	uint64_t zero_pages;
	double seconds;
	double rate_bytes_per_s;
};

struct pw_outcome_now {
	uint32_t round;
	uint64_t remaining_bytes;
	double rate_bytes_per_s;
	double predicted_stun_s;	/* or PW_OUTCOME_NO_PREDICTION */
	char verdict[24];
	char reason[80];
};

struct pw_outcome {
	char id[40];
	char guest[PW_GUEST_NAME_MAX];
	char peer[PW_GUEST_NAME_MAX];
	char mode[12];
	char verify[8];
	char stage[16];
	char result[16];	/* "running" until it is over */
	char guest_is[96];	/* "running at the source" */
	struct pw_error error;	/* code is 0: there is none */
	double total_s;
	double stun_s;
	double phase_s[PW_NUM_PHASES];
	struct pw_outcome_round *round;	/* owned */
	size_t rounds;
	struct pw_outcome_now now;
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t device_stun_bytes;	/* that moved while the guest was paused */
	double rate_bytes_per_s;
	uint64_t retransmitted;
	uint32_t dataplane_restarts;	/* that it went through, of both hosts */
	bool verified;
	uint64_t verified_pages;
};

/* Fill o; what it held before is let go of (so it begins as zeros). -EPROTO if
 * this is no migration: o is then as before. */
int pw_outcome_parse(struct pw_outcome *o, const json_t *migration);
void pw_outcome_fini(struct pw_outcome *o);

bool pw_outcome_is_running(const struct pw_outcome *o);

/* "quiesce", ... */
const char *pw_outcome_phase_name(enum pw_phase phase);
double pw_outcome_phases_s(const struct pw_outcome *o);	/* their sum */

/* How much there was to send after round i ended; false for the last. */
bool pw_outcome_newly_dirty(const struct pw_outcome *o, size_t i, uint64_t *bytes);

void pw_outcome_print_rounds(const struct pw_outcome *o, FILE *out);
void pw_outcome_print_stun(const struct pw_outcome *o, double stun_s, FILE *out);

#endif /* PW_OUTCOME_H */
