/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * own_end.h - the kernel's interface below a lane, and the address it gives
 *
 * With a VLAN the device sends and takes tagged frames of the interface, while
 * addresses, routes and neighbours are those of the kernel's VLAN on top of it.
 */
#ifndef PW_OWN_END_H
#define PW_OWN_END_H

#include "args.h"
#include "why.h"

/* The kernel's number of the interface with the lane's addresses. */
int pw_own_end_index(const struct pw_args *args, int *ifindex, char why[PW_WHY_BYTES]);

/* Fill in what the command line does not say of our end and the interface
 * does: its first address and its speed. An address that was said must be one
 * of the interface's: the kernel answers for it. */
int pw_own_end_complete(struct pw_args *args, char why[PW_WHY_BYTES]);

#endif /* PW_OWN_END_H */
