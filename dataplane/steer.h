/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer.h - the XDP program that leaves an interface to the kernel, but for the lane
 *
 *	pw_steer_load();	the program and its maps, with the lane's rule
 *	pw_steer_attach();	to the interface, before there is a device of the driver:
 *				it finds this program, adds its queues to it, and does
 *				not load one of its own, which would take every frame
 *	pw_steer_detach();
 *
 * The program hangs on a bpf_link, which is a file descriptor of this process:
 * however the process ends, the kernel takes the program away. The driver tries
 * to do so when it closes a device, and cannot.
 */
#ifndef PW_STEER_H
#define PW_STEER_H

#include "steer_rule.h"
#include "why.h"

struct bpf_link;
struct bpf_object;

/* All zero: nothing is loaded. */
struct pw_steer {
	struct bpf_object *object;
	struct bpf_link *link;
};

int pw_steer_load(struct pw_steer *s, const struct pw_steer_rule *rule, char why[PW_WHY_BYTES]);

/* name: of an interface that is there. */
int pw_steer_attach(struct pw_steer *s, const char *name, char why[PW_WHY_BYTES]);

/* Counts of a queue on all CPUs, or a negative errno. */
int pw_steer_count(const struct pw_steer *s, unsigned queue, struct pw_steer_count *sum);

/* The program's file descriptor, and that of one of its maps. */
int pw_steer_program_fd(const struct pw_steer *s);
int pw_steer_map_fd(const struct pw_steer *s, const char *name);

/* Also what was only loaded. */
void pw_steer_detach(struct pw_steer *s);

#endif /* PW_STEER_H */
