/* SPDX-License-Identifier: BSD-3-Clause */
/* args.h - the command line of pagewire-dp, as pagewired writes it */
#ifndef PW_ARGS_H
#define PW_ARGS_H

#include <sched.h>
#include <stdbool.h>

struct pw_args {
	int seam_fd;
	unsigned paths;
	unsigned memory_mib;
	const char *vdev;
	const char *file_prefix;	/* NULL: made of the process id */
	cpu_set_t cpus;	/* where threads may run */
	bool cpus_listed;	/* by the operator; else they are what the system allows */
	bool poll_always;	/* idle workers do not sleep */
};

/* Parse; on an error in the command line, say so and exit with 64 (EX_USAGE). */
void pw_args_parse(struct pw_args *a, int argc, char **argv);

#endif /* PW_ARGS_H */
