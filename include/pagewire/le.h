/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * le.h - integers as they stand on the wire
 *
 * Byte arrays in wrapper structs: they have alignment 1, compile to one move,
 * and cannot be mixed up with an integer of the host.
 */
#ifndef PW_LE_H
#define PW_LE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads and stores below are plain copies");

struct pw_le16 { uint8_t b[2]; };
struct pw_le32 { uint8_t b[4]; };
struct pw_le48 { uint8_t b[6]; };
struct pw_le64 { uint8_t b[8]; };

static inline uint16_t pw_get16(struct pw_le16 v)
{
	uint16_t x;

	memcpy(&x, v.b, sizeof(v.b));
	return x;
}

static inline uint32_t pw_get32(struct pw_le32 v)
{
	uint32_t x;

	memcpy(&x, v.b, sizeof(v.b));
	return x;
}

static inline uint64_t pw_get48(struct pw_le48 v)
{
	uint64_t x = 0;

	memcpy(&x, v.b, sizeof(v.b));
	return x;
}

static inline uint64_t pw_get64(struct pw_le64 v)
{
	uint64_t x;

	memcpy(&x, v.b, sizeof(v.b));
	return x;
}

static inline struct pw_le16 pw_put16(uint16_t x)
{
	struct pw_le16 v;

	memcpy(v.b, &x, sizeof(v.b));
	return v;
}

static inline struct pw_le32 pw_put32(uint32_t x)
{
	struct pw_le32 v;

	memcpy(v.b, &x, sizeof(v.b));
	return v;
}

static inline struct pw_le48 pw_put48(uint64_t x)
{
	struct pw_le48 v;

	memcpy(v.b, &x, sizeof(v.b));
	return v;
}

static inline struct pw_le64 pw_put64(uint64_t x)
{
	struct pw_le64 v;

	memcpy(v.b, &x, sizeof(v.b));
	return v;
}

#endif /* PW_LE_H */
