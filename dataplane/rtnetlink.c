/* SPDX-License-Identifier: BSD-3-Clause */
/* rtnetlink.c - see rtnetlink.h */

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtnetlink.h"

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* A request is a header, what its type begins with, and attributes. */
struct request {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
		struct ifinfomsg link;
	};
	uint8_t attributes[64];	/* two addresses */
};

/* 32 KiB is what the kernel fills at most per packet of a dump. */
union answer {
	struct nlmsghdr header;
	uint8_t bytes[32768];
};

int pw_rtnetlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static unsigned char family_of(uint8_t family)
{
	return family == PW_LANE_IPV6 ? AF_INET6 : AF_INET;
}

static size_t ip_bytes(uint8_t family)
{
	return family == PW_LANE_IPV6 ? 16 : 4;
}

static void add_ip(struct request *r, unsigned short type, uint8_t family, const uint8_t *ip)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)r + r->header.nlmsg_len);

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(ip_bytes(family));
	memcpy(RTA_DATA(a), ip, ip_bytes(family));
	r->header.nlmsg_len += (uint32_t)RTA_SPACE(ip_bytes(family));
}

/* Send a request; what was left unread of an older one is thrown away. */
static int send_request(int fd, const struct request *r, union answer *answer)
{
	while (recv(fd, answer, sizeof(*answer), 0) > 0)
		;
	return send(fd, r, r->header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The one message that answers, or the error that it is. */
static int ask(int fd, const struct request *r, union answer *answer)
{
	int status = send_request(fd, r, answer);
	ssize_t n;

	if (status)
		return status;
	n = recv(fd, answer, sizeof(*answer), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&answer->header, (unsigned)n))
		return -EPROTO;
	if (answer->header.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(&answer->header);

		return e->error ? e->error : -EPROTO;
	}
	return 0;
}

/* ---- attributes ---- */

struct attributes {
	const uint8_t *at;
	size_t left;
};

/* Those behind the first bytes of a message. */
static struct attributes attributes_of(const struct nlmsghdr *h, size_t bytes)
{
	size_t all = h->nlmsg_len - NLMSG_HDRLEN, first = NLMSG_ALIGN(bytes);

	return (struct attributes){ (const uint8_t *)NLMSG_DATA(h) + first,
				    all > first ? all - first : 0 };
}

/* The next one, or NULL. */
static const struct rtattr *take(struct attributes *from)
{
	const struct rtattr *a = (const void *)from->at;
	size_t bytes;

	if (from->left < sizeof(*a) || a->rta_len < sizeof(*a) || a->rta_len > from->left)
		return NULL;
	bytes = RTA_ALIGN((size_t)a->rta_len);
	if (bytes > from->left)
		bytes = from->left;
	from->at += bytes;
	from->left -= bytes;
	return a;
}

static const struct rtattr *find(struct attributes in, unsigned short type)
{
	const struct rtattr *a;

	while ((a = take(&in)))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const struct rtattr *find_within(const struct rtattr *nest, unsigned short type)
{
	return nest ? find((struct attributes){ RTA_DATA(nest), RTA_PAYLOAD(nest) }, type) : NULL;
}

/* ---- routes ---- */

static void read_hop(struct pw_route *route, const struct nlmsghdr *h)
{
	struct attributes all = attributes_of(h, sizeof(struct rtmsg));
	const struct rtattr *a;

	while ((a = take(&all))) {
		const struct rtvia *via = RTA_DATA(a);

		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) >= sizeof(int)) {
			memcpy(&route->ifindex, RTA_DATA(a), sizeof(int));
		} else if (a->rta_type == RTA_GATEWAY &&
			   RTA_PAYLOAD(a) >= ip_bytes(route->family)) {
			memcpy(route->hop, RTA_DATA(a), ip_bytes(route->family));
		} else if (a->rta_type == RTA_VIA && via->rtvia_family == AF_INET6 &&
			   RTA_PAYLOAD(a) >= sizeof(*via) + 16) {
			route->family = PW_LANE_IPV6;
			memcpy(route->hop, via->rtvia_addr, 16);
		}
	}
}

