/* SPDX-License-Identifier: BSD-3-Clause */
/* test_receiver.c - dataplane/receiver.h: guard by guard, with hand-made datagrams */

#include <string.h>

#include "fake_link.h"
#include "pagewire/check.h"
#include "receiver.h"
#include "run.h"

#define SLICE_SHIFT  16u
#define REGION_PAGES 40u	/* two slices and a half */
#define REGION_BYTES (REGION_PAGES * PW_PAGE_BYTES)
#define MS	     1000000ull

static struct pw_transfer transfer;
static struct pw_slice_in slice_in[3];
static struct pw_stream_in stream;
static uint8_t ring[PW_STREAM_RING_BYTES];
static uint8_t memory[PW_PAGE_BYTES + REGION_BYTES + PW_PAGE_BYTES];	/* guard, region, guard */
static uint8_t *const region = memory + PW_PAGE_BYTES;
static uint8_t payload[PW_PAYLOAD_MAX];
static struct pw_receiver r;
static struct pw_path_stats stats;
static struct fake_link wire;
static uint64_t now_ns;
static bool marked;	/* what comes has a congestion mark */

static void given_target(void)
{
	memset(&transfer, 0, sizeof(transfer));
	memset(&stats, 0, sizeof(stats));
	memset(memory, 0xa5, sizeof(memory));
	memset(payload, 0x11, sizeof(payload));
	transfer.role = PW_TARGET;
	transfer.slice_shift = SLICE_SHIFT;
	transfer.region[2] = (struct pw_region){ region, REGION_BYTES };
	transfer.slice_in[2] = slice_in;
	for (unsigned i = 0; i < 3; i++)
		atomic_init(&slice_in[i].open_epoch, 5);
	pw_stream_in_init(&stream, ring);
	atomic_init(&transfer.stream_in[1], &stream);
	fake_link_init(&wire);
	pw_receiver_init(&r, &transfer, &wire.link, &stats, 77, 3);
	now_ns = 1000 * MS;
}

static unsigned receive(const struct pw_datagram *d)
{
	uint8_t bytes[PW_DATAGRAM_BYTES_MAX];
	unsigned n = pw_wire_pack(bytes, d);

	if (d->length)
		memcpy(bytes + n, d->payload, d->length);
	return pw_receiver_on_datagram(&r, bytes, n + d->length, marked, now_ns);
}

/* Nothing is settled yet: span reaches down to 0. */
static struct pw_datagram data(uint64_t pn, uint64_t offset, uint16_t epoch)
{
	return (struct pw_datagram){ .type = PW_DATA, .pn = pn, .span = (uint16_t)pn, .id = 2,
				     .epoch = epoch, .offset = offset, .length = PW_PAGE_BYTES,
				     .payload = payload };
}

static bool is_marked(uint64_t pn)
{
	return pw_replay_check(&r.replay, pn) != PW_REPLAY_NEW;
}

/* Whether some byte of the region is no more what it was in the beginning. */
static bool is_touched(void)
{
	for (size_t i = 0; i < sizeof(memory); i++)
		if (memory[i] != 0xa5)
			return true;
	return false;
}

static unsigned poll(void)
{
	unsigned moved = 0;

	pw_receiver_poll(&r, now_ns, &moved);
	return moved;
}

static void test_data_is_placed_where_it_says_and_marked(void)
{
	struct pw_datagram d = data(0, 3 * PW_PAGE_BYTES, 5);

	given_target();
	receive(&d);
	CU_ASSERT_EQUAL(memcmp(region + 3 * PW_PAGE_BYTES, payload, PW_PAGE_BYTES), 0);
	CU_ASSERT_EQUAL(region[3 * PW_PAGE_BYTES - 1], 0xa5);
	CU_ASSERT_EQUAL(region[4 * PW_PAGE_BYTES], 0xa5);
	CU_ASSERT_TRUE(is_marked(0));
	CU_ASSERT_EQUAL(stats.rx_payload_bytes, PW_PAGE_BYTES);
}

