/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stream.c - dataplane/stream.h: both ends alone, together, and with several threads at once */

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "pagewire/check.h"
#include "run.h"
#include "steps.h"
#include "stream.h"

#define SLOT ((uint64_t)PW_STREAM_SLOT_BYTES)

static struct pw_stream_out out;
static struct pw_stream_in in;
static uint8_t out_ring[PW_STREAM_RING_BYTES];
static uint8_t in_ring[PW_STREAM_RING_BYTES];
static uint8_t bytes[PW_STREAM_SLOT_BYTES];

static void given_stream_out(unsigned slots, uint16_t slot_bytes)
{
	uint8_t *room;

	pw_stream_out_init(&out, out_ring);
	for (unsigned i = 0; i < slots; i++) {
		CU_ASSERT_TRUE_FATAL(pw_stream_out_room(&out, &room) > 0);
		memset(room, (int)i, slot_bytes);
		pw_stream_out_fill(&out, slot_bytes, false);
	}
}

static void given_stream_in(void)
{
	pw_stream_in_init(&in, in_ring);
	memset(bytes, 0x77, sizeof(bytes));
}

/* Bytes from.. of a slot that is slot_bytes long. */
static struct pw_datagram fragment(uint64_t slot, uint16_t from, uint16_t n, uint16_t slot_bytes)
{
	return (struct pw_datagram){ .type = PW_STREAM, .offset = slot * SLOT + from, .length = n,
				     .epoch = slot_bytes, .payload = bytes + from };
}

static enum pw_stream_verdict place(uint64_t slot, uint16_t from, uint16_t n, uint16_t slot_bytes)
{
	struct pw_datagram d = fragment(slot, from, n, slot_bytes);

	return pw_stream_in_place(&in, &d);
}

static bool peek(uint16_t *n, bool *last)
{
	const uint8_t *from;

	return pw_stream_in_peek(&in, &from, n, last);
}

static void test_room_is_contiguous_and_grows_back_in_order(void)
{
	struct pw_extent first, second;
	uint8_t *room;

	given_stream_out(10, 100);
	CU_ASSERT_EQUAL(pw_stream_out_room(&out, &room), PW_STREAM_SLOTS - 10);
	CU_ASSERT_PTR_EQUAL(room, out_ring + 10 * SLOT);
	for (unsigned i = 10; i < PW_STREAM_SLOTS; i++)
		pw_stream_out_fill(&out, 1, false);
	CU_ASSERT_EQUAL(pw_stream_out_room(&out, &room), 0);

	CU_ASSERT_TRUE(pw_stream_out_claim(&out, 3, &first));
	CU_ASSERT_TRUE(pw_stream_out_claim(&out, 3, &second));
	pw_stream_out_placed(&out, &second);
	CU_ASSERT_EQUAL(pw_stream_out_room(&out, &room), 0);	/* the first is still out */
	pw_stream_out_placed(&out, &first);
	CU_ASSERT_EQUAL(pw_stream_out_room(&out, &room), 2);
	CU_ASSERT_PTR_EQUAL(room, out_ring);
}

static void test_slots_are_claimed_once_in_order_with_their_length(void)
{
	struct pw_extent extent;
	uint16_t slot_bytes;

	given_stream_out(2, 500);
	pw_stream_out_fill(&out, 0, true);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_TRUE_FATAL(pw_stream_out_claim(&out, 9, &extent));
		CU_ASSERT_EQUAL(extent.kind, PW_EXTENT_STREAM);
		CU_ASSERT_EQUAL(extent.id, 9);
		CU_ASSERT_EQUAL(extent.offset, i * SLOT);
		CU_ASSERT_EQUAL(extent.bytes, i < 2 ? 500 : 0);
		CU_ASSERT_EQUAL(extent.flags, i < 2 ? 0 : PW_F_END);
		CU_ASSERT_EQUAL(extent.settles, 0);
		CU_ASSERT_PTR_EQUAL(pw_stream_out_ptr(&out, &extent, &slot_bytes), out_ring + i * SLOT);
		CU_ASSERT_EQUAL(slot_bytes, extent.bytes);
	}
	CU_ASSERT_FALSE(pw_stream_out_claim(&out, 9, &extent));
}

