/* SPDX-License-Identifier: BSD-3-Clause */
/* test_conf.c - what a configuration may say, and what is answered if it may not */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "conf_text_bed.h"

static void test_least_file_has_the_documented_defaults(void)
{
	CU_ASSERT_EQUAL_FATAL(parse(LEAST), 0);
	CU_ASSERT_EQUAL(e.code, 0);
	CU_ASSERT_STRING_EQUAL(c.host, "a");
	CU_ASSERT_STRING_EQUAL(c.rpc_socket, "/run/pagewire/pagewire.sock");
	CU_ASSERT_STRING_EQUAL(c.agent_socket, "/run/pagewire/agent.sock");
	CU_ASSERT_STRING_EQUAL(c.control_address, "0.0.0.0");
	CU_ASSERT_EQUAL(c.control_port, PW_CONF_PORT);
	CU_ASSERT_STRING_EQUAL(c.tls_ca, "/e/ca");
	CU_ASSERT_STRING_EQUAL(c.tls_cert, "/e/cert");
	CU_ASSERT_STRING_EQUAL(c.tls_key, "/e/key");
	CU_ASSERT_EQUAL(c.peers, 0);
	CU_ASSERT_EQUAL(c.lane.driver, PW_LANE_MEMIF);
	CU_ASSERT_EQUAL(c.lane.role, PW_LANE_CLIENT);
	CU_ASSERT_STRING_EQUAL(c.lane.socket, "/r/m.sock");
	CU_ASSERT_EQUAL(c.lane.mtu, 0);
	CU_ASSERT_EQUAL(c.lane.paths, 2);
	CU_ASSERT_EQUAL(c.lane.delay_target_us, 0);
	CU_ASSERT_EQUAL(c.workers.cpus, 0);
	CU_ASSERT_EQUAL(c.workers.idle, PW_IDLE_BACKOFF);
	CU_ASSERT_EQUAL(c.hugepages, PW_HUGEPAGES_NONE);
	CU_ASSERT_EQUAL(c.memory_limit_mib, 256);
	CU_ASSERT_EQUAL(c.policy.verify, PW_VERIFY_STUN);
	CU_ASSERT_EQUAL(c.policy.mode, PW_MODE_ENHANCED);
	CU_ASSERT_EQUAL(c.policy.stun_goal_ms, 300);
	CU_ASSERT_EQUAL(c.policy.stun_limit_s, 100);
	CU_ASSERT_EQUAL(c.policy.deadline_s, 0);
	CU_ASSERT_EQUAL(c.policy.rounds_max, 30);
	CU_ASSERT_EQUAL(c.policy.rate_limit_mbps, 0);
	CU_ASSERT_EQUAL(c.policy.silence_s, 30);
}

