/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sender.c - dataplane/sender.h: through a fake link, with hand-made acks */

#include "sender_bed.h"

static struct pw_stream_out stream;
static uint8_t ring[PW_STREAM_RING_BYTES];

static void test_pages_leave_in_order_with_everything_in_their_headers(void)
{
	given_dirty_pages(3);
	CU_ASSERT_EQUAL(poll(), 3);
	for (unsigned i = 0; i < 3; i++) {
		struct pw_datagram d = fake_datagram(&wire, i);

		CU_ASSERT_EQUAL(d.type, PW_DATA);
		CU_ASSERT_EQUAL(d.pn, i);
		CU_ASSERT_EQUAL(d.span, i);	/* nothing is settled */
		CU_ASSERT_EQUAL(d.cid, 9);
		CU_ASSERT_EQUAL(d.path, 2);
		CU_ASSERT_EQUAL(d.id, 1);
		CU_ASSERT_EQUAL(d.epoch, 4);
		CU_ASSERT_EQUAL(d.offset, i * PW_PAGE_BYTES);
		CU_ASSERT_EQUAL(d.length, PW_PAGE_BYTES);
		CU_ASSERT_EQUAL(d.tx_time, (uint32_t)(now_ns >> 6));
		CU_ASSERT_TRUE(d.flags & PW_F_PAYLOAD_CRC);
		CU_ASSERT_TRUE(pw_wire_payload_ok(&d));
	}
	CU_ASSERT_FALSE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(poll(), 0);
}

static void test_slice_settles_when_the_last_page_is_acknowledged(void)
{
	given_dirty_pages(4);
	poll();
	now_ns += 200 * US;
	CU_ASSERT_EQUAL(acknowledge(2, 0), 0);
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_OPEN);
	CU_ASSERT_EQUAL(acknowledge(2, 1), 0);	/* 3 */
	CU_ASSERT_EQUAL(acknowledge(4, 0), PW_EVENT_SLICE);
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_SETTLED);
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(acknowledge(4, 0), 0);
	CU_ASSERT_EQUAL(stats.rx_acks, 4);
}

static void test_zero_pages_leave_as_one_map_after_the_others(void)
{
	struct pw_datagram d;

	given_sender(&usual);
	memset(memory + PW_PAGE_BYTES, 0, PW_PAGE_BYTES);
	memset(memory + 3 * PW_PAGE_BYTES, 0, PW_PAGE_BYTES);
	given_dirty(5);
	CU_ASSERT_EQUAL(poll(), 4);
	d = fake_datagram(&wire, 3);
	CU_ASSERT_EQUAL(d.type, PW_ZERO);
	CU_ASSERT_EQUAL(d.offset, 0);
	CU_ASSERT_EQUAL(d.payload[0], 0xa);
	CU_ASSERT_EQUAL(stats.tx_zero_pages, 2);
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&s.runlist.maps), 1);
	now_ns += 200 * US;
	CU_ASSERT_EQUAL(acknowledge(4, 0), PW_EVENT_SLICE);
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&s.runlist.maps), 0);
	CU_ASSERT_EQUAL(atomic_load(&transfer.slices.slot[0].zero_pages), 2);
	CU_ASSERT_EQUAL(atomic_load(&transfer.slices.slot[0].sent_bytes), 3 * PW_PAGE_BYTES);
}

/* Fragments of a page that does not fit; nothing is longer than the path allows. */
static void test_page_is_cut_to_what_a_datagram_carries(void)
{
	static const uint16_t lengths[] = { 1408, 1408, 1280 };
	struct pw_sender_config config = usual;

	config.payload_bytes = 1408;
	given_sender(&config);
	given_dirty(2);
	CU_ASSERT_EQUAL(poll(), 6);
	for (unsigned i = 0; i < 6; i++) {
		struct pw_datagram d = fake_datagram(&wire, i);

		CU_ASSERT_EQUAL(d.length, lengths[i % 3]);
		CU_ASSERT_EQUAL(d.offset, i / 3 * PW_PAGE_BYTES + i % 3 * 1408);
	}
	now_ns += 200 * US;
	CU_ASSERT_EQUAL(acknowledge(5, 0), 0);
	CU_ASSERT_EQUAL(acknowledge(6, 0), PW_EVENT_SLICE);
}

