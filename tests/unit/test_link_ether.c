/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_ether.c - what a frame is, and that it is spoilt as it should be */

#include <netinet/in.h>
#include <string.h>

#include "ether.h"
#include "run.h"

#define PAYLOAD 101u	/* odd: its last byte is summed up alone */

static uint8_t bytes[ETHER_BYTES_MAX];
static struct ether_frame frame;
static uint32_t count;

static uint32_t get16(uint32_t at)
{
	return (uint32_t)bytes[at] << 8 | bytes[at + 1];
}

static void put16(uint32_t at, uint32_t value)
{
	bytes[at] = (uint8_t)(value >> 8);
	bytes[at + 1] = (uint8_t)value;
}

/* The sum of what has a right checksum in it is 0xffff. */
static uint32_t sum_of(uint32_t sum, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 ? bytes[at + i] : (uint32_t)bytes[at + i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static bool ip_is_right(void)
{
	return sum_of(0, 14, 20) == 0xffff;
}

static bool transport_is_right(uint32_t protocol)
{
	uint32_t at = get16(12) == 0x86dd ? 54 : 34;
	uint32_t n = protocol == IPPROTO_UDP ? get16(at + 4) : count - at;
	uint32_t addresses = at == 54 ? sum_of(0, 22, 32) : sum_of(0, 26, 8);

	return sum_of(addresses + protocol + n, at, n) == 0xffff;
}

static void put_sum(uint32_t at, uint32_t sum)
{
	put16(at, ~sum & 0xffff);
}

static void given_ipv4(uint32_t protocol, uint32_t transport_bytes)
{
	memset(bytes, 0, sizeof(bytes));
	count = 34 + transport_bytes;
	put16(12, 0x0800);
	bytes[14] = 0x45;
	put16(16, 20 + transport_bytes);
	put16(20, 0x4000);
	bytes[23] = (uint8_t)protocol;
	memcpy(bytes + 26, "\x0a\x01\x02\x03\x0a\x01\x02\x04", 8);
	put_sum(24, sum_of(0, 14, 20));
	for (uint32_t i = 34; i < count; i++)
		bytes[i] = (uint8_t)(i * 7);
}

static void given_ipv6(uint32_t protocol, uint32_t transport_bytes)
{
	memset(bytes, 0, sizeof(bytes));
	count = 54 + transport_bytes;
	put16(12, 0x86dd);
	bytes[14] = 0x60;
	put16(18, transport_bytes);
	bytes[20] = (uint8_t)protocol;
	for (uint32_t i = 22; i < count; i++)
		bytes[i] = (uint8_t)(i * 5);
}

/* With the right checksum in it, or 0. */
static void given_udp(bool ipv6, bool summed)
{
	uint32_t at = ipv6 ? 54 : 34, n = 8 + PAYLOAD;

	if (ipv6)
		given_ipv6(IPPROTO_UDP, n);
	else
		given_ipv4(IPPROTO_UDP, n);
	put16(at + 4, n);
	put16(at + 6, 0);
	if (summed)
		put_sum(at + 6, sum_of(sum_of(0, ipv6 ? 22 : 26, ipv6 ? 32 : 8) + IPPROTO_UDP + n,
				       at, n));
	ether_look(&frame, bytes, count);
}

static void given_tcp(bool ipv6)
{
	uint32_t at = ipv6 ? 54 : 34;

	if (ipv6)
		given_ipv6(IPPROTO_TCP, 20 + PAYLOAD);
	else
		given_ipv4(IPPROTO_TCP, 20 + PAYLOAD);
	put16(at + 16, 0);
	bytes[at + 32] = (uint8_t)~bytes[at + 30];
	put_sum(at + 16, sum_of(sum_of(0, ipv6 ? 22 : 26, ipv6 ? 32 : 8) + IPPROTO_TCP + 20 +
				PAYLOAD, at, 20 + PAYLOAD));
	ether_look(&frame, bytes, count);
}

static void test_frames_are_what_they_are(void)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		uint32_t at = ipv6 ? 54 : 34;

		given_udp(ipv6, true);
		CU_ASSERT_TRUE(transport_is_right(IPPROTO_UDP));
		CU_ASSERT_EQUAL(frame.link.class, LINK_UDP);
		CU_ASSERT_EQUAL(frame.link.bytes, count);
		CU_ASSERT_EQUAL(frame.link.ports[0], bytes[at] << 8 | bytes[at + 1]);
		CU_ASSERT_EQUAL(frame.link.ports[1], bytes[at + 2] << 8 | bytes[at + 3]);
		CU_ASSERT_EQUAL(frame.link.from, at + 8);
		CU_ASSERT_EQUAL(frame.link.until, at + 8 + PAYLOAD);
		CU_ASSERT_FALSE(frame.link.can_mark);
		given_tcp(ipv6);
		CU_ASSERT_TRUE(transport_is_right(IPPROTO_TCP));
		CU_ASSERT_EQUAL(frame.link.class, LINK_TCP);
		CU_ASSERT_EQUAL(frame.link.ports[0] | frame.link.ports[1], 0);
		CU_ASSERT_EQUAL(frame.link.from, at);
		CU_ASSERT_EQUAL(frame.link.until, count);
		CU_ASSERT_TRUE(frame.link.fixed_length);
	}
}

