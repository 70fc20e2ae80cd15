/* SPDX-License-Identifier: BSD-3-Clause */
/* bytes.h - network order, for the headers that are not ours: Ethernet to UDP, ARP, ICMPv6 */
#ifndef PW_BYTES_H
#define PW_BYTES_H

#include <stdint.h>

#define PW_MAC_BYTES 6u

static inline uint16_t pw_get_be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline void pw_put_be16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/* Sum of 16-bit words for an Internet checksum; an odd last byte counts as if a
 * zero followed. 64 KiB do not overflow it. */
static inline uint32_t pw_sum_be16(const uint8_t *from, uint32_t bytes, uint32_t sum)
{
	for (; bytes > 1; from += 2, bytes -= 2)
		sum += pw_get_be16(from);
	return bytes ? sum + ((uint32_t)from[0] << 8) : sum;
}

static inline uint16_t pw_fold_sum(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)sum;
}

#endif /* PW_BYTES_H */