/* Slices here are smaller than a chunk: a map starts where its slice does. */
static void test_zero_map_of_any_slice_zeroes_its_pages_only(void)
{
	uint64_t map[PW_CHUNK_WORDS] = { 0x8002 };	/* pages 1 and 15 of the slice */
	struct pw_datagram d = { .type = PW_ZERO, .id = 2, .epoch = 5, .offset = 1u << SLICE_SHIFT,
				 .length = PW_ZERO_MAP_BYTES, .payload = (uint8_t *)map };
	uint64_t page = 1ull << SLICE_SHIFT >> PW_PAGE_SHIFT;

	given_target();
	receive(&d);
	CU_ASSERT_TRUE(is_marked(0));
	CU_ASSERT_EQUAL(stats.rx_zero_pages, 2);
	for (uint64_t i = 0; i < REGION_BYTES; i++) {
		bool zeroed = i >> PW_PAGE_SHIFT == page + 1 || i >> PW_PAGE_SHIFT == page + 15;

		CU_ASSERT_EQUAL_FATAL(region[i], zeroed ? 0 : 0xa5);
	}
}

static void test_stale_epoch_is_acknowledged_and_not_placed(void)
{
	struct pw_datagram d = data(0, 0, 4);

	given_target();
	receive(&d);
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_TRUE(is_marked(0));
	CU_ASSERT_EQUAL(stats.rx_stale_epoch, 1);
}

static void test_early_epoch_is_neither_placed_nor_acknowledged(void)
{
	struct pw_datagram d = data(0, 0, 6);

	given_target();
	receive(&d);
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_FALSE(is_marked(0));
	CU_ASSERT_EQUAL(stats.rx_early_epoch, 1);
	CU_ASSERT_EQUAL(r.dropped, 1);
	pw_slice_close(&slice_in[0], 5);
	receive(&d);	/* the same again, now that its epoch is open */
	CU_ASSERT_TRUE(is_marked(0));
	CU_ASSERT_EQUAL(region[0], 0x11);
}

static void test_what_is_out_of_bounds_is_dropped(void)
{
	static const struct {
		uint16_t id;
		uint64_t offset;
		uint16_t length;
	} rows[] = {
		/* 0 */ { 1, 0, 4096 },	/* no such region */
		/* 1 */ { PW_REGIONS_MAX, 0, 4096 },
		/* 2 */ { UINT16_MAX, 0, 4096 },
		/* 3 */ { 2, REGION_BYTES, 1 },
		/* 4 */ { 2, REGION_BYTES - 1, 2 },
		/* 5 */ { 2, (1ull << 48) - 1, 4096 },
		/* 6 */ { 2, (1u << SLICE_SHIFT) - 1, 2 },	/* two slices, one epoch */
		/* 7 */ { 2, REGION_BYTES - 4096, 8192 },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		struct pw_datagram d = data(0, rows[i].offset, 5);

		given_target();
		d.id = rows[i].id;
		d.length = rows[i].length;
		receive(&d);
		CU_ASSERT_FALSE(is_touched());
		CU_ASSERT_FALSE(is_marked(0));
		CU_ASSERT_EQUAL(stats.rx_out_of_bounds, 1);
	}
}

static void test_zero_map_beyond_its_slice_region_or_empty_is_dropped(void)
{
	static const struct {
		uint64_t offset;
		unsigned word;
		uint64_t bits;
	} rows[] = {
		/* 0 */ { 0, 0, 0 },	/* names no page */
		/* 1 */ { 0, 0, 1u << 16 },	/* page 16: of the next slice */
		/* 2 */ { 0, 31, 1ull << 63 },
		/* 3 */ { 2u << SLICE_SHIFT, 0, 1u << 8 },	/* page 40: behind the region */
		/* 4 */ { 1ull << 40, 0, 1 },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		uint64_t map[PW_CHUNK_WORDS] = { 0 };
		struct pw_datagram d = { .type = PW_ZERO, .id = 2, .epoch = 5,
					 .offset = rows[i].offset, .length = PW_ZERO_MAP_BYTES,
					 .payload = (uint8_t *)map };

		given_target();
		map[rows[i].word] = rows[i].bits;
		receive(&d);
		CU_ASSERT_FALSE(is_touched());
		CU_ASSERT_FALSE(is_marked(0));
		CU_ASSERT_EQUAL(stats.rx_out_of_bounds, 1);
	}
}

