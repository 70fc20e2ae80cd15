/* SPDX-License-Identifier: BSD-3-Clause */
/* totals.c - see totals.h */

#include <inttypes.h>
#include <stdio.h>

#include "totals.h"

/* Counters that are sums; the slowest seed is not. */
#define SUMS(X)                                                                                    \
	X(link.strays) X(link.torn) X(link.refused) X(seeds) X(passed) X(reordered) X(again)       \
	X(taken_over) X(given_up) X(probes) X(shorter) X(stale) X(sealed) X(duplicates)            \
	X(damaged) X(writes) X(guests) X(attempts) X(crashes) X(events) X(virtual_ns)

static void take_inlet(struct sim_totals *t, const struct sim_inlet *in)
{
	t->reordered += in->reordered;
	t->stale += in->stats.rx_stale_epoch;
	t->sealed += in->stats.rx_sealed;
	t->duplicates += in->stats.rx_duplicate + in->stats.rx_too_old;
	t->damaged += in->stats.rx_bad_header + in->stats.rx_bad_payload;
}

static void take_path(struct sim_totals *t, const struct sim_path *p)
{
	take_inlet(t, &p->inlet);
	take_inlet(t, &p->astray);
	t->again += p->source_stats.tx_again_datagrams;
	t->taken_over += p->source_stats.tx_taken_over;
	t->given_up += p->source_stats.lost_datagrams;
	t->probes += p->source_stats.probes;
	t->shorter += p->source_stats.mtu_downs;
	t->damaged += p->source_stats.rx_bad_header;
}

static void take_way(struct sim_totals *t, const struct sim_way *way)
{
	link_stats_add(&t->wire, &way->link.model.stats);
	t->link.strays += way->link.stats.strays;
	t->link.torn += way->link.stats.torn;
	t->link.refused += way->link.stats.refused;
}

static void least(struct sim_totals *t, uint64_t got, uint64_t compared)
{
	if (compared && (!t->compared || got < t->got_least))
		t->got_least = got;
	t->compared += compared;
}

static void take_fair(struct sim_totals *t, const struct sim_fair *f, unsigned guest)
{
	if (sim_fair_compared(f, guest))
		least(t, f->got[guest] * 1000 / f->share[guest], 1);
}

static void take_migration(struct sim_totals *t, const struct sim_migration *m)
{
	t->guests++;
	t->attempts += m->attempt ? m->attempt->number : 0;
	t->writes += m->guest.writes;
}

void sim_totals_take(struct sim_totals *t, const struct sim_bed *bed)
{
	uint64_t from_ns = bed->calm_ns ? bed->calm_ns : bed->begun_ns;
	uint64_t took_ns = bed->ended_ns > from_ns ? bed->ended_ns - from_ns : 0;

	for (unsigned i = 0; i < bed->scenario.paths; i++)
		for (unsigned host = 0; host < SIM_HOSTS; host++)
			take_way(t, &bed->lane[i].way[host]);
	for (uint32_t cid = 0; cid < bed->cids; cid++)
		if (bed->end[cid]->role == PW_SOURCE)
			take_path(t, bed->end[cid]->path);
	for (unsigned i = 0; i < bed->scenario.guests && bed->migration[i]; i++) {
		take_migration(t, bed->migration[i]);
		take_fair(t, &bed->fair, i);
	}
	t->crashes += bed->crashes;
	t->events += bed->world->events;
	t->virtual_ns += bed->world->now_ns - bed->begun_ns;
	if (took_ns > t->slowest_ns) {
		t->slowest_ns = took_ns;
		t->slowest_seed = bed->world->seed;
	}
}

void sim_totals_add(struct sim_totals *to, const struct sim_totals *from)
{
#define X(name) to->name += from->name;
	SUMS(X)
#undef X
	least(to, from->got_least, from->compared);
	link_stats_add(&to->wire, &from->wire);
	sim_coverage_add(&to->coverage, &from->coverage);
	if (from->slowest_ns > to->slowest_ns) {
		to->slowest_ns = from->slowest_ns;
		to->slowest_seed = from->slowest_seed;
	}
}

/* What the link model did, and how often. */
static void show_wire(const struct link_stats *wire)
{
	const char *before = "wire: ";

#define X(name, words)                                      \
	printf("%s%" PRIu64 " " words, before, wire->name); \
	before = ", ";
	LINK_COUNTERS(X)
#undef X
	putchar('\n');
}

void sim_totals_show(const struct sim_totals *t)
{
	show_wire(&t->wire);
	printf("links: %" PRIu64 " astray, %" PRIu64 " out of order, %" PRIu64 " torn, %" PRIu64
	       " bursts not taken whole\n",
	       t->link.strays, t->reordered, t->link.torn, t->link.refused);
	printf("ends: %" PRIu64 " given up, %" PRIu64 " sent again, %" PRIu64
	       " by another path, %" PRIu64 " probes, %" PRIu64 " times shorter, %" PRIu64
	       " damaged, %" PRIu64 " seen before, %" PRIu64 " of an old epoch, %" PRIu64
	       " after SEAL; %" PRIu64 " pages written meanwhile\n",
	       t->given_up, t->again, t->taken_over, t->probes, t->shorter, t->damaged,
	       t->duplicates, t->stale, t->sealed, t->writes);
	printf("%" PRIu64 " guests shared lanes without faults: none got less than %" PRIu64
	       " %% of an equal share\n",
	       t->compared, t->got_least / 10);
	printf("%" PRIu64 " guests in %" PRIu64 " attempts, %" PRIu64
	       " dataplanes died; %.1f s of virtual time, %" PRIu64
	       " events; the longest to end in the calm is seed %" PRIu64 " with %" PRIu64 " ms\n",
	       t->guests, t->attempts, t->crashes, (double)t->virtual_ns / 1e9, t->events,
	       t->slowest_seed, t->slowest_ns / SIM_MS);
}
