/* SPDX-License-Identifier: BSD-3-Clause */
/* share_peer.c - the way to a share's peer, found and followed: see share.h */

#include <string.h>

#include "share.h"

#define ASK_NS	 250000000ull	/* until it is known: the kernel asks the wire once a second */
#define LOOK_NS	  1000000000ull	/* for another one */
#define FOLLOW_NS 30000000000ull	/* afterwards: as long as kernels trust an answer */

static int find(struct pw_share *s, struct pw_lane *lane, uint64_t every_ns,
		uint8_t mac[PW_MAC_BYTES])
{
	uint64_t now_ns = pw_clock_ns(&lane->workers.clock);
	bool ask = !s->asked_ns || now_ns - s->asked_ns > every_ns;
	int status;

	s->looked_ns = now_ns;
	status = pw_neighbours_find(&lane->neighbours, &s->peer, ask, mac);
	if (!ask)
		return status;
	s->asked_ns = now_ns;
	if (lane->port.arp)	/* whoever sends the question may sleep */
		pw_workers_ask(&lane->workers);
	return status;
}

int pw_share_find_peer(struct pw_share *s, struct pw_lane *lane)
{
	return s->peer.family ? find(s, lane, ASK_NS, s->next_hop) : 0;
}

void pw_share_follow_peer(struct pw_share *s, struct pw_lane *lane)
{
	uint64_t now_ns = pw_clock_ns(&lane->workers.clock);
	uint8_t mac[PW_MAC_BYTES];

	if (!s->peer.family || (s->asked_ns && now_ns - s->looked_ns < LOOK_NS))
		return;
	if (find(s, lane, FOLLOW_NS, mac) || memcmp(mac, s->next_hop, sizeof(mac)) == 0)
		return;
	memcpy(s->next_hop, mac, sizeof(mac));
	for (unsigned i = 0; i < lane->port.paths; i++)
		pw_encap_set_next_hop(&s->connection[i]->link.encap, mac);
}