static void given_other(void)
{
	given_udp(false, true);
	put16(12, 0x0806);
}

static void given_fragment(void)
{
	given_udp(false, true);
	put16(20, 0x2000);
}

static void given_short_header(void)
{
	given_udp(false, true);
	bytes[14] = 0x44;
}

static void given_wrong_version(void)
{
	given_udp(false, true);
	bytes[14] = 0x65;
}

static void given_udp_longer_than_its_frame(void)
{
	given_udp(false, true);
	put16(38, 9 + PAYLOAD);
}

static void given_icmp(void)
{
	given_ipv4(IPPROTO_ICMP, 64);
}

static void test_what_is_not_understood_is_other_and_left_alone(void)
{
	static void (*const rows[])(void) = {
		/* 1 */ given_other,
		/* 2 */ given_fragment,
		/* 3 */ given_short_header,
		/* 4 */ given_wrong_version,
		/* 5 */ given_udp_longer_than_its_frame,
		/* 6 */ given_icmp,
	};
	const struct link_copy copy = { .damage = LINK_FLIPPED, .flips = 1, .at = { 40 },
					.by = { 1 } };
	uint8_t before[256];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i]();
		memcpy(before, bytes, sizeof(before));
		ether_look(&frame, bytes, count);
		CU_ASSERT_EQUAL(frame.link.class, LINK_OTHER);
		CU_ASSERT_EQUAL(frame.link.from, frame.link.until);
		ether_spoil(&frame, &copy);
		CU_ASSERT_EQUAL(memcmp(before, bytes, sizeof(before)), 0);
	}
}

/* Nothing behind its end is read: the sanitizer would see it. */
static void test_a_frame_may_end_anywhere(void)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		given_udp(ipv6, true);
		for (uint32_t n = 0; n < count; n++) {
			uint8_t *cut = memcpy(bytes + ETHER_BYTES_MAX - n, bytes, n);

			ether_look(&frame, cut, n);
			CU_ASSERT_EQUAL(frame.link.class, LINK_OTHER);
		}
	}
}

static void test_udp_that_is_flipped_has_a_right_checksum(void)
{
	const struct link_copy copy = { .damage = LINK_FLIPPED, .flips = 2,
					.at = { 70, 70 + PAYLOAD - 20 }, .by = { 0x10, 0xff } };

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		uint8_t first, second;

		given_udp(ipv6, true);
		first = bytes[copy.at[0]];
		second = bytes[copy.at[1]];
		ether_spoil(&frame, &copy);
		CU_ASSERT_EQUAL(bytes[copy.at[0]], first ^ 0x10);
		CU_ASSERT_EQUAL(bytes[copy.at[1]], second ^ 0xff);
		CU_ASSERT_TRUE(transport_is_right(IPPROTO_UDP));
	}
}

static void test_udp_without_a_checksum_stays_without(void)
{
	const struct link_copy copy = { .damage = LINK_FLIPPED, .flips = 1, .at = { 70 },
					.by = { 1 } };

	given_udp(false, false);
	ether_spoil(&frame, &copy);
	CU_ASSERT_EQUAL(get16(40), 0);
}

