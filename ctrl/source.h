/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.h - the source's side of a migration
 *
 * Happy path, one file per stretch of it:
 *	source.c          begin, end, the peer's messages
 *	source_setup.c    agent armed, transfer and regions, OPEN, device streams
 *	source_round.c    harvest -> plan -> send -> close, again and again
 *	source_watch.c    the lane answers, the stun ends: else give up
 *	source_stun.c     pause, last harvest, digests, SEAL, GIVE, RUNNING
 *	source_legacy.c   device state over the control link
 *	source_reopen.c   a dataplane died, here or there: the transfer anew
 *
 * What can go wrong ends in pw_source_fail(), from any callback: the target is
 * told, the guest resumes here, and only then is the migration called failed.
 * After GIVE only a REFUSE does that.
 */
#ifndef PW_SOURCE_H
#define PW_SOURCE_H

#include "host.h"
#include "migration.h"

struct pw_source_request {
	const char *guest;
	const char *peer;
	enum pw_mode mode;
	enum pw_verify verify;
	uint64_t stun_goal_ns;
	uint64_t stun_limit_ns;
};

struct pw_source_now {	/* for progress */
	uint64_t remaining_bytes;
	uint64_t rate_bytes_per_s;
	uint64_t predicted_stun_ns;	/* PW_PLANNER_UNKNOWN */
	const char *verdict;
	const char *reason;
};

/* Begin. 0 and *source, or a negative errno and err; what fails later is in the
 * record. The source stays in host->sources when it is over, until another
 * migration needs its place. */
int pw_source_start(struct pw_host *host, const struct pw_source_request *request,
		    struct pw_source **source, struct pw_error *err);

/* -EPERM: over, or given to the target. */
int pw_source_cancel(struct pw_source *s);

struct pw_source *pw_source_find(struct pw_host *host, const uint8_t id[16]);
struct pw_source *pw_source_first(struct pw_host *host);
struct pw_source *pw_source_next(struct pw_source *s);
const struct pw_migration *pw_source_migration(const struct pw_source *s);
struct pw_source_now pw_source_now(const struct pw_source *s);

/* Bytes sent again so far. */
uint64_t pw_source_repeated_bytes(const struct pw_source *s);

/* At the end of the process: guests stay as they are, memory is given back. */
void pw_sources_destroy(struct pw_host *host);

#endif /* PW_SOURCE_H */
