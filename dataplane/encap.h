/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * encap.h - the headers around a datagram on a lane
 *
 *	| Ethernet 14 | tag 0 or 4 | IPv4 20 or IPv6 40 | UDP 8 | datagram
 *
 * A connection prepares its headers once; each frame copies them and fills in
 * lengths and checksums. The next hop's MAC may change while frames are sent.
 * DF is set and nothing is ever fragmented: the payload was chosen for the MTU.
 * What carries data is ECT(0), so that a switch marks instead of dropping.
 *
 * Without a port that computes it the UDP checksum is 0, for IPv6 too: the
 * payload is guest memory that its guest writes while it is sent, so no sum
 * over it would hold. A CRC32C of its own guards every datagram instead, as
 * RFC 6936 asks of those who send 0. Kernels drop such datagrams over IPv6;
 * here both ends take frames off the wire themselves, and what stands between
 * them forwards by the IP header.
 *
 * Owned by whoever holds the struct, but for the next hop.
 */
#ifndef PW_ENCAP_H
#define PW_ENCAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "pagewire/lane.h"

#define PW_ETHER_BYTES 14u
#define PW_TAG_BYTES   4u
#define PW_IPV4_BYTES  20u
#define PW_IPV6_BYTES  40u
#define PW_UDP_BYTES   8u
#define PW_ENCAP_BYTES_MAX (PW_ETHER_BYTES + PW_TAG_BYTES + PW_IPV6_BYTES + PW_UDP_BYTES)

/* What IP and UDP take of the MTU. */
static inline uint32_t pw_encap_ip_udp_bytes(uint8_t family)
{
	return (family == PW_LANE_IPV6 ? PW_IPV6_BYTES : PW_IPV4_BYTES) + PW_UDP_BYTES;
}

/* Between whom. */
struct pw_encap_ends {
	struct pw_lane_end own;
	struct pw_lane_end peer;
	uint8_t own_mac[PW_MAC_BYTES];
	uint8_t next_hop[PW_MAC_BYTES];
	uint16_t source_port;
	uint16_t target_port;
	uint16_t vlan;	/* 0: no tag */
	bool any_source;	/* what the peer sends may come from another address */
	bool has_data;	/* not just acks */
	bool sums_ip;	/* the port fills in these checksums */
	bool sums_udp;
};

struct pw_encap {
	_Atomic uint64_t next_hop;	/* 6 bytes, as in memory */
	uint32_t ip_sum;	/* IPv4 header, all but its length */
	uint32_t pseudo_sum;	/* what UDP's checksum takes of IP, all but the length */
	uint16_t bytes;	/* of all headers */
	uint16_t l2_bytes;
	uint16_t l3_bytes;
	bool is_ipv6;
	bool any_source;
	bool sums_ip;
	bool sums_udp;
	uint8_t peer_ip[16];
	uint8_t head[PW_ENCAP_BYTES_MAX];
};

/* own.family is IPv4 or IPv6, and peer.family too. */
void pw_encap_init(struct pw_encap *e, const struct pw_encap_ends *ends);

/* The fixed ends of a lane of two processes: nothing but that lane ever sees
 * them. Ports and what the device does are the caller's to fill in. */
void pw_encap_local_ends(struct pw_encap_ends *ends, bool far_end);

/* From now on frames go there. Any thread. */
void pw_encap_set_next_hop(struct pw_encap *e, const uint8_t mac[PW_MAC_BYTES]);

/* Write e->bytes of headers in front of a datagram. */
void pw_encap_write(const struct pw_encap *e, uint8_t *to, uint16_t datagram_bytes);

/* ---- what came ---- */

/* Whose datagrams a path takes. */
struct pw_encap_filter {
	uint8_t family;	/* PW_LANE_IPV4 or _IPV6 */
	bool any_address;	/* whatever it was sent to */
	uint8_t ip[16];	/* ours */
	uint16_t port;	/* UDP, of this path */
	uint16_t vlan;	/* 0: without a tag, or with one for priority alone */
};

struct pw_encap_frame {
	const uint8_t *bytes;
	uint32_t count;
	bool tag_taken;	/* by the port: it is in tag */
	uint16_t tag;
};

enum pw_encap_kind {
	PW_ENCAP_OURS,
	PW_ENCAP_OTHER,	/* for somebody else, or another protocol: a lane may be shared */
	PW_ENCAP_BAD	/* for this host, but cut, in fragments or with headers we do not take */
};

struct pw_encap_found {
	const uint8_t *datagram;
	const uint8_t *source_ip;	/* 4 or 16 bytes in the frame */
	uint32_t bytes;	/* of the datagram; what pads the frame is not counted */
	bool marked;	/* congestion experienced */
	bool summed;	/* UDP has a checksum */
};

/* found is filled in if the frame is ours. */
enum pw_encap_kind pw_encap_parse(const struct pw_encap_filter *filter,
				  const struct pw_encap_frame *frame, struct pw_encap_found *found);

/* Is UDP's checksum right? It reads every byte: for what no port has looked at. */
bool pw_encap_sum_ok(const struct pw_encap_filter *filter, const struct pw_encap_found *found);

/* Did it come from where this connection sends to? */
bool pw_encap_is_from_peer(const struct pw_encap *e, const struct pw_encap_found *found);

/* Do both send to the same host? */
bool pw_encap_is_same_peer(const struct pw_encap *a, const struct pw_encap *b);

#endif /* PW_ENCAP_H */
