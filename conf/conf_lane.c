/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_lane.c - see conf_lane.h */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf_lane.h"
#include "conf_values.h"
#include "pagewire/check.h"
#include "pagewire/lane.h"

#define DRIVERS 5u

static const char *const driver_names[DRIVERS] = {
	[PW_LANE_VDEV] = "vdev", [PW_LANE_MEMIF] = "memif", [PW_LANE_AF_PACKET] = "af_packet",
	[PW_LANE_AF_XDP] = "af_xdp", [PW_LANE_PCI] = "pci",
};
static const char *const role_names[] = { [PW_LANE_CLIENT] = "client",
					  [PW_LANE_SERVER] = "server" };

/* ---- which keys go with which driver ---- */

enum rule { NO, MAY, MUST };

struct lane_key {
	const char *key;
	size_t said;	/* where, in struct pw_said_lane */
	const char *hint;
	uint8_t rule[DRIVERS];	/* vdev, memif, af_packet, af_xdp, pci */
};

#define KEY(name, hint, ...) \
	{ "lane." #name, offsetof(struct pw_said_lane, name), hint, { __VA_ARGS__ } }

static const struct lane_key lane_keys[] = {
	KEY(socket, "memif joins two processes by an absolute path", NO, MUST, NO, NO, NO),
	KEY(role, "one end of a memif is its server, the other its client", NO, MUST, NO, NO, NO),
	KEY(vdev, "it names all of a device as DPDK does", MUST, NO, NO, NO, NO),
	KEY(interface, "af_packet and af_xdp share one with the kernel: ip link shows them",
	    NO, NO, MUST, MUST, NO),
	KEY(device, "pci takes a NIC from the kernel: lspci -D shows them", NO, NO, NO, NO, MUST),
	KEY(address, "a lane between hosts has one: 192.0.2.1/24", MAY, NO, MAY, MAY, MUST),
	KEY(gateway, "only where the kernel does not route: pci, vdev", MAY, NO, NO, NO, MAY),
	KEY(vlan, "only a lane between hosts has one", MAY, NO, MAY, MAY, MAY),
	KEY(port, "only a lane between hosts has one", MAY, NO, MAY, MAY, MAY),
};

static const char *said_of(const struct pw_said_lane *s, const struct lane_key *key)
{
	char *const *said = (char *const *)(const void *)((const char *)s + key->said);

	return *said;
}

static void check_keys(struct pw_conf_text *t, const struct pw_said_lane *s,
		       enum pw_lane_driver driver)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(lane_keys); i++) {
		const struct lane_key *key = &lane_keys[i];
		const char *said = said_of(s, key);

		if (said && key->rule[driver] == NO)
			pw_conf_text_fail(t, key->key, "contradicts lane.%s\n%.100s with %s\n"
					  "leave one of them out: %s",
					  s->driver || driver != PW_LANE_VDEV ? "driver" : "vdev",
					  said, driver_names[driver], key->hint);
		else if (!said && key->rule[driver] == MUST)
			pw_conf_text_fail(t, key->key, "is missing\nthe file does not say it\n"
					  "add it: %s", key->hint);
	}
}

/* Nothing stands for a word that was left out; whether it may be is known. */
static void take_words(struct pw_conf_text *t, const struct pw_said_lane *s,
		       struct pw_conf_lane *l)
{
	const struct pw_conf_word words[] = {
		{ "lane.socket", s->socket, l->socket, sizeof(l->socket), PW_CONF_PATH, NULL },
		{ "lane.vdev", s->vdev, l->vdev, sizeof(l->vdev), PW_CONF_WORDS, NULL },
		{ "lane.interface", s->interface, l->interface, sizeof(l->interface), PW_CONF_NAME,
		  NULL },
		{ "lane.device", s->device, l->device, sizeof(l->device), PW_CONF_PCI, NULL },
		{ "lane.address", s->address, l->address, sizeof(l->address), PW_CONF_IP_BITS,
		  NULL },
		{ "lane.gateway", s->gateway, l->gateway, sizeof(l->gateway), PW_CONF_IP, NULL },
	};

