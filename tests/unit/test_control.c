/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control.c - messages of the control link against golden dumps and garbage */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "pagewire/check.h"
#include "run.h"

static const char *const golden[PW_NUM_CTL_TYPES] = {
#include "golden/control.inc"
};

static struct pw_ctl_room room;
static uint8_t buffer[PW_CTL_BYTES_MAX];

#define MIGRATION { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, \
		    0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf }

static const struct pw_ctl_part parts[] = {
	{ "", 0x40000000, 0 },
	{ "", 0x200000000, 0 },
	{ "vgpu0", 0x1400000000, 3 },
};

static const struct pw_ctl_slice slices[] = { { 0, 7, 1 }, { 1, 639, 0x01020304 } };

static const struct pw_ctl_digest digests[] = { {
	.region = 1,
	.flags = PW_DIGEST_LATE,
	.block = 0x1234567,
	.mask = { 0x0101010101010101, 0x0202020202020202, 0x0303030303030303, 0x0404040404040404,
		  0x0505050505050505, 0x0606060606060606, 0x0707070707070707, 0x0808080808080808 },
	.digest = { 0x0123456789abcdef, 0xfedcba9876543210 },
} };

static const uint8_t device_bytes[] = { 0x00, 0xff, 0x01, 0x80, 0x7f };

/* What the golden dump of type says. */
static struct pw_ctl given_message(enum pw_ctl_type type)
{
	struct pw_ctl msg = { .type = type, .migration = MIGRATION, .epoch = 9 };

	switch (type) {
	case PW_CTL_HELLO:
		msg = (struct pw_ctl){ .type = type, .hello = { 1, 5, { 0 }, "host-a", {
			{ 0x20, 1, 0xd, 0xb8, [15] = 1 }, 49600, PW_LANE_IPV6, 0, 100000 } } };
		for (uint8_t i = 0; i < 16; i++)
			msg.hello.boot[i] = i;
		break;
	case PW_CTL_OPEN:
		msg.rows = PW_ARRAY_SIZE(parts);
		msg.parts = parts;
		/* fall through */
	case PW_CTL_OPENED:
		msg.open = (struct pw_ctl_host_open){ "llm-0", PW_MODE_ENHANCED, PW_VERIFY_FULL,
						      2, 1, 2, 30, 8192, { 0x11223344, 0x55667788 },
						      { 49601, 49602 } };
		break;
	case PW_CTL_CLOSE:
	case PW_CTL_CLOSED:
		msg.rows = PW_ARRAY_SIZE(slices);
		msg.slices = slices;
		break;
	case PW_CTL_DIGESTS:
		msg.rows = PW_ARRAY_SIZE(digests);
		msg.digests = digests;
		break;
	case PW_CTL_STREAM_OPEN:
	case PW_CTL_STREAM_OPENED:
	case PW_CTL_STREAM_END:
	case PW_CTL_LOADED:
		msg.stream = (struct pw_ctl_host_stream){ 3, 0x123456789, { 0x1122334455667788,
									    0x99aabbccddeeff00 } };
		break;
	case PW_CTL_DEVICE_DATA:
		msg.rows = sizeof(device_bytes);
		msg.bytes = device_bytes;
		break;
	case PW_CTL_SEAL:
		msg.seal = (struct pw_ctl_host_seal){ 327680, 1 };
		break;
	case PW_CTL_VERIFIED:
		msg.verified = (struct pw_ctl_host_verified){ 0x1234567890, 327680 };
		break;
	case PW_CTL_RUNNING:
		msg.running = (struct pw_ctl_host_running){ 0x0102030405060708, 0x1112131415161718,
							    0x2122232425262728 };
		break;
	case PW_CTL_ABORT:
		msg.why = (struct pw_ctl_host_why){ 125, "cancelled by the operator" };
		break;
	case PW_CTL_REFUSE:
		msg.why = (struct pw_ctl_host_why){
			12, "not enough memory: 640 GiB asked, 512 GiB free" };
		break;
	case PW_CTL_PING:
	case PW_CTL_PONG:
		msg = (struct pw_ctl){ .type = type, .cookie = 0x0123456789abcdef };
		break;
	case PW_CTL_REOPEN:
	case PW_CTL_REOPENED:
		msg.reopen = (struct pw_ctl_host_reopen){ 3, 0x8001, { 0x11223344, 0x55667788 },
							  { 49601, 49602 } };
		break;
	default:
		break;
	}
	return msg;
}