static void test_duplicate_is_not_placed_and_acknowledged_again(void)
{
	struct pw_datagram d = data(0, 0, 5), later = data(2, PW_PAGE_BYTES, 5);

	given_target();
	receive(&d);
	receive(&later);
	CU_ASSERT_EQUAL(poll(), 1);
	memset(memory, 0xa5, sizeof(memory));
	receive(&later);
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_EQUAL(stats.rx_duplicate, 1);
	now_ns += MS;
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).next, 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).bitmap[0], 1);	/* 2; 1 is missing */
}

static void test_pn_that_was_given_up_is_not_placed(void)
{
	struct pw_datagram first = data(5, 0, 5), late = data(2, PW_PAGE_BYTES, 5);

	given_target();
	first.span = 2;	/* nothing below 3 is waited for */
	receive(&first);
	CU_ASSERT_EQUAL(r.replay.next, 3);
	memset(memory, 0xa5, sizeof(memory));
	receive(&late);
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_EQUAL(stats.rx_too_old, 1);
}

static void test_damaged_datagram_changes_nothing(void)
{
	struct pw_datagram d = data(9, 0, 5);
	uint8_t bytes[PW_DATAGRAM_BYTES_MAX];
	unsigned n;

	given_target();
	d.flags = PW_F_PAYLOAD_CRC;
	d.span = 1;
	n = pw_wire_pack(bytes, &d);
	memcpy(bytes + n, payload, d.length);
	n += d.length;
	for (unsigned at = 0; at < n; at += at < 64 ? 1 : 61) {
		bytes[at] ^= 0x40;
		CU_ASSERT_EQUAL(pw_receiver_on_datagram(&r, bytes, n, false, now_ns), 0);
		bytes[at] ^= 0x40;
	}
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_EQUAL(r.replay.next, 0);	/* the span of a damaged header gives up nothing */
	CU_ASSERT_EQUAL(stats.rx_bad_header + stats.rx_bad_payload, r.dropped);
	CU_ASSERT_EQUAL(poll(), 0);
	pw_receiver_on_datagram(&r, bytes, n, false, now_ns);
	CU_ASSERT_TRUE(is_touched());
}

static void test_sealed_transfer_takes_pings_only(void)
{
	struct pw_datagram d = data(0, 0, 5);
	struct pw_datagram ping = { .type = PW_PING, .pn = 1, .span = 1, .flags = PW_F_ACK_NOW };

	given_target();
	atomic_store(&transfer.sealed, true);
	receive(&d);
	CU_ASSERT_FALSE(is_touched());
	CU_ASSERT_FALSE(is_marked(0));
	CU_ASSERT_EQUAL(stats.rx_sealed, 1);
	receive(&ping);
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).next, 0);
	CU_ASSERT_EQUAL(fake_ack(&wire).bitmap[0], 1);
}

static struct pw_datagram slot(uint64_t pn, uint64_t number)
{
	return (struct pw_datagram){ .type = PW_STREAM, .pn = pn, .span = (uint16_t)pn, .id = 1,
				     .epoch = 100, .offset = number * PW_STREAM_SLOT_BYTES,
				     .length = 100, .payload = payload };
}

