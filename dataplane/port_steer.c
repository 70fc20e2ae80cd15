/* SPDX-License-Identifier: BSD-3-Clause */
/* port_steer.c - see port_steer.h */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_thash.h>

#include "port_steer.h"

#define KEY_BYTES_MIN 40u	/* up to the destination port of IPv6, and 32 bits on */
#define PORT_MIN      1024u	/* of source ports; below, they are others' */

/* Bit b of the destination port meets bit k of the key in bit k - b of the hash
 * (all counted from the most significant). One bit of the key, 12 bits into what
 * meets the port in the hash's last bit, brings the port's low four bits to the
 * hash's low four, in reverse: 16 ports in a row have 16 values. */
#define KEY_BIT(port_bit) ((port_bit) + 31u + 12u)
#define PORT_BIT_IPV4	  80u	/* of the destination port behind addresses and source port */
#define PORT_BIT_IPV6	  272u
#define BUCKETS		  16u

static_assert(PW_PATHS_MAX <= BUCKETS, "a bucket of the hash per path");
static_assert(KEY_BIT(PORT_BIT_IPV6) < KEY_BYTES_MIN * 8, "the key is long enough");

/* ---- plan ---- */

static uint64_t udp_hash(const struct pw_port_steer *s)
{
	return s->family == PW_LANE_IPV6 ? RTE_ETH_RSS_NONFRAG_IPV6_UDP :
					   RTE_ETH_RSS_NONFRAG_IPV4_UDP;
}

static bool can_hash(const struct pw_port_steer *s, const struct rte_eth_dev_info *info)
{
	return (info->flow_type_rss_offloads & udp_hash(s)) &&
	       info->hash_key_size >= KEY_BYTES_MIN && info->hash_key_size <= PW_PORT_STEER_KEY_MAX &&
	       info->reta_size >= BUCKETS && info->reta_size <= PW_PORT_STEER_RETA_MAX &&
	       (info->reta_size & (info->reta_size - 1)) == 0;
}

static void make_key(struct pw_port_steer *s)
{
	unsigned bit = KEY_BIT(s->family == PW_LANE_IPV6 ? PORT_BIT_IPV6 : PORT_BIT_IPV4);

	memset(s->key, 0, sizeof(s->key));
	s->key[bit / 8] = (uint8_t)(0x80u >> bit % 8);
}

static unsigned bucket_of(uint16_t port)
{
	return (port & 1u) << 3 | (port & 2u) << 1 | (port & 4u) >> 1 | (port & 8u) >> 3;
}

void pw_port_steer_plan(struct pw_port_steer *s, const struct pw_lane_end *own, uint16_t paths, bool shared,
		   const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	memset(s, 0, sizeof(*s));
	s->shared = shared;
	s->family = own->family;
	s->udp_port = own->udp_port;
	s->paths = paths;
	if (paths == 1 && !shared)
		return;
	s->how = PW_PORT_STEER_RULES;
	if (shared || !can_hash(s, info))
		return;
	s->how = PW_PORT_STEER_HASH;
	s->reta_size = info->reta_size;
	s->key_bytes = info->hash_key_size;
	s->rss_types = udp_hash(s);
	make_key(s);
	for (uint16_t path = 0; path < paths; path++)
		s->reta[bucket_of((uint16_t)(s->udp_port + path))] = (uint8_t)path;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = s->key,
		.rss_key_len = (uint8_t)s->key_bytes,
		.rss_hf = s->rss_types,
	};
}

int pw_port_steer_isolate(const struct pw_port_steer *s, uint16_t port, char why[PW_WHY_BYTES])
{
	struct rte_flow_error error = { 0 };
	int status = s->shared ? rte_flow_isolate(port, 1, &error) : 0;

	if (status)
		return pw_why(why, status, "the NIC cannot leave the kernel its own traffic: %s",
			      error.message ? error.message : strerror(-status));
	return 0;
}

/* ---- hash ---- */

static int set_table(const struct pw_port_steer *s, uint16_t port)
{
	struct rte_eth_rss_reta_entry64 group[PW_PORT_STEER_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];

	memset(group, 0, sizeof(group));
	for (unsigned i = 0; i < s->reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *g = &group[i / RTE_ETH_RETA_GROUP_SIZE];

		g->mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
		g->reta[i % RTE_ETH_RETA_GROUP_SIZE] = s->reta[i];
	}
	return rte_eth_dev_rss_reta_update(port, group, s->reta_size);
}

