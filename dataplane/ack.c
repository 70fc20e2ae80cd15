/* SPDX-License-Identifier: BSD-3-Clause */
/* ack.c - see ack.h */

#include "ack.h"

#include "hot.h"

void pw_acker_init(struct pw_acker *a)
{
	*a = (struct pw_acker){ 0 };
}

void pw_acker_on_datagram(struct pw_acker *a, uint32_t tx_time, bool at_once, uint64_t now_ns)
{
	if (!a->pending)
		a->first_ns = now_ns;
	a->pending++;
	a->newest_ns = now_ns;
	a->newest_tx_time = tx_time;
	a->now |= at_once;
}

void pw_acker_on_duplicate(struct pw_acker *a, uint64_t now_ns)
{
	if (!a->pending)
		a->first_ns = now_ns;
	a->pending++;
}

bool pw_acker_due(const struct pw_acker *a, uint64_t now_ns)
{
	if (!a->pending)
		return false;
	return a->now || a->pending >= PW_ACK_EVERY || now_ns - a->first_ns >= PW_ACK_DELAY_NS;
}

void pw_acker_on_sent(struct pw_acker *a)
{
	a->pending = 0;
	a->now = false;
}