static void test_lost_datagram_goes_before_anything_new_under_a_new_pn(void)
{
	struct pw_datagram d;

	given_dirty_pages(200);
	for (unsigned i = 0; i < 4; i++)
		poll();
	CU_ASSERT_EQUAL(wire.sent, 4 * PW_BURST);
	now_ns += 500 * US;
	acknowledge(2, UINT64_MAX);	/* 2 is missing, 3..66 are there */
	memset(memory + 2 * PW_PAGE_BYTES, 0x44, PW_PAGE_BYTES);	/* the page has changed */
	poll();
	d = fake_datagram(&wire, 4 * PW_BURST);
	CU_ASSERT_EQUAL(d.pn, 4 * PW_BURST);
	CU_ASSERT_EQUAL(d.offset, 2 * PW_PAGE_BYTES);
	CU_ASSERT_EQUAL(d.payload[0], 0x44);	/* and is read again */
	CU_ASSERT_TRUE(d.flags & PW_F_AGAIN);
	CU_ASSERT_TRUE(pw_wire_payload_ok(&d));
	CU_ASSERT_EQUAL(d.pn - d.span, 67);	/* nobody needs to wait for 2 any more */
	CU_ASSERT_EQUAL(fake_datagram(&wire, 4 * PW_BURST + 1).offset, 4 * PW_BURST * PW_PAGE_BYTES);
	CU_ASSERT_EQUAL(stats.lost_datagrams, 1);
	CU_ASSERT_EQUAL(stats.tx_again_datagrams, 1);
	CU_ASSERT_EQUAL(stats.tx_again_bytes, PW_PAGE_BYTES);
	acknowledge(2, 0);
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_OPEN);
}

static void test_lost_zero_map_is_sent_again_with_the_same_pages(void)
{
	struct pw_datagram d;

	given_sender(&usual);
	memset(memory, 0, 2 * PW_PAGE_BYTES);
	given_dirty(2);
	poll();
	CU_ASSERT_EQUAL(fake_datagram(&wire, 0).type, PW_ZERO);
	for (now_ns += 3 * MS; wire.sent < 2; now_ns += MS)
		poll();	/* a probe */
	CU_ASSERT_EQUAL(fake_datagram(&wire, 1).type, PW_PING);
	now_ns += 10 * MS;
	acknowledge(0, 1);
	poll();
	d = fake_datagram(&wire, 2);
	CU_ASSERT_EQUAL(d.type, PW_ZERO);
	CU_ASSERT_EQUAL(d.payload[0], 0x3);
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&s.runlist.maps), 1);
	now_ns += 100 * US;
	CU_ASSERT_EQUAL(acknowledge(3, 0), PW_EVENT_SLICE);
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&s.runlist.maps), 0);
}

static void test_what_the_link_did_not_take_waits_and_goes_first(void)
{
	given_dirty_pages(40);
	wire.room = 5;
	CU_ASSERT_EQUAL(poll(), 5);
	CU_ASSERT_EQUAL(stats.tx_busy, 1);
	CU_ASSERT_EQUAL(poll(), 0);
	CU_ASSERT_FALSE(pw_sender_idle(&s));
	wire.room = 20;
	CU_ASSERT_EQUAL(poll(), 20);
	wire.room = 1000;
	poll_until_quiet();
	CU_ASSERT_EQUAL(wire.sent, 40);
	for (unsigned i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(fake_datagram(&wire, i).pn, i);
		CU_ASSERT_EQUAL(fake_datagram(&wire, i).offset, i * PW_PAGE_BYTES);
	}
}

