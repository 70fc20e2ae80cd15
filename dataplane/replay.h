/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay.h - which pns of a path have arrived
 *
 *	         next                     next + PW_WINDOW_SLOTS
 *	..done....|.##.#####..............|
 *
 * Every pn below next is placed, or its sender gave it up (it says so in the
 * span of each datagram) and it is too old to be taken. A pn is marked after
 * it was placed, never before: what is marked gets acknowledged.
 *
 * Invariants
 *   R1  the bit of next is clear
 *   R2  next <= top <= next + PW_WINDOW_SLOTS; no bit at or above top is set
 *
 * Owned by one worker.
 */
#ifndef PW_REPLAY_H
#define PW_REPLAY_H

#include <stdint.h>

#include "pagewire/limits.h"

enum pw_replay_verdict { PW_REPLAY_NEW, PW_REPLAY_DUPLICATE, PW_REPLAY_TOO_OLD, PW_REPLAY_TOO_NEW };

struct pw_replay {
	uint64_t next;
	uint64_t top;	/* one above the highest pn marked */
	uint64_t bits[PW_WINDOW_SLOTS / 64];	/* ring, indexed by pn */
};

void pw_replay_init(struct pw_replay *r);

/* The sender no longer waits for anything below floor. */
void pw_replay_give_up(struct pw_replay *r, uint64_t floor);

enum pw_replay_verdict pw_replay_check(const struct pw_replay *r, uint64_t pn);

/* pn was placed. Its verdict is PW_REPLAY_NEW. */
void pw_replay_mark(struct pw_replay *r, uint64_t pn);

/* Write what lies above next in the form of an ack (bit 0 of word 0 is
 * next + 1). Returns the number of words, 0 if nothing does. */
unsigned pw_replay_bitmap(const struct pw_replay *r, uint64_t words[PW_WINDOW_SLOTS / 64]);

#endif /* PW_REPLAY_H */
