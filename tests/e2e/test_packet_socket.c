/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_packet_socket.c - the filter of af_packet where there are tags: frames sent over lo
 *
 * The kernel puts a tag aside before a packet socket sees the frame. Needs the
 * right to such sockets, so that it is not among the unit tests.
 */

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/frame.h"
#include "../unit/run.h"
#include "packet_filter.h"
#include "pagewire/check.h"

#define COMES_WITHIN_MS 2000
#define MARK		0xa5

struct row {
	struct frame frame;
	bool taken;
};

static int packet_socket(void)
{
	const struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
					.sll_ifindex = (int)if_nametoindex("lo") };
	const int yes = 1;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		printf("a packet socket: %s: needs root, or CAP_NET_RAW\n", strerror(errno));
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)), 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&lo, sizeof(lo)), 0);
	return fd;
}

static void send_frame(int fd, const struct frame *f)
{
	uint8_t bytes[FRAME_BYTES_MAX] = { 0 };
	size_t n = put_frame(bytes, f);

	CU_ASSERT_EQUAL(send(fd, bytes, n, 0), (ssize_t)n);
}

/* How many come before the one with the mark, which does come: lo keeps the order. */
static unsigned frames_before_mark(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };
	uint8_t bytes[FRAME_BYTES_MAX];
	unsigned before = 0;

	while (poll(&in, 1, COMES_WITHIN_MS) == 1) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n > 0 && bytes[n - 1] == MARK)
			return before;
		before++;
	}
	CU_FAIL("the frame with the mark does not come");
	return before;
}

static void judge(const char *own, uint16_t vlan, const struct row *rows, size_t count)
{
	const struct frame last = { .to = own, .port = FIRST, .vlan = vlan, .mark = MARK };
	struct pw_steer_rule rule = rule_of(own, vlan);
	int in = packet_socket(), out = packet_socket();

	CU_ASSERT_EQUAL(pw_packet_filter_attach(in, &rule), 0);
	for (size_t i = 0; i < count; i++) {
		unsigned taken;

		send_frame(out, &rows[i].frame);
		send_frame(out, &last);
		taken = frames_before_mark(in);
		if (taken != rows[i].taken)
			printf("row %zu: taken %u, wanted %d\n", i + 1, taken, rows[i].taken);
		CU_ASSERT_EQUAL(taken, rows[i].taken);
	}
	close(in);
	close(out);
}

#define JUDGE(own, vlan, rows) judge(own, vlan, rows, PW_ARRAY_SIZE(rows))

static void test_without_a_tag_of_its_own_a_lane_takes_no_tagged_frame(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN, .port = FIRST }, true },
		/*  2 */ { { .to = OWN, .port = FIRST, .vlan = 7 }, false },
		/*  3 */ { { .to = OWN, .port = FIRST + 1 }, false },
	};

	JUDGE(OWN, 0, rows);
}

static void test_of_a_lane_with_a_tag_only_frames_with_that_tag_are_taken(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN, .port = FIRST, .vlan = 7 }, true },
		/*  2 */ { { .to = OWN, .port = FIRST, .vlan = 0xe007 }, true },
		/*  3 */ { { .to = OWN, .port = FIRST, .vlan = 8 }, false },
		/*  4 */ { { .to = OWN, .port = FIRST }, false },
		/*  5 */ { { .to = OWN, .port = FIRST, .vlan = 7, .vlan_inside = 7 }, false },
	};
	static const struct row rows6[] = {
		/*  1 */ { { .to = OWN6, .port = FIRST, .vlan = 7 }, true },
		/*  2 */ { { .to = OWN6, .port = FIRST, .vlan = 6 }, false },
		/*  3 */ { { .to = OWN6, .port = FIRST }, false },
	};

	JUDGE(OWN, 7, rows);
	JUDGE(OWN6, 7, rows6);
}

static const struct pw_test tests[] = {
	PW_TEST(test_without_a_tag_of_its_own_a_lane_takes_no_tagged_frame),
	PW_TEST(test_of_a_lane_with_a_tag_only_frames_with_that_tag_are_taken),
};

int main(void)
{
	return PW_RUN_SUITE("packet_socket", tests);
}
