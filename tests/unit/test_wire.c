/* SPDX-License-Identifier: BSD-3-Clause */
/* test_wire.c - dataplane/wire.h: golden dumps, round trips, malformed tables, noise */

#include <string.h>

#include "crc32c.h"
#include "pagewire/check.h"
#include "run.h"
#include "wire.h"

#define NOISE 100000u

/* One per type, written down by hand from include/pagewire/wire.h. */
static const uint8_t golden_data[] = {
#include "golden/data.hex"
};
static const uint8_t golden_zero[] = {
#include "golden/zero.hex"
};
static const uint8_t golden_stream[] = {
#include "golden/stream.hex"
};
static const uint8_t golden_ping[] = {
#include "golden/ping.hex"
};
static const uint8_t golden_ack[] = {
#include "golden/ack.hex"
};

static const struct golden {
	const uint8_t *bytes;
	uint32_t n;
	struct pw_datagram is;
} goldens[] = {
	{ golden_data, sizeof(golden_data),
	  { .type = PW_DATA, .flags = PW_F_PAYLOAD_CRC, .path = 2, .cid = 0x11223344,
	    .pn = 0x0a0b0c0d0e0f, .span = 0x123, .id = 3, .epoch = 7, .tx_time = 0x55667788,
	    .offset = 0x665544332000, .length = 16 } },
	{ golden_zero, sizeof(golden_zero),
	  { .type = PW_ZERO, .flags = PW_F_AGAIN | PW_F_STUN, .cid = 1, .pn = 5, .span = 5,
	    .epoch = 65535, .tx_time = 64, .offset = 16u << 20, .length = PW_ZERO_MAP_BYTES } },
	{ golden_stream, sizeof(golden_stream),
	  { .type = PW_STREAM, .flags = PW_F_PAYLOAD_CRC | PW_F_END, .path = 15, .cid = UINT32_MAX,
	    .pn = PW_PN_MAX, .span = 2047, .id = 9, .epoch = 8072, .tx_time = UINT32_MAX,
	    .offset = 2 * 8192 + 8064, .length = 8 } },
	{ golden_ping, sizeof(golden_ping),
	  { .type = PW_PING, .flags = PW_F_ACK_NOW, .path = 1, .cid = 2, .pn = 3, .tx_time = 4 } },
};

static const struct pw_ack golden_ack_is = {
	.next = 0x1122334455, .echo = 0x66778899, .dwell_ns = 25000, .marked = 3, .dropped = 4,
	.grant_mbps = 98000, .credit = 2048, .ring_fill = 0x8000, .words = 2, .num_credits = 1,
	.bitmap = { 0x8000000000000001, 2 }, .credits = { { 9, 1026 } },
};

static uint64_t rnd = 88172645463325252ull;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	return rnd ^= rnd << 17;
}

static void expect_same(const struct pw_datagram *a, const struct pw_datagram *b)
{
	CU_ASSERT_EQUAL(a->type, b->type);
	CU_ASSERT_EQUAL(a->flags, b->flags);
	CU_ASSERT_EQUAL(a->path, b->path);
	CU_ASSERT_EQUAL(a->cid, b->cid);
	CU_ASSERT_EQUAL(a->pn, b->pn);
	CU_ASSERT_EQUAL(a->span, b->span);
	CU_ASSERT_EQUAL(a->id, b->id);
	CU_ASSERT_EQUAL(a->epoch, b->epoch);
	CU_ASSERT_EQUAL(a->tx_time, b->tx_time);
	CU_ASSERT_EQUAL(a->offset, b->offset);
	CU_ASSERT_EQUAL(a->length, b->length);
}

static void expect_same_ack(const struct pw_ack *a, const struct pw_ack *b)
{
	CU_ASSERT_EQUAL(a->next, b->next);
	CU_ASSERT_EQUAL(a->echo, b->echo);
	CU_ASSERT_EQUAL(a->dwell_ns, b->dwell_ns);
	CU_ASSERT_EQUAL(a->marked, b->marked);
	CU_ASSERT_EQUAL(a->dropped, b->dropped);
	CU_ASSERT_EQUAL(a->grant_mbps, b->grant_mbps);
	CU_ASSERT_EQUAL(a->credit, b->credit);
	CU_ASSERT_EQUAL(a->ring_fill, b->ring_fill);
	CU_ASSERT_EQUAL(a->words, b->words);
	CU_ASSERT_EQUAL(a->num_credits, b->num_credits);
	CU_ASSERT_EQUAL(memcmp(a->bitmap, b->bitmap, 8u * a->words), 0);
	for (unsigned i = 0; i < a->num_credits; i++) {
		CU_ASSERT_EQUAL(a->credits[i].stream, b->credits[i].stream);
		CU_ASSERT_EQUAL(a->credits[i].slots, b->credits[i].slots);
	}
}

