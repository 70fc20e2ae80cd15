/* SPDX-License-Identifier: BSD-3-Clause */
/* args.c - see args.h */

#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "pagewire/limits.h"

#define MEMORY_MIB_DEFAULT 256u
#define MEMORY_MIB_MAX	   65536u

enum key { KEY_SEAM = 's', KEY_PATHS = 'p', KEY_VDEV = 'v', KEY_CPUS = 'c', KEY_IDLE = 'i',
	   KEY_MEMORY = 'm', KEY_PREFIX = 'f', KEY_PCI = 'P', KEY_INTERFACE = 'I', KEY_ADDRESS = 'a',
	   KEY_GATEWAY = 'g', KEY_VLAN = 'V', KEY_UDP_PORT = 'u', KEY_MTU = 'M', KEY_DELAY = 'd',
	   KEY_HUGEPAGES = 'H' };

static const struct argp_option options[] = {
	{ "seam-fd", KEY_SEAM, "N", 0, "socket to pagewired, inherited", 0 },
	{ "paths", KEY_PATHS, "N", 0, "queues and workers (1)", 0 },
	{ "vdev", KEY_VDEV, "STRING", 0, "the lane's device, as DPDK writes it; or one per path", 0 },
	{ "pci", KEY_PCI, "ADDRESS", 0, "instead: a NIC, like 0000:3b:00.0", 0 },
	{ "interface", KEY_INTERFACE, "NAME", 0, "the kernel's, below the device", 0 },
	{ "address", KEY_ADDRESS, "IP/BITS", 0, "the lane's own, with its network", 0 },
	{ "gateway", KEY_GATEWAY, "IP", 0, "to other networks, where the kernel does not know it", 0 },
	{ "vlan", KEY_VLAN, "ID", 0, "tag of all frames", 0 },
	{ "udp-port", KEY_UDP_PORT, "N", 0, "of path 0; the others follow (49600)", 0 },
	{ "mtu", KEY_MTU, "BYTES", 0, "bound on frames, without Ethernet", 0 },
	{ "delay-target", KEY_DELAY, "US", 0, "queueing delay that senders aim at", 0 },
	{ "hugepages", KEY_HUGEPAGES, NULL, 0, "packet buffers in huge pages", 0 },
	{ "cpus", KEY_CPUS, "LIST", 0, "where workers run: 0,2-3 or auto (auto)", 0 },
	{ "idle", KEY_IDLE, "poll|backoff", 0, "what a worker without work does (backoff)", 0 },
	{ "memory", KEY_MEMORY, "MiB", 0, "for packet buffers (256)", 0 },
	{ "file-prefix", KEY_PREFIX, "NAME", 0, "tells DPDK processes apart", 0 },
	{ 0 },
};

static unsigned number(struct argp_state *state, const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		argp_error(state, "'%s' is not a number from %u to %u", text, min, max);
	return (unsigned)value;
}

/* "0,2-3"; false: malformed. */
static bool parse_cpus(const char *text, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	for (;;) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (first > last || last >= CPU_SETSIZE)
			return false;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, cpus);
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

static void take_cpus(struct argp_state *state, struct pw_args *a, const char *text)
{
	a->cpus_listed = strcmp(text, "auto") != 0;
	if (a->cpus_listed && !parse_cpus(text, &a->cpus))
		argp_error(state, "--cpus '%s' is neither a list like 0,2-3 nor auto", text);
}

static void take_idle(struct argp_state *state, struct pw_args *a, const char *text)
{
	a->poll_always = strcmp(text, "poll") == 0;
	if (!a->poll_always && strcmp(text, "backoff") != 0)
		argp_error(state, "--idle '%s' is neither poll nor backoff", text);
}

