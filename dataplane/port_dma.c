/* SPDX-License-Identifier: BSD-3-Clause */
/* port_dma.c - see port_dma.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALLOW_EXPERIMENTAL_API	/* rte_dev_dma_map(): there is no other way */
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "mapping.h"
#include "port.h"
#include "port_dma.h"
#include "port_pci.h"

static_assert(PW_STREAM_RING_BYTES % PW_MAPPING_PIECE == 0, "a ring is whole pieces");

void pw_dma_init(struct pw_dma *d, const struct pw_port *port)
{
	memset(d, 0, sizeof(*d));
	d->device = port->dma_device;
	d->sysfs = PW_PCI_SYSFS;
}

static uint64_t registered_bytes(uint64_t bytes)
{
	return (bytes + PW_MAPPING_PIECE - 1) & ~(PW_MAPPING_PIECE - 1);
}

/* Why the kernel did not map it, in words. DPDK hides its EINVAL in ENOENT. */
static int explain(const struct pw_dma *d, const uint8_t *base, uint64_t bytes, int error,
		   char why[PW_WHY_BYTES])
{
	unsigned width = pw_pci_iommu_bits(d->sysfs);
	uint64_t last = (uint64_t)(uintptr_t)base + bytes - 1;

	if (error == ENOTSUP)
		return pw_why(why, -ENOTSUP, "the NIC's driver cannot map guest memory: bind the NIC "
			      "to vfio-pci");
	if (error == ENOMEM)
		return pw_why(why, -ENOMEM, "%llu MiB of guest memory cannot be locked for the NIC: raise "
			      "the limit (ulimit -l, LimitMEMLOCK=)", (unsigned long long)(bytes >> 20));
	if (width && width < 64 && last >> width)
		return pw_why(why, -ERANGE, "the IOMMU has addresses of %u bits, guest memory is at "
			      "0x%llx: a wider IOMMU is needed (QEMU: aw-bits=48)",
			      width, (unsigned long long)(uintptr_t)base);
	return pw_why(why, -error, "guest memory cannot be mapped for the NIC: %s",
		      strerror(error));
}

/* In the order in which unmap() takes it back. */
static int map(const struct pw_dma *d, const uint8_t *base, uint64_t bytes, char why[PW_WHY_BYTES])
{
	void *at = (void *)(uintptr_t)base;
	uint64_t registered = registered_bytes(bytes);
	int error;

	if ((uintptr_t)base % PW_MAPPING_PIECE)
		return pw_why(why, -EINVAL, "memory for the NIC begins at %p, not on 2 MiB", at);
	if (rte_extmem_register(at, registered, NULL, 0, PW_MAPPING_PIECE)) {
		error = rte_errno;
		return pw_why(why, -error, "guest memory cannot be registered: %s%s", strerror(error),
			      error == ENOSPC ? "; fewer regions, or fewer migrations at once" : "");
	}
	if (rte_dev_dma_map(d->device, at, (uintptr_t)at, bytes) == 0)
		return 0;
	error = rte_errno;
	rte_extmem_unregister(at, registered);
	return explain(d, base, bytes, error, why);
}

/* Unregistering first would leave the IOMMU's mapping behind. */
static void unmap(const struct pw_dma *d, const uint8_t *base, uint64_t bytes)
{
	void *at = (void *)(uintptr_t)base;

	rte_dev_dma_unmap(d->device, at, (uintptr_t)at, bytes);
	rte_extmem_unregister(at, registered_bytes(bytes));
}

int pw_dma_add_region(struct pw_dma *d, uint32_t region, const struct pw_dma_range *range,
		      char why[PW_WHY_BYTES])
{
	int status;

	if (!d->device)
		return 0;
	status = map(d, range->base, range->bytes, why);
	if (!status)
		d->region[region] = *range;
	return status;
}

void pw_dma_drop_region(struct pw_dma *d, uint32_t region)
{
	struct pw_dma_range *r = &d->region[region];

	if (r->base)
		unmap(d, r->base, r->bytes);
	*r = (struct pw_dma_range){ 0 };
}

int pw_dma_add_ring(struct pw_dma *d, const uint8_t *ring)
{
	unsigned n = atomic_load_explicit(&d->rings, memory_order_relaxed);
	char why[PW_WHY_BYTES] = "";	/* what is copied is counted, and nothing fails */
	int status;

	if (!d->device)
		return 0;
	if (n == PW_STREAMS_MAX)
		return -ENOSPC;
	status = map(d, ring, PW_STREAM_RING_BYTES, why);
	if (status)
		return status;
	d->ring[n] = ring;
	/* release; pairs with the acquire in pw_dma_may_read() */
	atomic_store_explicit(&d->rings, n + 1, memory_order_release);
	return 0;
}

void pw_dma_drop_rings(struct pw_dma *d)
{
	unsigned n = atomic_exchange_explicit(&d->rings, 0, memory_order_relaxed);

	while (n--)
		unmap(d, d->ring[n], PW_STREAM_RING_BYTES);
}
