/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_pci.h - what the kernel says of a NIC's place: driver, IOMMU, PCIe link
 *
 * Read before DPDK starts: it would only say that there is no such port. All
 * functions take the folder that sysfs is mounted on, so that tests can have
 * one of their own.
 */
#ifndef PW_PORT_PCI_H
#define PW_PORT_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "why.h"

#define PW_PCI_SYSFS "/sys"

/* Can a NIC be used: is it there, is its driver one that maps memory for it, is
 * it behind an IOMMU? 0, or a negative errno and the line that says what to do. */
int pw_pci_check(const char *sysfs, const char *address, char why[PW_WHY_BYTES]);

/* The kernel keeps the port and shares it: mlx5. Else its driver is vfio-pci. */
bool pw_pci_is_shared(const char *sysfs, const char *address);

/* Bits of an address that the narrowest IOMMU translates; 0: not known. */
unsigned pw_pci_iommu_bits(const char *sysfs);

struct pw_pcie {
	unsigned gt_per_s_x10;	/* 25 to 640 per PCIe lane; 0: not known */
	unsigned width;	/* PCIe lanes */
};

/* What the slot and the NIC agreed on. */
struct pw_pcie pw_pci_link(const char *sysfs, const char *address);

/* What a PCIe link carries of packets: 8b/10b or 128b/130b and a header for
 * every 256 bytes. 0: not known. */
uint32_t pw_pcie_mbps(struct pw_pcie pcie);

#endif /* PW_PORT_PCI_H */
