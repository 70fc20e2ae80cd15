/* SPDX-License-Identifier: BSD-3-Clause */
/* judge.h - what must be true whenever a datagram leaves or arrives; see path.h */
#ifndef PW_SIM_JUDGE_H
#define PW_SIM_JUDGE_H

#include "path.h"

/* A datagram on its way into a receiver. */
struct sim_arrival {
	struct pw_datagram datagram;	/* if sound */
	uint64_t placed;	/* bytes and pages, before */
	bool sound;	/* it is what was sent */
	bool well_formed;
	bool fresh;	/* its pn was not taken before, nor given up */
	bool open;	/* its epoch is the open one, if it has one */
	uint8_t before[PW_PAYLOAD_MAX];	/* DATA: what stood at its place */
};

void sim_judge_sent(struct sim_path *p, const struct pw_frame *frame);
void sim_judge_before(struct sim_path *p, struct sim_inlet *in, struct sim_arrival *a,
		      const struct sim_bytes *bytes);
void sim_judge_after(struct sim_path *p, struct sim_inlet *in, const struct sim_arrival *a);
void sim_judge_ack(struct sim_path *p, const struct pw_frame *frame);
void sim_judge_window(struct sim_path *p);

#endif /* PW_SIM_JUDGE_H */
