/* SPDX-License-Identifier: BSD-3-Clause */
/* args.h - the command line of pagewire-dp, as pagewired writes it */
#ifndef PW_ARGS_H
#define PW_ARGS_H

#include <sched.h>
#include <stdbool.h>

#include "pagewire/lane.h"
#include "pagewire/limits.h"

struct pw_args {
	int seam_fd;
	unsigned paths;
	unsigned memory_mib;
	unsigned vdevs;
	const char *vdev[PW_PATHS_MAX];	/* one with a queue per path, or one per path */
	const char *pci;	/* instead of vdev: 0000:3b:00.0 */
	const char *interface;	/* the kernel's, below the vdevs; NULL: none */
	struct pw_lane_end own;	/* our address; family 0: a lane of two processes */
	unsigned prefix;	/* bits of own that are the network's */
	uint8_t gateway[16];	/* like own.ip; all 0: none */
	unsigned vlan;	/* 0: no tag */
	unsigned mtu;	/* 0: the device's */
	unsigned delay_target_us;	/* 0: the lane's own */
	bool hugepages;
	const char *file_prefix;	/* NULL: made of the process id */
	cpu_set_t cpus;	/* where threads may run */
	bool cpus_listed;	/* by the operator; else they are what the system allows */
	bool poll_always;	/* idle workers do not sleep */
};

/* Parse; on an error in the command line, say so and exit with 64 (EX_USAGE). */
void pw_args_parse(struct pw_args *a, int argc, char **argv);

#endif /* PW_ARGS_H */