static void test_every_key_arrives_where_it_belongs(void)
{
	CU_ASSERT_EQUAL_FATAL(parse("version: 1\n"
				    "host: {name: Host_1.example-x}\n"
				    "sockets: {rpc: /s/r, agent: /s/a}\n"
				    "control: {address: '::1', port: 1}\n" TLS
				    "peers:\n"
				    "  - {name: b, address: 10.0.0.2, port: 65535}\n"
				    "  - {name: c, address: c.example}\n"
				    "lane: {driver: memif, socket: /r/m, role: server, mtu: 9000,"
				    " paths: 3, delay_target_us: 50}\n"
				    "workers: {cpus: [4, 0, 4095], idle: poll}\n"
				    "memory: {hugepages: auto, limit_mib: 64}\n"
				    "policy: {verify: full, mode: legacy, stun_goal_ms: 5,"
				    " stun_limit_s: 7, deadline_s: 60, rounds_max: 9,"
				    " rate_limit_mbps: 1000, silence_s: 3}\n"),
			      0);
	CU_ASSERT_STRING_EQUAL(c.host, "Host_1.example-x");
	CU_ASSERT_STRING_EQUAL(c.rpc_socket, "/s/r");
	CU_ASSERT_STRING_EQUAL(c.agent_socket, "/s/a");
	CU_ASSERT_STRING_EQUAL(c.control_address, "::1");
	CU_ASSERT_EQUAL(c.control_port, 1);
	CU_ASSERT_EQUAL(c.peers, 2);
	CU_ASSERT_STRING_EQUAL(c.peer[0].name, "b");
	CU_ASSERT_STRING_EQUAL(c.peer[0].address, "10.0.0.2");
	CU_ASSERT_EQUAL(c.peer[0].port, 65535);
	CU_ASSERT_STRING_EQUAL(c.peer[1].address, "c.example");
	CU_ASSERT_EQUAL(c.peer[1].port, PW_CONF_PORT);
	CU_ASSERT_PTR_EQUAL(pw_conf_find_peer(&c, "c"), &c.peer[1]);
	CU_ASSERT_PTR_NULL(pw_conf_find_peer(&c, "d"));
	CU_ASSERT_EQUAL(c.lane.role, PW_LANE_SERVER);
	CU_ASSERT_EQUAL(c.lane.mtu, 9000);
	CU_ASSERT_EQUAL(c.lane.paths, 3);
	CU_ASSERT_EQUAL(c.lane.delay_target_us, 50);
	CU_ASSERT_EQUAL(c.workers.cpus, 3);
	CU_ASSERT_EQUAL(c.workers.cpu[0], 4);
	CU_ASSERT_EQUAL(c.workers.cpu[1], 0);
	CU_ASSERT_EQUAL(c.workers.cpu[2], 4095);
	CU_ASSERT_EQUAL(c.workers.idle, PW_IDLE_POLL);
	CU_ASSERT_EQUAL(c.hugepages, PW_HUGEPAGES_AUTO);
	CU_ASSERT_EQUAL(c.memory_limit_mib, 64);
	CU_ASSERT_EQUAL(c.policy.verify, PW_VERIFY_FULL);
	CU_ASSERT_EQUAL(c.policy.mode, PW_MODE_LEGACY);
	CU_ASSERT_EQUAL(c.policy.stun_goal_ms, 5);
	CU_ASSERT_EQUAL(c.policy.stun_limit_s, 7);
	CU_ASSERT_EQUAL(c.policy.deadline_s, 60);
	CU_ASSERT_EQUAL(c.policy.rounds_max, 9);
	CU_ASSERT_EQUAL(c.policy.rate_limit_mbps, 1000);
	CU_ASSERT_EQUAL(c.policy.silence_s, 3);
}

static void test_auto_is_a_word_where_it_is_allowed(void)
{
	CU_ASSERT_EQUAL(parse("version: 1\n" HOST TLS
			      "lane: {socket: /r/m, role: client, mtu: auto, delay_target_us: auto}\n"
			      "workers: {cpus: auto}\n"), 0);
	CU_ASSERT_EQUAL(c.lane.mtu, 0);
	CU_ASSERT_EQUAL(c.lane.delay_target_us, 0);
	CU_ASSERT_EQUAL(c.workers.cpus, 0);
}

static void test_vdev_stands_for_the_whole_device(void)
{
	CU_ASSERT_EQUAL(parse("version: 1\n" HOST TLS "lane: {vdev: 'net_tap0,iface=t0'}\n"), 0);
	CU_ASSERT_EQUAL(c.lane.driver, PW_LANE_VDEV);
	CU_ASSERT_STRING_EQUAL(c.lane.vdev, "net_tap0,iface=t0");
}

static void test_host_is_named_by_the_system_if_the_file_does_not(void)
{
	char name[PW_GUEST_NAME_MAX] = "";

	CU_ASSERT_EQUAL(gethostname(name, sizeof(name) - 1), 0);
	if (parse("version: 1\n" TLS LANE) == 0) {
		CU_ASSERT_STRING_EQUAL(c.host, name);
	} else {	/* a name that peers would not take: told, not bent */
		CU_ASSERT_TRUE(has(e.what, "host.name"));
	}
}