/* Fill buffer from the dump of type; return its length. */
static size_t given_golden(unsigned type)
{
	const char *hex = golden[type];
	size_t bytes = strlen(hex) / 2;

	for (size_t i = 0; i < bytes; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		buffer[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return bytes;
}

static size_t given_packed(const struct pw_ctl *msg)
{
	int bytes = pw_ctl_pack(msg, buffer, sizeof(buffer));

	CU_ASSERT_FATAL(bytes > 0);
	return (size_t)bytes;
}

static int parse(size_t bytes, struct pw_ctl *msg)
{
	return pw_ctl_parse(buffer, bytes, msg, &room);
}

static int parse_any(size_t bytes)
{
	struct pw_ctl msg;

	return parse(bytes, &msg);
}

static void put32(size_t at, uint32_t x)
{
	memcpy(buffer + at, &x, sizeof(x));
}

static void test_every_message_packs_to_its_golden_dump(void)
{
	static uint8_t packed[4096];

	for (unsigned type = 1; type < PW_NUM_CTL_TYPES; type++) {
		struct pw_ctl msg = given_message(type);
		size_t bytes = given_golden(type);

		CU_ASSERT_EQUAL(pw_ctl_packed_bytes(&msg), (int)bytes);
		CU_ASSERT_EQUAL_FATAL(pw_ctl_pack(&msg, packed, sizeof(packed)), (int)bytes);
		CU_ASSERT_EQUAL(memcmp(packed, buffer, bytes), 0);
	}
}

static void test_every_golden_dump_parses_and_packs_to_itself(void)
{
	static uint8_t packed[4096];
	struct pw_ctl msg;

	for (unsigned type = 1; type < PW_NUM_CTL_TYPES; type++) {
		size_t bytes = given_golden(type);

		CU_ASSERT_EQUAL(pw_ctl_frame_bytes(buffer), (int)bytes);
		CU_ASSERT_EQUAL_FATAL(parse(bytes, &msg), 0);
		CU_ASSERT_EQUAL(msg.type, type);
		CU_ASSERT_EQUAL_FATAL(pw_ctl_pack(&msg, packed, sizeof(packed)), (int)bytes);
		CU_ASSERT_EQUAL(memcmp(packed, buffer, bytes), 0);
	}
}

static void test_bodies_come_back_as_they_were(void)
{
	struct pw_ctl msg;

	CU_ASSERT_EQUAL(parse(given_golden(PW_CTL_HELLO), &msg), 0);
	CU_ASSERT_STRING_EQUAL(msg.hello.name, "host-a");
	CU_ASSERT_EQUAL(msg.hello.boot[15], 15);
	CU_ASSERT_EQUAL(msg.hello.lane.family, PW_LANE_IPV6);
	CU_ASSERT_EQUAL(msg.hello.lane.ip[15], 1);
	CU_ASSERT_EQUAL(msg.hello.lane.link_mbps, 100000);
	CU_ASSERT_EQUAL(parse(given_golden(PW_CTL_OPENED), &msg), 0);
	CU_ASSERT_STRING_EQUAL(msg.open.guest, "llm-0");
	CU_ASSERT_EQUAL(msg.open.mode, PW_MODE_ENHANCED);
	CU_ASSERT_EQUAL(msg.open.cids[1], 0x55667788);
	CU_ASSERT_EQUAL(msg.open.ports[1], 49602);
	CU_ASSERT_EQUAL(parse(given_golden(PW_CTL_REOPEN), &msg), 0);
	CU_ASSERT_EQUAL(msg.reopen.ports[1], 49602);
	CU_ASSERT_EQUAL(msg.reopen.devices_done, 0x8001);
	CU_ASSERT_EQUAL(parse(given_golden(PW_CTL_RUNNING), &msg), 0);
	CU_ASSERT_EQUAL(msg.running.since_step_ns, 0x2122232425262728);
	CU_ASSERT_EQUAL(parse(given_golden(PW_CTL_REFUSE), &msg), 0);
	CU_ASSERT_EQUAL(msg.why.code, ENOMEM);
	CU_ASSERT_EQUAL(msg.epoch, 9);
	CU_ASSERT_EQUAL(msg.migration[15], 0xaf);
}

static void test_rows_come_back_as_they_were(void)
{
	struct pw_ctl msg;

	CU_ASSERT_EQUAL_FATAL(parse(given_golden(PW_CTL_OPEN), &msg), 0);
	CU_ASSERT_EQUAL_FATAL(msg.rows, 3);
	CU_ASSERT_STRING_EQUAL(msg.parts[2].name, "vgpu0");
	CU_ASSERT_EQUAL(msg.parts[1].bytes, 0x200000000);
	CU_ASSERT_EQUAL_FATAL(parse(given_golden(PW_CTL_CLOSED), &msg), 0);
	CU_ASSERT_EQUAL(msg.slices[1].epoch, 0x01020304);
	CU_ASSERT_EQUAL_FATAL(parse(given_golden(PW_CTL_DIGESTS), &msg), 0);
	CU_ASSERT_EQUAL(memcmp(msg.digests, digests, sizeof(digests)), 0);
	CU_ASSERT_EQUAL_FATAL(parse(given_golden(PW_CTL_DEVICE_DATA), &msg), 0);
	CU_ASSERT_EQUAL(memcmp(msg.bytes, device_bytes, sizeof(device_bytes)), 0);
}

static void test_any_other_length_is_refused(void)
{
	for (unsigned type = 1; type < PW_NUM_CTL_TYPES; type++) {
		size_t bytes = given_golden(type);

		for (size_t n = 0; n < bytes; n++)
			CU_ASSERT_EQUAL(parse_any(n), -EPROTO);
		CU_ASSERT_EQUAL(parse_any(bytes + 1), -EPROTO);

		/* The header admits it, body and rows do not. */
		put32(0, (uint32_t)bytes + 1);
		CU_ASSERT_EQUAL(parse_any(bytes + 1), -EPROTO);
		put32(0, (uint32_t)bytes - 1);
		CU_ASSERT_EQUAL(parse_any(bytes - 1), -EPROTO);
	}
}

static void test_row_counts_that_do_not_fit_are_refused(void)
{
	static const uint32_t counts[] = { 0, 1, 3, 0x10000000, 0x10000002, UINT32_MAX };

	for (size_t i = 0; i < PW_ARRAY_SIZE(counts); i++) {
		size_t bytes = given_golden(PW_CTL_CLOSE);

		put32(28, counts[i]);
		CU_ASSERT_EQUAL(parse_any(bytes), -EPROTO);
	}
}

/* One wrong value in a message that is good without it. */
static const struct {
	unsigned type;
	size_t at;
	uint8_t byte;
} wrong[] = {
	/*  1 */ { PW_CTL_GIVE, 4, 0 },			/* no type */
	/*  2 */ { PW_CTL_GIVE, 4, PW_NUM_CTL_TYPES },
	/*  3 */ { PW_CTL_GIVE, 5, 1 },
	/*  4 */ { PW_CTL_GIVE, 6, 1 },			/* reserved */
	/*  5 */ { PW_CTL_GIVE, 28, 1 },		/* rows where none are */
	/*  6 */ { PW_CTL_PING, 8, 1 },			/* a migration where none is */
	/*  7 */ { PW_CTL_PING, 24, 1 },		/* an epoch where none is */
	/*  8 */ { PW_CTL_HELLO, 32, 0 },		/* version 0 */
	/*  9 */ { PW_CTL_HELLO, 56, 0 },		/* name: empty, with bytes behind */
	/* 10 */ { PW_CTL_HELLO, 57, '\n' },		/* not printable */
	/* 11 */ { PW_CTL_HELLO, 57, 0x80 },
	/* 12 */ { PW_CTL_HELLO, 119, 'x' },		/* no NUL at its end */
	/* 13 */ { PW_CTL_HELLO, 80, 'x' },		/* bytes behind the NUL */
	/* 14 */ { PW_CTL_OPENED, 32 + 64, 0 },		/* mode */
	/* 15 */ { PW_CTL_OPENED, 32 + 64, 3 },
	/* 16 */ { PW_CTL_OPENED, 32 + 65, 3 },		/* verify */
	/* 17 */ { PW_CTL_OPENED, 32 + 66, PW_REGIONS_MAX + 1 },
	/* 18 */ { PW_CTL_OPENED, 32 + 67, PW_DEVICES_MAX + 1 },
	/* 19 */ { PW_CTL_OPENED, 32 + 68, PW_PATHS_MAX + 1 },
	/* 20 */ { PW_CTL_OPENED, 32 + 68, 1 },		/* a cid behind the paths */
	/* 21 */ { PW_CTL_OPENED, 32 + 72, PW_SLICE_SHIFT + 1 },
	/* 22 */ { PW_CTL_OPENED, 32 + 72, PW_PAGE_SHIFT - 1 },
	/* 23 */ { PW_CTL_OPENED, 32 + 76, 1 },		/* payload: 8193 */
	/* 24 */ { PW_CTL_OPENED, 32 + 77, 3 },		/* payload: 768 */
	/* 25 */ { PW_CTL_OPEN, 32 + 66, 3 },		/* rows are not regions + devices */
	/* 26 */ { PW_CTL_OPEN, 32 + 67, 0 },
	/* 27 */ { PW_CTL_OPEN, 208, 'r' },		/* a region with a name */
	/* 28 */ { PW_CTL_OPEN, 208 + 24, 1 },		/* with half a page */
	/* 29 */ { PW_CTL_OPEN, 208 + 27, 0 },		/* without a byte */
	/* 30 */ { PW_CTL_OPEN, 208 + 30, 0x41 },	/* above PW_REGION_BYTES_MAX */
	/* 31 */ { PW_CTL_OPEN, 208 + 32, 1 },		/* with flags */
	/* 32 */ { PW_CTL_OPEN, 208 + 36, 1 },		/* reserved */
	/* 33 */ { PW_CTL_OPEN, 288, 0 },		/* a device without a name */
	/* 34 */ { PW_CTL_OPEN, 288 + 30, 0x41 },
	/* 35 */ { PW_CTL_LOADED, 32, PW_DEVICES_MAX },
	/* 36 */ { PW_CTL_LOADED, 36, 1 },		/* reserved */
	/* 37 */ { PW_CTL_CLOSE, 32, PW_REGIONS_MAX },
	/* 38 */ { PW_CTL_CLOSED, 48 + 15, 1 },		/* reserved */
	/* 39 */ { PW_CTL_DIGESTS, 32, PW_REGIONS_MAX },
	/* 40 */ { PW_CTL_DIGESTS, 36, 2 },		/* a flag that is none */
	/* 41 */ { PW_CTL_DIGESTS, 40 + 3, 2 },		/* behind the largest region */
	/* 42 */ { PW_CTL_SEAL, 40, PW_DEVICES_MAX + 1 },
	/* 43 */ { PW_CTL_SEAL, 44, 1 },		/* reserved */
	/* 44 */ { PW_CTL_ABORT, 32, 0 },		/* no reason code */
	/* 45 */ { PW_CTL_ABORT, 33, 0x10 },		/* above all */
	/* 46 */ { PW_CTL_ABORT, 35, 0x80 },		/* negative */
	/* 47 */ { PW_CTL_REFUSE, 36, 0x1b },		/* would talk to a terminal */
	/* 48 */ { PW_CTL_REFUSE, 235, '.' },		/* no NUL at its end */
	/* 49 */ { PW_CTL_HELLO, 120 + 18, 5 },		/* no family */
	/* 50 */ { PW_CTL_HELLO, 120 + 18, 4 },		/* IPv4 with bytes behind */
	/* 51 */ { PW_CTL_HELLO, 120 + 18, 0 },		/* none, with an address */
	/* 52 */ { PW_CTL_HELLO, 120 + 19, 1 },		/* reserved */
	/* 53 */ { PW_CTL_OPENED, 32 + 148, 1 },	/* a port behind the paths */
	/* 54 */ { PW_CTL_REOPEN, 32, 0 },		/* no attempt */
	/* 55 */ { PW_CTL_REOPENED, 32 + 6, 1 },	/* a device that cannot be */
};

static void test_one_wrong_byte_is_refused(void)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(wrong); i++) {
		size_t bytes = given_golden(wrong[i].type);

		CU_ASSERT_EQUAL(parse_any(bytes), 0);
		buffer[wrong[i].at] = wrong[i].byte;
		if (parse_any(bytes) == -EPROTO)
			continue;
		printf("row %zu of the table was accepted\n", i + 1);
		CU_FAIL("accepted");
	}
}

