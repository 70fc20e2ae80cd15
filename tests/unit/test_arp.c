/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arp.c - dataplane/arp.h: golden frames, what is answered, what is learned */

#include <errno.h>
#include <string.h>

#include "arp.h"
#include "pagewire/check.h"
#include "pagewire/lane.h"
#include "run.h"

#define NOISE 200000u

static const uint8_t golden_request[] = {
#include "golden/arp_request.hex"
};
static const uint8_t golden_reply[] = {
#include "golden/arp_reply.hex"
};
static const uint8_t golden_solicit[] = {
#include "golden/nd_solicit.hex"
};
static const uint8_t golden_advertise[] = {
#include "golden/nd_advertise.hex"
};

static const uint8_t own_mac[PW_MAC_BYTES] = { 10, 0, 0, 0, 0, 1 };
static const uint8_t peer_mac[PW_MAC_BYTES] = { 10, 0, 0, 0, 0, 2 };
static const uint8_t own_4[16] = { 192, 0, 2, 1 }, peer_4[16] = { 192, 0, 2, 2 };
static const uint8_t own_6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const uint8_t peer_6[16] = { 0x20, 1, 0xd, 0xb8, [13] = 0x12, 0x34, 0x56 };

static struct pw_arp us, peer;

static void given(struct pw_arp *a, uint8_t family, const uint8_t *ip, const uint8_t *mac)
{
	memset(a, 0, sizeof(*a));
	a->family = family;
	memcpy(a->ip, ip, sizeof(a->ip));
	memcpy(a->mac, mac, PW_MAC_BYTES);
}

static void given_4(void)
{
	given(&us, PW_LANE_IPV4, own_4, own_mac);
	given(&peer, PW_LANE_IPV4, peer_4, peer_mac);
}

static void given_6(void)
{
	given(&us, PW_LANE_IPV6, own_6, own_mac);
	given(&peer, PW_LANE_IPV6, peer_6, peer_mac);
}

static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

static void test_questions_are_the_golden_ones(void)
{
	uint8_t frame[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_4();
	CU_ASSERT_EQUAL(pw_arp_next_request(&us, frame), 0);
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_4, true, mac), -EAGAIN);
	CU_ASSERT_EQUAL_FATAL(pw_arp_next_request(&us, frame), sizeof(golden_request));
	CU_ASSERT_EQUAL(memcmp(frame, golden_request, sizeof(golden_request)), 0);
	CU_ASSERT_EQUAL(pw_arp_next_request(&us, frame), 0);	/* once each time */

	given_6();
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_6, true, mac), -EAGAIN);
	CU_ASSERT_EQUAL_FATAL(pw_arp_next_request(&us, frame), sizeof(golden_solicit));
	CU_ASSERT_EQUAL(memcmp(frame, golden_solicit, sizeof(golden_solicit)), 0);
}

/* The peer asks for us. */
static uint32_t ask_us(const uint8_t *own_ip, uint8_t *reply)
{
	uint8_t frame[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];
	uint32_t n;

	pw_arp_find(&peer, own_ip, true, mac);
	n = pw_arp_next_request(&peer, frame);
	CU_ASSERT_TRUE_FATAL(n > 0);
	return pw_arp_on_frame(&us, frame, n, reply);
}

static void test_answers_are_the_golden_ones_and_are_understood(void)
{
	uint8_t reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES], unused[PW_ARP_FRAME_BYTES];

	given_4();
	CU_ASSERT_EQUAL_FATAL(ask_us(own_4, reply), sizeof(golden_reply));
	CU_ASSERT_EQUAL(memcmp(reply, golden_reply, sizeof(golden_reply)), 0);
	CU_ASSERT_EQUAL(pw_arp_on_frame(&peer, reply, sizeof(golden_reply), unused), 0);
	CU_ASSERT_EQUAL(pw_arp_find(&peer, own_4, false, mac), 0);
	CU_ASSERT_EQUAL(memcmp(mac, own_mac, PW_MAC_BYTES), 0);

	given_6();
	CU_ASSERT_EQUAL_FATAL(ask_us(own_6, reply), sizeof(golden_advertise));
	CU_ASSERT_EQUAL(memcmp(reply, golden_advertise, sizeof(golden_advertise)), 0);
	CU_ASSERT_EQUAL(pw_arp_on_frame(&peer, reply, sizeof(golden_advertise), unused), 0);
	CU_ASSERT_EQUAL(pw_arp_find(&peer, own_6, false, mac), 0);
	CU_ASSERT_EQUAL(memcmp(mac, own_mac, PW_MAC_BYTES), 0);
}

