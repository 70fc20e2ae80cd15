/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port_steer.c - which datagram reaches which queue, with NICs that can this and that; DPDK is a fake */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_thash.h>

#include "port_steer.h"
#include "run.h"

/* ---- a NIC that does what the test lets it do ---- */

static struct {
	bool takes_table, tells_hash, takes_rules, takes_isolation;
	bool isolated;
	unsigned rules, rules_max, flushes;
	uint16_t rule_port[PW_PATHS_MAX], rule_queue[PW_PATHS_MAX];
	enum rte_flow_item_type rule_ip;
	uint8_t key[PW_PORT_STEER_KEY_MAX + 4];	/* that it hashes with */
	uint16_t reta[PW_PORT_STEER_RETA_MAX];
	uint64_t rss_hf;
} nic;

int rte_eth_dev_rss_reta_update(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf,
				uint16_t reta_size)
{
	(void)port_id;
	for (unsigned i = 0; nic.takes_table && i < reta_size; i++)
		if (reta_conf[i / 64].mask >> i % 64 & 1)
			nic.reta[i] = reta_conf[i / 64].reta[i % 64];
	return nic.takes_table ? 0 : -ENOTSUP;
}

int rte_eth_dev_rss_reta_query(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf,
			       uint16_t reta_size)
{
	(void)port_id;
	for (unsigned i = 0; i < reta_size; i++)
		reta_conf[i / 64].reta[i % 64] = nic.reta[i];
	return nic.tells_hash ? 0 : -ENOTSUP;
}

int rte_eth_dev_rss_hash_conf_get(uint16_t port_id, struct rte_eth_rss_conf *rss_conf)
{
	(void)port_id;
	if (!nic.tells_hash)
		return -ENOTSUP;
	memcpy(rss_conf->rss_key, nic.key, rss_conf->rss_key_len);
	rss_conf->rss_hf = nic.rss_hf;
	return 0;
}

int rte_flow_isolate(uint16_t port_id, int set, struct rte_flow_error *error)
{
	(void)port_id;
	(void)error;
	nic.isolated = set != 0 && nic.takes_isolation;
	return nic.takes_isolation ? 0 : -ENOTSUP;
}

int rte_flow_flush(uint16_t port_id, struct rte_flow_error *error)
{
	(void)port_id;
	(void)error;
	nic.rules = 0;
	nic.flushes++;
	return 0;
}

int rte_flow_validate(uint16_t port_id, const struct rte_flow_attr *attr,
		      const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
		      struct rte_flow_error *error)
{
	(void)port_id;
	(void)pattern;
	(void)actions;
	CU_ASSERT_TRUE(attr->ingress);
	error->message = "no rules here";
	return nic.takes_rules ? 0 : -ENOTSUP;
}

struct rte_flow *rte_flow_create(uint16_t port_id, const struct rte_flow_attr *attr,
				 const struct rte_flow_item pattern[],
				 const struct rte_flow_action actions[],
				 struct rte_flow_error *error)
{
	const struct rte_flow_item_udp *udp = pattern[2].spec, *mask = pattern[2].mask;
	const struct rte_flow_action_queue *queue = actions[0].conf;

	(void)port_id;
	(void)attr;
	error->message = "no room for more rules";
	if (nic.rules == nic.rules_max)
		return NULL;
	CU_ASSERT_EQUAL(mask->hdr.dst_port, 0xffff);
	CU_ASSERT_EQUAL(mask->hdr.src_port, 0);
	nic.rule_ip = pattern[1].type;
	nic.rule_port[nic.rules] = rte_be_to_cpu_16(udp->hdr.dst_port);
	nic.rule_queue[nic.rules] = queue->index;
	return (struct rte_flow *)(void *)&nic.rule_queue[nic.rules++];
}

/* ---- the tests ---- */

static const struct rte_eth_dev_info hashes = {	/* as ice and igb do, in this */
	.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP,
	.hash_key_size = 52,
	.reta_size = 128,
};
static const struct rte_eth_dev_info plain;

static struct pw_port_steer steer;
static struct rte_eth_conf conf;
static struct pw_lane_end own, peer;
static char why[PW_WHY_BYTES];

static void begin(uint8_t family, uint16_t udp_port)
{
	memset(&nic, 0, sizeof(nic));
	nic.rules_max = PW_PATHS_MAX;
	nic.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
	memset(&conf, 0, sizeof(conf));
	why[0] = '\0';
	own = (struct pw_lane_end){ .family = family, .udp_port = udp_port };
	peer = own;
	for (unsigned i = 0; i < 16; i++) {
		own.ip[i] = (uint8_t)rand();
		peer.ip[i] = (uint8_t)rand();
	}
}

