/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_place.h - where the demo runs: a private folder, CPUs, memory, a port */
#ifndef PW_DEMO_PLACE_H
#define PW_DEMO_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "../error.h"
#include "pagewire/limits.h"

/* A socket's path has 108 bytes; this leaves room for the longest name in it. */
#define PW_DEMO_DIR_MAX 88u

struct pw_demo_cpus {
	uint32_t count;	/* at most one for each path */
	uint32_t cpu[PW_PATHS_MAX];	/* no one twice: workers share if there are fewer than paths */
};

/* Make a folder that only this user can enter, in the first of XDG_RUNTIME_DIR,
 * TMPDIR and /tmp that has room for it in a socket's path. */
int pw_demo_place_make_dir(char *dir, size_t bytes, struct pw_error *e);
void pw_demo_place_remove_dir(const char *dir);

/* Which CPUs the workers of host 0 and host 1 get: no CPU works for both, if
 * this process may use more than one. */
int pw_demo_place_cpus(uint32_t paths, struct pw_demo_cpus cpus[2], struct pw_error *e);

/* What this machine can give without swapping; UINT64_MAX if it does not say. */
uint64_t pw_demo_place_memory_bytes(void);

/* -ENOMEM if two guests of this size do not fit into available bytes. */
int pw_demo_place_check_memory(uint64_t memory_bytes, uint64_t device_bytes, uint64_t available,
			       struct pw_error *e);

/* A TCP port of 127.0.0.1 that nobody listens at now. */
int pw_demo_place_port(uint16_t *port, struct pw_error *e);

#endif /* PW_DEMO_PLACE_H */
