/* SPDX-License-Identifier: BSD-3-Clause */
/* test_conf_lane.c - conf/conf_lane.h: which keys a lane takes, and what they may say */

#include "conf_text_bed.h"

#define ALONE "version: 1\n" HOST TLS

static void test_lane_between_hosts_has_its_place_in_a_network(void)
{
	CU_ASSERT_EQUAL_FATAL(parse(ALONE "lane: {driver: af_packet, interface: eth0.5}\n"), 0);
	CU_ASSERT_EQUAL(c.lane.driver, PW_LANE_AF_PACKET);
	CU_ASSERT_STRING_EQUAL(c.lane.interface, "eth0.5");
	CU_ASSERT_STRING_EQUAL(c.lane.address, "");
	CU_ASSERT_EQUAL(c.lane.port, 49600);
	CU_ASSERT_EQUAL(c.lane.vlan, 0);
	CU_ASSERT_EQUAL(c.lane.paths, 1);

	CU_ASSERT_EQUAL_FATAL(parse(ALONE "lane: {driver: af_xdp, interface: e0, port: 65520,"
				    " vlan: 4094, address: '2001:db8::1/128'}\n"), 0);
	CU_ASSERT_EQUAL(c.lane.driver, PW_LANE_AF_XDP);
	CU_ASSERT_STRING_EQUAL(c.lane.address, "2001:db8::1/128");
	CU_ASSERT_EQUAL(c.lane.port, 65520);
	CU_ASSERT_EQUAL(c.lane.vlan, 4094);

	CU_ASSERT_EQUAL_FATAL(parse(ALONE "lane: {driver: pci, device: '0000:3b:1f.7',"
				    " address: 10.0.0.1/22, gateway: 10.0.3.254}\n"), 0);
	CU_ASSERT_EQUAL(c.lane.driver, PW_LANE_PCI);
	CU_ASSERT_STRING_EQUAL(c.lane.device, "0000:3b:1f.7");
	CU_ASSERT_STRING_EQUAL(c.lane.gateway, "10.0.3.254");

	CU_ASSERT_EQUAL(parse(ALONE "lane: {driver: pci, device: '0000:3b:00.0', gateway: 'fe80::1',"
			      " address: '2001:db8::1/64'}\n"), 0);
	CU_ASSERT_EQUAL(parse(ALONE "lane: {vdev: net_x, address: 10.0.0.1/8, vlan: 1}\n"), 0);
}

static void test_address_that_no_lane_can_have_is_an_error(void)
{
	static const char *const bad[] = {
		"10.0.0.1", "10.0.0.1/", "10.0.0.1/0", "10.0.0.1/33", "10.0.0.1/8/8", "10.0.0.1/-8",
		"10.0.0/8", "256.0.0.1/8", "/8", "127.0.0.1/8", "0.0.0.0/8", "224.0.0.1/4", "::/64",
		"::1/64", "ff02::1/64", "2001:db8::1", "2001:db8::1/129", "2001:db8::g/64", "host/8",
		"0000:0000:0000:0000:0000:0000:0000:00000000000000001/64",
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(bad); i++) {
		char text[400];

		snprintf(text, sizeof(text), ALONE "lane: {driver: af_packet, interface: e, "
			 "address: '%s'}\n", bad[i]);
		if (parse(text) != -EINVAL || !has(e.what, "lane.address does not fit") ||
		    !has(e.fix, "192.0.2.1/24")) {
			printf("\n  %s: %s ", bad[i], e.what);
			CU_FAIL("another error");
		}
	}
}

