/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grant.h - what each of several sources may send to one receive queue
 *
 * A guest in its stun owns the queue: it gets all of it, others a trickle that
 * keeps their round trips known. Otherwise those that send share equally. The
 * grants of a queue never add up to more than 95 % of what it can take, so that
 * many sources at once do not overrun it. Where the speed of the lane is not
 * known nothing is granted but the trickle.
 */
#ifndef PW_GRANT_H
#define PW_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#define PW_GRANT_TRICKLE_MBPS 50u

struct pw_grant {
	bool active;	/* has sent lately */
	bool stun;	/* and its guest is paused */
	uint32_t mbps;	/* result; 0: as fast as it can */
};

/* queue_mbps 0: not known. */
void pw_grant_share(struct pw_grant *grants, unsigned n, uint32_t queue_mbps);

#endif /* PW_GRANT_H */
