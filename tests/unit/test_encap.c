/* SPDX-License-Identifier: BSD-3-Clause */
/* test_encap.c - dataplane/encap.h: golden frames, round trips, tables of what is not ours */

#include <string.h>

#include "encap.h"
#include "pagewire/check.h"
#include "run.h"

#define NOISE 200000u
#define DATAGRAM_MAX 9000u

static const uint8_t golden_4[] = {
#include "golden/encap4.hex"
};
static const uint8_t golden_4_tag_sums[] = {
#include "golden/encap4_tag_sums.hex"
};
static const uint8_t golden_6[] = {
#include "golden/encap6.hex"
};
static const uint8_t datagram[] = { 0xde, 0xad, 0xbe, 0xef, 0x01 };

static const struct pw_encap_ends ends_4 = {
	.own = { .ip = { 192, 0, 2, 1 }, .family = PW_LANE_IPV4, .udp_port = 49600 },
	.peer = { .ip = { 192, 0, 2, 2 }, .family = PW_LANE_IPV4, .udp_port = 49700 },
	.own_mac = { 10, 0, 0, 0, 0, 1 },
	.next_hop = { 10, 0, 0, 0, 0, 2 },
	.source_port = 49600,
	.target_port = 49700,
	.has_data = true,
};
static const struct pw_encap_ends ends_6 = {
	.own = { .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .family = PW_LANE_IPV6 },
	.peer = { .ip = { 0x20, 1, 0xd, 0xb8, 0, 1, [15] = 2 }, .family = PW_LANE_IPV6 },
	.own_mac = { 10, 0, 0, 0, 0, 1 },
	.next_hop = { 10, 0, 0, 0, 0, 2 },
	.source_port = 49600,
	.target_port = 49700,
	.has_data = true,
};

static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

static void fill_random(void *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = (uint8_t)next_random();
}

/* What the peer of these ends takes. */
static struct pw_encap_filter filter_of(const struct pw_encap_ends *ends)
{
	struct pw_encap_filter f = { .family = ends->peer.family, .port = ends->target_port,
				     .vlan = ends->vlan };

	memcpy(f.ip, ends->peer.ip, sizeof(f.ip));
	return f;
}

static uint32_t build(const struct pw_encap_ends *ends, uint8_t *frame, const uint8_t *bytes,
		      uint16_t n)
{
	struct pw_encap e;

	pw_encap_init(&e, ends);
	pw_encap_write(&e, frame, n);
	memcpy(frame + e.bytes, bytes, n);
	return (uint32_t)e.bytes + n;
}

static enum pw_encap_kind parse(const struct pw_encap_filter *f, const uint8_t *frame, uint32_t n,
				struct pw_encap_found *found)
{
	return pw_encap_parse(f, &(struct pw_encap_frame){ .bytes = frame, .count = n }, found);
}

static void expect_frame(const struct pw_encap_ends *ends, const uint8_t *golden, uint32_t bytes)
{
	uint8_t frame[PW_ENCAP_BYTES_MAX + sizeof(datagram)];

	CU_ASSERT_EQUAL_FATAL(build(ends, frame, datagram, sizeof(datagram)), bytes);
	CU_ASSERT_EQUAL(memcmp(frame, golden, bytes), 0);
}

static void test_frames_are_the_golden_ones(void)
{
	struct pw_encap_ends tagged = ends_4;

	expect_frame(&ends_4, golden_4, sizeof(golden_4));
	expect_frame(&ends_6, golden_6, sizeof(golden_6));
	tagged.vlan = 100;
	tagged.has_data = false;
	tagged.sums_ip = tagged.sums_udp = true;
	expect_frame(&tagged, golden_4_tag_sums, sizeof(golden_4_tag_sums));
}

static void test_acks_are_not_ecn_capable_and_data_is(void)
{
	struct pw_encap_ends acks = ends_6;
	uint8_t frame[PW_ENCAP_BYTES_MAX + sizeof(datagram)];

	acks.has_data = false;
	build(&acks, frame, datagram, sizeof(datagram));
	CU_ASSERT_EQUAL(frame[15] >> 4, 0);
	CU_ASSERT_EQUAL(golden_6[15] >> 4, 2);
	CU_ASSERT_EQUAL(golden_4[15], 2);
}

