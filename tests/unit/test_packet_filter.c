/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_packet_filter.c - the filter of af_packet's socket, frame by frame
 *
 * The kernel runs the same filters on sockets of a pair, which takes no rights.
 * Frames there have no tag aside, and the tag in the frame is none to a filter.
 */

#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "packet_filter.h"
#include "pagewire/check.h"
#include "run.h"

struct row {
	struct frame frame;
	bool taken;
};

/* Does a frame come through? */
static bool is_taken(const int fd[2], const struct frame *f)
{
	uint8_t bytes[FRAME_BYTES_MAX] = { 0 };
	ssize_t n = (ssize_t)put_frame(bytes, f);

	/* The sender is told of a frame that is dropped, or not: it does not matter. */
	(void)!send(fd[0], bytes, (size_t)n, MSG_DONTWAIT);
	return recv(fd[1], bytes, sizeof(bytes), MSG_DONTWAIT) == n;
}

static void judge(const char *own, uint16_t vlan, const struct row *rows, size_t count)
{
	struct pw_steer_rule rule = rule_of(own, vlan);
	int fd[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	CU_ASSERT_EQUAL(pw_packet_filter_attach(fd[1], &rule), 0);
	for (size_t i = 0; i < count; i++) {
		bool taken = is_taken(fd, &rows[i].frame);

		if (taken != rows[i].taken)
			printf("row %zu: taken %d, wanted %d\n", i + 1, taken, rows[i].taken);
		CU_ASSERT_EQUAL(taken, rows[i].taken);
	}
	close(fd[0]);
	close(fd[1]);
}

#define JUDGE(own, vlan, rows) judge(own, vlan, rows, PW_ARRAY_SIZE(rows))

static void test_ipv4_datagrams_to_the_path_are_taken(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN, .port = FIRST }, true },
		/*  2 */ { { .to = OWN, .port = FIRST + 1 }, false },
		/*  3 */ { { .to = OWN, .port = FIRST - 1 }, false },
		/*  4 */ { { .to = "192.0.2.3", .port = FIRST }, false },
		/*  5 */ { { .to = OWN6, .port = FIRST }, false },
		/*  6 */ { { .to = OWN, .port = FIRST, .protocol = TCP }, false },
		/*  7 */ { { .to = OWN, .port = FIRST, .fragment = 0x2000 }, false },
		/*  8 */ { { .to = OWN, .port = FIRST, .fragment = 0x0001 }, false },
		/*  9 */ { { .to = OWN, .port = FIRST, .version_ihl = 0x46 }, false },
		/* 10 */ { { .to = OWN, .port = FIRST, .ether_type = 0x0806 }, false },
		/* 11 */ { { .to = OWN, .port = FIRST, .bytes = 37 }, false },
		/* 12 */ { { .to = OWN, .port = FIRST, .bytes = 14 }, false },
		/* 13 */ { { .to = OWN, .port = FIRST, .vlan = 7 }, false },
	};

	JUDGE(OWN, 0, rows);
}

static void test_ipv6_datagrams_to_the_path_are_taken(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN6, .port = FIRST }, true },
		/*  2 */ { { .to = OWN6, .port = FIRST + 1 }, false },
		/*  3 */ { { .to = "2001:db8::3", .port = FIRST }, false },
		/*  4 */ { { .to = "2001:db9::2", .port = FIRST }, false },
		/*  5 */ { { .to = "2001:db8::1:0:2", .port = FIRST }, false },
		/*  6 */ { { .to = OWN, .port = FIRST }, false },
		/*  7 */ { { .to = OWN6, .port = FIRST, .protocol = TCP }, false },
		/*  8 */ { { .to = OWN6, .port = FIRST, .protocol = 44 }, false },
		/*  9 */ { { .to = OWN6, .port = FIRST, .bytes = 57 }, false },
	};

	JUDGE(OWN6, 0, rows);
}

static void test_a_lane_with_a_tag_takes_no_frame_without(void)
{
	static const struct row rows[] = { { { .to = OWN, .port = FIRST }, false } };

	JUDGE(OWN, 7, rows);
}

static const struct pw_test tests[] = {
	PW_TEST(test_ipv4_datagrams_to_the_path_are_taken),
	PW_TEST(test_ipv6_datagrams_to_the_path_are_taken),
	PW_TEST(test_a_lane_with_a_tag_takes_no_frame_without),
};

int main(void)
{
	return PW_RUN_SUITE("packet_filter", tests);
}