/* "192.0.2.1/24", or without "/24" if bits is NULL; false: malformed. */
static bool parse_address(const char *text, uint8_t ip[16], uint8_t *family, unsigned *bits)
{
	char host[INET6_ADDRSTRLEN + 1];
	size_t n = strcspn(text, "/");
	unsigned most;
	char *end;

	if (n >= sizeof(host) || (text[n] == '/') != (bits != NULL))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	*family = strchr(host, ':') ? PW_LANE_IPV6 : PW_LANE_IPV4;
	if (inet_pton(*family == PW_LANE_IPV6 ? AF_INET6 : AF_INET, host, ip) != 1)
		return false;
	if (!bits)
		return true;
	most = *family == PW_LANE_IPV6 ? 128 : 32;
	*bits = (unsigned)strtoul(text + n + 1, &end, 10);
	return end != text + n + 1 && !*end && *bits > 0 && *bits <= most;
}

static void take_address(struct argp_state *state, struct pw_args *a, const char *text)
{
	if (!parse_address(text, a->own.ip, &a->own.family, &a->prefix))
		argp_error(state, "--address '%s' is not like 192.0.2.1/24 or 2001:db8::1/64", text);
}

static void take_gateway(struct argp_state *state, struct pw_args *a, const char *text)
{
	uint8_t family;

	if (!parse_address(text, a->gateway, &family, NULL) || family != a->own.family)
		argp_error(state, "--gateway '%s' is no address of the kind that --address, in front "
				  "of it, is", text);
}

static void take_vdev(struct argp_state *state, struct pw_args *a, const char *text)
{
	if (a->vdevs == PW_PATHS_MAX)
		argp_error(state, "more than %u --vdev", PW_PATHS_MAX);
	else
		a->vdev[a->vdevs++] = text;
}

/* What is said of the lane. */
static error_t take_lane(int key, char *text, struct argp_state *state)
{
	struct pw_args *a = state->input;

	switch (key) {
	case KEY_VDEV:
		take_vdev(state, a, text);
		return 0;
	case KEY_PCI:
		a->pci = text;
		return 0;
	case KEY_INTERFACE:
		a->interface = text;
		return 0;
	case KEY_ADDRESS:
		take_address(state, a, text);
		return 0;
	case KEY_GATEWAY:
		take_gateway(state, a, text);
		return 0;
	case KEY_VLAN:
		a->vlan = number(state, text, 1, 4094);
		return 0;
	case KEY_UDP_PORT:
		a->own.udp_port = (uint16_t)number(state, text, 1, 65536 - PW_PATHS_MAX);
		return 0;
	case KEY_MTU:
		a->mtu = number(state, text, 1280, 9600);
		return 0;
	case KEY_DELAY:
		a->delay_target_us = number(state, text, 1, 1000000);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void check_whole(struct argp_state *state, const struct pw_args *a)
{
	if (a->seam_fd < 0 || (!a->vdevs && !a->pci))
		argp_error(state, "--seam-fd and one of --vdev and --pci are needed: pagewired starts "
				  "this program");
	if (a->vdevs && a->pci)
		argp_error(state, "--vdev and --pci exclude each other");
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct pw_args *a = state->input;

	switch (key) {
	case KEY_SEAM:
		a->seam_fd = (int)number(state, text, 0, 1u << 20);
		return 0;
	case KEY_PATHS:
		a->paths = number(state, text, 1, PW_PATHS_MAX);
		return 0;
	case KEY_CPUS:
		take_cpus(state, a, text);
		return 0;
	case KEY_IDLE:
		take_idle(state, a, text);
		return 0;
	case KEY_MEMORY:
		a->memory_mib = number(state, text, 1, MEMORY_MIB_MAX);
		return 0;
	case KEY_PREFIX:
		a->file_prefix = text;
		return 0;
	case KEY_HUGEPAGES:
		a->hugepages = true;
		return 0;
	case ARGP_KEY_END:
		check_whole(state, a);
		return 0;
	default:
		return take_lane(key, text, state);
	}
}

void pw_args_parse(struct pw_args *a, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take,
		.doc = "The data plane of pagewire, started by pagewired.",
	};

	*a = (struct pw_args){ .seam_fd = -1, .paths = 1, .memory_mib = MEMORY_MIB_DEFAULT,
			       .own.udp_port = PW_UDP_PORT_BASE };
	if (sched_getaffinity(0, sizeof(a->cpus), &a->cpus))
		CPU_SET(0, &a->cpus);
	argp_parse(&argp, argc, argv, 0, NULL, a);
}