static void test_next_hop_can_change_while_nothing_else_does(void)
{
	static const uint8_t other[PW_MAC_BYTES] = { 2, 3, 4, 5, 6, 7 };
	uint8_t frame[PW_ENCAP_BYTES_MAX];
	struct pw_encap e;

	pw_encap_init(&e, &ends_4);
	pw_encap_set_next_hop(&e, other);
	pw_encap_write(&e, frame, sizeof(datagram));
	CU_ASSERT_EQUAL(memcmp(frame, other, PW_MAC_BYTES), 0);
	CU_ASSERT_EQUAL(memcmp(frame + 6, golden_4 + 6, e.bytes - 6u), 0);
}

/* A receiver of a frame with the pseudo header's sum in place of the checksum
 * goes on from there as a port does: the result must be right. */
static void test_ports_start_from_the_sum_of_the_pseudo_header(void)
{
	struct pw_encap_ends ends = ends_6;
	uint8_t frame[PW_ENCAP_BYTES_MAX + sizeof(datagram)];
	uint32_t n, sum;

	ends.sums_udp = true;
	n = build(&ends, frame, datagram, sizeof(datagram));
	sum = pw_fold_sum(pw_sum_be16(frame + 54, n - 54, 0));
	pw_put_be16(frame + 60, ~sum);
	sum = pw_sum_be16(frame + 22, 32, 17 + 8 + sizeof(datagram));	/* all of it anew */
	CU_ASSERT_EQUAL(pw_fold_sum(pw_sum_be16(frame + 54, n - 54, sum)), 0xffff);
}

/* Every bit of the addresses, ports, length, checksum and payload. */
static void expect_sum_guards(const struct pw_encap_ends *ends, uint32_t from)
{
	uint8_t frame[PW_ENCAP_BYTES_MAX + sizeof(datagram)];
	struct pw_encap_ends summing = *ends;
	struct pw_encap_filter filter = filter_of(ends);
	struct pw_encap_found found;
	struct pw_encap e;
	uint32_t n, udp;

	summing.sums_udp = true;
	pw_encap_init(&e, &summing);
	udp = (uint32_t)e.bytes - PW_UDP_BYTES;
	n = build(&summing, frame, datagram, sizeof(datagram));
	pw_put_be16(frame + udp + 6, ~(uint32_t)pw_fold_sum(pw_sum_be16(frame + udp, n - udp, 0)));
	CU_ASSERT_EQUAL_FATAL(parse(&filter, frame, n, &found), PW_ENCAP_OURS);
	CU_ASSERT_TRUE(found.summed);
	CU_ASSERT_TRUE(pw_encap_sum_ok(&filter, &found));
	for (uint32_t bit = 8 * from; bit < 8 * n; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_FALSE(pw_encap_sum_ok(&filter, &found));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_checksum_guards_every_bit_of_addresses_and_datagram(void)
{
	expect_sum_guards(&ends_4, 14 + 12);
	expect_sum_guards(&ends_6, 14 + 8);
}

static void test_frame_without_a_checksum_says_so(void)
{
	struct pw_encap_filter filter = filter_of(&ends_4);
	struct pw_encap_found found = { .summed = true };

	CU_ASSERT_EQUAL_FATAL(parse(&filter, golden_4, sizeof(golden_4), &found), PW_ENCAP_OURS);
	CU_ASSERT_FALSE(found.summed);
}

static void draw_ends(struct pw_encap_ends *ends)
{
	uint8_t family = next_random() & 1 ? PW_LANE_IPV4 : PW_LANE_IPV6;

	memset(ends, 0, sizeof(*ends));
	ends->own.family = ends->peer.family = family;
	fill_random(ends->own.ip, family == PW_LANE_IPV4 ? 4 : 16);
	fill_random(ends->peer.ip, family == PW_LANE_IPV4 ? 4 : 16);
	fill_random(ends->own_mac, sizeof(ends->own_mac));
	fill_random(ends->next_hop, sizeof(ends->next_hop));
	ends->source_port = (uint16_t)next_random();
	ends->target_port = (uint16_t)next_random();
	ends->vlan = next_random() & 1 ? (uint16_t)(1 + next_random() % 4094) : 0;
	ends->has_data = next_random() & 1;
	ends->sums_udp = next_random() & 1;
}

static void test_what_is_built_parses_to_itself(void)
{
	static uint8_t bytes[DATAGRAM_MAX], frame[PW_ENCAP_BYTES_MAX + DATAGRAM_MAX + 64];

	printf("seed %#llx ", (unsigned long long)rnd);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t n = (uint16_t)(next_random() % DATAGRAM_MAX);
		struct pw_encap_found found = { 0 };
		struct pw_encap_filter filter;
		struct pw_encap_ends ends;
		struct pw_encap back;
		uint32_t all;

		draw_ends(&ends);
		fill_random(bytes, n < 64 ? n : 64);
		all = build(&ends, frame, bytes, n) + next_random() % 64;	/* padded */
		filter = filter_of(&ends);
		CU_ASSERT_EQUAL_FATAL(parse(&filter, frame, all, &found), PW_ENCAP_OURS);
		CU_ASSERT_EQUAL(found.bytes, n);
		CU_ASSERT_EQUAL(memcmp(found.datagram, bytes, n < 64 ? n : 64), 0);
		CU_ASSERT_FALSE(found.marked);
		pw_encap_init(&back, &(struct pw_encap_ends){ .own = ends.peer, .peer = ends.own });
		CU_ASSERT_TRUE(pw_encap_is_from_peer(&back, &found));
		if (ends.own.family == PW_LANE_IPV4)	/* the header adds up */
			CU_ASSERT_EQUAL(pw_fold_sum(pw_sum_be16(frame + (ends.vlan ? 18 : 14), 20, 0)),
					0xffff);
	}
}

static void test_mark_of_congestion_is_seen(void)
{
	struct pw_encap_filter f4 = filter_of(&ends_4), f6 = filter_of(&ends_6);
	uint8_t frame[sizeof(golden_6)];
	struct pw_encap_found found;

	memcpy(frame, golden_4, sizeof(golden_4));
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		frame[15] = (uint8_t)(0xb8 | ecn);	/* with a class of its own */
		CU_ASSERT_EQUAL(parse(&f4, frame, sizeof(golden_4), &found), PW_ENCAP_OURS);
		CU_ASSERT_EQUAL(found.marked, ecn == 3);
	}
	memcpy(frame, golden_6, sizeof(golden_6));
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		frame[14] = 0x6b;
		frame[15] = (uint8_t)(0x80 | ecn << 4);
		CU_ASSERT_EQUAL(parse(&f6, frame, sizeof(golden_6), &found), PW_ENCAP_OURS);
		CU_ASSERT_EQUAL(found.marked, ecn == 3);
	}
}