static void test_a_migration_is_named_where_one_is_meant(void)
{
	size_t bytes = given_golden(PW_CTL_GIVE);

	memset(buffer + 8, 0, PW_CTL_MIGRATION_BYTES);
	CU_ASSERT_EQUAL(parse_any(bytes), -EPROTO);
}

static void test_what_would_not_parse_does_not_pack(void)
{
	struct pw_ctl msg = given_message(PW_CTL_OPEN);

	msg.open.devices = 2;
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, sizeof(buffer)), -EINVAL);
	msg = given_message(PW_CTL_HELLO);
	memset(msg.hello.name, 'x', sizeof(msg.hello.name));
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, sizeof(buffer)), -EINVAL);
	msg = given_message(PW_CTL_GIVE);
	msg.type = PW_NUM_CTL_TYPES;
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, sizeof(buffer)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(pw_ctl_name(PW_NUM_CTL_TYPES), "unknown");
	CU_ASSERT_STRING_EQUAL(pw_ctl_name(PW_CTL_GIVE), "GIVE");
}

static void test_pack_needs_room(void)
{
	struct pw_ctl msg = given_message(PW_CTL_OPEN);
	int bytes = pw_ctl_packed_bytes(&msg);

	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, (size_t)bytes - 1), -ENOSPC);
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, (size_t)bytes), bytes);
}

