/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attempt.h - one opening of a transfer at both hosts
 *
 * A dataplane that dies loses its end of the transfer. The control plane then
 * closes the other end and opens the transfer anew: connections with new cids,
 * windows and rings that are empty, streams from their start unless the target
 * has all of them. Guest memory, and what the control plane knows of it,
 * outlives attempts.
 */
#ifndef PW_SIM_ATTEMPT_H
#define PW_SIM_ATTEMPT_H

#include "path.h"
#include "scenario.h"

struct sim_attempt {
	struct sim_migration *migration;
	unsigned number;	/* from 1 */
	uint16_t first_epoch;
	bool source_open;
	bool target_open;
	struct pw_transfer source;
	struct pw_transfer target;
	bool has_stream[SIM_STREAMS_MAX];	/* else an earlier attempt brought it home */
	struct sim_tap tap[SIM_STREAMS_MAX];
	struct sim_path path[];
};

struct sim_attempt *sim_attempt_new(struct sim_migration *m, unsigned number);

/* Workers of the host begin to serve this end. Streams begin, a little later,
 * once both are open: the source's is the last. */
void sim_attempt_open_target(struct sim_attempt *a);
void sim_attempt_open_source(struct sim_attempt *a);

/* They stop, whether they were told to or died. */
void sim_attempt_close_target(struct sim_attempt *a);
void sim_attempt_close_source(struct sim_attempt *a);

bool sim_attempt_streams_run(const struct sim_attempt *a);

/* Streams have ended and senders are idle. */
bool sim_attempt_is_done(struct sim_attempt *a);

#endif /* PW_SIM_ATTEMPT_H */