static void test_stream_slot_is_placed_or_not_acknowledged(void)
{
	struct pw_datagram d = slot(0, 0), beyond = slot(1, PW_STREAM_SLOTS), nobody = slot(2, 0);
	const uint8_t *from;
	uint16_t bytes;
	bool last;

	given_target();
	CU_ASSERT_EQUAL(receive(&d), PW_EVENT_STREAM);
	CU_ASSERT_TRUE(is_marked(0));
	receive(&beyond);
	CU_ASSERT_FALSE(is_marked(1));
	CU_ASSERT_EQUAL(stats.rx_no_room, 1);
	nobody.id = 2;
	receive(&nobody);
	CU_ASSERT_FALSE(is_marked(2));
	CU_ASSERT_EQUAL(stats.rx_out_of_bounds, 1);

	CU_ASSERT_TRUE_FATAL(pw_stream_in_peek(&stream, &from, &bytes, &last));
	CU_ASSERT_EQUAL(bytes, 100);
	pw_stream_in_drain(&stream);
	receive(&beyond);	/* there is room now */
	CU_ASSERT_TRUE(is_marked(1));
}

static void test_ack_waits_for_32_or_20_us_but_not_behind_a_gap(void)
{
	struct pw_datagram d;

	given_target();
	for (unsigned i = 0; i < PW_ACK_EVERY - 1; i++) {
		d = data(i, 0, 5);
		receive(&d);
		CU_ASSERT_EQUAL(poll(), 0);
	}
	d = data(PW_ACK_EVERY - 1, 0, 5);
	receive(&d);
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).next, PW_ACK_EVERY);
	CU_ASSERT_EQUAL(fake_ack(&wire).words, 0);
	CU_ASSERT_EQUAL(poll(), 0);

	d = data(PW_ACK_EVERY, 0, 5);
	receive(&d);
	now_ns += PW_ACK_DELAY_NS - 1;
	CU_ASSERT_EQUAL(poll(), 0);
	now_ns++;
	CU_ASSERT_EQUAL(poll(), 1);

	d = data(PW_ACK_EVERY + 2, 0, 5);
	receive(&d);
	CU_ASSERT_EQUAL(poll(), 1);
}

static void test_ack_names_echo_dwell_drops_and_whom_it_is_for(void)
{
	struct pw_datagram bad = data(0, 0, 6), d = data(0, 0, 5);
	struct pw_envelope env;
	struct pw_ack ack;

	given_target();
	receive(&bad);
	d.tx_time = 123456;
	receive(&d);
	now_ns += 25000;
	CU_ASSERT_EQUAL_FATAL(poll(), 1);
	ack = fake_ack(&wire);
	CU_ASSERT_EQUAL(ack.echo, 123456);
	CU_ASSERT_EQUAL(ack.dwell_ns, 25000);
	CU_ASSERT_EQUAL(ack.dropped, 1);
	CU_ASSERT_EQUAL(ack.num_credits, 1);
	CU_ASSERT_EQUAL(ack.credits[0].stream, 1);
	CU_ASSERT_EQUAL(ack.credits[0].slots, PW_STREAM_SLOTS);
	CU_ASSERT_TRUE(pw_wire_peek(wire.bytes[0], wire.bytes_count[0], &env));
	CU_ASSERT_EQUAL(env.cid, 77);
	CU_ASSERT_EQUAL(env.path, 3);
}

/* A duplicate that the network held back for 80 ms says nothing about the way
 * there: the ack that follows it goes on echoing the newest datagram. */
/* Only what passes all guards counts: a stranger could slow the sender down. */
static void test_ack_counts_marks_and_passes_on_what_the_queue_says(void)
{
	struct pw_datagram d = data(0, 0, 5);
	unsigned moved = 0;
	struct pw_ack ack;

	given_target();
	marked = true;
	receive(&d);
	receive(&d);	/* a duplicate */
	d = data(1, REGION_BYTES, 5);	/* out of bounds */
	receive(&d);
	marked = false;
	d = data(2, 0, 5);
	receive(&d);
	r.intake = (struct pw_intake){ .room = 77, .grant_mbps = 4000, .fill = 333 };
	now_ns += MS;
	pw_receiver_poll(&r, now_ns, &moved);
	ack = fake_ack(&wire);
	CU_ASSERT_EQUAL(ack.marked, 1);
	CU_ASSERT_EQUAL(stats.rx_marked, 1);
	CU_ASSERT_EQUAL(ack.credit, 77);
	CU_ASSERT_EQUAL(ack.grant_mbps, 4000);
	CU_ASSERT_EQUAL(ack.ring_fill, 333);
}