static void plan(uint16_t paths, bool shared, const struct rte_eth_dev_info *info)
{
	pw_port_steer_plan(&steer, &own, paths, shared, info, &conf);
	if (conf.rx_adv_conf.rss_conf.rss_key)
		memcpy(nic.key, conf.rx_adv_conf.rss_conf.rss_key,
		       conf.rx_adv_conf.rss_conf.rss_key_len);
}

static void start(uint16_t paths, bool shared, const struct rte_eth_dev_info *info)
{
	plan(paths, shared, info);
	CU_ASSERT_EQUAL(pw_port_steer_isolate(&steer, 0, why), 0);
	CU_ASSERT_EQUAL(pw_port_steer_apply(&steer, 0, why), 0);
}

/* A hash of one's own: bit by bit, as Microsoft wrote it down. */
static uint32_t toeplitz(const uint8_t *input, unsigned bytes, const uint8_t *key)
{
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < bytes * 8; bit++) {
		if (!(input[bit / 8] >> (7 - bit % 8) & 1))
			continue;
		for (unsigned i = 0; i < 32; i++)
			if (key[(bit + i) / 8] >> (7 - (bit + i) % 8) & 1)
				hash ^= 1u << (31 - i);
	}
	return hash;
}

/* The queue to which the NIC brings what comes from this port to path. */
static uint16_t queue_in_nic(uint16_t source_port, uint16_t path)
{
	unsigned n = own.family == PW_LANE_IPV6 ? 16 : 4;
	uint16_t target_port = (uint16_t)(own.udp_port + path);
	uint8_t input[36];

	memcpy(input, peer.ip, n);
	memcpy(input + n, own.ip, n);
	input[2 * n] = (uint8_t)(source_port >> 8);
	input[2 * n + 1] = (uint8_t)source_port;
	input[2 * n + 2] = (uint8_t)(target_port >> 8);
	input[2 * n + 3] = (uint8_t)target_port;
	return nic.reta[toeplitz(input, 2 * n + 4, nic.key) & (steer.reta_size - 1u)];
}

static void test_the_hash_brings_every_path_to_its_queue_whoever_sends(void)
{
	static const uint8_t families[] = { PW_LANE_IPV4, PW_LANE_IPV6 };

	for (unsigned round = 0; round < 400; round++) {
		uint16_t paths = (uint16_t)(2 + rand() % 15);

		begin(families[round % 2], (uint16_t)(1024 + rand() % 60000));
		nic.takes_table = true;
		nic.tells_hash = true;
		start(paths, false, &hashes);
		CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_HASH);
		CU_ASSERT_EQUAL(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
		for (uint16_t path = 0; path < paths; path++) {
			CU_ASSERT_EQUAL(queue_in_nic((uint16_t)rand(), path), path);
			CU_ASSERT_EQUAL(pw_port_steer_source_port(&steer, &own, &peer, path),
					own.udp_port + path);
		}
	}
}

static void test_only_the_hash_of_the_lane_s_family_is_asked_for(void)
{
	begin(PW_LANE_IPV6, 49600);
	plan(2, false, &hashes);
	CU_ASSERT_EQUAL(conf.rx_adv_conf.rss_conf.rss_hf, RTE_ETH_RSS_NONFRAG_IPV6_UDP);
	CU_ASSERT_EQUAL(conf.rx_adv_conf.rss_conf.rss_key_len, 52);
}

static void test_a_nic_that_keeps_its_own_key_is_reached_by_source_ports(void)
{
	for (unsigned round = 0; round < 50; round++) {
		begin(round % 2 ? PW_LANE_IPV6 : PW_LANE_IPV4, 49600);
		nic.takes_table = true;
		nic.tells_hash = true;
		plan(4, false, &hashes);
		for (unsigned i = 0; i < sizeof(nic.key); i++)
			nic.key[i] = (uint8_t)rand();
		CU_ASSERT_EQUAL(pw_port_steer_apply(&steer, 0, why), 0);
		for (uint16_t path = 0; path < 4; path++) {
			uint16_t port = pw_port_steer_source_port(&steer, &own, &peer, path);

			CU_ASSERT_EQUAL(queue_in_nic(port, path), path);
			CU_ASSERT_TRUE(port >= 1024);
		}
	}
}

static void test_a_nic_that_does_not_tell_its_hash_gets_the_usual_port(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_table = true;
	start(2, false, &hashes);
	CU_ASSERT_FALSE(steer.hash_known);
	CU_ASSERT_EQUAL(pw_port_steer_source_port(&steer, &own, &peer, 1), 49601);
}

