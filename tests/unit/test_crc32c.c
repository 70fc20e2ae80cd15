/* SPDX-License-Identifier: BSD-3-Clause */
/* test_crc32c.c - dataplane/crc32c.h: the vectors of RFC 3720 B.4, and bit by bit */

#include <stdint.h>
#include <string.h>

#include "crc32c.h"
#include "run.h"

static uint32_t bit_by_bit(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (; n; n--) {
		crc ^= *p++;
		for (unsigned i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static void test_vectors_of_rfc_3720(void)
{
	static const uint8_t read_pdu[48] = {
		0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
		0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
	};
	uint8_t bytes[32];

	memset(bytes, 0, sizeof(bytes));
	CU_ASSERT_EQUAL(pw_crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	CU_ASSERT_EQUAL(pw_crc32c(bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	CU_ASSERT_EQUAL(pw_crc32c(bytes, 32), 0x46dd794e);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	CU_ASSERT_EQUAL(pw_crc32c(bytes, 32), 0x113fdb5c);
	CU_ASSERT_EQUAL(pw_crc32c(read_pdu, 48), 0xd9963a56);
	CU_ASSERT_EQUAL(pw_crc32c("123456789", 9), 0xe3069283);
	CU_ASSERT_EQUAL(pw_crc32c("", 0), 0);
}

static void test_any_length_at_any_alignment_agrees_with_bit_by_bit(void)
{
	uint8_t bytes[300];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 + i / 7);
	for (size_t from = 0; from < 16; from++)
		for (size_t n = 0; n < 280; n++)
			CU_ASSERT_EQUAL_FATAL(pw_crc32c(bytes + from, n), bit_by_bit(bytes + from, n));
}

static const struct pw_test tests[] = {
	PW_TEST(test_vectors_of_rfc_3720),
	PW_TEST(test_any_length_at_any_alignment_agrees_with_bit_by_bit),
};

int main(void)
{
	return PW_RUN_SUITE("crc32c", tests);
}