static void test_golden_datagrams_parse_to_what_they_say(void)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(goldens); i++) {
		const struct golden *g = &goldens[i];
		struct pw_envelope env;
		struct pw_datagram d;

		CU_ASSERT_TRUE(pw_wire_peek(g->bytes, g->n, &env));
		CU_ASSERT_EQUAL(env.type, g->is.type);
		CU_ASSERT_EQUAL(env.cid, g->is.cid);
		CU_ASSERT_EQUAL(env.path, g->is.path);
		CU_ASSERT_TRUE_FATAL(pw_wire_parse(g->bytes, g->n, &d));
		expect_same(&d, &g->is);
		CU_ASSERT_PTR_EQUAL(d.payload, g->bytes + PW_BULK_HEADER_BYTES);
		CU_ASSERT_TRUE(pw_wire_payload_ok(&d));
	}
}

static void test_packing_gives_the_golden_bytes(void)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(goldens); i++) {
		struct pw_datagram d = goldens[i].is;
		uint8_t bytes[PW_BULK_HEADER_BYTES];

		d.payload = goldens[i].bytes + PW_BULK_HEADER_BYTES;
		CU_ASSERT_EQUAL(pw_wire_pack(bytes, &d), PW_BULK_HEADER_BYTES);
		CU_ASSERT_EQUAL(memcmp(bytes, goldens[i].bytes, sizeof(bytes)), 0);
	}
}

static void test_golden_ack_parses_and_packs(void)
{
	struct pw_envelope env = { 0 };
	uint8_t bytes[PW_ACK_BYTES_MAX];
	struct pw_ack ack;

	CU_ASSERT_TRUE(pw_wire_peek(golden_ack, sizeof(golden_ack), &env));
	CU_ASSERT_EQUAL(env.type, PW_ACK);
	CU_ASSERT_EQUAL(env.cid, 0x01020304);
	CU_ASSERT_EQUAL(env.path, 2);
	CU_ASSERT_TRUE_FATAL(pw_wire_parse_ack(golden_ack, sizeof(golden_ack), &ack));
	expect_same_ack(&ack, &golden_ack_is);
	CU_ASSERT_EQUAL(pw_wire_pack_ack(bytes, &ack, &env, 77), sizeof(golden_ack));
	CU_ASSERT_EQUAL(memcmp(bytes, golden_ack, sizeof(golden_ack)), 0);
}

/* Random, within what is well formed. */
static struct pw_datagram draw_datagram(const uint8_t *payload)
{
	static const uint8_t types[] = { PW_DATA, PW_ZERO, PW_STREAM, PW_PING };
	struct pw_datagram d = {
		.type = types[next_random() % 4],
		.flags = (uint8_t)(next_random() & ~PW_F_PAYLOAD_CRC),
		.path = (uint16_t)next_random(),
		.cid = (uint32_t)next_random(),
		.pn = 2048 + next_random() % (PW_PN_MAX - 2048),
		.span = (uint16_t)(next_random() % PW_WINDOW_SLOTS),
		.id = (uint16_t)next_random(),
		.epoch = (uint16_t)next_random(),
		.tx_time = (uint32_t)next_random(),
		.offset = next_random() >> 16,
		.length = (uint16_t)(1 + next_random() % PW_PAYLOAD_MAX),
		.payload = payload,
	};

	if (d.type == PW_ZERO) {
		d.length = PW_ZERO_MAP_BYTES;
		d.offset &= ~(uint64_t)(PW_PAGE_BYTES - 1);
	} else if (d.type == PW_STREAM) {
		d.epoch = (uint16_t)(d.epoch % (PW_STREAM_SLOT_BYTES + 1));
	} else if (d.type == PW_PING) {
		d.length = 0;
	}
	if (d.length)
		d.flags |= PW_F_PAYLOAD_CRC;
	return d;
}