static void test_no_slot_is_claimed_beyond_the_credit(void)
{
	struct pw_extent extent;

	given_stream_out(PW_STREAM_SLOTS, 1);
	for (unsigned i = 0; i < PW_STREAM_SLOTS; i++) {
		CU_ASSERT_TRUE_FATAL(pw_stream_out_claim(&out, 0, &extent));
		pw_stream_out_placed(&out, &extent);
	}
	CU_ASSERT_TRUE(pw_stream_out_settled(&out));
	pw_stream_out_fill(&out, 1, false);
	CU_ASSERT_FALSE(pw_stream_out_claim(&out, 0, &extent));
	CU_ASSERT_TRUE(pw_stream_out_needs_credit(&out));
	pw_stream_out_credit(&out, PW_STREAM_SLOTS - 5);	/* older news */
	CU_ASSERT_FALSE(pw_stream_out_claim(&out, 0, &extent));
	pw_stream_out_credit(&out, PW_STREAM_SLOTS + 1);
	CU_ASSERT_FALSE(pw_stream_out_needs_credit(&out));
	CU_ASSERT_TRUE(pw_stream_out_claim(&out, 0, &extent));
}

static void test_slot_is_settled_when_all_its_fragments_are(void)
{
	struct pw_extent part[6], rest;
	unsigned n = 0;

	given_stream_out(1, 5000);
	CU_ASSERT_TRUE(pw_stream_out_claim(&out, 0, &rest));
	do {
		part[n] = rest;
		pw_stream_cut(&part[n], 1000, &rest);	/* 896: whole grains */
		CU_ASSERT_EQUAL(part[n].offset, n * 896);
		CU_ASSERT_EQUAL(part[n].bytes, n < 5 ? 896 : 5000 - 5 * 896);
	} while (++n < 6 && rest.kind != PW_EXTENT_NONE);
	CU_ASSERT_EQUAL_FATAL(n, 6);
	for (unsigned i = 0; i < 6; i++) {
		CU_ASSERT_FALSE(pw_stream_out_settled(&out));
		pw_stream_out_placed(&out, &part[(i + 3) % 6]);
	}
	CU_ASSERT_TRUE(pw_stream_out_settled(&out));
}

static void test_fragments_arrive_in_any_order_and_make_a_slot(void)
{
	uint16_t n = 0;
	bool last = true;

	given_stream_in();
	CU_ASSERT_FALSE(peek(&n, &last));
	CU_ASSERT_EQUAL(place(0, 2560, 440, 3000), PW_STREAM_PLACED);
	CU_ASSERT_FALSE(peek(&n, &last));
	CU_ASSERT_EQUAL(place(0, 0, 1280, 3000), PW_STREAM_PLACED);
	CU_ASSERT_EQUAL(place(0, 0, 1280, 3000), PW_STREAM_DUPLICATE);
	CU_ASSERT_FALSE(peek(&n, &last));
	CU_ASSERT_EQUAL(place(0, 1280, 1280, 3000), PW_STREAM_PLACED);
	CU_ASSERT_TRUE(peek(&n, &last));
	CU_ASSERT_EQUAL(n, 3000);
	CU_ASSERT_FALSE(last);
	CU_ASSERT_EQUAL(memcmp(in_ring, bytes, 3000), 0);
	pw_stream_in_drain(&in);
	CU_ASSERT_FALSE(peek(&n, &last));
	CU_ASSERT_EQUAL(place(0, 1280, 1280, 3000), PW_STREAM_DUPLICATE);
}

static void test_what_is_malformed_or_beyond_the_window_is_not_placed(void)
{
	static const struct {
		uint64_t slot;
		uint16_t from, n, slot_bytes;
		enum pw_stream_verdict verdict;
	} rows[] = {
		/*  0 */ { 0, 1, 100, 200, PW_STREAM_BAD },	/* between grains */
		/*  1 */ { 0, 0, 100, 200, PW_STREAM_BAD },	/* ends between grains */
		/*  2 */ { 0, 0, 200, 100, PW_STREAM_BAD },	/* longer than its slot */
		/*  3 */ { 0, 128, 100, 200, PW_STREAM_BAD },
		/*  4 */ { 0, 8064, 256, 8192, PW_STREAM_BAD },	/* into the next slot */
		/*  5 */ { PW_STREAM_SLOTS, 0, 100, 100, PW_STREAM_NO_ROOM },
		/*  6 */ { (1ull << 35) - 1, 0, 100, 100, PW_STREAM_NO_ROOM },
		/*  7 */ { 0, 8064, 128, 8192, PW_STREAM_PLACED },
		/*  8 */ { 1, 0, 100, 100, PW_STREAM_PLACED },
		/*  9 */ { 2, 0, 128, 200, PW_STREAM_PLACED },
		/* 10 */ { 3, 128, 72, 200, PW_STREAM_PLACED },
		/* 11 */ { PW_STREAM_SLOTS - 1, 0, 100, 100, PW_STREAM_PLACED },
		/* 12 */ { 4, 0, 0, 0, PW_STREAM_PLACED },	/* the empty end of a stream */
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		given_stream_in();
		memset(in_ring, 0, sizeof(in_ring));
		CU_ASSERT_EQUAL(place(rows[i].slot, rows[i].from, rows[i].n, rows[i].slot_bytes),
				rows[i].verdict);
		if (rows[i].verdict != PW_STREAM_PLACED)
			CU_ASSERT_EQUAL(memcmp(in_ring, in_ring + 1, sizeof(in_ring) - 1), 0);
	}
}