static void test_most_rows_fit_and_one_more_does_not(void)
{
	static struct pw_ctl_digest many[(PW_CTL_BYTES_MAX - 32) / 96 + 1];
	struct pw_ctl msg = given_message(PW_CTL_DIGESTS), back;

	for (size_t i = 0; i < PW_ARRAY_SIZE(many); i++)
		many[i] = (struct pw_ctl_digest){ .block = i, .digest = { ~i, i } };
	msg.digests = many;
	msg.rows = PW_ARRAY_SIZE(many);
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, sizeof(buffer)), -EMSGSIZE);
	msg.rows = UINT32_MAX;
	CU_ASSERT_EQUAL(pw_ctl_pack(&msg, buffer, sizeof(buffer)), -EMSGSIZE);
	msg.rows = PW_ARRAY_SIZE(many) - 1;
	CU_ASSERT_EQUAL_FATAL(parse(given_packed(&msg), &back), 0);
	CU_ASSERT_EQUAL(back.rows, msg.rows);
	CU_ASSERT_EQUAL(memcmp(back.digests, many, msg.rows * sizeof(many[0])), 0);
}

static void test_header_of_device_bytes_matches_a_whole_message(void)
{
	struct pw_ctl msg = given_message(PW_CTL_DEVICE_DATA);
	uint8_t header[sizeof(struct pw_ctl_header)];

	given_packed(&msg);
	CU_ASSERT_EQUAL(pw_ctl_pack_data_header(msg.migration, msg.epoch, msg.rows, header), 0);
	CU_ASSERT_EQUAL(memcmp(header, buffer, sizeof(header)), 0);
	CU_ASSERT_EQUAL(pw_ctl_pack_data_header(msg.migration, 0, PW_CTL_DATA_MAX, header), 0);
	CU_ASSERT_EQUAL(pw_ctl_pack_data_header(msg.migration, 0, PW_CTL_DATA_MAX + 1, header),
			-EMSGSIZE);
}

