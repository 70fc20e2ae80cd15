/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_dma.h - which memory the lane's NIC may read
 *
 *	map guest memory -> register with DPDK -> map for the device -> send
 *	-> every frame is freed -> unmap from the device -> unregister -> munmap
 *
 * A NIC behind an IOMMU reads only what was mapped for it. What was not is not
 * an error that anybody sees: it can go out as zeros, under a checksum that the
 * NIC computed over the zeros. So a link asks pw_dma_may_read() before it lends
 * memory to a frame, and copies what it may not lend.
 *
 * One region is one mapping, whatever its size: a process has room for some 120
 * registrations. The rings of streams are mapped one by one as they come; a
 * ring for which there is no room is copied from.
 *
 * Devices that are software copy, or read as this process does: for them there
 * is nothing to map and everything may be read.
 *
 * Written by the control thread and by the thread that makes a region ready;
 * read by workers: regions do not change while they run, rings are published.
 */
#ifndef PW_PORT_DMA_H
#define PW_PORT_DMA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "pagewire/limits.h"
#include "stream.h"
#include "why.h"

struct rte_device;
struct pw_port;

struct pw_dma_range {
	const uint8_t *base;	/* NULL: none */
	uint64_t bytes;
	uint64_t page_bytes;	/* of the memory behind it: it is contiguous that far */
};

/* What the lane's NIC may read of one transfer. */
struct pw_dma {
	struct rte_device *device;	/* NULL: software; it may read everything */
	const char *sysfs;	/* where the IOMMU's width is read */
	struct pw_dma_range region[PW_REGIONS_MAX];
	_Atomic unsigned rings;
	const uint8_t *ring[PW_STREAMS_MAX];
};

void pw_dma_init(struct pw_dma *d, const struct pw_port *port);

/* Returns 0 or a negative errno with a line that says what was found and what
 * helps. May take seconds: the kernel pins every page. */
int pw_dma_add_region(struct pw_dma *d, uint32_t region, const struct pw_dma_range *range,
		      char why[PW_WHY_BYTES]);

/* No frame with memory of it is left. A region that was not added is ignored. */
void pw_dma_drop_region(struct pw_dma *d, uint32_t region);

/* A stream's ring, PW_STREAM_RING_BYTES. On failure it is copied from. */
int pw_dma_add_ring(struct pw_dma *d, const uint8_t *ring);
void pw_dma_drop_rings(struct pw_dma *d);

/* Worker: may the NIC read this frame's payload where it is? */
static inline bool pw_dma_may_read(const struct pw_dma *d, const struct pw_frame *frame)
{
	const struct pw_dma_range *r;
	unsigned rings;

	if (!d->device)
		return true;
	if (frame->region < PW_REGIONS_MAX) {
		r = &d->region[frame->region];
		return r->base && frame->payload >= r->base && frame->payload_bytes <= r->bytes &&
		       (uint64_t)(frame->payload - r->base) <= r->bytes - frame->payload_bytes;
	}
	/* acquire; pairs with the release in pw_dma_add_ring() */
	rings = atomic_load_explicit(&d->rings, memory_order_acquire);
	for (unsigned i = 0; i < rings; i++)
		if (frame->payload >= d->ring[i] &&
		    (uint64_t)(frame->payload - d->ring[i]) <=
		    PW_STREAM_RING_BYTES - frame->payload_bytes)
			return true;
	return false;
}

/* Worker: bytes of the payload, at most all, in front of the first border of two
 * pages of its memory. */
static inline uint16_t pw_dma_contiguous(const struct pw_dma *d, const struct pw_frame *frame)
{
	uint64_t page = PW_PAGE_BYTES, left;

	if (!d->device)
		return frame->payload_bytes;
	if (frame->region < PW_REGIONS_MAX)
		page = d->region[frame->region].page_bytes;
	left = page - ((uintptr_t)frame->payload & (page - 1));
	return left < frame->payload_bytes ? (uint16_t)left : frame->payload_bytes;
}

#endif /* PW_PORT_DMA_H */