static void test_unknown_key_is_an_error_with_line_and_column(void)
{
	static const struct error_row row[] = {
		/* 0 */ { LEAST "polcy: {}\n", "p.yaml:5:1: unknown key", "polcy", "policy" },
		/* 1 */ { LEAST "policy:\n  verify: none\n  stun_gaol_ms: 3\n",
			  "p.yaml:7:3: unknown key", "stun_gaol_ms", "stun_goal_ms" },
		/* 2 */ { LEAST "peers:\n  - {name: b, adress: x}\n", "p.yaml:6:15: unknown key",
			  "adress", "use one of: name, address, port" },
		/* 3 */ { LEAST "workers: {cpus: [0, 1], idel: poll}\n",
			  "p.yaml:5:25: unknown key", "idel", "cpus, idle" },
		/* 4 */ { LEAST "memory: {? [a] : 1}\n", "p.yaml:5:12: unknown key", "not a word",
			  "hugepages, limit_mib" },
		/* 5 */ { LEAST "\"a\\nb\": 1\n", "p.yaml:5:1: unknown key", "a?b", "version, host" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_key_given_twice_is_an_error_with_line_and_column(void)
{
	static const struct error_row row[] = {
		/* 0 */ { LEAST "version: 1\n", "p.yaml:5:1: key given twice", "version", "keep one" },
		/* 1 */ { LEAST "peers:\n- {name: b, address: x}\n- {name: c, address: x, name: d}\n",
			  "p.yaml:7:25: key given twice", "name", "" },
		/* 2 */ { LEAST "policy: {}\nmemory: {}\npolicy: {}\n",
			  "p.yaml:7:1: key given twice", "policy", "" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_text_that_is_not_one_document_of_yaml_is_an_error(void)
{
	static const struct error_row row[] = {
		/* 0 */ { "", "p.yaml: the file says nothing", "", "" },
		/* 1 */ { "# only this\n", "p.yaml: the file says nothing", "", "" },
		/* 2 */ { "version: 1\nhost: {name: a\n", "p.yaml:3:1: not YAML", "flow mapping", "" },
		/* 3 */ { "a: b: c\n", "p.yaml:1:5: not YAML", "mapping values", "" },
		/* 4 */ { "version: 1\n\thost: 1\n", "p.yaml:2:1: not YAML", "tab", "" },
		/* 5 */ { LEAST "---\n" LEAST, "p.yaml:6:1: a second document", "---", "" },
		/* 6 */ { "12\n", "p.yaml: not as it should be", "MAPPING", "" },
		/* 7 */ { "[1, 2]\n", "p.yaml: not as it should be", "MAPPING", "" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_value_of_the_wrong_shape_is_an_error_with_line_and_column(void)
{
	static const struct error_row row[] = {
		/* 0 */ { LEAST "policy: 7\n", "p.yaml:5:9: not as it should be", "MAPPING", "" },
		/* 1 */ { LEAST "memory:\n  limit_mib: [1]\n", "p.yaml:6:14: not as it should be",
			  "STRING", "" },
		/* 2 */ { LEAST "peers: {name: b}\n", "p.yaml:5:8: not as it should be", "SEQUENCE",
			  "" },
		/* 3 */ { LEAST "peers: [b]\n", "p.yaml:5:9: not as it should be", "MAPPING", "" },
		/* 4 */ { LEAST "workers: {cpus: [0, [1]]}\n", "p.yaml:5:21: not as it should be",
			  "STRING", "" },
		/* 5 */ { LEAST "workers: {cpus: {a: b}}\n", "p.yaml:5:17: not as it should be",
			  "STRING", "" },
		/* 6 */ { LEAST "memory: {limit_mib: &a 99}\ncontrol: {port: *a}\n",
			  "p.yaml:6:11: not as it should be", "alias", "" },
		/* 7 */ { LEAST "control: {port: &a 99, address: *a}\n",
			  "p.yaml:5:24: not as it should be", "alias", "" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_number_out_of_range_is_answered_with_the_range(void)
{
	static const struct error_row row[] = {
		/*  0 */ { "version: 2\n" HOST TLS LANE, "p.yaml:1:10: version is out of range", "2",
			   "from 1 to 1" },
		/*  1 */ { LEAST "control: {port: 0}\n", "p.yaml:5:17: control.port is out of range",
			   "0", "from 1 to 65535" },
		/*  2 */ { LEAST "control: {port: 65536}\n",
			   "p.yaml:5:17: control.port is out of range", "65536", "" },
		/*  3 */ { LEAST "peers:\n- {name: b, address: b}\n- {name: d, address: d, port: -1}\n",
			   "p.yaml:7:31: peers[1].port is out of range", "-1", "" },
		/*  4 */ { LEAST "policy:\n  stun_goal_ms: 300ms\n",
			   "p.yaml:6:17: policy.stun_goal_ms is out of range", "300ms",
			   "a whole number from 1 to 100000 ms" },
		/*  5 */ { LEAST "policy: {stun_goal_ms: 1.5}\n",
			   "p.yaml:5:24: policy.stun_goal_ms is out of range", "1.5", "" },
		/*  6 */ { LEAST "policy: {stun_goal_ms: 0x10}\n",
			   "p.yaml:5:24: policy.stun_goal_ms is out of range", "0x10", "" },
		/*  7 */ { LEAST "policy: {stun_limit_s: 3601}\n",
			   "p.yaml:5:24: policy.stun_limit_s is out of range", "3601", "3600 s" },
		/*  8 */ { LEAST "policy: {deadline_s: 604801}\n",
			   "p.yaml:5:22: policy.deadline_s is out of range", "", "0 to 604800" },
		/*  9 */ { LEAST "policy: {rounds_max: 0}\n",
			   "p.yaml:5:22: policy.rounds_max is out of range", "0", "1 to 1000" },
		/* 10 */ { LEAST "policy: {rate_limit_mbps: 99999999999999999999999}\n",
			   "p.yaml:5:27: policy.rate_limit_mbps is out of range", "999",
			   "0 to 400000 Mbit/s" },
		/* 11 */ { LEAST "memory: {limit_mib: 63}\n",
			   "p.yaml:5:21: memory.limit_mib is out of range", "63", "64 to 65536 MiB" },
		/* 12 */ { LEAST "workers: {cpus: [0, 4096]}\n",
			   "p.yaml:5:21: workers.cpus[1] is out of range", "4096", "0 to 4095" },
		/* 13 */ { LEAST "policy: {rounds_max: }\n",
			   "p.yaml:5:22: policy.rounds_max is out of range", "", "" },
		/* 14 */ { "version: 1\n" HOST TLS "lane: {socket: /m, role: client, mtu: 1279}\n",
			   "p.yaml:4:39: lane.mtu is out of range", "1279", "auto or a whole number" },
		/* 15 */ { "version: 1\n" HOST TLS "lane: {socket: /m, role: client, paths: 17}\n",
			   "p.yaml:4:41: lane.paths is out of range", "17", "1 to 16" },
		/* 16 */ { "version: 1\n" HOST TLS "lane: {socket: /m, role: client, paths: auto}\n",
			   "p.yaml:4:41: lane.paths is out of range", "auto", "" },
		/* 17 */ { "version: 1\n" HOST TLS
			   "lane: {socket: /m, role: client, delay_target_us: 0}\n",
			   "p.yaml:4:51: lane.delay_target_us is out of range", "0", "auto or" },
		/* 18 */ { LEAST "policy: {silence_s: 3601}\n",
			   "p.yaml:5:21: policy.silence_s is out of range", "3601", "1 to 3600 s" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_word_that_is_not_known_is_answered_with_those_that_are(void)
{
	static const struct error_row row[] = {
		/* 0 */ { LEAST "policy: {verify: all}\n",
			  "p.yaml:5:18: policy.verify is none of its words", "all",
			  "none, stun, full" },
		/* 1 */ { LEAST "policy: {mode: 1}\n", "p.yaml:5:16: policy.mode is none of its words",
			  "1", "enhanced, legacy" },
		/* 2 */ { LEAST "workers: {idle: sleep}\n",
			  "p.yaml:5:17: workers.idle is none of its words", "sleep", "poll, backoff" },
		/* 3 */ { LEAST "workers: {cpus: all}\n",
			  "p.yaml:5:17: workers.cpus is none of its words", "all", "auto or a list" },
		/* 4 */ { LEAST "memory: {hugepages: 2M}\n",
			  "p.yaml:5:21: memory.hugepages is none of its words", "2M", "none, auto" },
		/* 5 */ { "version: 1\n" HOST TLS "lane: {driver: i40e, socket: /m, role: client}\n",
			  "p.yaml:4:16: lane.driver is none of its words", "i40e", "vdev, memif" },
		/* 6 */ { "version: 1\n" HOST TLS "lane: {socket: /m, role: both}\n",
			  "p.yaml:4:26: lane.role is none of its words", "both", "client, server" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void test_text_that_is_missing_too_long_or_odd_is_an_error(void)
{
	static const struct error_row row[] = {
		/*  0 */ { HOST TLS LANE, "p.yaml: version is missing", "", "version: 1" },
		/*  1 */ { "version: 1\n" HOST LANE, "p.yaml: tls.ca is missing", "", "absolute" },
		/*  2 */ { "version: 1\n" HOST LANE "tls: {ca: /a, key: /b}\n",
			   "p.yaml:4:6: tls.cert is missing", "", "" },
		/*  3 */ { "version: 1\n" HOST TLS, "p.yaml: lane.socket is missing", "", "" },
		/*  4 */ { "version: 1\n" HOST TLS "lane: {socket: /m}\n",
			   "p.yaml:4:7: lane.role is missing", "", "server" },
		/*  5 */ { LEAST "peers: [{name: b}]\n", "p.yaml:5:9: peers[0].address is missing", "",
			   "" },
		/*  6 */ { "version: 1\nhost: {name: a b}\n" TLS LANE,
			   "p.yaml:2:14: host.name does not fit", "a b", "letters" },
		/*  7 */ { "version: 1\nhost: {name: ''}\n" TLS LANE, "p.yaml:2:14: host.name is empty",
			   "", "" },
		/*  8 */ { LEAST "sockets: {rpc: run/rpc}\n",
			   "p.yaml:5:16: sockets.rpc does not fit", "run/rpc", "absolute path" },
		/*  9 */ { LEAST "sockets: {rpc: /" HUNDRED TEN "}\n",
			   "p.yaml:5:16: sockets.rpc is too long", "111 bytes", "at most 107" },
		/* 10 */ { LEAST "control: {address: 'a b'}\n",
			   "p.yaml:5:20: control.address does not fit", "a b", "IP address" },
		/* 11 */ { LEAST "sockets: {rpc: \"/a\\nb\"}\n",
			   "p.yaml:5:16: sockets.rpc does not fit", "/a?b", "" },
		/* 12 */ { "version: 1\nhost: {name: " TEN TEN TEN TEN TEN TEN TEN "}\n" TLS LANE,
			   "p.yaml:2:14: host.name is too long", "70 bytes", "63" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
}

static void test_contradictions_are_errors_and_nothing_is_adjusted(void)
{
	static const struct error_row row[] = {
		/*  0 */ { LEAST "policy: {stun_goal_ms: 2001, stun_limit_s: 2}\n",
			   "p.yaml:5:24: policy.stun_goal_ms contradicts policy.stun_limit_s",
			   "2001 ms", "within" },
		/*  1 */ { LEAST "policy: {stun_goal_ms: 2001, deadline_s: 2}\n",
			   "p.yaml:5:42: policy.deadline_s contradicts policy.stun_goal_ms", "2 s",
			   "" },
		/*  2 */ { LEAST "workers: {cpus: [0, 1, 2]}\n",
			   "p.yaml:5:17: workers.cpus contradicts lane.paths", "3 CPUs for 2 paths",
			   "" },
		/*  3 */ { LEAST "workers: {cpus: [1, 1]}\n",
			   "p.yaml:5:17: workers.cpus names a CPU twice", "1", "" },
		/*  4 */ { LEAST "workers: {cpus: []}\n",
			   "p.yaml:5:17: workers.cpus has too many or too few", "0 CPUs", "1 to 16" },
		/*  5 */ { LEAST "workers: {cpus: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}\n",
			   "p.yaml:5:17: workers.cpus has too many or too few", "17 CPUs", "" },
		/*  6 */ { "version: 1\n" HOST TLS "lane: {vdev: net_x, socket: /m}\n",
			   "p.yaml:4:29: lane.socket contradicts lane.vdev", "", "" },
		/*  7 */ { "version: 1\n" HOST TLS "lane: {vdev: net_x, role: client}\n",
			   "p.yaml:4:27: lane.role contradicts lane.vdev", "", "" },
		/*  8 */ { "version: 1\n" HOST TLS
			   "lane: {driver: memif, vdev: net_x, socket: /m, role: client}\n",
			   "p.yaml:4:29: lane.vdev contradicts lane.driver", "", "" },
		/*  9 */ { "version: 1\n" HOST TLS "lane: {driver: vdev}\n",
			   "p.yaml:4:7: lane.vdev is missing", "", "" },
		/* 10 */ { LEAST "sockets: {rpc: /s, agent: /s}\n",
			   "p.yaml:5:27: sockets.agent contradicts sockets.rpc", "/s", "" },
		/* 11 */ { LEAST "sockets: {agent: /r/m.sock}\n",
			   "p.yaml:4:16: lane.socket contradicts sockets", "/r/m.sock", "" },
		/* 12 */ { LEAST "peers: [{name: b, address: x}, {name: b, address: y}]\n",
			   "p.yaml:5:39: peers[1].name is given twice", "b", "" },
		/* 13 */ { LEAST "peers: [{name: a, address: x}]\n",
			   "p.yaml:5:16: peers[0].name contradicts host.name", "a is this host", "" },
	};

	expect_errors(row, PW_ARRAY_SIZE(row));
	CU_ASSERT_EQUAL(parse(LEAST "policy: {stun_goal_ms: 2000, stun_limit_s: 2, deadline_s: 2}\n"),
			0);	/* the edge that is allowed */
	CU_ASSERT_EQUAL(parse(LEAST "workers: {cpus: [7]}\n"), 0);	/* fewer than paths: shared */
	CU_ASSERT_EQUAL(c.workers.cpus, 1);
}

static void test_first_error_is_the_one_that_is_told(void)
{
	CU_ASSERT_EQUAL(parse(LEAST "control: {port: 0}\npolicy: {verify: x, rounds_max: 0}\n"),
			-EINVAL);
	CU_ASSERT_TRUE(has(e.what, "control.port"));
}

static void test_64_peers_fit_and_65_do_not(void)
{
	char text[8192] = LEAST "peers:\n";
	size_t at = strlen(text);

	for (unsigned i = 0; i < PW_CONF_PEERS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "- {name: n%u, address: x}\n", i);
	CU_ASSERT_EQUAL(parse(text), 0);
	CU_ASSERT_EQUAL(c.peers, PW_CONF_PEERS_MAX);
	CU_ASSERT_STRING_EQUAL(c.peer[63].name, "n63");
	snprintf(text + at, sizeof(text) - at, "- {name: last, address: x}\n");
	CU_ASSERT_EQUAL(parse(text), -EINVAL);
	CU_ASSERT_STRING_EQUAL(e.what, "p.yaml:6:1: peers are too many");
}

static void test_error_may_go_unheard(void)
{
	CU_ASSERT_EQUAL(pw_conf_parse(&c, "p.yaml", "a: 1\n", 5, NULL), -EINVAL);
	CU_ASSERT_EQUAL(pw_conf_parse(&c, "p.yaml", LEAST, strlen(LEAST), NULL), 0);
	CU_ASSERT_EQUAL(pw_conf_load(&c, "/nonexistent", NULL), -ENOENT);
}

/* No text may do more than fail: every prefix, and many texts with a few bytes changed. */
static void test_damaged_text_is_refused_or_read_and_never_worse(void)
{
	static const char whole[] = LEAST "peers: [{name: b, address: b, port: 1}]\n"
					  "workers: {cpus: [0, 1], idle: poll}\n"
					  "policy:\n  stun_goal_ms: 5\n  verify: full\n";
	static const char odd[] = "\t\n {}[]:-#&*!|>'\"%@`,?\\x0";
	char text[sizeof(whole)];
	unsigned state = 3, good = 0;

	for (size_t n = 0; n < sizeof(whole); n++)
		good += pw_conf_parse(&c, "p.yaml", whole, n, &e) == 0;
	CU_ASSERT(good > 0);
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(text, whole, sizeof(text));
		for (unsigned change = 0; change < 1 + i % 3; change++) {
			state = state * 1103515245u + 12345u;
			text[(state >> 8) % (sizeof(text) - 1)] = odd[(state >> 24) % (sizeof(odd) - 1)];
		}
		if (pw_conf_parse(&c, "p.yaml", text, sizeof(text) - 1, &e) != 0)
			CU_ASSERT(e.code == -EINVAL && e.what[0]);
	}
}

static void test_file_that_cannot_be_read_is_an_error_with_its_errno(void)
{
	CU_ASSERT_EQUAL(pw_conf_load(&c, "/nonexistent/p.yaml", &e), -ENOENT);
	CU_ASSERT_EQUAL(e.code, -ENOENT);
	CU_ASSERT_TRUE(has(e.what, "/nonexistent/p.yaml"));
	CU_ASSERT_TRUE(e.found[0] && e.fix[0]);
	CU_ASSERT_EQUAL(pw_conf_load(&c, "/", &e), -EISDIR);
	CU_ASSERT_EQUAL(pw_conf_load(&c, "/dev/zero", &e), -EFBIG);
}

static void test_example_loads_and_shows_the_defaults(void)
{
	struct pw_conf example;

	CU_ASSERT_EQUAL_FATAL(pw_conf_load(&example, PW_CONF_EXAMPLE, &e), 0);
	CU_ASSERT_EQUAL(parse("version: 1\n" HOST TLS LANE), 0);
	CU_ASSERT_EQUAL(example.peers, 2);
	CU_ASSERT_EQUAL(example.peer[1].port, PW_CONF_PORT);
	CU_ASSERT_EQUAL(example.control_port, c.control_port);
	CU_ASSERT_EQUAL(memcmp(&example.policy, &c.policy, sizeof(c.policy)), 0);
	CU_ASSERT_EQUAL(memcmp(&example.workers, &c.workers, sizeof(c.workers)), 0);
}

/* Make a copy of the example in which what is optional is said: it must mean the same. */
static void test_example_names_every_default_as_it_is(void)
{
	static char text[16384], said[16384];
	int fd = open(PW_CONF_EXAMPLE, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = read(fd, text, sizeof(text) - 1);
	struct pw_conf plain;
	size_t at = 0;

	CU_ASSERT_FATAL(bytes > 0);
	close(fd);
	CU_ASSERT_EQUAL(pw_conf_parse(&plain, "e", text, (size_t)bytes, &e), 0);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t indent = strspn(line, " ");
		char *key = line + indent + 2;
		bool key_line = strncmp(line + indent, "# ", 2) == 0 &&
				key[strspn(key, " abcdefghijklmnopqrstuvwxyz_")] == ':' &&
				(strchr(key, ':')[1] == '\0' || strchr(key, ':')[1] == ' ') &&
				!has(key, "vdev") && !has(key, "is optional") &&
				!has(key, "Unix sockets");

		at += (size_t)snprintf(said + at, sizeof(said) - at, "%.*s%s\n", (int)indent, line,
				       key_line ? key : line + indent);
	}
	memset(&c, 0x5a, sizeof(c));
	CU_ASSERT_EQUAL(pw_conf_parse(&c, "e", said, at, &e), 0);
	CU_ASSERT_EQUAL(memcmp(&c, &plain, sizeof(c)), 0);
	CU_ASSERT_TRUE(has(said, "\n    port: 7420") && has(said, "\n  rpc: /run") &&
		       has(said, "\n  limit_mib: 256") && has(said, "\n  rounds_max: 30"));
}

static const struct pw_test tests[] = {
	PW_TEST(test_least_file_has_the_documented_defaults),
	PW_TEST(test_every_key_arrives_where_it_belongs),
	PW_TEST(test_auto_is_a_word_where_it_is_allowed),
	PW_TEST(test_vdev_stands_for_the_whole_device),
	PW_TEST(test_host_is_named_by_the_system_if_the_file_does_not),
	PW_TEST(test_unknown_key_is_an_error_with_line_and_column),
	PW_TEST(test_key_given_twice_is_an_error_with_line_and_column),
	PW_TEST(test_text_that_is_not_one_document_of_yaml_is_an_error),
	PW_TEST(test_value_of_the_wrong_shape_is_an_error_with_line_and_column),
	PW_TEST(test_number_out_of_range_is_answered_with_the_range),
	PW_TEST(test_word_that_is_not_known_is_answered_with_those_that_are),
	PW_TEST(test_text_that_is_missing_too_long_or_odd_is_an_error),
	PW_TEST(test_contradictions_are_errors_and_nothing_is_adjusted),
	PW_TEST(test_first_error_is_the_one_that_is_told),
	PW_TEST(test_64_peers_fit_and_65_do_not),
	PW_TEST(test_error_may_go_unheard),
	PW_TEST(test_damaged_text_is_refused_or_read_and_never_worse),
	PW_TEST(test_file_that_cannot_be_read_is_an_error_with_its_errno),
	PW_TEST(test_example_loads_and_shows_the_defaults),
	PW_TEST(test_example_names_every_default_as_it_is),
};

int main(void)
{
	return PW_RUN_SUITE("conf", tests);
}