int pw_rtnetlink_route(int fd, const struct pw_lane_end *own, const struct pw_lane_end *peer,
		       struct pw_route *route)
{
	union answer answer;
	struct request r = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.route)),
			    .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = family_of(own->family),
			   .rtm_dst_len = (unsigned char)(8 * ip_bytes(own->family)),
			   .rtm_src_len = (unsigned char)(8 * ip_bytes(own->family)) },
	};
	int status;

	add_ip(&r, RTA_DST, own->family, peer->ip);
	add_ip(&r, RTA_SRC, own->family, own->ip);
	status = ask(fd, &r, &answer);
	if (status)
		return status;
	*route = (struct pw_route){ .family = own->family };
	memcpy(route->hop, peer->ip, sizeof(route->hop));
	read_hop(route, &answer.header);
	return 0;
}

/* ---- neighbours ---- */

int pw_rtnetlink_neighbour(int fd, const struct pw_route *route, uint8_t mac[PW_MAC_BYTES])
{
	union answer answer;
	struct request r = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.neighbour)),
			    .nlmsg_type = RTM_GETNEIGH, .nlmsg_flags = NLM_F_REQUEST },
		.neighbour = { .ndm_family = family_of(route->family),
			       .ndm_ifindex = route->ifindex },
	};
	const struct ndmsg *m = NLMSG_DATA(&answer.header);
	const struct rtattr *a;
	int status;

	add_ip(&r, NDA_DST, route->family, route->hop);
	status = ask(fd, &r, &answer);
	if (status)
		return status == -ENOENT ? -EAGAIN : status;
	if (!(m->ndm_state & NUD_VALID))
		return -EAGAIN;
	a = find(attributes_of(&answer.header, sizeof(*m)), NDA_LLADDR);
	if (!a || RTA_PAYLOAD(a) != PW_MAC_BYTES)
		return -EAGAIN;
	memcpy(mac, RTA_DATA(a), PW_MAC_BYTES);
	return 0;
}

/* ---- VLANs ---- */

static bool is_vlan_on(const struct nlmsghdr *h, int ifindex, unsigned vlan)
{
	const struct attributes all = attributes_of(h, sizeof(struct ifinfomsg));
	const struct rtattr *link = find(all, IFLA_LINK), *info = find(all, IFLA_LINKINFO);
	const struct rtattr *kind = find_within(info, IFLA_INFO_KIND);
	const struct rtattr *id = find_within(find_within(info, IFLA_INFO_DATA), IFLA_VLAN_ID);
	uint16_t number;
	int below;

	if (!link || !kind || !id || RTA_PAYLOAD(link) < sizeof(below) ||
	    RTA_PAYLOAD(kind) < sizeof("vlan") || RTA_PAYLOAD(id) < sizeof(number) ||
	    memcmp(RTA_DATA(kind), "vlan", sizeof("vlan")) != 0)
		return false;
	memcpy(&below, RTA_DATA(link), sizeof(below));
	memcpy(&number, RTA_DATA(id), sizeof(number));
	return below == ifindex && number == vlan;
}

int pw_rtnetlink_vlan(int fd, int ifindex, unsigned vlan, int *vlan_ifindex)
{
	union answer answer;
	const struct request r = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.link)), .nlmsg_type = RTM_GETLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	int status = send_request(fd, &r, &answer);
	ssize_t n = 0;

	while (!status && (n = recv(fd, &answer, sizeof(answer), 0)) > 0) {
		unsigned left = (unsigned)n;

		for (const struct nlmsghdr *h = &answer.header; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return -ENODEV;
			if (h->nlmsg_type == RTM_NEWLINK && is_vlan_on(h, ifindex, vlan)) {
				*vlan_ifindex = ((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
				return 0;
			}
		}
	}
	return status ? status : -ENODEV;
}
