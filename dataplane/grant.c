/* SPDX-License-Identifier: BSD-3-Clause */
/* grant.c - see grant.h */

#include "grant.h"

#include "hot.h"

static uint32_t at_least(uint32_t mbps, uint32_t least)
{
	return mbps < least ? least : mbps;
}

/* Of what is left when the trickles of the others are taken off. */
static uint32_t stun_share(uint32_t usable, unsigned stuns, unsigned others)
{
	uint32_t trickles = others * PW_GRANT_TRICKLE_MBPS;

	if (!usable)
		return 0;
	return at_least(usable > trickles ? (usable - trickles) / stuns : 0, PW_GRANT_TRICKLE_MBPS);
}

void pw_grant_share(struct pw_grant *grants, unsigned n, uint32_t queue_mbps)
{
	uint32_t usable = (uint32_t)((uint64_t)queue_mbps * 95 / 100);
	unsigned stuns = 0, active = 0;

	for (unsigned i = 0; i < n; i++) {
		stuns += grants[i].active && grants[i].stun;
		active += grants[i].active;
	}
	for (unsigned i = 0; i < n; i++) {
		/* One that begins to send is one more. */
		unsigned sharers = active + !grants[i].active;

		if (!stuns)
			grants[i].mbps = usable ? at_least(usable / sharers, 1) : 0;
		else if (grants[i].active && grants[i].stun)
			grants[i].mbps = stun_share(usable, stuns, n - stuns);
		else
			grants[i].mbps = PW_GRANT_TRICKLE_MBPS;
	}
}