struct change_row {
	uint8_t at;	/* in the golden frame */
	uint8_t value;
	enum pw_encap_kind kind;
};

static void expect_kinds(const struct pw_encap_ends *ends, const uint8_t *golden, uint32_t bytes,
			 const struct change_row *row, size_t rows)
{
	struct pw_encap_filter filter = filter_of(ends);
	struct pw_encap_found found;
	uint8_t frame[128];

	for (size_t i = 0; i < rows; i++) {
		enum pw_encap_kind kind;

		memcpy(frame, golden, bytes);
		frame[row[i].at] = row[i].value;
		kind = parse(&filter, frame, bytes, &found);
		if (kind != row[i].kind) {
			printf("\n  row %zu: kind %d ", i, kind);
			CU_FAIL("another kind");
		}
	}
}

static void test_ipv4_frames_that_are_not_taken(void)
{
	static const struct change_row row[] = {
		/*  0 */ { 13, 0x06, PW_ENCAP_OTHER },	/* ARP */
		/*  1 */ { 12, 0x86, PW_ENCAP_OTHER },
		/*  2 */ { 33, 3, PW_ENCAP_OTHER },	/* to another host */
		/*  3 */ { 30, 0, PW_ENCAP_OTHER },
		/*  4 */ { 23, 6, PW_ENCAP_OTHER },	/* TCP */
		/*  5 */ { 37, 0x23, PW_ENCAP_OTHER },	/* to another port */
		/*  6 */ { 14, 0x46, PW_ENCAP_BAD },	/* options */
		/*  7 */ { 14, 0x65, PW_ENCAP_BAD },
		/*  8 */ { 20, 0x60, PW_ENCAP_BAD },	/* more fragments */
		/*  9 */ { 21, 1, PW_ENCAP_BAD },	/* a later fragment */
		/* 10 */ { 17, 34, PW_ENCAP_BAD },	/* longer than the frame */
		/* 11 */ { 17, 27, PW_ENCAP_BAD },	/* without room for UDP */
		/* 12 */ { 17, 19, PW_ENCAP_BAD },
		/* 13 */ { 39, 14, PW_ENCAP_BAD },	/* UDP and IP disagree */
		/* 14 */ { 39, 7, PW_ENCAP_BAD },
		/* 15 */ { 20, 0, PW_ENCAP_OURS },	/* may be fragmented, was not */
		/* 16 */ { 22, 1, PW_ENCAP_OURS },	/* came from afar */
	};

	expect_kinds(&ends_4, golden_4, sizeof(golden_4), row, PW_ARRAY_SIZE(row));
}