static void test_any_reason_can_be_sent(void)
{
	struct pw_ctl msg = given_message(PW_CTL_GIVE), back;
	char text[2 * PW_CTL_WHY_MAX];

	pw_ctl_set_why(&msg, PW_CTL_ABORT, EIO, "disk \xc3\xa9\t\nno\n");
	CU_ASSERT_EQUAL_FATAL(parse(given_packed(&msg), &back), 0);
	CU_ASSERT_STRING_EQUAL(back.why.why, "disk ???; no; ");
	CU_ASSERT_EQUAL(back.why.code, EIO);

	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	pw_ctl_set_why(&msg, PW_CTL_REFUSE, ENOMEM, text);
	CU_ASSERT_EQUAL(parse(given_packed(&msg), &back), 0);
	CU_ASSERT(strlen(back.why.why) >= PW_CTL_WHY_MAX - 3);

	pw_ctl_set_why(&msg, PW_CTL_REFUSE, ENOMEM, "");
	CU_ASSERT_EQUAL(parse(given_packed(&msg), &back), 0);
}

static uint64_t random_state = 20251122;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % bound);
}

/* Parse a copy of exactly its length, so that a sanitizer sees one byte too far. */
static int parse_alone(const uint8_t *from, size_t bytes)
{
	uint8_t *alone = malloc(bytes ? bytes : 1), *packed = malloc(bytes ? bytes : 1);
	struct pw_ctl msg;
	int rc;

	CU_ASSERT_FATAL(alone && packed);
	memcpy(alone, from, bytes);
	rc = pw_ctl_parse(alone, bytes, &msg, &room);
	if (rc == 0) {	/* then it is the one way to say it */
		CU_ASSERT_EQUAL(pw_ctl_pack(&msg, packed, bytes), (int)bytes);
		CU_ASSERT_EQUAL(memcmp(packed, alone, bytes), 0);
	} else {
		CU_ASSERT_EQUAL(rc, -EPROTO);
	}
	free(packed);
	free(alone);
	return rc;
}