static void test_lane_has_the_keys_of_its_driver_and_no_others(void)
{
	static const struct error_row row[] = {
		/*  0 */ { ALONE "lane: {driver: af_packet}\n", "p.yaml:4:7: lane.interface is missing",
			   "", "ip link" },
		/*  1 */ { ALONE "lane: {driver: pci, address: 10.0.0.1/8}\n",
			   "p.yaml:4:7: lane.device is missing", "", "lspci" },
		/*  2 */ { ALONE "lane: {driver: pci, device: '0000:3b:00.0'}\n",
			   "p.yaml:4:7: lane.address is missing", "", "192.0.2.1/24" },
		/*  3 */ { ALONE "lane: {driver: af_xdp, interface: e, socket: /s}\n",
			   "p.yaml:4:46: lane.socket contradicts lane.driver", "/s with af_xdp", "" },
		/*  4 */ { ALONE "lane: {driver: af_xdp, interface: e, role: server}\n",
			   "p.yaml:4:44: lane.role contradicts lane.driver", "", "memif" },
		/*  5 */ { ALONE "lane: {driver: af_packet, interface: e, device: '0000:3b:00.0'}\n",
			   "p.yaml:4:49: lane.device contradicts lane.driver", "", "pci" },
		/*  6 */ { ALONE "lane: {driver: af_packet, interface: e, gateway: 10.0.0.1}\n",
			   "p.yaml:4:50: lane.gateway contradicts lane.driver", "", "kernel" },
		/*  7 */ { ALONE "lane: {socket: /s, role: client, interface: e}\n",
			   "p.yaml:4:45: lane.interface contradicts lane.driver", "e with memif", "" },
		/*  8 */ { ALONE "lane: {socket: /s, role: client, address: 10.0.0.1/8}\n",
			   "p.yaml:4:43: lane.address contradicts lane.driver", "", "" },
		/*  9 */ { ALONE "lane: {socket: /s, role: client, port: 5}\n",
			   "p.yaml:4:40: lane.port contradicts lane.driver", "", "" },
		/* 10 */ { ALONE "lane: {vdev: net_x, vlan: 5}\n", "p.yaml:4:27: lane.vlan needs "
			   "lane.address", "", "" },
		/* 11 */ { ALONE "lane: {driver: pci, device: '0000:3b:00.0', address: 10.0.0.1/24,"
			   " gateway: 10.0.1.1}\n", "p.yaml:4:76: lane.gateway contradicts lane.address",
			   "10.0.1.1 is not in 10.0.0.1/24", "" },
		/* 12 */ { ALONE "lane: {driver: pci, device: '0000:3b:00.0', address: 10.0.0.1/24,"
			   " gateway: '2001:db8::1'}\n",
			   "p.yaml:4:76: lane.gateway contradicts lane.address", "", "" },
		/* 13 */ { ALONE "lane: {driver: pci, device: '3b:00.0', address: 10.0.0.1/24}\n",
			   "p.yaml:4:29: lane.device does not fit", "3b:00.0", "0000:3b:00.0" },
		/* 14 */ { ALONE "lane: {driver: pci, device: '0000:3b:00.8', address: 10.0.0.1/24}\n",
			   "p.yaml:4:29: lane.device does not fit", "", "" },
		/* 15 */ { ALONE "lane: {driver: af_packet, interface: 'e,x=1'}\n",
			   "p.yaml:4:38: lane.interface does not fit", "e,x=1", "" },
		/* 16 */ { ALONE "lane: {driver: af_packet, interface: abcdefghijklmnop}\n",
			   "p.yaml:4:38: lane.interface is too long", "16", "15" },
		/* 17 */ { ALONE "lane: {driver: af_packet, interface: e, vlan: 4095}\n",
			   "p.yaml:4:47: lane.vlan is out of range", "4095", "1 to 4094" },
		/* 18 */ { ALONE "lane: {driver: af_packet, interface: e, port: 65521}\n",
			   "p.yaml:4:47: lane.port is out of range", "65521", "1 to 65520" },
		/* 19 */ { ALONE "lane: {driver: af_packet, interface: e, paths: 2}\n",
			   "p.yaml:4:48: lane.paths contradicts lane.driver", "2 with", "af_xdp" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static const struct pw_test tests[] = {
	PW_TEST(test_lane_between_hosts_has_its_place_in_a_network),
	PW_TEST(test_address_that_no_lane_can_have_is_an_error),
	PW_TEST(test_lane_has_the_keys_of_its_driver_and_no_others),
};

int main(void)
{
	return PW_RUN_SUITE("conf_lane", tests);
}