static void test_late_duplicate_does_not_pass_for_the_newest_datagram(void)
{
	struct pw_datagram first = data(1, 0, 5), second = data(2, 0, 5);

	given_target();
	first.tx_time = 1000;
	second.tx_time = 9000;
	receive(&first);
	receive(&second);
	now_ns += 10000;
	CU_ASSERT_EQUAL(poll(), 1);
	receive(&first);
	CU_ASSERT_EQUAL(stats.rx_duplicate, 1);
	now_ns += 20000;
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).echo, 9000);
	CU_ASSERT_EQUAL(fake_ack(&wire).dwell_ns, 30000);
}

static void test_ack_that_the_link_refuses_is_offered_again(void)
{
	struct pw_datagram d = data(0, 0, 5);

	given_target();
	receive(&d);
	now_ns += MS;
	wire.room = 0;
	CU_ASSERT_EQUAL(poll(), 0);
	CU_ASSERT_EQUAL(stats.tx_busy, 1);
	wire.room = 1;
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_ack(&wire).next, 1);
	CU_ASSERT_EQUAL(stats.tx_acks, 1);
}

static void test_credit_is_told_when_a_pump_has_drunk(void)
{
	struct pw_datagram d;
	uint64_t told;

	given_target();
	for (unsigned i = 0; i < PW_STREAM_SLOTS; i++) {
		d = slot(i, i);
		receive(&d);
		poll();
	}
	now_ns += MS;
	poll();
	told = fake_ack(&wire).credits[0].slots;
	CU_ASSERT_EQUAL(told, PW_STREAM_SLOTS);
	for (unsigned i = 0; i < PW_STREAM_SLOTS / 2; i++)
		pw_stream_in_drain(&stream);
	now_ns += MS;
	CU_ASSERT_EQUAL(poll(), 1);	/* nothing arrived, and yet */
	CU_ASSERT_EQUAL(fake_ack(&wire).credits[0].slots, told + PW_STREAM_SLOTS / 2);
	CU_ASSERT_EQUAL(poll(), 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_data_is_placed_where_it_says_and_marked),
	PW_TEST(test_zero_map_of_any_slice_zeroes_its_pages_only),
	PW_TEST(test_stale_epoch_is_acknowledged_and_not_placed),
	PW_TEST(test_early_epoch_is_neither_placed_nor_acknowledged),
	PW_TEST(test_what_is_out_of_bounds_is_dropped),
	PW_TEST(test_zero_map_beyond_its_slice_region_or_empty_is_dropped),
	PW_TEST(test_duplicate_is_not_placed_and_acknowledged_again),
	PW_TEST(test_pn_that_was_given_up_is_not_placed),
	PW_TEST(test_damaged_datagram_changes_nothing),
	PW_TEST(test_sealed_transfer_takes_pings_only),
	PW_TEST(test_stream_slot_is_placed_or_not_acknowledged),
	PW_TEST(test_ack_waits_for_32_or_20_us_but_not_behind_a_gap),
	PW_TEST(test_ack_names_echo_dwell_drops_and_whom_it_is_for),
	PW_TEST(test_ack_counts_marks_and_passes_on_what_the_queue_says),
	PW_TEST(test_late_duplicate_does_not_pass_for_the_newest_datagram),
	PW_TEST(test_ack_that_the_link_refuses_is_offered_again),
	PW_TEST(test_credit_is_told_when_a_pump_has_drunk),
};

int main(void)
{
	return PW_RUN_SUITE("receiver", tests);
}