static void test_bad_ack_changes_nothing(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .next = 2, .credit = PW_WINDOW_SLOTS };
	uint8_t bytes[PW_ACK_BYTES_MAX];
	unsigned n;

	given_dirty_pages(8);
	poll();
	now_ns += 200 * US;
	acknowledge(9, 0);
	acknowledge(8, 1);
	acknowledge(0, 1ull << 7);
	acknowledge(UINT64_MAX, UINT64_MAX);
	CU_ASSERT_EQUAL(stats.rx_bad_ack, 4);
	n = pw_wire_pack_ack(bytes, &ack, &env, 0);
	for (unsigned i = 0; i < n - 4; i++) {	/* the last field is for payloads */
		bytes[i] ^= 1;
		pw_sender_on_ack(&s, bytes, n, now_ns);
		bytes[i] ^= 1;
	}
	CU_ASSERT_EQUAL(stats.rx_bad_header, n - 4);
	pw_sender_on_ack(&s, bytes, n - 1, now_ns);
	CU_ASSERT_EQUAL(stats.rx_bad_header, n - 3);
	CU_ASSERT_EQUAL(s.window.head, 0);
	CU_ASSERT_EQUAL(s.window.in_flight, 8);
	CU_ASSERT_EQUAL(s.loss.srtt_ns, 0);
	CU_ASSERT_EQUAL(stats.rx_acks, 0);
}

/* A dwell that does not fit its field says nothing about the way. */
static void test_round_trip_without_its_dwell_is_not_measured(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .next = 1, .dwell_ns = UINT32_MAX, .credit = PW_WINDOW_SLOTS };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	given_dirty_pages(1);
	poll();
	ack.echo = (uint32_t)(now_ns >> 6);
	now_ns += 6000 * MS;
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 0), now_ns);
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(s.loss.srtt_ns, 0);
}

static void test_round_trip_is_echo_less_dwell(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .next = 1, .dwell_ns = 30000, .credit = PW_WINDOW_SLOTS };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	given_dirty_pages(1);
	poll();
	ack.echo = (uint32_t)(now_ns >> 6);
	now_ns += 128000;
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 0), now_ns);
	CU_ASSERT_EQUAL(s.loss.srtt_ns, 98000);
	CU_ASSERT_EQUAL(stats.srtt_ns, 98000);
	CU_ASSERT_EQUAL(stats.rtt_min_ns, 98000);
}

static void test_no_more_is_in_flight_than_congestion_allows(void)
{
	struct pw_sender_config config = usual;

	config.congestion.window_start = 10;
	given_sender(&config);
	given_dirty(100);
	poll_until_quiet();
	CU_ASSERT_EQUAL(wire.sent, 10);
	now_ns += 100 * US;
	acknowledge(3, 0);
	poll_until_quiet();
	CU_ASSERT_TRUE(s.window.in_flight >= 10 && s.window.in_flight <= 11);
}

static void test_receivers_credit_bounds_what_is_in_flight(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .credit = 5 };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	given_dirty_pages(1);
	s.credit = 0;	/* as if nothing had been granted yet */
	CU_ASSERT_EQUAL(poll(), 0);
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 0), now_ns);
	CU_ASSERT_EQUAL(poll(), 1);
}

/* All but the first arrived: what is lost needs no room until it is sent again,
 * and nothing that could free any is in flight. */
static void test_lost_datagram_does_not_hold_credit(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .credit = 32, .words = 1, .bitmap = { UINT64_MAX >> 33 } };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	given_dirty_pages(100);
	s.credit = 32;
	poll_until_quiet();
	CU_ASSERT_EQUAL(wire.sent, 32);
	now_ns += 5 * MS;
	ack.echo = (uint32_t)((now_ns - 100 * US) >> 6);
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 0), now_ns);
	CU_ASSERT_EQUAL(poll(), 32);
	CU_ASSERT_EQUAL(fake_datagram(&wire, 32).offset, 0);
}

static void test_pacer_bounds_bytes(void)
{
	struct pw_sender_config config = usual;

	config.rate_bytes_per_s = 4136ull * 1000000 / 100;	/* one datagram in 100 us */
	given_sender(&config);
	given_dirty(200);
	poll_until_quiet();
	CU_ASSERT_EQUAL(wire.sent, PW_PACER_BURST_BYTES / 4136 + 1);
	wire.sent = 0;
	for (unsigned i = 0; i < 100; i++, now_ns += 100 * US)
		poll();
	CU_ASSERT_TRUE(wire.sent >= 99 && wire.sent <= 101);
}