static void test_what_is_packed_parses_to_the_same(void)
{
	static uint8_t bytes[PW_DATAGRAM_BYTES_MAX];

	for (unsigned i = 0; i < PW_PAYLOAD_MAX; i++)
		bytes[PW_BULK_HEADER_BYTES + i] = (uint8_t)next_random();
	for (unsigned i = 0; i < 2000; i++) {
		struct pw_datagram d = draw_datagram(bytes + PW_BULK_HEADER_BYTES), back;

		pw_wire_pack(bytes, &d);
		CU_ASSERT_TRUE_FATAL(pw_wire_parse(bytes, PW_BULK_HEADER_BYTES + d.length, &back));
		expect_same(&d, &back);
		CU_ASSERT_TRUE(pw_wire_payload_ok(&back));
		CU_ASSERT_FALSE(pw_wire_parse(bytes, PW_BULK_HEADER_BYTES + d.length - 1u, &back));
		CU_ASSERT_FALSE(pw_wire_parse(bytes, PW_BULK_HEADER_BYTES + d.length + 1u, &back));
	}
}

static void test_ack_that_is_packed_parses_to_the_same(void)
{
	struct pw_envelope env = { .cid = 5, .path = 6 };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	for (unsigned i = 0; i < 2000; i++) {
		struct pw_ack ack = { .next = next_random(), .echo = (uint32_t)next_random(),
				      .credit = (uint32_t)next_random(),
				      .words = (uint8_t)(next_random() % (PW_ACK_WORDS_MAX + 1)),
				      .num_credits = (uint8_t)(next_random() % (PW_ACK_CREDITS_MAX + 1)) };
		struct pw_ack back;
		unsigned n;

		for (unsigned w = 0; w < ack.words; w++)
			ack.bitmap[w] = next_random();
		for (unsigned c = 0; c < ack.num_credits; c++)
			ack.credits[c] = (struct pw_credit){ (uint16_t)next_random(),
							     next_random() >> 16 };
		n = pw_wire_pack_ack(bytes, &ack, &env, 1);
		CU_ASSERT_TRUE_FATAL(n <= PW_ACK_BYTES_MAX && pw_wire_parse_ack(bytes, n, &back));
		expect_same_ack(&ack, &back);
		CU_ASSERT_FALSE(pw_wire_parse_ack(bytes, n - 1, &back));
		CU_ASSERT_FALSE(pw_wire_parse_ack(bytes, n - 8, &back));
	}
}

static void test_datagram_that_is_not_well_formed_is_refused(void)
{
	static const struct {
		struct pw_datagram d;
		bool well_formed;
	} rows[] = {
		/*  0 */ { { .type = PW_DATA, .length = 1 }, true },
		/*  1 */ { { .type = PW_DATA, .length = 0 }, false },
		/*  2 */ { { .type = PW_DATA, .length = PW_PAYLOAD_MAX }, true },
		/*  3 */ { { .type = PW_DATA, .length = PW_PAYLOAD_MAX + 1 }, false },
		/*  4 */ { { .type = PW_DATA, .length = 8, .pn = 4, .span = 4 }, true },
		/*  5 */ { { .type = PW_DATA, .length = 8, .pn = 4, .span = 5 }, false },
		/*  6 */ { { .type = PW_DATA, .length = 8, .pn = 9999, .span = 2047 }, true },
		/*  7 */ { { .type = PW_DATA, .length = 8, .pn = 9999, .span = 2048 }, false },
		/*  8 */ { { .type = PW_ZERO, .length = 256 }, true },
		/*  9 */ { { .type = PW_ZERO, .length = 255 }, false },
		/* 10 */ { { .type = PW_ZERO, .length = 256, .offset = 100 }, false },
		/* 11 */ { { .type = PW_ZERO, .length = 256, .offset = 1 << 16 }, true },
		/* 12 */ { { .type = PW_STREAM, .length = 0, .epoch = 0 }, true },
		/* 13 */ { { .type = PW_STREAM, .length = 0, .epoch = 1 }, false },
		/* 14 */ { { .type = PW_STREAM, .length = 8192, .epoch = 8192 }, true },
		/* 15 */ { { .type = PW_STREAM, .length = 8192, .epoch = 8193 }, false },
		/* 16 */ { { .type = PW_STREAM, .length = 8193, .epoch = 8192 }, false },
		/* 17 */ { { .type = PW_PING, .length = 0 }, true },
		/* 18 */ { { .type = PW_PING, .length = 1 }, false },
		/* 19 */ { { .type = PW_ACK, .length = 8 }, false },
		/* 20 */ { { .type = PW_PROBE, .length = PW_PAYLOAD_MAX }, true },
		/* 21 */ { { .type = 0, .length = 8 }, false },
		/* 22 */ { { .type = 15, .length = 8 }, false },
		/* 23 */ { { .type = PW_PROBE, .length = PW_PAYLOAD_MAX + 1 }, false },
	};
	static uint8_t bytes[PW_DATAGRAM_BYTES_MAX + 8];

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		struct pw_datagram back;

		pw_wire_pack(bytes, &rows[i].d);
		CU_ASSERT_EQUAL(pw_wire_parse(bytes, PW_BULK_HEADER_BYTES + rows[i].d.length, &back),
				rows[i].well_formed);
	}
}

