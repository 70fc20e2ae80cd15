/* SPDX-License-Identifier: BSD-3-Clause */
/* test_interface.c - lanes over kernel interfaces: what is asked of the driver, and of lo */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interface.h"
#include "pagewire/check.h"
#include "run.h"

static char why[PW_WHY_BYTES];
static struct pw_interface f;

static int open_it(const char *vdev, unsigned paths, const char *own, uint16_t port)
{
	struct pw_args args = { .paths = paths, .vdevs = 1, .vdev = { vdev },
				.own = { .udp_port = port } };

	if (own) {
		args.interface = "lo";	/* which has it */
		args.own.family = strchr(own, ':') ? PW_LANE_IPV6 : PW_LANE_IPV4;
		inet_pton(args.own.family == PW_LANE_IPV6 ? AF_INET6 : AF_INET, own, args.own.ip);
	}
	why[0] = '\0';
	return pw_interface_open(&f, &args, why);
}

static void test_other_devices_have_no_interface(void)
{
	CU_ASSERT_EQUAL(open_it("net_memif0,role=server", 2, NULL, 49600), 0);
	CU_ASSERT_EQUAL(f.kind, PW_INTERFACE_NONE);
	pw_interface_close(&f);
}

static void test_an_interface_is_found_with_its_mtu(void)
{
	CU_ASSERT_EQUAL(open_it("net_af_xdp0,iface=lo", 1, NULL, 49600), 0);
	CU_ASSERT_EQUAL(f.kind, PW_INTERFACE_XDP);
	CU_ASSERT_STRING_EQUAL(f.name, "lo");
	CU_ASSERT(f.mtu >= 1500);
	pw_interface_close(&f);
}

static void test_what_cannot_work_is_refused_with_a_fix(void)
{
	static const struct {
		const char *vdev;
		unsigned paths;
		int status;
		const char *says;
	} rows[] = {
		/*  1 */ { "net_af_xdp0,iface=nosuch0", 1, -ENODEV, "ip link shows" },
		/*  2 */ { "net_af_xdp0", 1, -EINVAL, "--interface" },
		/*  3 */ { "net_af_xdp0,iface=", 1, -EINVAL, "--interface" },
		/*  4 */ { "net_af_xdp0,iface=a-name-of-16-byte", 1, -EINVAL, "too long" },
		/*  5 */ { "net_af_xdp0,iface=lo,start_queue=1", 2, -EINVAL, "start_queue" },
		/*  6 */ { "net_af_xdp0,iface=lo,queue_count=2", 2, -EINVAL, "start_queue" },
		/*  7 */ { "net_af_packet0,iface=lo", 2, -EINVAL, "paths: 1" },
		/*  8 */ { "net_af_packet0,iface=lo,qpairs=1", 1, -EINVAL, "without qpairs" },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(open_it(rows[i].vdev, rows[i].paths, NULL, 49600), rows[i].status);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, rows[i].says));
		if (!strstr(why, rows[i].says))
			printf("row %zu: %s\n", i + 1, why);
	}
}

static void test_the_driver_is_told_what_is_left_open(void)
{
	static const struct {
		enum pw_interface_kind kind;
		unsigned mtu, path;
		const char *given, *full;
	} rows[] = {
		/*  1 */ { PW_INTERFACE_XDP, 1500, 0, "",
			   "iface=e0,start_queue=0,queue_count=1,busy_budget=0" },
		/*  2 */ { PW_INTERFACE_XDP, 3498, 3, "iface=e0",
			   "iface=e0,start_queue=3,queue_count=1,busy_budget=0" },
		/*  3 */ { PW_INTERFACE_XDP, 3498, 0, "busy_budget=64,iface=e0,start_queue=5",
			   "busy_budget=64,iface=e0,start_queue=5,queue_count=1" },
		/*  4 */ { PW_INTERFACE_PACKET, 1500, 0, "iface=e0",
			   "iface=e0,framesz=2048,blocksz=65536,framecnt=512,qdisc_bypass=1" },
		/*  5 */ { PW_INTERFACE_PACKET, 1968, 0, "iface=e0",
			   "iface=e0,framesz=2048,blocksz=65536,framecnt=512,qdisc_bypass=1" },
		/*  6 */ { PW_INTERFACE_PACKET, 1969, 0, "iface=e0",
			   "iface=e0,framesz=4096,blocksz=65536,framecnt=512,qdisc_bypass=1" },
		/*  7 */ { PW_INTERFACE_PACKET, 9000, 0, "iface=e0",
			   "iface=e0,framesz=16384,blocksz=65536,framecnt=512,qdisc_bypass=1" },
		/*  8 */ { PW_INTERFACE_PACKET, 65536, 0, "iface=e0,qdisc_bypass=0",
			   "iface=e0,qdisc_bypass=0,framesz=16384,blocksz=65536,framecnt=512" },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		const struct pw_interface g = { .kind = rows[i].kind, .name = "e0",
						.mtu = rows[i].mtu };
		char full[PW_VDEV_BYTES];

		CU_ASSERT_EQUAL(pw_interface_vdev(&g, rows[i].given, rows[i].path, full, why), 0);
		CU_ASSERT_STRING_EQUAL(full, rows[i].full);
		if (strcmp(full, rows[i].full))
			printf("row %zu: %s\n", i + 1, full);
	}
}