	for (size_t i = 0; i < PW_ARRAY_SIZE(words); i++)
		if (words[i].said)
			pw_conf_take_words(t, &words[i], 1);
}

void pw_conf_take_lane(struct pw_conf_text *t, const struct pw_said_lane *s, struct pw_conf_lane *l)
{
	const struct pw_conf_choice driver = {
		"lane.driver", s->driver, driver_names, DRIVERS,
		s->vdev ? PW_LANE_VDEV : PW_LANE_MEMIF,
	};
	const struct pw_conf_choice role = { "lane.role", s->role, role_names,
					     PW_ARRAY_SIZE(role_names), PW_LANE_CLIENT };
	bool is_af_packet = s->driver && strcmp(s->driver, driver_names[PW_LANE_AF_PACKET]) == 0;
	const struct pw_conf_number numbers[] = {
		{ "lane.vlan", s->vlan, &l->vlan, "", 0, 1, 4094, false },
		{ "lane.port", s->port, &l->port, "", PW_UDP_PORT_BASE, 1, 65536 - PW_PATHS_MAX,
		  false },
		{ "lane.mtu", s->mtu, &l->mtu, "bytes", 0, 1280, 9600, true },
		{ "lane.paths", s->paths, &l->paths, "", is_af_packet ? 1 : 2, 1, PW_PATHS_MAX,
		  false },
		{ "lane.delay_target_us", s->delay_target_us, &l->delay_target_us, "us", 0, 1,
		  100000, true },
	};

	l->driver = (enum pw_lane_driver)pw_conf_take_choice(t, &driver);
	l->role = (enum pw_lane_role)pw_conf_take_choice(t, &role);
	check_keys(t, s, l->driver);
	take_words(t, s, l);
	pw_conf_take_numbers(t, numbers, PW_ARRAY_SIZE(numbers));
}

/* ---- contradictions ---- */

/* Without an address a vdev joins two processes, as memif does. */
static void check_vdev(struct pw_conf_text *t, const struct pw_conf_lane *l)
{
	const char *key = l->gateway[0] ? "lane.gateway" : l->vlan ? "lane.vlan" : "lane.port";

	if (l->driver == PW_LANE_VDEV && !l->address[0] &&
	    (l->gateway[0] || l->vlan || l->port != PW_UDP_PORT_BASE))
		pw_conf_text_fail(t, key, "needs lane.address\nthere is none\n"
				  "add lane.address, or leave it out");
}

/* Its kernel spreads what comes over the sockets of an interface as it likes. */
static void check_paths(struct pw_conf_text *t, const struct pw_conf_lane *l)
{
	if (l->driver == PW_LANE_AF_PACKET && l->paths > 1)
		pw_conf_text_fail(t, "lane.paths", "contradicts lane.driver\n%u with af_packet\n"
				  "af_packet has one path: leave it out, or use af_xdp", l->paths);
}

static bool is_in_network(const uint8_t *gateway, const uint8_t *address, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((gateway[i / 8] ^ address[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static void check_gateway(struct pw_conf_text *t, const struct pw_conf_lane *l)
{
	int family = strchr(l->gateway, ':') ? AF_INET6 : AF_INET;
	uint8_t gateway[16] = { 0 }, address[16] = { 0 };
	char ip[sizeof(l->address)];
	const char *slash = strchr(l->address, '/');

	if (!l->gateway[0] || !slash)
		return;
	memcpy(ip, l->address, sizeof(ip));
	ip[slash - l->address] = '\0';
	if (inet_pton(family, l->gateway, gateway) != 1 || inet_pton(family, ip, address) != 1 ||
	    (!is_in_network(gateway, address, (unsigned)atoi(slash + 1)) &&
	     !(gateway[0] == 0xfe && (gateway[1] & 0xc0) == 0x80)))	/* IPv6: link local */
		pw_conf_text_fail(t, "lane.gateway", "contradicts lane.address\n%s is not in %s\n"
				  "use a gateway of the lane's own network", l->gateway, l->address);
}

void pw_conf_check_lane(struct pw_conf_text *t, const struct pw_conf_lane *l)
{
	check_vdev(t, l);
	check_paths(t, l);
	check_gateway(t, l);
}
