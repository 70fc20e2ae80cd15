/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ack.h - when to acknowledge
 *
 * After 32 datagrams or 20 us, at once on a gap or when asked to. An ack says
 * everything that is known, so any one of them makes up for those lost.
 *
 * Owned by one worker.
 */
#ifndef PW_ACK_H
#define PW_ACK_H

#include <stdbool.h>
#include <stdint.h>

#define PW_ACK_EVERY	  32u
#define PW_ACK_DELAY_NS	  20000ull

struct pw_acker {
	uint64_t first_ns;	/* arrival of the oldest datagram not acknowledged yet */
	uint64_t newest_ns;	/* arrival of the newest */
	uint32_t newest_tx_time;
	uint32_t pending;	/* datagrams */
	bool now;	/* do not wait */
};

void pw_acker_init(struct pw_acker *a);

/* A datagram came and deserves an ack; at_once: gap, or it asked. */
void pw_acker_on_datagram(struct pw_acker *a, uint32_t tx_time, bool at_once, uint64_t now_ns);

/* One came again: an ack is owed, but it says nothing of how long the way is now. */
void pw_acker_on_duplicate(struct pw_acker *a, uint64_t now_ns);

bool pw_acker_due(const struct pw_acker *a, uint64_t now_ns);
void pw_acker_on_sent(struct pw_acker *a);

#endif /* PW_ACK_H */
