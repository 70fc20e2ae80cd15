/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sender_path.c - dataplane/sender.h: silence, dead paths, long datagrams, who goes first */

#include "sender_bed.h"

static void test_silence_is_answered_with_probes_until_the_path_is_down(void)
{
	unsigned events = 0, moved = 0, downs = 0;
	struct pw_datagram d;

	given_dirty_pages(3);
	poll();
	now_ns += 50 * US;
	CU_ASSERT_EQUAL(poll(), 0);
	for (unsigned i = 0; i < 10000; i++, now_ns += 100 * US) {
		events = pw_sender_poll(&s, now_ns, &moved);
		downs += events == PW_EVENT_DOWN;
	}
	CU_ASSERT_EQUAL(downs, 1);	/* told once */
	CU_ASSERT_TRUE(stats.probes > PW_PROBES_UNTIL_DOWN);
	CU_ASSERT_TRUE(stats.probes < 40);	/* in a second */
	CU_ASSERT_EQUAL(wire.sent, 3 + stats.probes);
	d = fake_datagram(&wire, 3);
	CU_ASSERT_EQUAL(d.type, PW_PING);
	CU_ASSERT_EQUAL(d.length, 0);
	CU_ASSERT_TRUE(d.flags & PW_F_ACK_NOW);
	CU_ASSERT_EQUAL(stats.lost_datagrams, 0);	/* silence alone loses nothing */
}

static void test_path_that_is_down_sends_nothing_new_and_comes_back_with_an_ack(void)
{
	given_dirty_pages(100);
	poll();
	for (unsigned i = 0; i < 10000; i++, now_ns += 100 * US)
		poll();
	CU_ASSERT_TRUE(s.down);
	CU_ASSERT_EQUAL(wire.sent, 100 + stats.probes);
	acknowledge(0, 0);	/* heard, though nothing new */
	CU_ASSERT_FALSE(s.down);
	acknowledge(s.window.tail, 0);
	poll_until_quiet();
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_SETTLED);
}

static void test_round_trips_are_learned_anew_after_an_outage(void)
{
	given_dirty_pages(100);
	poll();
	now_ns += 64 * US;
	acknowledge_after(64 * US, 1);
	CU_ASSERT_EQUAL(stats.rtt_min_ns, 64 * US);
	for (unsigned i = 0; i < 10000; i++, now_ns += 100 * US)
		poll();
	CU_ASSERT_TRUE_FATAL(s.down);
	acknowledge_after(900 * MS, 2);	/* was on its way all the time */
	poll();
	now_ns += 400 * US;
	acknowledge_after(400 * US, s.window.tail);
	CU_ASSERT_EQUAL(stats.rtt_min_ns, 400 * US);
	CU_ASSERT_EQUAL(stats.srtt_ns, 400 * US);
}

static void test_idle_path_is_asked_every_100_ms_and_every_10_in_the_stun(void)
{
	given_sender(&usual);
	now_ns += 99 * MS;
	CU_ASSERT_EQUAL(poll(), 0);
	now_ns += MS;
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_datagram(&wire, 0).type, PW_PING);
	now_ns += MS / 10;
	acknowledge(1, 0);
	atomic_store(&transfer.stun, true);
	now_ns += 9 * MS;
	CU_ASSERT_EQUAL(poll(), 0);
	now_ns += MS;
	CU_ASSERT_EQUAL(poll(), 1);
	for (unsigned i = 0; i < 10000; i++, now_ns += 100 * US)	/* and dies */
		poll();
	CU_ASSERT_TRUE(s.down);
	CU_ASSERT_EQUAL(acknowledge(s.window.tail, 0), PW_EVENT_UP);
	CU_ASSERT_TRUE(pw_sender_idle(&s));
}

/* ---- a path that is down, and another ---- */

static struct pw_sender other;
static struct pw_path_stats other_stats;
static struct fake_link other_wire;