static void test_rules_come_where_there_is_no_hash(void)
{
	begin(PW_LANE_IPV6, 5000);
	nic.takes_rules = true;
	start(3, false, &plain);
	CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_RULES);
	CU_ASSERT_EQUAL(conf.rxmode.mq_mode, 0);
	CU_ASSERT_EQUAL(nic.rules, 3);
	CU_ASSERT_EQUAL(nic.rule_ip, RTE_FLOW_ITEM_TYPE_IPV6);
	for (uint16_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(nic.rule_port[i], 5000 + i);
		CU_ASSERT_EQUAL(nic.rule_queue[i], i);
	}
	CU_ASSERT_FALSE(nic.isolated);
}

static void test_hashes_that_do_not_fit_are_left_alone(void)
{
	struct rte_eth_dev_info odd[5] = { hashes, hashes, hashes, hashes, hashes };

	odd[0].flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
	odd[1].hash_key_size = 16;
	odd[2].reta_size = 8;
	odd[3].reta_size = 4096;
	odd[4].reta_size = 100;
	for (unsigned i = 0; i < 5; i++) {
		begin(PW_LANE_IPV4, 49600);
		plan(2, false, &odd[i]);
		CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_RULES);
		CU_ASSERT_EQUAL(conf.rxmode.mq_mode, 0);
	}
}

static void test_a_table_that_is_refused_leads_to_rules(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_rules = true;
	start(2, false, &hashes);
	CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_RULES);
	CU_ASSERT_EQUAL(nic.rules, 2);
}

static void test_a_nic_that_can_nothing_is_used_all_the_same(void)
{
	begin(PW_LANE_IPV4, 49600);
	start(2, false, &plain);
	CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_NONE);
	CU_ASSERT_STRING_EQUAL(why, "");
}

static void test_rules_that_fit_only_in_part_are_taken_back(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_rules = true;
	nic.rules_max = 2;
	start(4, false, &plain);
	CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_NONE);
	CU_ASSERT_EQUAL(nic.rules, 0);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++)
		CU_ASSERT_PTR_NULL(steer.rule[i]);
}

static void test_one_path_needs_nothing(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_rules = true;
	start(1, false, &hashes);
	CU_ASSERT_EQUAL(steer.how, PW_PORT_STEER_NONE);
	CU_ASSERT_EQUAL(nic.rules, 0);
}

/* As mlx5: what no rule names is the kernel's. */
static void test_a_shared_nic_is_isolated_and_has_a_rule_even_for_one_path(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_rules = true;
	nic.takes_isolation = true;
	start(1, true, &hashes);
	CU_ASSERT_TRUE(nic.isolated);
	CU_ASSERT_EQUAL(nic.rules, 1);
	CU_ASSERT_EQUAL(conf.rxmode.mq_mode, 0);
}

static void test_a_shared_nic_without_rules_or_isolation_is_an_error(void)
{
	begin(PW_LANE_IPV4, 49600);
	plan(2, true, &hashes);
	CU_ASSERT_EQUAL(pw_port_steer_isolate(&steer, 0, why), -ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "kernel"));
	why[0] = '\0';
	CU_ASSERT_TRUE(pw_port_steer_apply(&steer, 0, why) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no rules here"));
}

static void test_a_restart_puts_rules_in_anew(void)
{
	begin(PW_LANE_IPV4, 49600);
	nic.takes_rules = true;
	start(2, false, &plain);
	CU_ASSERT_EQUAL(pw_port_steer_apply(&steer, 0, why), 0);
	CU_ASSERT_EQUAL(nic.rules, 2);
	CU_ASSERT_EQUAL(nic.flushes, 2);
}

static const struct pw_test tests[] = {
	PW_TEST(test_the_hash_brings_every_path_to_its_queue_whoever_sends),
	PW_TEST(test_only_the_hash_of_the_lane_s_family_is_asked_for),
	PW_TEST(test_a_nic_that_keeps_its_own_key_is_reached_by_source_ports),
	PW_TEST(test_a_nic_that_does_not_tell_its_hash_gets_the_usual_port),
	PW_TEST(test_rules_come_where_there_is_no_hash),
	PW_TEST(test_hashes_that_do_not_fit_are_left_alone),
	PW_TEST(test_a_table_that_is_refused_leads_to_rules),
	PW_TEST(test_a_nic_that_can_nothing_is_used_all_the_same),
	PW_TEST(test_rules_that_fit_only_in_part_are_taken_back),
	PW_TEST(test_one_path_needs_nothing),
	PW_TEST(test_a_shared_nic_is_isolated_and_has_a_rule_even_for_one_path),
	PW_TEST(test_a_shared_nic_without_rules_or_isolation_is_an_error),
	PW_TEST(test_a_restart_puts_rules_in_anew),
};

int main(void)
{
	srand(1);	/* the seed; other addresses, ports and keys must do as well */
	printf("port_steer: seed 1\n");
	return PW_RUN_SUITE("port_steer", tests);
}
