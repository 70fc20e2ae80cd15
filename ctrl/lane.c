/* SPDX-License-Identifier: BSD-3-Clause */
/* lane.c - see lane.h */

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "lane.h"

const char *pw_lane_kind(const struct pw_lane_end *end)
{
	switch (end->family) {
	case PW_LANE_IPV4:
		return "IPv4";
	case PW_LANE_IPV6:
		return "IPv6";
	default:
		return "shared memory";
	}
}

const char *pw_lane_text(const struct pw_lane_end *end, char text[PW_LANE_TEXT_BYTES])
{
	char ip[INET6_ADDRSTRLEN] = "";

	inet_ntop(end->family == PW_LANE_IPV6 ? AF_INET6 : AF_INET, end->ip, ip, sizeof(ip));
	snprintf(text, PW_LANE_TEXT_BYTES, "%s, UDP port %u", ip, end->udp_port);
	return text;
}

const char *pw_lane_why(int status)
{
	switch (status) {
	case -EHOSTUNREACH:
		return "nobody there answers for it within 3 s";
	case -ENETUNREACH:
		return "no route leads there";
	case -EXDEV:
		return "the route there leaves by another interface than lane.interface";
	default:
		return NULL;
	}
}