static void given_another_path(uint16_t payload_bytes)
{
	struct pw_sender_config config = usual;

	config.path = 5;
	config.payload_bytes = payload_bytes;
	memset(&other_stats, 0, sizeof(other_stats));
	fake_link_init(&other_wire);
	pw_sender_init(&other, &transfer, &other_wire.link, &other_stats, &config, now_ns);
}

static void go_down(void)
{
	for (unsigned i = 0; i < 10000 && !s.down; i++, now_ns += 100 * US)
		poll();
	CU_ASSERT_TRUE_FATAL(s.down);
	poll();
}

static void poll_other(void)
{
	unsigned moved = 0, before;

	pw_loss_on_send(&other.loss, now_ns);	/* it was not idle meanwhile */
	do {
		before = moved;
		pw_sender_poll(&other, now_ns, &moved);
	} while (moved != before);
}

static unsigned acknowledge_other(uint64_t next)
{
	struct pw_envelope env = { .cid = 1, .path = 5 };
	struct pw_ack ack = { .next = next, .credit = PW_WINDOW_SLOTS };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	return pw_sender_on_ack(&other, bytes, pw_wire_pack_ack(bytes, &ack, &env, ack_pn++), now_ns);
}

/* In flight, lost, zero maps, and what was begun of a chunk: all of it. */
static void test_another_path_takes_over_all_that_a_dead_one_held(void)
{
	bool seen[64] = { false };

	given_sender(&usual);
	memset(memory, 0, 2 * PW_PAGE_BYTES);
	given_dirty(64);
	s.congestion.window = 20;
	CU_ASSERT_EQUAL(poll(), 20);
	now_ns += 200 * US;
	acknowledge(1, 0);	/* page 2 */
	given_another_path(4096);
	go_down();
	CU_ASSERT_FALSE(pw_sender_idle(&s));
	poll_other();
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_EQUAL(other_wire.sent, 62);
	CU_ASSERT_EQUAL(other_stats.tx_taken_over, 62);
	for (unsigned i = 0; i < 62; i++) {
		struct pw_datagram d = fake_datagram(&other_wire, i);

		CU_ASSERT_TRUE(d.flags & PW_F_AGAIN);
		if (d.type == PW_ZERO)
			CU_ASSERT_EQUAL(d.payload[0], 3);
		CU_ASSERT_FALSE(seen[d.offset / PW_PAGE_BYTES]);
		seen[d.offset / PW_PAGE_BYTES] = true;
	}
	CU_ASSERT_FALSE(seen[2]);
	CU_ASSERT_EQUAL(acknowledge(20, 0), PW_EVENT_UP);	/* late: it is no longer ours */
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_OPEN);
	CU_ASSERT_EQUAL(acknowledge_other(62), PW_EVENT_SLICE);
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_SETTLED);
	CU_ASSERT_EQUAL(pw_zero_maps_in_use(&s.runlist.maps), 0);
}

/* The other path carries less in a datagram. */
static void test_what_is_taken_over_is_cut_to_what_its_new_path_carries(void)
{
	uint64_t bytes = 0;

	given_dirty_pages(8);
	poll();
	given_another_path(1408);
	go_down();
	poll_other();
	CU_ASSERT_EQUAL(other_wire.sent, 24);
	for (unsigned i = 0; i < 24; i++) {
		CU_ASSERT_TRUE(fake_datagram(&other_wire, i).length <= 1408);
		bytes += fake_datagram(&other_wire, i).length;
	}
	CU_ASSERT_EQUAL(bytes, 8 * PW_PAGE_BYTES);
	CU_ASSERT_EQUAL(acknowledge_other(24), PW_EVENT_SLICE);
}

static void test_path_that_comes_back_takes_its_own_work_if_nobody_did(void)
{
	given_dirty_pages(8);
	poll();
	given_another_path(4096);
	go_down();
	CU_ASSERT_EQUAL(pw_spill_left(&s.spill), 8);
	acknowledge(s.window.tail, 0);
	poll_until_quiet();
	CU_ASSERT_EQUAL(pw_spill_left(&s.spill), 0);
	CU_ASSERT_EQUAL(acknowledge(s.window.tail, 0), PW_EVENT_SLICE);
}

