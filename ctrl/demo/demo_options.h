/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_options.h - the command line of pagewire demo */
#ifndef PW_DEMO_OPTIONS_H
#define PW_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "pagewire/control.h"

#define PW_DEMO_MODES_MAX 2u

struct pw_demo_options {
	uint64_t memory_bytes;
	uint64_t device_bytes;
	uint64_t dirty_bytes_per_s;
	uint64_t seed;
	uint32_t paths;
	uint32_t modes;
	enum pw_mode mode[PW_DEMO_MODES_MAX];	/* in the order they are run */
	enum pw_verify verify;
	bool json;
	bool quiet;
	bool keep;
	const char *report;	/* path; NULL: none */
	const char *sabotage;	/* what the guest at the target shall do to itself; NULL: nothing */
};

/* Exits with 2 and one message on standard error if the command line is wrong. */
void pw_demo_options_parse(struct pw_demo_options *o, int argc, char **argv);

const char *pw_demo_mode_name(enum pw_mode mode);
const char *pw_demo_verify_name(enum pw_verify verify);

#endif /* PW_DEMO_OPTIONS_H */