static void test_random_bytes_are_refused_without_harm(void)
{
	uint8_t bytes[512];

	for (unsigned i = 0; i < 100000; i++) {
		size_t n = random_below(sizeof(bytes) + 1);

		for (size_t b = 0; b < n; b++)
			bytes[b] = (uint8_t)random_below(256);
		if (n >= PW_CTL_HEADER_BYTES && i % 2) {	/* get past the header */
			uint32_t length = (uint32_t)n;

			memcpy(bytes, &length, sizeof(length));
			memcpy(bytes + 4, (uint8_t[4]){ (uint8_t)random_below(24) }, 4);
		}
		parse_alone(bytes, n);
	}
}

static void test_messages_with_random_faults_parse_to_what_packs_back(void)
{
	unsigned accepted = 0, refused = 0;

	for (unsigned i = 0; i < 100000; i++) {
		size_t n = given_golden(1 + random_below(PW_NUM_CTL_TYPES - 1));

		for (uint32_t faults = 1 + random_below(3); faults; faults--)
			buffer[random_below((uint32_t)n)] ^= (uint8_t)(1u << random_below(8));
		if (parse_alone(buffer, n) == 0)
			accepted++;
		else
			refused++;
	}
	CU_ASSERT(accepted > 1000);
	CU_ASSERT(refused > 1000);
}

static const struct pw_test tests[] = {
	PW_TEST(test_every_message_packs_to_its_golden_dump),
	PW_TEST(test_every_golden_dump_parses_and_packs_to_itself),
	PW_TEST(test_bodies_come_back_as_they_were),
	PW_TEST(test_rows_come_back_as_they_were),
	PW_TEST(test_any_other_length_is_refused),
	PW_TEST(test_row_counts_that_do_not_fit_are_refused),
	PW_TEST(test_one_wrong_byte_is_refused),
	PW_TEST(test_a_migration_is_named_where_one_is_meant),
	PW_TEST(test_what_would_not_parse_does_not_pack),
	PW_TEST(test_pack_needs_room),
	PW_TEST(test_most_rows_fit_and_one_more_does_not),
	PW_TEST(test_header_of_device_bytes_matches_a_whole_message),
	PW_TEST(test_any_reason_can_be_sent),
	PW_TEST(test_random_bytes_are_refused_without_harm),
	PW_TEST(test_messages_with_random_faults_parse_to_what_packs_back),
};

int main(void)
{
	return PW_RUN_SUITE("control", tests);
}
