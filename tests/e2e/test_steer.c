/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_steer.c - the XDP program in the kernel, frame by frame: whose each one is
 *
 * The kernel runs the program on frames that no interface has seen. Needs the
 * rights that it takes to load one, so that it is not among the unit tests.
 */

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "../unit/frame.h"
#include "../unit/run.h"
#include "pagewire/check.h"
#include "steer.h"

static struct pw_steer steer;

/* What the program makes of it, or a negative errno. */
static int verdict(const struct frame *f)
{
	uint8_t bytes[FRAME_BYTES_MAX] = { 0 };
	struct bpf_test_run_opts run = { .sz = sizeof(run), .data_in = bytes, .repeat = 1,
					 .data_size_in = (uint32_t)put_frame(bytes, f) };
	int status = bpf_prog_test_run_opts(pw_steer_program_fd(&steer), &run);

	return status ? status : (int)run.retval;
}

/* With a socket in queue 0, which test runs come from. */
static void given(const struct pw_steer_rule *rule, bool with_socket)
{
	char why[PW_WHY_BYTES] = "";
	static int fd = -1;	/* a socket that is closed leaves the map */
	uint32_t queue = 0;
	int status;

	if (fd < 0)
		fd = socket(AF_XDP, SOCK_RAW, 0);
	pw_steer_detach(&steer);
	status = pw_steer_load(&steer, rule, why);
	if (status)
		printf("%s\n", why);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	CU_ASSERT_FATAL(fd >= 0);
	if (with_socket)
		CU_ASSERT_EQUAL_FATAL(bpf_map_update_elem(pw_steer_map_fd(&steer, "xsks_map"),
							  &queue, &fd, 0), 0);
}

struct row {
	struct frame frame;
	int verdict;
};

static void judge(const char *own, uint16_t vlan, const struct row *rows, size_t count)
{
	struct pw_steer_rule rule = rule_of(own, vlan);
	struct pw_steer_count counted;
	unsigned redirected = 0;

	given(&rule, true);
	for (size_t i = 0; i < count; i++) {
		int found = verdict(&rows[i].frame);

		if (found != rows[i].verdict)
			printf("row %zu: %d, wanted %d\n", i + 1, found, rows[i].verdict);
		CU_ASSERT_EQUAL(found, rows[i].verdict);
		redirected += rows[i].verdict == XDP_REDIRECT;
	}
	CU_ASSERT_EQUAL(pw_steer_count(&steer, 0, &counted), 0);
	CU_ASSERT_EQUAL(counted.redirected, redirected);
	CU_ASSERT_EQUAL(counted.passed, count - redirected);
	CU_ASSERT_EQUAL(counted.unserved, 0);
}

#define JUDGE(own, vlan, rows) judge(own, vlan, rows, PW_ARRAY_SIZE(rows))

static void test_ipv4_datagrams_to_our_ports_are_ours(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN, .port = FIRST }, XDP_REDIRECT },
		/*  2 */ { { .to = OWN, .port = LAST }, XDP_REDIRECT },
		/*  3 */ { { .to = OWN, .port = FIRST - 1 }, XDP_PASS },
		/*  4 */ { { .to = OWN, .port = LAST + 1 }, XDP_PASS },
		/*  5 */ { { .to = OWN, .port = 0 }, XDP_PASS },
		/*  6 */ { { .to = "192.0.2.3", .port = FIRST }, XDP_PASS },
		/*  7 */ { { .to = "255.255.255.255", .port = FIRST }, XDP_PASS },
		/*  8 */ { { .to = OWN6, .port = FIRST }, XDP_PASS },
		/*  9 */ { { .to = OWN, .port = FIRST, .protocol = TCP }, XDP_PASS },
		/* 10 */ { { .to = OWN, .port = FIRST, .fragment = 0x2000 }, XDP_PASS },
		/* 11 */ { { .to = OWN, .port = FIRST, .fragment = 0x0001 }, XDP_PASS },
		/* 12 */ { { .to = OWN, .port = FIRST, .fragment = 0x1000 }, XDP_PASS },
		/* 13 */ { { .to = OWN, .port = FIRST, .fragment = 0x8000 }, XDP_REDIRECT },
		/* 14 */ { { .to = OWN, .port = FIRST, .version_ihl = 0x46 }, XDP_PASS },
		/* 15 */ { { .to = OWN, .port = FIRST, .version_ihl = 0x65 }, XDP_PASS },
		/* 16 */ { { .to = OWN, .port = FIRST, .ether_type = 0x0806 }, XDP_PASS },
		/* 17 */ { { .to = OWN, .port = FIRST, .vlan = 7 }, XDP_PASS },
	};

	JUDGE(OWN, 0, rows);
}