static void test_a_tag_is_put_on_and_expected(void)
{
	uint8_t reply[PW_ARP_FRAME_BYTES];

	given_6();
	us.vlan = peer.vlan = 7;
	CU_ASSERT_EQUAL_FATAL(ask_us(own_6, reply), 90);
	CU_ASSERT_EQUAL(pw_get_be16(reply + 12), 0x8100);
	CU_ASSERT_EQUAL(pw_get_be16(reply + 14), 7);
	peer.vlan = 8;
	CU_ASSERT_EQUAL(ask_us(own_6, reply), 0);
	peer.vlan = 0;
	CU_ASSERT_EQUAL(ask_us(own_6, reply), 0);
}

static void test_questions_for_others_are_not_answered(void)
{
	static const uint8_t other_4[16] = { 192, 0, 2, 9 }, other_6[16] = { 0x20, 1, [15] = 9 };
	uint8_t reply[PW_ARP_FRAME_BYTES];

	given_4();
	CU_ASSERT_EQUAL(ask_us(other_4, reply), 0);
	given_6();
	CU_ASSERT_EQUAL(ask_us(other_6, reply), 0);
}

static void test_only_who_was_asked_for_is_learned(void)
{
	uint8_t reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_4();
	ask_us(own_4, reply);
	CU_ASSERT_EQUAL(atomic_load(&us.count), 0);
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_4, false, mac), -EAGAIN);
	ask_us(own_4, reply);	/* now its question tells */
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_4, false, mac), 0);
	CU_ASSERT_EQUAL(memcmp(mac, peer_mac, PW_MAC_BYTES), 0);
}

static void test_a_new_mac_replaces_the_old_one(void)
{
	static const uint8_t new_mac[PW_MAC_BYTES] = { 10, 0, 0, 0, 0, 77 };
	uint8_t reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_6();
	pw_arp_find(&us, peer_6, false, mac);
	ask_us(own_6, reply);
	memcpy(peer.mac, new_mac, PW_MAC_BYTES);
	ask_us(own_6, reply);
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_6, false, mac), 0);
	CU_ASSERT_EQUAL(memcmp(mac, new_mac, PW_MAC_BYTES), 0);
}

static void test_a_mac_of_zeros_is_not_believed(void)
{
	uint8_t reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_4();
	pw_arp_find(&us, peer_4, false, mac);
	ask_us(own_4, reply);
	memset(peer.mac, 0, sizeof(peer.mac));
	ask_us(own_4, reply);
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_4, false, mac), 0);
	CU_ASSERT_EQUAL(memcmp(mac, peer_mac, PW_MAC_BYTES), 0);
}

static void test_a_group_is_nobody(void)
{
	uint8_t reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_4();
	peer.mac[0] |= 1;
	pw_arp_find(&us, peer_4, false, mac);
	CU_ASSERT_EQUAL(ask_us(own_4, reply), 0);
	CU_ASSERT_EQUAL(pw_arp_find(&us, peer_4, false, mac), -EAGAIN);
}

static void test_who_has_no_address_yet_is_answered_by_the_group_of_all(void)
{
	static const uint8_t all_mac[PW_MAC_BYTES] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t nobody[16];
	uint8_t reply[PW_ARP_FRAME_BYTES];

	given_6();
	memcpy(peer.ip, nobody, sizeof(nobody));
	CU_ASSERT_EQUAL_FATAL(ask_us(own_6, reply), 86);
	CU_ASSERT_EQUAL(memcmp(reply, all_mac, PW_MAC_BYTES), 0);
	CU_ASSERT_EQUAL(reply[14 + 24], 0xff);
	CU_ASSERT_EQUAL(reply[14 + 40 + 4], 0x20);	/* not an answer to anybody */
}

