/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loss.h - round-trip time, and when to stop waiting
 *
 * A datagram is lost when one 16 or more later was acknowledged and 9/8 of a
 * round trip has passed since it was sent (paths reorder by a few datagrams,
 * and placement does not mind order); or when any later one was acknowledged
 * and 4 round trips have passed (the tail of a burst has nothing 16 later).
 * Nothing is given up on silence alone: silence is answered with a probe
 * (PING, acknowledged at once), first after max(2 srtt, 100 us), then after
 * RTO = srtt + 4 rttvar within 1..50 ms, doubled each time. 8 unanswered
 * probes: the path is down; it goes on probing every 50 ms and is up again
 * when it hears.
 *
 * Owned by one worker.
 */
#ifndef PW_LOSS_H
#define PW_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define PW_LOSS_DISTANCE     16u
#define PW_PROBE_MIN_NS	     100000ull
#define PW_RTO_MIN_NS	     1000000ull
#define PW_RTO_MAX_NS	     50000000ull
#define PW_PROBES_UNTIL_DOWN 8u

struct pw_loss {
	uint64_t srtt_ns;	/* 0: no sample yet */
	uint64_t rttvar_ns;
	uint64_t latest_ns;
	uint64_t min_ns;
	uint64_t waiting_since_ns;	/* last time something was sent or heard */
	uint32_t probes;	/* in a row, unanswered */
};

void pw_loss_init(struct pw_loss *l, uint64_t now_ns);
void pw_loss_on_send(struct pw_loss *l, uint64_t now_ns);

/* An acknowledgement came; rtt_ns 0: without a usable sample. */
void pw_loss_on_ack(struct pw_loss *l, uint64_t rtt_ns, uint64_t now_ns);

/* Another sender has measured min_ns, 0 for nothing yet, on the same way. Who comes
 * later finds the queue of those before, and would take it for the length of the way:
 * its delay target would be above theirs, and it would push them aside. */
void pw_loss_hear_min(struct pw_loss *l, uint64_t min_ns);

/* Something is in flight: has it been silent for too long? Counts the probe
 * that the caller then sends. */
bool pw_loss_probe_due(struct pw_loss *l, uint64_t now_ns);

static inline bool pw_loss_is_down(const struct pw_loss *l)
{
	return l->probes >= PW_PROBES_UNTIL_DOWN;
}

/* Sent before this, with something 16 later acknowledged: lost. */
uint64_t pw_loss_before_ns(const struct pw_loss *l, uint64_t now_ns);

/* Sent before this, with anything later acknowledged: lost. */
uint64_t pw_loss_tail_before_ns(const struct pw_loss *l, uint64_t now_ns);

#endif /* PW_LOSS_H */