static void test_ipv6_datagrams_to_our_ports_are_ours(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN6, .port = FIRST }, XDP_REDIRECT },
		/*  2 */ { { .to = OWN6, .port = LAST }, XDP_REDIRECT },
		/*  3 */ { { .to = OWN6, .port = FIRST - 1 }, XDP_PASS },
		/*  4 */ { { .to = OWN6, .port = LAST + 1 }, XDP_PASS },
		/*  5 */ { { .to = "2001:db8::3", .port = FIRST }, XDP_PASS },
		/*  6 */ { { .to = "2001:db9::2", .port = FIRST }, XDP_PASS },
		/*  7 */ { { .to = "2001:db8::1:0:2", .port = FIRST }, XDP_PASS },
		/*  8 */ { { .to = OWN, .port = FIRST }, XDP_PASS },
		/*  9 */ { { .to = OWN6, .port = FIRST, .protocol = TCP }, XDP_PASS },
		/* 10 */ { { .to = OWN6, .port = FIRST, .protocol = 44 }, XDP_PASS },
		/* 11 */ { { .to = OWN6, .port = FIRST, .protocol = 0x3c }, XDP_PASS },
		/* 12 */ { { .to = OWN6, .port = FIRST, .version_ihl = 0x45 }, XDP_PASS },
		/* 13 */ { { .to = OWN6, .port = FIRST, .version_ihl = 0x6f }, XDP_REDIRECT },
	};

	JUDGE(OWN6, 0, rows);
}

static void test_of_a_lane_with_a_tag_only_frames_with_that_tag_are_ours(void)
{
	static const struct row rows[] = {
		/*  1 */ { { .to = OWN, .port = FIRST, .vlan = 7 }, XDP_REDIRECT },
		/*  2 */ { { .to = OWN, .port = FIRST, .vlan = 0xe007 }, XDP_REDIRECT },
		/*  3 */ { { .to = OWN, .port = FIRST, .vlan = 8 }, XDP_PASS },
		/*  4 */ { { .to = OWN, .port = FIRST }, XDP_PASS },
		/*  5 */ { { .to = OWN, .port = FIRST, .vlan = 7, .vlan_inside = 7 }, XDP_PASS },
		/*  6 */ { { .to = OWN, .port = LAST + 1, .vlan = 7 }, XDP_PASS },
		/*  7 */ { { .to = OWN6, .port = FIRST, .vlan = 7 }, XDP_PASS },
		/*  8 */ { { .to = OWN, .port = FIRST, .vlan = 7, .ether_type = 0x0806 }, XDP_PASS },
	};
	static const struct row rows6[] = {
		/*  1 */ { { .to = OWN6, .port = FIRST, .vlan = 7 }, XDP_REDIRECT },
		/*  2 */ { { .to = OWN6, .port = FIRST, .vlan = 6 }, XDP_PASS },
		/*  3 */ { { .to = OWN6, .port = FIRST }, XDP_PASS },
	};

	JUDGE(OWN, 7, rows);
	JUDGE(OWN6, 7, rows6);
}

/* The last byte that makes a difference is the end of the UDP header. */
static void test_frames_that_are_too_short_are_the_kernels(void)
{
	struct pw_steer_rule rule = rule_of(OWN, 0), rule6 = rule_of(OWN6, 7);

	given(&rule, true);
	for (uint8_t n = 14; n < 60; n++)
		CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN, .port = FIRST, .bytes = n }),
				n < 42 ? XDP_PASS : XDP_REDIRECT);
	given(&rule6, true);
	for (uint8_t n = 14; n < 80; n++)
		CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN6, .port = FIRST, .vlan = 7,
							 .bytes = n }),
				n < 66 ? XDP_PASS : XDP_REDIRECT);
}

static void test_without_a_socket_the_lanes_frames_are_left_and_counted(void)
{
	struct pw_steer_rule rule = rule_of(OWN, 0);
	struct pw_steer_count counted;

	given(&rule, false);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN, .port = FIRST }), XDP_PASS);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN, .port = LAST }), XDP_PASS);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN, .port = 53 }), XDP_PASS);
	CU_ASSERT_EQUAL(pw_steer_count(&steer, 0, &counted), 0);
	CU_ASSERT_EQUAL(counted.unserved, 2);
	CU_ASSERT_EQUAL(counted.passed, 1);
	CU_ASSERT_EQUAL(counted.redirected, 0);
	CU_ASSERT_EQUAL(pw_steer_count(&steer, 1, &counted), 0);
	CU_ASSERT_EQUAL(counted.unserved + counted.passed, 0);
	CU_ASSERT_EQUAL(pw_steer_count(&steer, PW_STEER_QUEUES_MAX, &counted), -ENOENT);
}

static void test_without_a_rule_everything_is_the_kernels(void)
{
	struct pw_steer_rule rule = { 0 };

	given(&rule, true);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = OWN, .port = FIRST }), XDP_PASS);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = "0.0.0.0", .port = 0 }), XDP_PASS);
	CU_ASSERT_EQUAL(verdict(&(struct frame){ .to = "::", .port = 0 }), XDP_PASS);
}

static const struct pw_test tests[] = {
	PW_TEST(test_ipv4_datagrams_to_our_ports_are_ours),
	PW_TEST(test_ipv6_datagrams_to_our_ports_are_ours),
	PW_TEST(test_of_a_lane_with_a_tag_only_frames_with_that_tag_are_ours),
	PW_TEST(test_frames_that_are_too_short_are_the_kernels),
	PW_TEST(test_without_a_socket_the_lanes_frames_are_left_and_counted),
	PW_TEST(test_without_a_rule_everything_is_the_kernels),
};

int main(void)
{
	return PW_RUN_SUITE("steer", tests);
}
