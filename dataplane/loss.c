/* SPDX-License-Identifier: BSD-3-Clause */
/* loss.c - see loss.h */

#include <string.h>

#include "loss.h"

#include "hot.h"

#define RTT_FIRST_NS 1000000ull	/* until there is a sample: 1 ms suits a LAN and a busy test machine */

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
	return x < low ? low : x > high ? high : x;
}

static uint64_t rtt_ns(const struct pw_loss *l)
{
	if (!l->srtt_ns)
		return RTT_FIRST_NS;
	return l->latest_ns > l->srtt_ns ? l->latest_ns : l->srtt_ns;
}

/* RFC 6298, with the usual 1/8 and 1/4. */
static void take_sample(struct pw_loss *l, uint64_t rtt)
{
	uint64_t error;

	l->latest_ns = rtt;
	if (!l->srtt_ns) {
		l->srtt_ns = rtt;
		l->rttvar_ns = rtt / 2;
		l->min_ns = rtt;
		return;
	}
	error = rtt > l->srtt_ns ? rtt - l->srtt_ns : l->srtt_ns - rtt;
	l->rttvar_ns = (3 * l->rttvar_ns + error) / 4;
	l->srtt_ns = (7 * l->srtt_ns + rtt) / 8;
	if (rtt < l->min_ns)
		l->min_ns = rtt;
}

void pw_loss_init(struct pw_loss *l, uint64_t now_ns)
{
	memset(l, 0, sizeof(*l));
	l->waiting_since_ns = now_ns;
}

void pw_loss_on_send(struct pw_loss *l, uint64_t now_ns)
{
	l->waiting_since_ns = now_ns;
}

void pw_loss_on_ack(struct pw_loss *l, uint64_t sample_ns, uint64_t now_ns)
{
	if (sample_ns)
		take_sample(l, sample_ns);
	l->probes = 0;
	l->waiting_since_ns = now_ns;
}

void pw_loss_hear_min(struct pw_loss *l, uint64_t min_ns)
{
	if (min_ns && l->srtt_ns && min_ns < l->min_ns)
		l->min_ns = min_ns;
}

/* How long to wait before the next probe. */
static uint64_t patience_ns(const struct pw_loss *l)
{
	uint64_t rto = clamp(l->srtt_ns + 4 * l->rttvar_ns, PW_RTO_MIN_NS, PW_RTO_MAX_NS);
	uint64_t first = clamp(2 * rtt_ns(l), PW_PROBE_MIN_NS, PW_RTO_MAX_NS);

	if (l->probes == 0)
		return first;
	if (l->probes >= PW_PROBES_UNTIL_DOWN)
		return PW_RTO_MAX_NS;
	return clamp(rto << (l->probes - 1), PW_RTO_MIN_NS, PW_RTO_MAX_NS);
}

bool pw_loss_probe_due(struct pw_loss *l, uint64_t now_ns)
{
	if (now_ns - l->waiting_since_ns < patience_ns(l))
		return false;
	if (l->probes < PW_PROBES_UNTIL_DOWN)
		l->probes++;
	l->waiting_since_ns = now_ns;
	return true;
}

/* Time t ago, not before the start of time. */
static uint64_t ago(uint64_t now_ns, uint64_t t)
{
	return now_ns > t ? now_ns - t : 0;
}

uint64_t pw_loss_before_ns(const struct pw_loss *l, uint64_t now_ns)
{
	return ago(now_ns, rtt_ns(l) * 9 / 8);
}

uint64_t pw_loss_tail_before_ns(const struct pw_loss *l, uint64_t now_ns)
{
	return ago(now_ns, rtt_ns(l) * 4);
}
