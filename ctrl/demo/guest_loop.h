/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_loop.h - one thread that waits for commands, for pagewired, and for device threads */
#ifndef PW_GUEST_LOOP_H
#define PW_GUEST_LOOP_H

#include "guest_agent.h"

/* Serve until quit. a is initialised. 0, or why the guest could never register. */
int pw_guest_loop_run(struct pw_guest_agent *a, struct pw_error *e);

#endif /* PW_GUEST_LOOP_H */