/* One byte of a frame changed, and it is not believed. */
static void test_discovery_that_is_damaged_or_from_afar_is_ignored(void)
{
	uint8_t frame[sizeof(golden_advertise)], reply[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES];

	given_6();
	pw_arp_find(&peer, own_6, false, mac);
	for (size_t i = 12; i < sizeof(frame); i++) {
		if (i > 14 && i < 18)	/* class and flow: nobody minds */
			continue;
		memcpy(frame, golden_advertise, sizeof(frame));
		frame[i] ^= 0x10;
		CU_ASSERT_EQUAL(pw_arp_on_frame(&peer, frame, sizeof(frame), reply), 0);
		if (pw_arp_find(&peer, own_6, false, mac) != -EAGAIN) {
			printf("\n  byte %zu ", i);
			CU_FAIL_FATAL("was believed");
		}
	}
}

static void test_every_question_is_put_in_turn(void)
{
	uint8_t frame[PW_ARP_FRAME_BYTES], mac[PW_MAC_BYTES], ip[16] = { 192, 0, 2 };
	unsigned asked = 0;

	given_4();
	for (uint8_t i = 10; i < 20; i++) {
		ip[3] = i;
		pw_arp_find(&us, ip, i % 2, mac);
	}
	while (pw_arp_next_request(&us, frame)) {
		CU_ASSERT_EQUAL(frame[14 + 27] % 2, 1);
		asked++;
	}
	CU_ASSERT_EQUAL(asked, 5);
}

static void test_table_that_is_full_says_so_and_keeps_what_it_has(void)
{
	uint8_t mac[PW_MAC_BYTES], ip[16] = { 10 };

	given_4();
	for (unsigned i = 0; i < PW_ARP_ENTRIES; i++) {
		ip[3] = (uint8_t)i;
		CU_ASSERT_EQUAL(pw_arp_find(&us, ip, true, mac), -EAGAIN);
	}
	ip[1] = 1;
	CU_ASSERT_EQUAL(pw_arp_find(&us, ip, true, mac), -ENOSPC);
	ip[1] = 0;
	CU_ASSERT_EQUAL(pw_arp_find(&us, ip, true, mac), -EAGAIN);
}

static void test_noise_is_survived(void)
{
	static const struct { const uint8_t *bytes; uint32_t n; } from[] = {
		{ golden_request, sizeof(golden_request) },
		{ golden_solicit, sizeof(golden_solicit) },
		{ golden_advertise, sizeof(golden_advertise) },
	};
	uint8_t frame[PW_ARP_FRAME_BYTES], reply[PW_ARP_FRAME_BYTES];

	printf("seed %#llx ", (unsigned long long)rnd);
	for (unsigned i = 0; i < NOISE; i++) {
		unsigned which = (unsigned)(next_random() % 3);
		uint32_t n = (uint32_t)(next_random() % (from[which].n + 1));

		if (which)
			given_6();
		else
			given_4();
		memcpy(frame, from[which].bytes, from[which].n);
		for (unsigned k = (unsigned)(next_random() % 4); k; k--)
			frame[next_random() % sizeof(frame)] = (uint8_t)next_random();
		CU_ASSERT_TRUE(pw_arp_on_frame(&us, frame, n, reply) <= sizeof(reply));
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_questions_are_the_golden_ones),
	PW_TEST(test_answers_are_the_golden_ones_and_are_understood),
	PW_TEST(test_a_tag_is_put_on_and_expected),
	PW_TEST(test_questions_for_others_are_not_answered),
	PW_TEST(test_only_who_was_asked_for_is_learned),
	PW_TEST(test_a_new_mac_replaces_the_old_one),
	PW_TEST(test_a_mac_of_zeros_is_not_believed),
	PW_TEST(test_a_group_is_nobody),
	PW_TEST(test_who_has_no_address_yet_is_answered_by_the_group_of_all),
	PW_TEST(test_discovery_that_is_damaged_or_from_afar_is_ignored),
	PW_TEST(test_every_question_is_put_in_turn),
	PW_TEST(test_table_that_is_full_says_so_and_keeps_what_it_has),
	PW_TEST(test_noise_is_survived),
};

int main(void)
{
	return PW_RUN_SUITE("arp", tests);
}
