/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_options.h - the command line of pagewire-guest */
#ifndef PW_GUEST_OPTIONS_H
#define PW_GUEST_OPTIONS_H

#include "guest_machine.h"

#define PW_GUEST_AGENT_SOCKET "/run/pagewire/agent.sock"

struct pw_guest_options {
	const char *agent;
	const char *name;
	struct pw_guest_plan plan;
};

/* Exits with 2 and one line on standard error if the command line is wrong. */
void pw_guest_options_parse(struct pw_guest_options *o, int argc, char **argv);

#endif /* PW_GUEST_OPTIONS_H */