/* What the device says that it uses. False: it does not say. */
static bool read_back(struct pw_port_steer *s, uint16_t port)
{
	struct rte_eth_rss_reta_entry64 group[PW_PORT_STEER_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_rss_conf conf = { .rss_key = s->key, .rss_key_len = (uint8_t)s->key_bytes };

	memset(group, 0, sizeof(group));
	for (unsigned i = 0; i < RTE_DIM(group); i++)
		group[i].mask = UINT64_MAX;
	if (rte_eth_dev_rss_hash_conf_get(port, &conf) ||
	    rte_eth_dev_rss_reta_query(port, group, s->reta_size) || !(conf.rss_hf & s->rss_types))
		return false;
	for (unsigned i = 0; i < s->reta_size; i++)
		s->reta[i] = (uint8_t)group[i / RTE_ETH_RETA_GROUP_SIZE]
			     .reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return true;
}

static unsigned put_address(const struct pw_lane_end *end, uint32_t *word)
{
	unsigned words = end->family == PW_LANE_IPV6 ? 4 : 1;

	for (unsigned i = 0; i < words; i++)
		word[i] = (uint32_t)end->ip[4 * i] << 24 | (uint32_t)end->ip[4 * i + 1] << 16 |
			  (uint32_t)end->ip[4 * i + 2] << 8 | end->ip[4 * i + 3];
	return words;
}

uint16_t pw_port_steer_queue(const struct pw_port_steer *s, const struct pw_lane_end *own,
			const struct pw_lane_end *peer, uint16_t source_port, uint16_t path)
{
	uint32_t word[9], key[(PW_PORT_STEER_KEY_MAX + 4) / 4], hash;
	unsigned words = put_address(peer, word);

	words += put_address(own, word + words);
	word[words++] = (uint32_t)source_port << 16 | (uint16_t)(own->udp_port + path);
	memcpy(key, s->key, sizeof(key));
	hash = rte_softrss(word, words, (const uint8_t *)key);
	return s->reta[hash & (s->reta_size - 1u)];
}

uint16_t pw_port_steer_source_port(const struct pw_port_steer *s, const struct pw_lane_end *own,
			      const struct pw_lane_end *peer, uint16_t path)
{
	uint16_t usual = (uint16_t)(own->udp_port + path);

	if (s->how != PW_PORT_STEER_HASH || !s->hash_known || own->family != peer->family)
		return usual;
	if (pw_port_steer_queue(s, own, peer, usual, path) == path)
		return usual;
	for (uint32_t port = UINT16_MAX; port >= PORT_MIN; port--)
		if (pw_port_steer_queue(s, own, peer, (uint16_t)port, path) == path)
			return (uint16_t)port;
	return usual;
}

/* ---- rules ---- */

static int add_rule(struct pw_port_steer *s, uint16_t port, uint16_t path, struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item_udp udp = {
		.hdr.dst_port = rte_cpu_to_be_16((uint16_t)(s->udp_port + path)),
	};
	const struct rte_flow_item_udp mask = { .hdr.dst_port = RTE_BE16(0xffff) };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = s->family == PW_LANE_IPV6 ? RTE_FLOW_ITEM_TYPE_IPV6 :
						      RTE_FLOW_ITEM_TYPE_IPV4 },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	const struct rte_flow_action_queue queue = { .index = path };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	int status = rte_flow_validate(port, &attr, items, actions, error);

	if (status)
		return status;
	s->rule[path] = rte_flow_create(port, &attr, items, actions, error);
	return s->rule[path] ? 0 : -EIO;
}

/* All of them, or none. A device may keep its rules while it is stopped. */
static int add_rules(struct pw_port_steer *s, uint16_t port, char why[PW_WHY_BYTES])
{
	struct rte_flow_error error = { 0 };
	int status = 0;

	rte_flow_flush(port, &error);
	memset(s->rule, 0, sizeof(s->rule));
	for (uint16_t path = 0; path < s->paths && !status; path++)
		status = add_rule(s, port, path, &error);
	if (!status)
		return 0;
	rte_flow_flush(port, &(struct rte_flow_error){ 0 });
	memset(s->rule, 0, sizeof(s->rule));
	return pw_why(why, status, "the NIC cannot bring UDP port %u on to its queues: %s",
		      s->udp_port, error.message ? error.message : strerror(-status));
}

int pw_port_steer_apply(struct pw_port_steer *s, uint16_t port, char why[PW_WHY_BYTES])
{
	char unsaid[PW_WHY_BYTES] = "";
	int status;

	if (s->how == PW_PORT_STEER_HASH) {
		if (set_table(s, port) == 0) {
			s->hash_known = read_back(s, port);
			return 0;
		}
		s->how = PW_PORT_STEER_RULES;
	}
	if (s->how == PW_PORT_STEER_NONE)
		return 0;
	status = add_rules(s, port, s->shared ? why : unsaid);
	if (!status || s->shared)
		return status;
	s->how = PW_PORT_STEER_NONE;
	return 0;
}