/* A sum that comes out as 0 is written as 0xffff: 0 would mean that there is none. */
static void test_a_checksum_is_never_corrected_to_none(void)
{
	struct link_copy copy = { .damage = LINK_FLIPPED, .flips = 2, .at = { 70, 71 } };
	uint32_t word;

	given_udp(false, true);
	word = get16(70) + get16(40);	/* what is missing from the sum goes into the payload */
	word = (word & 0xffff) + (word >> 16);
	copy.by[0] = (uint8_t)(word >> 8 ^ bytes[70]);
	copy.by[1] = (uint8_t)(word ^ bytes[71]);
	ether_spoil(&frame, &copy);
	CU_ASSERT_EQUAL(get16(40), 0xffff);
	CU_ASSERT_TRUE(transport_is_right(IPPROTO_UDP));
}

static void test_udp_of_another_length_is_right_in_every_header(void)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		uint32_t at = ipv6 ? 54 : 34;
		const uint32_t end = at + 8 + PAYLOAD;
		const uint32_t lengths[] = { at + 8, at + 9, end + 1, end + 64 };

		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			given_udp(ipv6, true);
			ether_spoil(&frame, &(struct link_copy){ .damage = LINK_RESIZED,
								 .length = lengths[i] });
			CU_ASSERT_EQUAL(frame.count, lengths[i]);
			CU_ASSERT_EQUAL(get16(at + 4), lengths[i] - at);
			CU_ASSERT_EQUAL(get16(ipv6 ? 18 : 16), lengths[i] - (ipv6 ? 54 : 14));
			CU_ASSERT_TRUE(ipv6 || ip_is_right());
			CU_ASSERT_TRUE(transport_is_right(IPPROTO_UDP));
		}
	}
}

static void test_tcp_that_is_spoilt_has_a_wrong_checksum(void)
{
	/* which would leave the sum as it was, if both were done */
	struct link_copy copy = { .damage = LINK_FLIPPED, .flips = 2, .by = { 0xff, 0xff } };

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		given_tcp(ipv6);
		copy.at[0] = frame.link.from + 30;
		copy.at[1] = frame.link.from + 32;
		ether_spoil(&frame, &copy);
		CU_ASSERT_FALSE(transport_is_right(IPPROTO_TCP));
	}
}

static void test_only_ecn_capable_frames_are_marked(void)
{
	static const struct {
		uint8_t ecn;
		bool marked;
	} rows[] = {
		/* 1 */ { 0, false },
		/* 2 */ { 1, true },
		/* 3 */ { 2, true },
		/* 4 */ { 3, true },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		given_udp(false, true);
		bytes[15] = rows[i].ecn | 0xb8;
		put16(24, 0);
		put_sum(24, sum_of(0, 14, 20));
		ether_look(&frame, bytes, count);
		CU_ASSERT_EQUAL(frame.link.can_mark, rows[i].marked);
		ether_mark(&frame);
		CU_ASSERT_EQUAL(bytes[15], 0xb8 | (rows[i].marked ? 3 : 0));
		CU_ASSERT_TRUE(ip_is_right());

		given_udp(true, true);
		bytes[15] |= (uint8_t)(rows[i].ecn << 4);
		ether_look(&frame, bytes, count);
		CU_ASSERT_EQUAL(frame.link.can_mark, rows[i].marked);
		ether_mark(&frame);
		CU_ASSERT_EQUAL(bytes[15] >> 4 & 3, rows[i].marked ? 3 : 0);
	}
}

int main(void)
{
	static const struct pw_test tests[] = {
		PW_TEST(test_frames_are_what_they_are),
		PW_TEST(test_what_is_not_understood_is_other_and_left_alone),
		PW_TEST(test_a_frame_may_end_anywhere),
		PW_TEST(test_udp_that_is_flipped_has_a_right_checksum),
		PW_TEST(test_udp_without_a_checksum_stays_without),
		PW_TEST(test_a_checksum_is_never_corrected_to_none),
		PW_TEST(test_udp_of_another_length_is_right_in_every_header),
		PW_TEST(test_tcp_that_is_spoilt_has_a_wrong_checksum),
		PW_TEST(test_only_ecn_capable_frames_are_marked),
	};

	return PW_RUN_SUITE("link_ether", tests);
}