static void test_stray_is_not_for_us(void)
{
	static const struct {
		uint8_t version_type;
		uint32_t n;
		bool ours;
	} rows[] = {
		/* 0 */ { 0x11, 40, true },
		/* 1 */ { 0x11, 16, true },
		/* 2 */ { 0x11, 15, false },
		/* 3 */ { 0x11, 0, false },
		/* 4 */ { 0x21, 40, false },
		/* 5 */ { 0x01, 40, false },
		/* 6 */ { 0x10, 40, false },
		/* 7 */ { 0x15, 40, true },
		/* 8 */ { 0x17, 40, false },	/* CHALLENGE: not yet */
		/* 9 */ { 0x1f, 40, false },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		uint8_t bytes[40] = { rows[i].version_type };
		struct pw_envelope env;

		CU_ASSERT_EQUAL(pw_wire_peek(bytes, rows[i].n, &env), rows[i].ours);
	}
}

static void test_every_flipped_bit_of_header_or_payload_shows(void)
{
	uint8_t bytes[sizeof(golden_data)];

	memcpy(bytes, golden_data, sizeof(bytes));
	for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
		struct pw_datagram d;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_FALSE(pw_wire_parse(bytes, sizeof(bytes), &d) && pw_wire_payload_ok(&d));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_ack_with_wrong_counts_is_refused(void)
{
	uint8_t bytes[sizeof(golden_ack)];
	struct pw_ack ack;

	for (unsigned at = 50; at < 52; at++)	/* words, credits */
		for (unsigned n = 0; n < 256; n++) {
			uint32_t crc;

			memcpy(bytes, golden_ack, sizeof(bytes));
			bytes[at] = (uint8_t)n;
			crc = pw_crc32c(bytes, sizeof(bytes) - 8);
			memcpy(bytes + sizeof(bytes) - 8, &crc, 4);
			CU_ASSERT_EQUAL(pw_wire_parse_ack(bytes, sizeof(bytes), &ack),
					n == golden_ack[at]);
		}
}

/* Noise behind a good version and type, sometimes with a good checksum: nothing
 * is read beyond the end (sanitizers see), and what parses keeps its promises. */
static void test_noise_is_refused_or_well_formed(void)
{
	for (unsigned i = 0; i < NOISE; i++) {
		uint8_t bytes[512];
		uint32_t n = (uint32_t)(next_random() % sizeof(bytes)), crc;
		uint8_t *exact = bytes + sizeof(bytes) - n;	/* ends where the buffer does */
		struct pw_datagram d;
		struct pw_envelope env;
		struct pw_ack ack;

		for (unsigned at = 0; at < n; at++)
			exact[at] = (uint8_t)(next_random() & next_random());
		if (n)
			exact[0] = (uint8_t)(0x10 | next_random() % 8);
		if (n >= 40 && i % 2) {
			crc = pw_crc32c(exact, 32);
			memcpy(exact + 32, &crc, 4);
		}
		pw_wire_peek(exact, n, &env);
		if (pw_wire_parse(exact, n, &d)) {
			CU_ASSERT_FATAL(d.length == n - PW_BULK_HEADER_BYTES);
			CU_ASSERT_FATAL(d.span < PW_WINDOW_SLOTS && d.span <= d.pn);
			pw_wire_payload_ok(&d);
		}
		if (pw_wire_parse_ack(exact, n, &ack))
			CU_ASSERT_FATAL(ack.words <= PW_ACK_WORDS_MAX &&
					ack.num_credits <= PW_ACK_CREDITS_MAX);
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_golden_datagrams_parse_to_what_they_say),
	PW_TEST(test_packing_gives_the_golden_bytes),
	PW_TEST(test_golden_ack_parses_and_packs),
	PW_TEST(test_what_is_packed_parses_to_the_same),
	PW_TEST(test_ack_that_is_packed_parses_to_the_same),
	PW_TEST(test_datagram_that_is_not_well_formed_is_refused),
	PW_TEST(test_stray_is_not_for_us),
	PW_TEST(test_every_flipped_bit_of_header_or_payload_shows),
	PW_TEST(test_ack_with_wrong_counts_is_refused),
	PW_TEST(test_noise_is_refused_or_well_formed),
};

int main(void)
{
	return PW_RUN_SUITE("wire", tests);
}
