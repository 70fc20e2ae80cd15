/* SPDX-License-Identifier: BSD-3-Clause */
/* crc32c.c - see crc32c.h: the processor's instruction, which every x86-64 since 2008 has and DPDK requires */

#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

#include "hot.h"

#define POLYNOMIAL 0x82f63b78u	/* reflected */

#ifdef __SSE4_2__

static uint32_t step8(uint32_t crc, const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return (uint32_t)__builtin_ia32_crc32di(crc, word);
}

static uint32_t step1(uint32_t crc, uint8_t byte)
{
	return __builtin_ia32_crc32qi(crc, byte);
}

#else

static uint32_t step1(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (unsigned i = 0; i < 8; i++)
		crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
	return crc;
}

static uint32_t step8(uint32_t crc, const uint8_t *p)
{
	for (unsigned i = 0; i < 8; i++)
		crc = step1(crc, p[i]);
	return crc;
}

#endif

uint32_t pw_crc32c(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint32_t crc = UINT32_MAX;

	for (; n >= 8; n -= 8, p += 8)
		crc = step8(crc, p);
	for (; n; n--, p++)
		crc = step1(crc, *p);
	return ~crc;
}
