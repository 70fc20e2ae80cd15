/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.h - what a seed stands for: guests on their way, sizes and speeds; the faults are swarm.h's */
#ifndef PW_SIM_SCENARIO_H
#define PW_SIM_SCENARIO_H

#include "guest.h"
#include "sender.h"
#include "swarm.h"
#include "world.h"

#define SIM_STREAMS_MAX 3u

/* One guest's move. */
struct sim_move {
	unsigned from;	/* host */
	unsigned regions;
	unsigned streams;
	unsigned rounds;	/* while the guest runs */
	unsigned slice_shift;
	uint64_t pages[SIM_REGIONS_MAX];
	uint64_t stream_slots[SIM_STREAMS_MAX];
	uint16_t stream_bytes_max[SIM_STREAMS_MAX];	/* of a slot */
	uint16_t first_epoch;	/* of its first attempt */
	uint64_t starts_ns;
	uint64_t guest_pause_ns_max;
	uint64_t thirst_ns;	/* before a stream is drunk at all */
	bool seal_closes;	/* the last round is closed by SEAL alone */
};

struct sim_scenario {
	unsigned paths;
	unsigned guests;
	struct sim_move move[SIM_GUESTS_MAX];
	uint64_t pump_pause_ns_max;	/* how slowly a stream is drunk */
	uint64_t control_ns_max;	/* a message on the control link */
	uint32_t path_mbps;	/* that a receive queue is known to take, 0 for unknown */
	bool ring_known;	/* workers tell senders how many frames it holds */
	struct pw_sender_config sender;
	struct sim_swarm swarm;
};

void sim_scenario_draw(struct sim_scenario *s, struct sim_world *w);
void sim_scenario_say(const struct sim_scenario *s, const struct sim_world *w);

#endif /* PW_SIM_SCENARIO_H */
