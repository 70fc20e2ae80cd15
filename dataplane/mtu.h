/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mtu.h - how long datagrams may be: path MTU in the manner of RFC 8899
 *
 * Both hosts have said what their lanes carry, so a path starts with that. What
 * lies between them may carry less and say nothing. Datagrams of three
 * generations in a row were lost (each sent after the loss before was found)
 * and none of that length or longer arrived: a black hole, and datagrams get
 * shorter than what was lost. What counts is the length of the lost one, not the
 * step in use: a step of 4800 bytes carries pages of 4096. A cut does not look
 * like that: behind it the first generation arrives. From then on
 * a PROBE of the next longer step asks every second, ten seconds after three
 * that were lost, and its acknowledgement takes the path back up.
 *
 * Owned by one worker.
 */
#ifndef PW_MTU_H
#define PW_MTU_H

#include <stdbool.h>
#include <stdint.h>

#define PW_MTU_STEPS	       5u
#define PW_MTU_GENERATIONS     3u
#define PW_MTU_PROBES	       3u
#define PW_MTU_PROBE_NS	       1000000000ull
#define PW_MTU_PROBE_PAUSE_NS  10000000000ull

struct pw_mtu {
	uint16_t payload[PW_MTU_STEPS];	/* bytes, longest first */
	uint8_t steps;	/* how many there are */
	uint8_t step;	/* in use */
	uint8_t generations;	/* that were lost, in a row */
	uint8_t probes;	/* in a row, lost or not answered yet */
	uint16_t lost_bytes;	/* payload of the shortest of them */
	uint16_t arrived_bytes;	/* of the longest that arrived since the last loss was found */
	uint64_t found_ns;	/* when that was */
	uint64_t probe_ns;	/* when the next probe is due */
};

/* payload_bytes: the longest. */
void pw_mtu_init(struct pw_mtu *m, uint16_t payload_bytes);

/* Payload bytes that a datagram carries at most. */
static inline uint16_t pw_mtu_payload(const struct pw_mtu *m)
{
	return m->payload[m->step];
}

/* A datagram with so many bytes of payload was acknowledged. */
void pw_mtu_on_acked(struct pw_mtu *m, uint16_t bytes);

/* One that left at sent_ns was given up. True: datagrams get shorter. */
bool pw_mtu_on_lost(struct pw_mtu *m, uint16_t bytes, uint64_t sent_ns, uint64_t now_ns);

/* Is it time to try a longer one? Counts the probe that the caller then sends,
 * with *bytes of payload. */
bool pw_mtu_probe_due(struct pw_mtu *m, uint64_t now_ns, uint16_t *bytes);

/* A probe of so many bytes was acknowledged. True: datagrams get longer. */
bool pw_mtu_on_probe_acked(struct pw_mtu *m, uint16_t bytes, uint64_t now_ns);

#endif /* PW_MTU_H */
