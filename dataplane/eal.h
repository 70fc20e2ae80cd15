/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.h - DPDK's environment: no files shared, and for software lanes no root,
 * no huge pages and no PCI
 *
 * Addresses are virtual ones for devices too (IOVA as VA): a NIC gets guest memory
 * mapped where this process has it. A NIC that cannot have that is refused.
 *
 * lcore 0 is the thread that calls; it controls and never polls. Worker i runs
 * on lcore 1 + i. What DPDK logs is kept back: its last error becomes the
 * reason that is given.
 */
#ifndef PW_EAL_H
#define PW_EAL_H

#include "args.h"
#include "why.h"

int pw_eal_init(const struct pw_args *args, char why[PW_WHY_BYTES]);

/* devices_too: they can be closed (memif.h knows one that cannot). */
void pw_eal_fini(bool devices_too);

/* The last error that DPDK logged, or "". */
const char *pw_eal_error(void);

#endif /* PW_EAL_H */
