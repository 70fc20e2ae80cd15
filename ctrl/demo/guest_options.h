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

/* A number, or a size with K, M, G or T behind it, into *value. -EINVAL: not a
 * number; -ERANGE: does not fit 64 bits. */
int pw_guest_options_number(const char *text, bool is_size, uint64_t *value);

/* Exits with 2 and one line on standard error if the command line is wrong. */
void pw_guest_options_parse(struct pw_guest_options *o, int argc, char **argv);

#endif /* PW_GUEST_OPTIONS_H */
