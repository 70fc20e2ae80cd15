/* SPDX-License-Identifier: BSD-3-Clause */
/* sender_bed.h - a sender over a fake link, for the tests of dataplane/sender.h */
#ifndef PW_TESTS_SENDER_BED_H
#define PW_TESTS_SENDER_BED_H

#include <string.h>

#include "fake_link.h"
#include "pagewire/check.h"
#include "run.h"
#include "sender.h"

#define PAGES 512u	/* one slice of one chunk */
#define US    1000ull
#define MS    1000000ull

static struct pw_transfer transfer;
static uint8_t memory[PAGES * PW_PAGE_BYTES];
static uint64_t bitmap[PW_CHUNK_WORDS];
static struct pw_sender s;
static struct pw_path_stats stats;
static struct fake_link wire;
static uint64_t now_ns;
static uint64_t ack_pn;

static const struct pw_sender_config usual = {
	.congestion = { .window_start = 1000, .window_min = 4, .window_max = PW_WINDOW_SLOTS,
			.delay_target_ns = MS },
	.peer_cid = 9,
	.path = 2,
	.payload_bytes = 4096,
	.payload_crc = true,
};

static inline void given_sender(const struct pw_sender_config *config)
{
	memset(&transfer, 0, sizeof(transfer));
	memset(&stats, 0, sizeof(stats));
	memset(memory, 0x33, sizeof(memory));
	memset(bitmap, 0, sizeof(bitmap));
	transfer.role = PW_SOURCE;
	transfer.region[1] = (struct pw_region){ memory, sizeof(memory) };
	pw_slices_init(&transfer.slices, 23);
	fake_link_init(&wire);
	now_ns = 1000 * MS;
	pw_sender_init(&s, &transfer, &wire.link, &stats, config, now_ns);
}

/* The first n pages of the slice are dirty. */
static inline void given_dirty(unsigned n)
{
	struct pw_slice_order order = { .bitmap = bitmap, .region = 1, .chunks = 1, .epoch = 4 };

	for (unsigned i = 0; i < n; i++)
		bitmap[i / 64] |= 1ull << i % 64;
	CU_ASSERT_EQUAL_FATAL(pw_slices_open(&transfer.slices, &order), 0);
}

static inline void given_dirty_pages(unsigned n)
{
	given_sender(&usual);
	given_dirty(n);
}

static inline unsigned poll(void)
{
	unsigned moved = 0;

	pw_sender_poll(&s, now_ns, &moved);
	return moved;
}

static inline void poll_until_quiet(void)
{
	for (unsigned i = 0; i < 1000 && poll(); i++)
		;
}

static inline unsigned send_ack(const struct pw_ack *ack)
{
	struct pw_envelope env = { .cid = 1, .path = 2 };
	uint8_t bytes[PW_ACK_BYTES_MAX];

	return pw_sender_on_ack(&s, bytes, pw_wire_pack_ack(bytes, ack, &env, ack_pn++), now_ns);
}

/* Acknowledge every pn below next and those of bits above it. */
static inline unsigned acknowledge(uint64_t next, uint64_t bits)
{
	struct pw_ack ack = { .next = next, .words = bits != 0, .bitmap = { bits },
			      .echo = (uint32_t)((now_ns - 100 * US) >> 6),
			      .credit = PW_WINDOW_SLOTS };

	return send_ack(&ack);
}

/* Every pn below next; the round trip took that long, to 64 ns. */
static inline unsigned acknowledge_after(uint64_t rtt_ns, uint64_t next)
{
	struct pw_ack ack = { .next = next, .echo = (uint32_t)((now_ns - rtt_ns) >> 6),
			      .credit = PW_WINDOW_SLOTS };

	return send_ack(&ack);
}

static inline uint32_t slice_state(void)
{
	return atomic_load(&transfer.slices.slot[0].state);
}

#endif /* PW_TESTS_SENDER_BED_H */
