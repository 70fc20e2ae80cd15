/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_machine.h - the whole guest: body, workload, engine, devices, and
 * whether it may run
 *
 *	running --PAUSE--> paused --RELEASE--> released
 *	   ^   <--RESUME--   |
 *	   +---RUN--- waiting (incoming)
 *
 * Invariants
 *   M1  Only RUN, under the permit of the last PREPARE and with every device
 *       loaded, leads out of waiting; nothing leads out of released.
 *   M2  The engine is parked in every state but running.
 *
 * Requests may come twice (who asked may have died before it heard the
 * answer): asked again for the state it is in, the guest answers as before.
 *
 * Owned by the loop.
 */
#ifndef PW_GUEST_MACHINE_H
#define PW_GUEST_MACHINE_H

#include "guest_device.h"
#include "guest_engine.h"
#include "guest_registers.h"

enum pw_guest_state {
	PW_GUEST_WAITING,	/* for its registers and RUN; memory may be written by others */
	PW_GUEST_RUNNING,
	PW_GUEST_PAUSED,	/* nothing is written; it can be taken back */
	PW_GUEST_RELEASED,	/* it runs elsewhere, or nowhere; not here, for good */
	PW_NUM_GUEST_STATES
};

struct pw_guest_plan {
	struct pw_guest_size size;
	struct pw_guest_rates rates;
	uint64_t seed;
	bool incoming;
	enum pw_guest_sabotage sabotage;	/* done once, right before the first step of RUN */
};

struct pw_guest_machine {
	struct pw_guest_plan plan;
	enum pw_guest_state state;
	struct pw_guest_body body;
	struct pw_guest_workload workload;
	struct pw_guest_registers registers;
	struct pw_guest_engine engine;
	struct pw_guest_device device[PW_GUEST_VGPUS_MAX + 1];	/* vGPUs, then cpu */
	uint32_t devices;
	int done_fd;	/* eventfd: some device thread is done */

	bool prepared;
	struct pw_agent_permit permit;	/* prepared: the only one that RUN obeys */
	struct pw_agent_times times;	/* as last answered */
	uint64_t arrived_step;	/* of the registers that it was loaded from; 0: born here */
	uint64_t first_step;	/* taken here */
};

const char *pw_guest_machine_state_name(enum pw_guest_state state);

/* A running guest runs when this returns; an incoming one waits. */
int pw_guest_machine_create(struct pw_guest_machine *m, const struct pw_guest_plan *plan,
			    struct pw_error *e);
void pw_guest_machine_destroy(struct pw_guest_machine *m);

/* What agent.h asks for. -EINVAL: not in this state; -EPERM: not under this permit;
 * -EBUSY: loaded by another migration (PREPARE), not all loaded (RUN). */
int pw_guest_machine_pause(struct pw_guest_machine *m);
int pw_guest_machine_resume(struct pw_guest_machine *m);
int pw_guest_machine_release(struct pw_guest_machine *m);
int pw_guest_machine_prepare(struct pw_guest_machine *m, const struct pw_agent_permit *permit);
int pw_guest_machine_run(struct pw_guest_machine *m, const struct pw_agent_permit *permit);
int pw_guest_machine_discard(struct pw_guest_machine *m, const struct pw_agent_permit *permit);
int pw_guest_machine_device_state(struct pw_guest_machine *m, const struct pw_agent_device_state *s,
				  int *data_fd);

/* Who was asking has gone: a guest at home drops what its devices were saving. */
void pw_guest_machine_orphan(struct pw_guest_machine *m);

struct pw_guest_report {
	struct pw_guest_check check;
	uint64_t step;
	uint64_t dirtied_pages;	/* written since it runs here */
	bool continued;	/* not one step lost or taken twice, the ledger is whole */
};

/* Check all pages; a running guest is parked for it and goes on. -EINVAL while
 * waiting: there is nothing to check against. */
int pw_guest_machine_check(struct pw_guest_machine *m, struct pw_guest_report *report);

#endif /* PW_GUEST_MACHINE_H */