static void test_late_duplicate_does_not_write_into_a_recycled_slot(void)
{
	uint16_t n;
	bool last;

	given_stream_in();
	CU_ASSERT_EQUAL(place(0, 0, 200, 200), PW_STREAM_PLACED);
	pw_stream_in_drain(&in);
	memset(bytes, 0x22, sizeof(bytes));
	CU_ASSERT_EQUAL(place(PW_STREAM_SLOTS, 0, 200, 200), PW_STREAM_PLACED);
	memset(bytes, 0x77, sizeof(bytes));
	CU_ASSERT_EQUAL(place(0, 0, 200, 200), PW_STREAM_DUPLICATE);
	CU_ASSERT_EQUAL(in_ring[0], 0x22);
	CU_ASSERT_FALSE(peek(&n, &last));	/* slot 1 comes first */
}

static void test_end_and_credit_follow_the_slots(void)
{
	struct pw_datagram end = fragment(1, 0, 0, 0);
	uint16_t n;
	bool last;

	given_stream_in();
	end.flags = PW_F_END;
	CU_ASSERT_EQUAL(pw_stream_in_place(&in, &end), PW_STREAM_PLACED);
	CU_ASSERT_FALSE(peek(&n, &last));
	CU_ASSERT_EQUAL(place(0, 0, 50, 50), PW_STREAM_PLACED);
	CU_ASSERT_TRUE(peek(&n, &last));
	CU_ASSERT_FALSE(last);
	CU_ASSERT_EQUAL(pw_stream_in_credit(&in), PW_STREAM_SLOTS);
	pw_stream_in_drain(&in);
	CU_ASSERT_EQUAL(pw_stream_in_credit(&in), PW_STREAM_SLOTS + 1);
	CU_ASSERT_TRUE(peek(&n, &last));
	CU_ASSERT_TRUE(last);
	CU_ASSERT_EQUAL(n, 0);
}

/*
 * Step by step: slot 0 is complete, and a duplicate of it is late; the slot that
 * follows in its place is PW_STREAM_SLOTS.
 */
#define OLD_BYTES 200u
#define NEW_BYTES 300u	/* at most */

static uint8_t old_bytes[OLD_BYTES], new_bytes[NEW_BYTES];
static const uint16_t new_lengths[] = { 100, 200, NEW_BYTES };	/* fewer grains, as many, more */
static uint16_t new_length;
static enum pw_stream_verdict old_verdict, new_verdict;

static void place_old(void)
{
	const struct pw_datagram d = { .type = PW_STREAM, .length = OLD_BYTES, .epoch = OLD_BYTES,
				       .payload = old_bytes };

	old_verdict = pw_stream_in_place(&in, &d);
}

static void place_new(void)
{
	const struct pw_datagram d = { .type = PW_STREAM, .offset = PW_STREAM_RING_BYTES,
				       .length = new_length, .epoch = new_length,
				       .payload = new_bytes };

	new_verdict = pw_stream_in_place(&in, &d);
}

static void drain(void)
{
	pw_stream_in_drain(&in);
}

static void drain_and_place_new(void)
{
	drain();
	place_new();
}

/* Only what others read is set back: whole rings would take all day. */
static void given_old_slot(bool complete)
{
	memset(&in, 0, sizeof(in));
	in.ring = in_ring;
	memset(old_bytes, 0x0d, sizeof(old_bytes));
	memset(new_bytes, 0x9e, sizeof(new_bytes));
	memset(in_ring, 0, 2 * NEW_BYTES);
	new_verdict = PW_STREAM_NO_ROOM;
	if (complete)
		place_old();
}

/* The new slot arrives, at the latest when it is sent again, and is what it is. */
static void expect_new_slot(void)
{
	const uint8_t *from;
	uint16_t n = 0;
	bool last;

	if (new_verdict != PW_STREAM_PLACED) {
		CU_ASSERT_TRUE(new_verdict == PW_STREAM_BUSY || new_verdict == PW_STREAM_NO_ROOM);
		place_new();
	}
	CU_ASSERT_EQUAL(new_verdict, PW_STREAM_PLACED);
	place_old();
	CU_ASSERT_EQUAL(old_verdict, PW_STREAM_DUPLICATE);
	atomic_store(&in.drained, PW_STREAM_SLOTS);	/* as if those in between had come */
	CU_ASSERT_TRUE_FATAL(pw_stream_in_peek(&in, &from, &n, &last));
	CU_ASSERT_EQUAL(n, new_length);
	CU_ASSERT_EQUAL(memcmp(from, new_bytes, n), 0);
}

