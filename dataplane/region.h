/* SPDX-License-Identifier: BSD-3-Clause */
/* region.h - guest memory as the dataplane sees it: one checked way from offset to address */
#ifndef PW_REGION_H
#define PW_REGION_H

#include <stddef.h>
#include <stdint.h>

/* Fixed from REGION_ADD to TRANSFER_DEL; read by every worker. */
struct pw_region {
	uint8_t *base;	/* NULL: no such region */
	uint64_t bytes;
};

/* Address of bytes bytes at offset, or NULL if they are not all inside. The
 * comparison cannot wrap: offset and bytes come from the network. */
static inline uint8_t *pw_region_ptr(const struct pw_region *r, uint64_t offset, uint64_t bytes)
{
	if (!r->base || bytes > r->bytes || offset > r->bytes - bytes)
		return NULL;
	return r->base + offset;
}

#endif /* PW_REGION_H */
