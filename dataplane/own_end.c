/* SPDX-License-Identifier: BSD-3-Clause */
/* own_end.c - see own_end.h */

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "own_end.h"
#include "rtnetlink.h"

int pw_own_end_index(const struct pw_args *args, int *ifindex, char why[PW_WHY_BYTES])
{
	int fd, status;

	*ifindex = (int)if_nametoindex(args->interface);
	if (!*ifindex)
		return pw_why(why, -ENODEV, "--interface %s: there is none of that name",
			      args->interface);
	if (!args->vlan)
		return 0;
	fd = pw_rtnetlink_open();
	if (fd < 0)
		return pw_why(why, fd, "netlink: %s", strerror(-fd));
	status = pw_rtnetlink_vlan(fd, *ifindex, args->vlan, ifindex);
	close(fd);
	if (status)
		return pw_why(why, status, "%s has no VLAN %u: ip link add link %s name %s.%u type vlan "
			      "id %u", args->interface, args->vlan, args->interface,
			      args->interface, args->vlan, args->vlan);
	return 0;
}

/* ---- addresses ---- */

/* The address in a and its prefix; false: it is no IP address that others reach. */
static bool take_address(const struct ifaddrs *a, struct pw_lane_end *end, unsigned *prefix)
{
	const uint8_t *mask;
	size_t bytes;

	if (!a->ifa_addr || !a->ifa_netmask)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		mask = (const uint8_t *)&((struct sockaddr_in *)(void *)a->ifa_netmask)->sin_addr;
		end->family = PW_LANE_IPV4;
		bytes = 4;
		memcpy(end->ip, &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr, bytes);
	} else if (a->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)a->ifa_addr;

		if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr))
			return false;
		mask = (const uint8_t *)&((struct sockaddr_in6 *)(void *)a->ifa_netmask)->sin6_addr;
		end->family = PW_LANE_IPV6;
		bytes = 16;
		memcpy(end->ip, &in->sin6_addr, bytes);
	} else {
		return false;
	}
	*prefix = 0;
	for (size_t i = 0; i < bytes; i++)
		*prefix += (unsigned)__builtin_popcount(mask[i]);
	return true;
}

/* Better than what was found before: IPv4, then whatever came first. */
static bool is_better(const struct pw_lane_end *now, const struct pw_lane_end *before)
{
	return !before->family ||
	       (before->family == PW_LANE_IPV6 && now->family == PW_LANE_IPV4);
}

static bool is_wanted(const struct pw_args *args, const struct pw_lane_end *end)
{
	return !args->own.family || (end->family == args->own.family &&
				     memcmp(end->ip, args->own.ip, sizeof(end->ip)) == 0);
}

static int find_address(const struct pw_args *args, const char *name, struct pw_lane_end *found,
			unsigned *prefix)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		struct pw_lane_end end = { 0 };
		unsigned bits;

		if (strcmp(a->ifa_name, name) != 0 || !take_address(a, &end, &bits) ||
		    !is_wanted(args, &end) || !is_better(&end, found))
			continue;
		*found = end;
		*prefix = bits;
	}
	freeifaddrs(all);
	return found->family ? 0 : -EADDRNOTAVAIL;
}

/* ---- speed ---- */

/* Mbit/s, or 0: only of hardware. What a virtual interface says is invented. */
static uint32_t read_speed(const char *interface)
{
	char path[64 + 2 * IF_NAMESIZE], text[16] = "";
	unsigned mbps = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	if (access(path, F_OK))
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/speed", interface);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file) || sscanf(text, "%u", &mbps) != 1 || text[0] == '-')
		mbps = 0;
	fclose(file);
	return mbps;
}

int pw_own_end_complete(struct pw_args *args, char why[PW_WHY_BYTES])
{
	char name[IF_NAMESIZE] = "", text[INET6_ADDRSTRLEN] = "";
	struct pw_lane_end found = { 0 };
	int ifindex, status;

	if (!args->interface)
		return 0;
	status = pw_own_end_index(args, &ifindex, why);
	if (status)
		return status;
	if (!if_indextoname((unsigned)ifindex, name))
		return pw_why(why, -errno, "--interface %s: %s", args->interface, strerror(errno));
	status = find_address(args, name, &found, &args->prefix);
	if (status && args->own.family) {
		inet_ntop(args->own.family == PW_LANE_IPV6 ? AF_INET6 : AF_INET, args->own.ip, text,
			  sizeof(text));
		return pw_why(why, status, "%s does not have the address %s: ip address add %s/%u dev %s, "
			      "or leave lane.address out", name, text, text, args->prefix, name);
	}
	if (status)
		return pw_why(why, status, "%s has no IP address: ip address add ... dev %s", name,
			      name);
	args->own.family = found.family;
	memcpy(args->own.ip, found.ip, sizeof(args->own.ip));
	args->own.link_mbps = read_speed(args->interface);
	return 0;
}