static void come_in_the_middle_of_a_duplicate(void (*others)(void))
{
	bool inside = PW_HAS_STEPS;

	for (unsigned at = 1; inside; at += PW_STEP) {
		given_old_slot(true);
		inside = pw_by_steps(place_old, &(struct pw_intrusion){ at, others }, 1);
		if (!inside)
			others();
		expect_new_slot();
	}
}

static void test_slot_may_be_drained_and_filled_again_in_the_middle_of_a_duplicate(void)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(new_lengths); i++) {
		new_length = new_lengths[i];
		come_in_the_middle_of_a_duplicate(drain_and_place_new);
		come_in_the_middle_of_a_duplicate(drain);
	}
}

/* Both others come in, in this order, at every two places. */
static void come_in_the_middle_of_a_drain(void (*one)(void), void (*two)(void))
{
	bool inside = PW_HAS_STEPS;

	for (unsigned second = 1; inside; second += PW_STEP)
		for (unsigned first = 1; first <= second; first += PW_STEP) {
			const struct pw_intrusion others[] = { { first, one }, { second, two } };

			given_old_slot(true);
			old_verdict = PW_STREAM_BUSY;
			inside = pw_by_steps(drain, others, 2);
			CU_ASSERT_TRUE(old_verdict == PW_STREAM_DUPLICATE ||
				       old_verdict == PW_STREAM_BUSY);
			expect_new_slot();
		}
}

static void test_duplicate_and_next_lap_may_come_in_the_middle_of_a_drain(void)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(new_lengths); i++) {
		new_length = new_lengths[i];
		come_in_the_middle_of_a_drain(place_old, place_new);
		come_in_the_middle_of_a_drain(place_new, place_old);
	}
}

static void place_old_and_check(void)
{
	place_old();
	if (old_verdict == PW_STREAM_DUPLICATE || old_verdict == PW_STREAM_PLACED)
		CU_ASSERT_EQUAL(memcmp(in_ring, old_bytes, OLD_BYTES), 0);
}

/* Two workers have the same fragment: who is told that it is there finds it there. */
static void test_no_worker_acknowledges_what_another_is_still_copying(void)
{
	bool inside = PW_HAS_STEPS;

	for (unsigned at = 1; inside; at += PW_STEP) {
		given_old_slot(false);
		inside = pw_by_steps(place_old, &(struct pw_intrusion){ at, place_old_and_check }, 1);
		place_old();
		CU_ASSERT_EQUAL(old_verdict, PW_STREAM_DUPLICATE);
		CU_ASSERT_EQUAL(memcmp(in_ring, old_bytes, OLD_BYTES), 0);
	}
}

/*
 * Threads: one pours, two carry, one drinks. What a carrier claimed it places
 * one to three times, and once more after others have moved on; the target may
 * say BUSY, and then it tries again, as a sender would that got no ack.
 */
#define CARRIERS     2u
#define POURED_SLOTS 30000ull
#define HELD	     64u	/* late duplicates that each carrier keeps */

static _Atomic unsigned wrong;

static uint8_t byte_of(uint64_t slot, unsigned at)
{
	return (uint8_t)(slot * 31 + slot / 1024 + at * 7);
}

static uint16_t bytes_of(uint64_t slot)
{
	return slot + 1 == POURED_SLOTS ? 0 : (uint16_t)(1 + slot * 97 % 600);
}

static void *pour(void *unused)
{
	uint8_t *room;

	for (uint64_t slot = 0; slot < POURED_SLOTS;) {
		uint32_t slots = pw_stream_out_room(&out, &room);

		if (!slots)
			sched_yield();
		for (; slots && slot < POURED_SLOTS; slots--, slot++, room += SLOT) {
			for (unsigned at = 0; at < bytes_of(slot); at++)
				room[at] = byte_of(slot, at);
			pw_stream_out_fill(&out, bytes_of(slot), slot + 1 == POURED_SLOTS);
		}
	}
	return unused;
}

/* A datagram with a copy of its payload, as on a wire. */
struct parcel {
	struct pw_datagram datagram;
	uint8_t payload[256];
};