static void test_ipv6_frames_that_are_not_taken(void)
{
	static const struct change_row row[] = {
		/*  0 */ { 13, 0x00, PW_ENCAP_OTHER },
		/*  1 */ { 53, 3, PW_ENCAP_OTHER },	/* to another host */
		/*  2 */ { 38, 0, PW_ENCAP_OTHER },
		/*  3 */ { 20, 6, PW_ENCAP_OTHER },	/* TCP */
		/*  4 */ { 20, 58, PW_ENCAP_OTHER },	/* ICMPv6 */
		/*  5 */ { 57, 0x23, PW_ENCAP_OTHER },	/* to another port */
		/*  6 */ { 20, 0, PW_ENCAP_BAD },	/* hop by hop */
		/*  7 */ { 20, 43, PW_ENCAP_BAD },	/* routing */
		/*  8 */ { 20, 44, PW_ENCAP_BAD },	/* fragment */
		/*  9 */ { 20, 60, PW_ENCAP_BAD },	/* destination */
		/* 10 */ { 14, 0x50, PW_ENCAP_BAD },
		/* 11 */ { 19, 14, PW_ENCAP_BAD },	/* longer than the frame */
		/* 12 */ { 19, 7, PW_ENCAP_BAD },	/* without room for UDP */
		/* 13 */ { 59, 14, PW_ENCAP_BAD },	/* UDP and IP disagree */
		/* 14 */ { 21, 1, PW_ENCAP_OURS },	/* came from afar */
	};

	expect_kinds(&ends_6, golden_6, sizeof(golden_6), row, PW_ARRAY_SIZE(row));
}

static void test_tags_must_be_those_of_the_lane(void)
{
	static const struct {
		uint16_t vlan;	/* of the lane */
		int in_frame;	/* -1: no tag */
		int taken;	/* by the port; -1: none */
		enum pw_encap_kind kind;
	} row[] = {
		/* 0 */ { 0, -1, -1, PW_ENCAP_OURS },
		/* 1 */ { 0, 0xe000, -1, PW_ENCAP_OURS },	/* a priority, no VLAN */
		/* 2 */ { 0, 5, -1, PW_ENCAP_OTHER },
		/* 3 */ { 5, -1, -1, PW_ENCAP_OTHER },
		/* 4 */ { 5, 5, -1, PW_ENCAP_OURS },
		/* 5 */ { 5, 0xe005, -1, PW_ENCAP_OURS },
		/* 6 */ { 5, 6, -1, PW_ENCAP_OTHER },
		/* 7 */ { 5, -1, 0x2005, PW_ENCAP_OURS },
		/* 8 */ { 5, -1, 6, PW_ENCAP_OTHER },
		/* 9 */ { 0, -1, 5, PW_ENCAP_OTHER },
		/* 10 */ { 5, 5, 5, PW_ENCAP_OTHER },	/* two tags */
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(row); i++) {
		struct pw_encap_filter filter = filter_of(&ends_4);
		struct pw_encap_ends ends = ends_4;
		struct pw_encap_found found;
		uint8_t frame[128];
		struct pw_encap_frame in = { .bytes = frame, .tag_taken = row[i].taken >= 0,
					     .tag = (uint16_t)row[i].taken };

		ends.vlan = row[i].in_frame >= 0 ? 1 : 0;
		in.count = build(&ends, frame, datagram, sizeof(datagram));
		if (ends.vlan)
			pw_put_be16(frame + 14, (uint32_t)row[i].in_frame);
		filter.vlan = row[i].vlan;
		if (pw_encap_parse(&filter, &in, &found) != row[i].kind) {
			printf("\n  row %zu ", i);
			CU_FAIL("another kind");
		}
	}
}

static void test_frames_that_are_cut_are_never_ours(void)
{
	struct pw_encap_filter f4 = filter_of(&ends_4), f6 = filter_of(&ends_6);
	struct pw_encap_found found;

	for (uint32_t n = 0; n < sizeof(golden_4); n++)
		CU_ASSERT_NOT_EQUAL(parse(&f4, golden_4, n, &found), PW_ENCAP_OURS);
	for (uint32_t n = 0; n < sizeof(golden_6); n++)
		CU_ASSERT_NOT_EQUAL(parse(&f6, golden_6, n, &found), PW_ENCAP_OURS);
}