/* A stream of count slots of 5000 bytes. */
static void given_stream(unsigned count)
{
	uint8_t *room;

	pw_stream_out_init(&stream, ring);
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_TRUE_FATAL(pw_stream_out_room(&stream, &room) > 0);
		memset(room, (int)i, 5000);
		pw_stream_out_fill(&stream, 5000, i + 1 == count);
	}
	atomic_store(&transfer.stream_out[7], &stream);
}

static void test_stream_goes_before_memory_and_is_freed_when_placed(void)
{
	struct pw_datagram first, second;

	given_dirty_pages(3);
	given_stream(1);
	CU_ASSERT_EQUAL(poll(), 5);
	first = fake_datagram(&wire, 0);
	second = fake_datagram(&wire, 1);
	CU_ASSERT_EQUAL(first.type, PW_STREAM);
	CU_ASSERT_EQUAL(first.id, 7);
	CU_ASSERT_EQUAL(first.epoch, 5000);	/* of the whole slot */
	CU_ASSERT_EQUAL(first.length, 4096);
	CU_ASSERT_TRUE(first.flags & PW_F_END);
	CU_ASSERT_EQUAL(second.offset, 4096);
	CU_ASSERT_EQUAL(second.length, 5000 - 4096);
	CU_ASSERT_EQUAL(fake_datagram(&wire, 2).type, PW_DATA);
	now_ns += 100 * US;
	CU_ASSERT_EQUAL(acknowledge(1, 0), PW_EVENT_STREAM);
	CU_ASSERT_FALSE(pw_stream_out_settled(&stream));
	CU_ASSERT_EQUAL(acknowledge(2, 0), PW_EVENT_STREAM);
	CU_ASSERT_TRUE(pw_stream_out_settled(&stream));
}

/* Window and retry list together never hold more than the window's slots. */
static void test_full_window_without_a_word_still_finds_room_for_probes(void)
{
	struct pw_sender_config config = usual;
	unsigned moved = 0;

	config.congestion.window_start = PW_WINDOW_SLOTS;
	config.payload_bytes = 1024;
	given_sender(&config);
	given_dirty(PAGES);
	poll_until_quiet();
	CU_ASSERT_TRUE(pw_window_full(&s.window));
	for (unsigned i = 0; i < 60; i++, now_ns += 60 * MS)
		pw_sender_poll(&s, now_ns, &moved);
	CU_ASSERT_TRUE(stats.probes >= 50);
	CU_ASSERT_TRUE(s.retry_count + s.window.in_flight <= PW_WINDOW_SLOTS + stats.probes);
	for (unsigned i = 0; i < 10000 && !pw_sender_idle(&s); i++, now_ns += 100 * US) {
		acknowledge(s.window.tail, 0);
		poll();
	}
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_SETTLED);
}

static const struct pw_test tests[] = {
	PW_TEST(test_pages_leave_in_order_with_everything_in_their_headers),
	PW_TEST(test_slice_settles_when_the_last_page_is_acknowledged),
	PW_TEST(test_zero_pages_leave_as_one_map_after_the_others),
	PW_TEST(test_page_is_cut_to_what_a_datagram_carries),
	PW_TEST(test_lost_datagram_goes_before_anything_new_under_a_new_pn),
	PW_TEST(test_lost_zero_map_is_sent_again_with_the_same_pages),
	PW_TEST(test_what_the_link_did_not_take_waits_and_goes_first),
	PW_TEST(test_bad_ack_changes_nothing),
	PW_TEST(test_round_trip_without_its_dwell_is_not_measured),
	PW_TEST(test_round_trip_is_echo_less_dwell),
	PW_TEST(test_no_more_is_in_flight_than_congestion_allows),
	PW_TEST(test_receivers_credit_bounds_what_is_in_flight),
	PW_TEST(test_lost_datagram_does_not_hold_credit),
	PW_TEST(test_pacer_bounds_bytes),
	PW_TEST(test_stream_goes_before_memory_and_is_freed_when_placed),
	PW_TEST(test_full_window_without_a_word_still_finds_room_for_probes),
};

int main(void)
{
	return PW_RUN_SUITE("sender", tests);
}