/* A port that was free a moment ago. */
static uint16_t free_port(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *own = family == AF_INET6 ? (void *)&a6 : (void *)&a;
	socklen_t bytes = family == AF_INET6 ? sizeof(a6) : sizeof(a);
	int fd = socket(family, SOCK_DGRAM, 0);

	CU_ASSERT_EQUAL(bind(fd, own, bytes), 0);
	CU_ASSERT_EQUAL(getsockname(fd, own, &bytes), 0);
	close(fd);
	return ntohs(family == AF_INET6 ? a6.sin6_port : a.sin_port);
}

/* Send one to port of lo: what the answer is, which is there at once. */
static int answer_of(int family, uint16_t port)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(family, SOCK_DGRAM, 0), status = 0;
	char byte = 0;

	CU_ASSERT_EQUAL(family == AF_INET6 ? connect(fd, (void *)&a6, sizeof(a6)) :
					     connect(fd, (void *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL(send(fd, &byte, 1, 0), 1);
	if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
		status = -errno;
	close(fd);
	return status;
}

static void test_the_kernel_is_silent_at_our_ports(void)
{
	static const struct {
		int family;
		const char *own;
	} rows[] = { { AF_INET, "127.0.0.1" }, { AF_INET6, "::1" } };

	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		uint16_t port = free_port(rows[i].family);
		char byte;

		CU_ASSERT_EQUAL(answer_of(rows[i].family, port), -ECONNREFUSED);
		CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, rows[i].own, port), 0);
		CU_ASSERT_EQUAL(answer_of(rows[i].family, port), -EAGAIN);
		/* and what came takes no memory */
		CU_ASSERT_EQUAL(recv(f.port_fd[0], &byte, 1, MSG_DONTWAIT), -1);
		pw_interface_close(&f);
		CU_ASSERT_EQUAL(answer_of(rows[i].family, port), -ECONNREFUSED);
	}
}

static void test_a_port_that_is_in_use_is_refused(void)
{
	struct pw_interface first;
	uint16_t port = free_port(AF_INET);

	CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, "127.0.0.1", port), 0);
	first = f;
	CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, "127.0.0.1", port), -EADDRINUSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "ss -ulnp"));
	pw_interface_close(&first);
	CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, "127.0.0.1", port), 0);
	pw_interface_close(&f);
}

/* Nothing of an address that the kernel does not have is taken from it. */
static void test_an_address_of_our_own_takes_no_ports(void)
{
	struct pw_args args = { .paths = 1, .vdevs = 1, .vdev = { "net_af_packet0,iface=lo" },
				.own = { .udp_port = 49600, .family = PW_LANE_IPV4, .ip = { 10, 9 } } };

	CU_ASSERT_EQUAL(pw_interface_open(&f, &args, why), 0);
	CU_ASSERT_TRUE(f.is_unseen);
	CU_ASSERT_EQUAL(f.ports, 0);
	pw_interface_close(&f);
	args.vdev[0] = "net_af_xdp0,iface=lo";
	CU_ASSERT_EQUAL(pw_interface_open(&f, &args, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "ARP"));
}

static void test_an_address_may_come_later(void)
{
	CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, "192.0.2.77", 49600), 0);
	pw_interface_close(&f);
	CU_ASSERT_EQUAL(open_it("net_af_packet0,iface=lo", 1, "2001:db8::77", 49600), 0);
	pw_interface_close(&f);
}

static void test_the_rule_is_our_address_and_a_port_per_path(void)
{
	struct pw_args args = { .paths = 4, .vlan = 7,
				.own = { .family = PW_LANE_IPV6, .udp_port = 5000,
					 .ip = { [0] = 0x20, [15] = 2 } } };
	struct pw_steer_rule rule = pw_interface_rule(&args);

	CU_ASSERT_EQUAL(rule.family, 6);
	CU_ASSERT_EQUAL(rule.port_first, 5000);
	CU_ASSERT_EQUAL(rule.port_last, 5003);
	CU_ASSERT_EQUAL(rule.vlan, 7);
	CU_ASSERT_EQUAL(memcmp(rule.ip, args.own.ip, sizeof(rule.ip)), 0);
	args.own.family = 0;	/* as link_ethdev.c sends then */
	rule = pw_interface_rule(&args);
	CU_ASSERT_EQUAL(rule.family, 4);
	CU_ASSERT_EQUAL(memcmp(rule.ip, "\xa9\xfe\x50\x02", 4), 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_other_devices_have_no_interface),
	PW_TEST(test_an_interface_is_found_with_its_mtu),
	PW_TEST(test_what_cannot_work_is_refused_with_a_fix),
	PW_TEST(test_the_driver_is_told_what_is_left_open),
	PW_TEST(test_the_kernel_is_silent_at_our_ports),
	PW_TEST(test_a_port_that_is_in_use_is_refused),
	PW_TEST(test_an_address_of_our_own_takes_no_ports),
	PW_TEST(test_an_address_may_come_later),
	PW_TEST(test_the_rule_is_our_address_and_a_port_per_path),
};

int main(void)
{
	return PW_RUN_SUITE("interface", tests);
}
