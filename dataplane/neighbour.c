/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbour.c - see neighbour.h */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own_end.h"
#include "neighbour.h"
#include "rtnetlink.h"

#define DISCARD_PORT 9u	/* RFC 863 */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t put_address(union address *to, const struct pw_lane_end *end, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (end->family == PW_LANE_IPV6) {
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(port);
		memcpy(&to->in6.sin6_addr, end->ip, 16);
		return sizeof(to->in6);
	}
	to->in.sin_family = AF_INET;
	to->in.sin_port = htons(port);
	memcpy(&to->in.sin_addr, end->ip, 4);
	return sizeof(to->in);
}

/* A socket with our address, so that the kernel chooses as for our frames. */
static int open_nudge(const struct pw_lane_end *own)
{
	union address address;
	socklen_t bytes = put_address(&address, own, 0);
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	/* An IPv6 address that is new is not bound to for a second. */
	if (fd >= 0 && own->family == PW_LANE_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	if (fd >= 0 && bind(fd, &address.any, bytes)) {
		int status = -errno;

		close(fd);
		return status;
	}
	return fd < 0 ? -errno : fd;
}

static int open_kernel(struct pw_neighbours *n, const struct pw_args *args,
		       char why[PW_WHY_BYTES])
{
	int status = pw_own_end_index(args, &n->ifindex, why);

	if (status)
		return status;
	n->netlink = pw_rtnetlink_open();
	if (n->netlink < 0)
		return pw_why(why, n->netlink, "netlink: %s", strerror(-n->netlink));
	n->nudge = open_nudge(&n->own);
	if (n->nudge < 0)
		return pw_why(why, n->nudge, "a socket with the address of %s: %s",
			      args->interface, strerror(-n->nudge));
	return 0;
}

int pw_neighbours_open(struct pw_neighbours *n, const struct pw_args *args,
		       const uint8_t mac[PW_MAC_BYTES], char why[PW_WHY_BYTES])
{
	memset(n, 0, sizeof(*n));
	n->netlink = n->nudge = -1;
	n->own = args->own;
	n->prefix = args->prefix;
	memcpy(n->gateway, args->gateway, sizeof(n->gateway));
	if (!n->own.family)
		return 0;
	if (args->interface)
		return open_kernel(n, args, why);
	memcpy(n->arp.ip, n->own.ip, sizeof(n->arp.ip));
	memcpy(n->arp.mac, mac, sizeof(n->arp.mac));
	n->arp.family = n->own.family;
	n->arp.vlan = (uint16_t)args->vlan;
	return 0;
}

void pw_neighbours_close(struct pw_neighbours *n)
{
	if (n->netlink >= 0)
		close(n->netlink);
	if (n->nudge >= 0)
		close(n->nudge);
	n->netlink = n->nudge = -1;
}

static int find_by_kernel(struct pw_neighbours *n, const struct pw_lane_end *peer, bool ask,
			  uint8_t mac[PW_MAC_BYTES])
{
	struct pw_route route;
	int status = pw_rtnetlink_route(n->netlink, &n->own, peer, &route);

	if (status)
		return status == -EAGAIN ? status : -ENETUNREACH;
	if (route.ifindex != n->ifindex)
		return -EXDEV;
	if (ask) {
		union address address;
		socklen_t bytes = put_address(&address, peer, DISCARD_PORT);

		/* What comes of it is seen in the table, now or later. */
		(void)sendto(n->nudge, NULL, 0, 0, &address.any, bytes);
	}
	return pw_rtnetlink_neighbour(n->netlink, &route, mac);
}

static bool is_on_link(const struct pw_neighbours *n, const struct pw_lane_end *peer)
{
	unsigned whole = n->prefix / 8, rest = n->prefix % 8;

	if (memcmp(n->own.ip, peer->ip, whole) != 0)
		return false;
	return !rest || !((n->own.ip[whole] ^ peer->ip[whole]) >> (8 - rest));
}

int pw_neighbours_find(struct pw_neighbours *n, const struct pw_lane_end *peer, bool ask,
		       uint8_t mac[PW_MAC_BYTES])
{
	static const uint8_t none[16];

	if (n->ifindex)
		return find_by_kernel(n, peer, ask, mac);
	if (is_on_link(n, peer))
		return pw_arp_find(&n->arp, peer->ip, ask, mac);
	if (memcmp(n->gateway, none, sizeof(none)) == 0)
		return -ENETUNREACH;
	return pw_arp_find(&n->arp, n->gateway, ask, mac);
}