/* ---- datagrams that are too long ---- */

/* Acknowledge this one and nothing else. */
static void acknowledge_alone(const struct pw_datagram *d)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .next = d->pn - d->span, .credit = PW_WINDOW_SLOTS,
			      .echo = (uint32_t)((now_ns - 100 * US) >> 6) };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	if (d->span) {
		ack.words = (uint8_t)((d->span - 1) / 64 + 1);
		ack.bitmap[(d->span - 1) / 64] = 1ull << (d->span - 1) % 64;
	} else {
		ack.next++;
	}
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, ack_pn++), now_ns);
}

/* Short ones arrive, long ones do not, in no generation. */
static void test_long_datagrams_that_vanish_get_shorter_and_grow_again(void)
{
	uint64_t longest = 0;

	given_dirty_pages(40);
	for (unsigned i = 0; i < 4000 && slice_state() == PW_SLICE_OPEN; i++, now_ns += 500 * US) {
		uint64_t from = wire.sent;

		poll();
		for (; from < wire.sent; from++) {
			struct pw_datagram d = fake_datagram(&wire, (unsigned)from);

			if (d.length <= 1408)
				acknowledge_alone(&d);
			longest = d.length;
		}
	}
	CU_ASSERT_EQUAL(slice_state(), PW_SLICE_SETTLED);
	CU_ASSERT_EQUAL(stats.mtu_downs, 2);
	CU_ASSERT_TRUE(longest <= 1408);
	CU_ASSERT_EQUAL(stats.payload_bytes, 1408);
	now_ns += PW_MTU_PROBE_PAUSE_NS;
	poll();
	CU_ASSERT_EQUAL(fake_datagram(&wire, wire.sent - 1).type, PW_PROBE);
	CU_ASSERT_EQUAL(fake_datagram(&wire, wire.sent - 1).length, 2048);
	now_ns += 100 * US;
	acknowledge(s.window.tail, 0);
	CU_ASSERT_EQUAL(stats.payload_bytes, 2048);
	CU_ASSERT_EQUAL(stats.mtu_ups, 1);
}

static void test_lost_probe_does_not_slow_the_path_down(void)
{
	double window;

	given_dirty_pages(1);
	s.mtu.step = 1;
	poll();
	CU_ASSERT_EQUAL(fake_datagram(&wire, 0).type, PW_PROBE);
	window = s.congestion.window;
	now_ns += 20 * MS;
	acknowledge(0, 1ull | 1ull << 1);
	now_ns += 20 * MS;
	poll();
	CU_ASSERT_EQUAL(stats.lost_datagrams, 1);
	CU_ASSERT_TRUE(s.congestion.window >= window);
	CU_ASSERT_EQUAL(s.congestion.lost_in_round, 0);
	CU_ASSERT_EQUAL(s.retry_count, 0);
}

static void test_sender_that_yields_sends_only_what_was_lost(void)
{
	given_dirty_pages(100);
	CU_ASSERT_EQUAL(poll(), 32);
	now_ns += 5 * MS;
	acknowledge(0, UINT64_MAX >> 33);	/* 0 is missing */
	s.yields = true;
	CU_ASSERT_EQUAL(poll(), 1);
	CU_ASSERT_EQUAL(fake_datagram(&wire, 32).offset, 0);
	s.yields = false;
	CU_ASSERT_EQUAL(poll(), 32);
}

/* It did while another guest was in its stun, and nobody told it since. */
static void test_sender_of_a_paused_guest_does_not_yield(void)
{
	given_dirty_pages(100);
	s.yields = true;
	CU_ASSERT_EQUAL(poll(), 0);
	atomic_store(&transfer.stun, true);
	CU_ASSERT_EQUAL(poll(), 32);
}