static void pack(struct parcel *p, const struct pw_extent *extent)
{
	uint16_t slot_bytes;
	const uint8_t *from = pw_stream_out_ptr(&out, extent, &slot_bytes);

	memcpy(p->payload, from, extent->bytes);
	p->datagram = (struct pw_datagram){ .type = PW_STREAM, .offset = extent->offset,
					    .length = extent->bytes, .epoch = slot_bytes,
					    .flags = extent->flags, .payload = p->payload };
}

/* Place it until it is there; then say so. */
static void carry(const struct parcel *p, const struct pw_extent *extent, unsigned times)
{
	enum pw_stream_verdict verdict;

	for (; times > 1; times--)
		pw_stream_in_place(&in, &p->datagram);
	while ((verdict = pw_stream_in_place(&in, &p->datagram)) == PW_STREAM_BUSY)
		sched_yield();
	if (verdict != PW_STREAM_PLACED && verdict != PW_STREAM_DUPLICATE)
		atomic_fetch_add(&wrong, 1);
	pw_stream_out_placed(&out, extent);
}

static void *carry_all(void *unused)
{
	struct parcel held[HELD];
	struct pw_extent extent, rest;
	uint64_t carried = 0;

	while (!pw_stream_out_claim(&out, 0, &rest))
		sched_yield();
	for (;;) {
		struct parcel *p = &held[carried % HELD];

		extent = rest;
		pw_stream_cut(&extent, 256, &rest);
		if (carried >= HELD)	/* once more, long after */
			pw_stream_in_place(&in, &p->datagram);
		pack(p, &extent);
		carry(p, &extent, 1 + (unsigned)(carried % 3));
		carried++;
		pw_stream_out_credit(&out, pw_stream_in_credit(&in));
		while (rest.kind == PW_EXTENT_NONE && !pw_stream_out_claim(&out, 0, &rest)) {
			if (atomic_load(&out.claimed) == POURED_SLOTS)
				return unused;
			pw_stream_out_credit(&out, pw_stream_in_credit(&in));
			pw_stream_in_place(&in, &held[carried * 7 % (carried < HELD ? carried : HELD)].datagram);
			sched_yield();
		}
	}
}

static void *drink(void *unused)
{
	const uint8_t *from;
	uint16_t n;
	bool last;

	for (uint64_t slot = 0; slot < POURED_SLOTS; slot++) {
		while (!pw_stream_in_peek(&in, &from, &n, &last))
			sched_yield();
		if (n != bytes_of(slot) || last != (slot + 1 == POURED_SLOTS))
			atomic_fetch_add(&wrong, 1);
		for (unsigned at = 0; at < n; at++)
			if (from[at] != byte_of(slot, at)) {
				atomic_fetch_add(&wrong, 1);
				break;
			}
		pw_stream_in_drain(&in);
	}
	return unused;
}

static void test_threads_pour_carry_twice_and_drink_the_same_bytes(void)
{
	void *(*const work[])(void *) = { pour, drink, carry_all, carry_all };
	pthread_t thread[2 + CARRIERS];

	atomic_store(&wrong, 0);
	pw_stream_out_init(&out, out_ring);
	pw_stream_in_init(&in, in_ring);
	for (unsigned i = 0; i < 2 + CARRIERS; i++)
		pthread_create(&thread[i], NULL, work[i], NULL);
	for (unsigned i = 0; i < 2 + CARRIERS; i++)
		pthread_join(thread[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
	CU_ASSERT_TRUE(pw_stream_out_settled(&out));
}

static const struct pw_test tests[] = {
	PW_TEST(test_room_is_contiguous_and_grows_back_in_order),
	PW_TEST(test_slots_are_claimed_once_in_order_with_their_length),
	PW_TEST(test_no_slot_is_claimed_beyond_the_credit),
	PW_TEST(test_slot_is_settled_when_all_its_fragments_are),
	PW_TEST(test_fragments_arrive_in_any_order_and_make_a_slot),
	PW_TEST(test_what_is_malformed_or_beyond_the_window_is_not_placed),
	PW_TEST(test_late_duplicate_does_not_write_into_a_recycled_slot),
	PW_TEST(test_end_and_credit_follow_the_slots),
	PW_TEST(test_slot_may_be_drained_and_filled_again_in_the_middle_of_a_duplicate),
	PW_TEST(test_duplicate_and_next_lap_may_come_in_the_middle_of_a_drain),
	PW_TEST(test_no_worker_acknowledges_what_another_is_still_copying),
	PW_TEST(test_threads_pour_carry_twice_and_drink_the_same_bytes),
};

int main(void)
{
	return PW_RUN_SUITE("stream", tests);
}
