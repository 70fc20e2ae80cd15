/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coverage.h - which fault happened to a migration in which of its stages
 *
 * Counted when a fault happens, not when it is drawn: a cell that stays empty is
 * a combination that no seed reached.
 */
#ifndef PW_SIM_COVERAGE_H
#define PW_SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Name, and what it is called. */
#define SIM_FAULTS(X)                                                                              \
	X(LOSS, "lost alone")                                                                      \
	X(BURST, "lost in a burst")                                                                \
	X(SILENCE, "lost in a silence")                                                            \
	X(REORDER, "held back")                                                                    \
	X(REPEAT_SOON, "repeated soon")                                                            \
	X(REPEAT_LATE, "repeated late")                                                            \
	X(STRAY, "astray")                                                                         \
	X(CORRUPT_HEADER, "header corrupted")                                                      \
	X(CORRUPT_PAYLOAD, "payload corrupted")                                                    \
	X(CORRUPT_LENGTH, "length corrupted")                                                      \
	X(DELAY, "delay and jitter extreme")                                                       \
	X(QUEUE_FULL, "bottleneck overflows")                                                      \
	X(MARK, "congestion mark")                                                                 \
	X(BLACK_HOLE, "MTU black hole")                                                            \
	X(CUT_ONE_WAY, "path cut one way")                                                         \
	X(CUT_PATH, "path cut")                                                                    \
	X(CUT_ALL, "all paths cut")                                                                \
	X(DEAD_PATH, "path dead for good")                                                         \
	X(REFUSED, "burst refused")                                                                \
	X(STALL, "worker stalls")                                                                  \
	X(RING_FULL, "receive ring overflows")                                                     \
	X(SLOW_PUMP, "pump stalls")                                                                \
	X(SLOW_CONTROL, "control link stalls")                                                     \
	X(FORGED_ACK, "ack forged")                                                                \
	X(FORGED_DATA, "datagram forged")                                                          \
	X(SOURCE_CRASH, "source dataplane dies")                                                   \
	X(TARGET_CRASH, "target dataplane dies")                                                   \
	X(HALF_PLACED, "dies while it places")                                                     \
	X(OLD_LIFE, "datagram of a former life")                                                   \
	X(TORN, "page torn")

enum sim_fault {
#define X(name, words) SIM_##name,
	SIM_FAULTS(X)
#undef X
	SIM_NUM_FAULTS
};

/* STREAMS stands beside the others: a stream has begun and not ended. */
enum sim_stage {
	SIM_SETUP,
	SIM_ROUND_0,
	SIM_ROUNDS,
	SIM_STUN,
	SIM_STREAMS,
	SIM_SEALING,	/* and after */
	SIM_REOPENING,
	SIM_NUM_STAGES
};

struct sim_coverage {
	uint64_t count[SIM_NUM_FAULTS][SIM_NUM_STAGES];
};

/* stages: a bit for each that the migration is in. */
void sim_cover(struct sim_coverage *c, enum sim_fault fault, unsigned stages);
void sim_coverage_add(struct sim_coverage *to, const struct sim_coverage *from);

/* Print the table. Returns the number of cells that are empty and should not be. */
unsigned sim_coverage_show(const struct sim_coverage *c);

#endif /* PW_SIM_COVERAGE_H */
