/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c - see placement.h */

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "placement.h"

#include "hot.h"

#ifdef __SSE2__

/* Bytes up to the next 16 byte boundary of to. */
static size_t head_bytes(const uint8_t *to, size_t bytes)
{
	size_t head = -(uintptr_t)to & 15;

	return head < bytes ? head : bytes;
}

void pw_placement_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	size_t at = head_bytes(to, bytes);

	memcpy(to, from, at);
	for (; at + 64 <= bytes; at += 64) {	/* a cache line at a time */
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(from + at));
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from + at + 16));
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(from + at + 32));
		__m128i d = _mm_loadu_si128((const __m128i *)(const void *)(from + at + 48));

		_mm_stream_si128((__m128i *)(void *)(to + at), a);
		_mm_stream_si128((__m128i *)(void *)(to + at + 16), b);
		_mm_stream_si128((__m128i *)(void *)(to + at + 32), c);
		_mm_stream_si128((__m128i *)(void *)(to + at + 48), d);
	}
	memcpy(to + at, from + at, bytes - at);
}

void pw_placement_zero(uint8_t *to, size_t bytes)
{
	const __m128i zero = _mm_setzero_si128();
	size_t at = head_bytes(to, bytes);

	memset(to, 0, at);
	for (; at + 16 <= bytes; at += 16)
		_mm_stream_si128((__m128i *)(void *)(to + at), zero);
	memset(to + at, 0, bytes - at);
}

void pw_placement_fence(void)
{
	_mm_sfence();
}

#else

void pw_placement_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

void pw_placement_zero(uint8_t *to, size_t bytes)
{
	memset(to, 0, bytes);
}

void pw_placement_fence(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

#endif
