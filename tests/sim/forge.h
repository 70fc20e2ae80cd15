/* SPDX-License-Identifier: BSD-3-Clause */
/* forge.h - datagrams, well formed, that nobody in his right mind sends */
#ifndef PW_SIM_FORGE_H
#define PW_SIM_FORGE_H

#include "path.h"

/* Now and then: an ack of what was never sent. It is refused as a whole. */
void sim_forge_ack(struct sim_path *p);

/* Now and then: a datagram whose place is not there, or not open. */
void sim_forge_data(struct sim_path *p);

#endif /* PW_SIM_FORGE_H */