static void test_nobody_waits_for_a_sender_whose_path_is_down(void)
{
	given_dirty_pages(100);
	CU_ASSERT_TRUE(pw_sender_idle(&s));
	CU_ASSERT_FALSE(pw_sender_busy(&s));
	poll_until_quiet();
	CU_ASSERT_TRUE(pw_sender_busy(&s));
	for (unsigned i = 0; i < 20; i++, now_ns += 60 * MS)
		poll();
	CU_ASSERT_TRUE_FATAL(s.down);
	CU_ASSERT_FALSE(pw_sender_idle(&s));
	CU_ASSERT_FALSE(pw_sender_busy(&s));
	acknowledge(1, 0);
	CU_ASSERT_TRUE(pw_sender_busy(&s));
}

static void test_marks_are_counted_once_whatever_the_order_of_acks(void)
{
	static const struct {
		uint32_t marked;	/* as the ack says */
		uint64_t next;
		uint32_t counted;	/* of the round so far */
	} row[] = {
		/* 0 */ { UINT32_MAX - 1, 5, 5 },	/* more than there were */
		/* 1 */ { UINT32_MAX, 6, 6 },
		/* 2 */ { UINT32_MAX - 1, 7, 6 },	/* older */
		/* 3 */ { 1, 10, 8 },	/* it went round */
	};

	given_dirty_pages(10);
	s.marked = UINT32_MAX - 101;
	CU_ASSERT_EQUAL_FATAL(poll(), 10);
	s.congestion.round_ns = now_ns + 100 * US;	/* one round all along */
	now_ns += 100 * US;
	for (unsigned i = 0; i < PW_ARRAY_SIZE(row); i++) {
		send_ack(&(struct pw_ack){ .next = row[i].next, .marked = row[i].marked,
					   .credit = PW_WINDOW_SLOTS });
		CU_ASSERT_EQUAL(s.congestion.marked_in_round, row[i].counted);
	}
}

static void test_grant_is_a_ceiling_below_our_own(void)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	struct pw_ack ack = { .credit = PW_WINDOW_SLOTS, .grant_mbps = 800 };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	given_dirty_pages(500);
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 0), now_ns);
	CU_ASSERT_EQUAL(s.pacer.rate_bytes_per_s, 100000000);
	s.config.rate_bytes_per_s = 50000000;
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 1), now_ns);
	CU_ASSERT_EQUAL(s.pacer.rate_bytes_per_s, 50000000);
	ack.grant_mbps = 0;
	s.config.rate_bytes_per_s = 0;
	pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, &ack, &env, 2), now_ns);
	CU_ASSERT_EQUAL(s.pacer.rate_bytes_per_s, 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_silence_is_answered_with_probes_until_the_path_is_down),
	PW_TEST(test_path_that_is_down_sends_nothing_new_and_comes_back_with_an_ack),
	PW_TEST(test_round_trips_are_learned_anew_after_an_outage),
	PW_TEST(test_idle_path_is_asked_every_100_ms_and_every_10_in_the_stun),
	PW_TEST(test_another_path_takes_over_all_that_a_dead_one_held),
	PW_TEST(test_what_is_taken_over_is_cut_to_what_its_new_path_carries),
	PW_TEST(test_path_that_comes_back_takes_its_own_work_if_nobody_did),
	PW_TEST(test_long_datagrams_that_vanish_get_shorter_and_grow_again),
	PW_TEST(test_lost_probe_does_not_slow_the_path_down),
	PW_TEST(test_sender_that_yields_sends_only_what_was_lost),
	PW_TEST(test_sender_of_a_paused_guest_does_not_yield),
	PW_TEST(test_nobody_waits_for_a_sender_whose_path_is_down),
	PW_TEST(test_marks_are_counted_once_whatever_the_order_of_acks),
	PW_TEST(test_grant_is_a_ceiling_below_our_own),
};

int main(void)
{
	return PW_RUN_SUITE("sender_path", tests);
}
