/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo_guest.h - a process of pagewire-guest, and what it has said
 *
 * It says one JSON object per line; what it said last about each thing is kept
 * here. Nothing waits: pw_demo_guest_hear takes what is there.
 */
#ifndef PW_DEMO_GUEST_H
#define PW_DEMO_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../proc.h"
#include "demo_options.h"

/* The guest's own account of a migration: every page of it, looked at by itself. */
struct pw_demo_check {
	bool done;
	uint64_t pages;
	uint64_t bad;
	char first_bad[160];
	uint64_t step;
	uint64_t last_source_step;
	uint64_t dirtied_pages;	/* since it runs at the target */
	bool continued;	/* not one step was lost or taken twice */
};

struct pw_demo_guest {
	struct pw_proc proc;
	bool ready;
	bool released;
	bool resumed;	/* it runs again, where it had been paused or at the target */
	bool at_target;	/* of resumed */
	uint64_t resumed_step;
	uint64_t last_step_ns;	/* at the source */
	uint64_t first_step_ns;	/* since resumed; the same clock: the hosts are one */
	unsigned statuses;	/* heard */
	bool status_asked;	/* and not heard yet */
	char state[16];	/* "running", "paused", ... by the last status */
	uint64_t step;	/* by the last status */
	struct pw_demo_check check;
	char complaint[200];	/* the last error it reported */
	char line[4096];
	size_t line_bytes;
};

struct pw_demo_guest_plan {
	const char *name;	/* for messages and its log: "guest at host-a" */
	const char *log;
	const char *agent;	/* socket of its pagewired */
	bool incoming;
	const struct pw_demo_options *options;
};

int pw_demo_guest_start(struct pw_demo_guest *g, const struct pw_demo_guest_plan *plan,
			struct pw_error *e);

/* Take what it has said until now. */
void pw_demo_guest_hear(struct pw_demo_guest *g);

void pw_demo_guest_ask_check(struct pw_demo_guest *g);
void pw_demo_guest_ask_status(struct pw_demo_guest *g);	/* once, until it is answered */

#endif /* PW_DEMO_GUEST_H */
