/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_registers.h - the state of the device "cpu": workload and ledger
 *
 * Small, and different in every step: it has no pre-copy and travels whole when
 * the guest is stopped.
 *
 *	| header: sizes of the guest | workload | ledger: a version per page | checksum |
 *
 * The end it is loaded at has to have the same regions and vGPUs.
 */
#ifndef PW_GUEST_REGISTERS_H
#define PW_GUEST_REGISTERS_H

#include "guest_workload.h"

struct pw_guest_registers {
	struct pw_guest_workload *workload;
	struct pw_guest_body *body;
};

uint64_t pw_guest_registers_bytes(const struct pw_guest_registers *r);

int pw_guest_registers_save(struct pw_guest_registers *r, const struct pw_guest_pipe *p);

/* 0, -EPROTO (not registers, or damaged), -EINVAL (of a guest of another
 * shape), -ENODATA (cut off). After an error the body is to be forgotten. */
int pw_guest_registers_load(struct pw_guest_registers *r, const struct pw_guest_pipe *p);

#endif /* PW_GUEST_REGISTERS_H */