static void test_noise_never_leads_out_of_the_frame(void)
{
	uint8_t frame[96];

	printf("seed %#llx ", (unsigned long long)rnd);
	for (unsigned i = 0; i < NOISE; i++) {
		const struct pw_encap_ends *ends = i & 1 ? &ends_4 : &ends_6;
		struct pw_encap_filter filter = filter_of(ends);
		struct pw_encap_found found = { 0 };
		uint32_t n = build(ends, frame, datagram, sizeof(datagram));

		n = (uint32_t)(next_random() % (n + 1));
		for (unsigned k = (unsigned)(next_random() % 4); k; k--)
			frame[next_random() % sizeof(frame)] = (uint8_t)next_random();
		if (parse(&filter, frame, n, &found) == PW_ENCAP_OURS)
			CU_ASSERT_TRUE(found.datagram >= frame && found.source_ip > frame &&
				       found.datagram + found.bytes <= frame + n);
	}
}

static void test_who_sends_is_compared_unless_it_does_not_matter(void)
{
	struct pw_encap_filter filter = filter_of(&ends_4);
	struct pw_encap_ends back = { .own = ends_4.peer, .peer = ends_4.own };
	struct pw_encap_found found;
	uint8_t frame[sizeof(golden_4)];
	struct pw_encap e;

	memcpy(frame, golden_4, sizeof(frame));
	frame[29] = 9;
	CU_ASSERT_EQUAL_FATAL(parse(&filter, frame, sizeof(frame), &found), PW_ENCAP_OURS);
	pw_encap_init(&e, &back);
	CU_ASSERT_FALSE(pw_encap_is_from_peer(&e, &found));
	back.any_source = true;
	pw_encap_init(&e, &back);
	CU_ASSERT_TRUE(pw_encap_is_from_peer(&e, &found));
}

static void test_two_that_send_to_one_host_are_found_to(void)
{
	struct pw_encap_ends other = ends_4;
	struct pw_encap a, b;

	other.target_port++;
	other.own.ip[3]++;
	pw_encap_init(&a, &ends_4);
	pw_encap_init(&b, &other);
	CU_ASSERT_TRUE(pw_encap_is_same_peer(&a, &b));
	other.peer.ip[3]++;
	pw_encap_init(&b, &other);
	CU_ASSERT_FALSE(pw_encap_is_same_peer(&a, &b));
	other = ends_6;
	pw_encap_init(&a, &ends_6);
	other.peer.ip[15]++;
	pw_encap_init(&b, &other);
	CU_ASSERT_FALSE(pw_encap_is_same_peer(&a, &b));
}

static void test_two_processes_have_ends_that_face_each_other(void)
{
	struct pw_encap_ends near, far;

	pw_encap_local_ends(&near, false);
	pw_encap_local_ends(&far, true);
	CU_ASSERT_EQUAL(memcmp(near.own.ip, far.peer.ip, 16), 0);
	CU_ASSERT_EQUAL(memcmp(near.peer.ip, far.own.ip, 16), 0);
	CU_ASSERT_EQUAL(memcmp(near.own_mac, far.next_hop, PW_MAC_BYTES), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(near.own_mac, far.own_mac, PW_MAC_BYTES), 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_frames_are_the_golden_ones),
	PW_TEST(test_acks_are_not_ecn_capable_and_data_is),
	PW_TEST(test_next_hop_can_change_while_nothing_else_does),
	PW_TEST(test_ports_start_from_the_sum_of_the_pseudo_header),
	PW_TEST(test_checksum_guards_every_bit_of_addresses_and_datagram),
	PW_TEST(test_frame_without_a_checksum_says_so),
	PW_TEST(test_what_is_built_parses_to_itself),
	PW_TEST(test_mark_of_congestion_is_seen),
	PW_TEST(test_ipv4_frames_that_are_not_taken),
	PW_TEST(test_ipv6_frames_that_are_not_taken),
	PW_TEST(test_tags_must_be_those_of_the_lane),
	PW_TEST(test_frames_that_are_cut_are_never_ours),
	PW_TEST(test_noise_never_leads_out_of_the_frame),
	PW_TEST(test_who_sends_is_compared_unless_it_does_not_matter),
	PW_TEST(test_two_that_send_to_one_host_are_found_to),
	PW_TEST(test_two_processes_have_ends_that_face_each_other),
};

int main(void)
{
	return PW_RUN_SUITE("encap", tests);
}
