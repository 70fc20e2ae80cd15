/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - pw-sim: whole migrations of the dataplane's core, in virtual time, one per seed */

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migration.h"

#define SELF_CHECKS 3u	/* seeds that are run twice: the same seed is the same run */

struct options {
	uint64_t first;
	uint64_t seeds;
	bool verbose;
	bool trace_hash;
	const char *program;
};

struct totals {
	struct sim_link_stats link;
	struct link_stats wire;
	uint64_t reordered;
	uint64_t again;
	uint64_t given_up;
	uint64_t probes;
	uint64_t stale;
	uint64_t sealed;
	uint64_t duplicates;
	uint64_t damaged;
	uint64_t writes;
	uint64_t events;
	uint64_t virtual_ns;
	uint64_t slowest_seed;
	uint64_t slowest_ns;
};

static void add_link(struct totals *t, const struct sim_link *l)
{
	t->link.strays += l->stats.strays;
	t->link.torn += l->stats.torn;
	t->link.refused += l->stats.refused;
	link_stats_add(&t->wire, &l->model.stats);
}

static void add_inlet(struct totals *t, const struct sim_inlet *in)
{
	t->reordered += in->reordered;
	t->stale += in->stats.rx_stale_epoch;
	t->sealed += in->stats.rx_sealed;
	t->duplicates += in->stats.rx_duplicate + in->stats.rx_too_old;
	t->damaged += in->stats.rx_bad_header + in->stats.rx_bad_payload;
}

static void add_path(struct totals *t, const struct sim_path *p)
{
	add_link(t, &p->forth);
	add_link(t, &p->back);
	add_inlet(t, &p->inlet);
	add_inlet(t, &p->astray);
	t->again += p->source_stats.tx_again_datagrams;
	t->given_up += p->source_stats.lost_datagrams;
	t->probes += p->source_stats.probes;
	t->damaged += p->source_stats.rx_bad_header;
}

static void add_migration(struct totals *t, const struct sim_migration *m)
{
	uint64_t took_ns = m->ended_ns > SIM_S ? m->ended_ns - SIM_S : 0;

	for (unsigned i = 0; i < m->scenario.paths; i++)
		add_path(t, &m->path[i]);
	t->writes += m->guest.writes;
	t->events += m->world->events;
	t->virtual_ns += took_ns;
	if (took_ns > t->slowest_ns) {
		t->slowest_ns = took_ns;
		t->slowest_seed = m->world->seed;
	}
}

/* What the link model did, and how often: what stands at 0 was not tried. */
static void show_wire(const struct link_stats *wire)
{
	const char *before = "wire: ";

#define X(name, words)                                        \
	printf("%s%" PRIu64 " " words, before, wire->name); \
	before = ", ";
	LINK_COUNTERS(X)
#undef X
	putchar('\n');
}

static void show(const struct totals *t)
{
	show_wire(&t->wire);
	printf("links: %" PRIu64 " astray, %" PRIu64 " out of order, %" PRIu64 " torn, %" PRIu64
	       " bursts not taken whole\n",
	       t->link.strays, t->reordered, t->link.torn, t->link.refused);
	printf("ends: %" PRIu64 " given up, %" PRIu64 " sent again, %" PRIu64 " probes, %" PRIu64
	       " damaged, %" PRIu64 " seen before, %" PRIu64 " of an old epoch, %" PRIu64
	       " after SEAL; %" PRIu64 " pages written meanwhile\n",
	       t->given_up, t->again, t->probes, t->damaged, t->duplicates, t->stale, t->sealed,
	       t->writes);
	printf("%.1f s of virtual time, %" PRIu64 " events; the longest is seed %" PRIu64
	       " with %" PRIu64 " ms\n",
	       (double)t->virtual_ns / 1e9, t->events, t->slowest_seed, t->slowest_ns / SIM_MS);
}

/* A crash names its seed, then goes the way it would have gone. */
static volatile uint64_t seed_running;
static struct sigaction before_us;

static void on_crash(int number)
{
	char line[96];
	int n = snprintf(line, sizeof(line), "seed %" PRIu64 ": signal %d\n", seed_running, number);

	if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) == n)
		sigaction(number, &before_us, NULL);
	else
		_exit(1);
}

static void name_crashes(void)
{
	const struct sigaction ours = { .sa_handler = on_crash };

	sigaction(SIGSEGV, &ours, &before_us);
}

/* Returns true if the seed passed; its trace hash comes back in *trace. */
static bool run_seed(const struct options *o, uint64_t seed, struct totals *totals,
		     uint64_t *trace)
{
	static struct sim_world world;
	static struct sim_migration migration;
	volatile bool passed = false;

	seed_running = seed;
	sim_world_init(&world, seed);
	world.verbose = o->verbose;
	memset(&migration, 0, sizeof(migration));
	if (setjmp(world.out) == 0) {
		sim_migration_play(&migration, &world);
		passed = true;
	}
	if (!passed)
		printf("seed %" PRIu64 ": %s\n  %s --seed %" PRIu64 "\n", seed, world.why,
		       o->program, seed);
	if (totals)
		add_migration(totals, &migration);
	*trace = world.trace;
	sim_world_fini(&world);
	fflush(stdout);
	return passed;
}

/* Run seed once more: the trace is the same, or nothing here can be reproduced. */
static bool repeats(const struct options *o, uint64_t seed, uint64_t trace)
{
	struct options quiet = *o;
	uint64_t again;

	quiet.verbose = false;
	run_seed(&quiet, seed, NULL, &again);
	if (again == trace)
		return true;
	printf("seed %" PRIu64 ": ran differently the second time (%016" PRIx64 ", %016" PRIx64
	       ")\n",
	       seed, trace, again);
	return false;
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--seeds N] [--first S] [--trace-hash]\n"
		"       %s --seed S          one seed, told in detail\n",
		program, program);
	return 2;
}

static bool parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "trace-hash", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	char *end = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t number = optarg ? strtoull(optarg, &end, 10) : 0;

		if (c == '?' || (optarg && (end == optarg || *end)))
			return false;
		if (c == 't')
			o->trace_hash = true;
		else if (c == 'n')
			o->seeds = number;
		else
			o->first = number;
		if (c == 's') {
			o->seeds = 1;
			o->verbose = o->trace_hash = true;
		}
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .seeds = 200, .program = argv[0] };
	struct totals totals = { 0 };
	uint64_t passed = 0;

	if (!parse(&o, argc, argv))
		return usage(argv[0]);
	name_crashes();
	for (uint64_t i = 0; i < o.seeds; i++) {
		uint64_t trace, seed = o.first + i;
		bool ok = run_seed(&o, seed, &totals, &trace);

		if (i < SELF_CHECKS)
			ok = repeats(&o, seed, trace) && ok;
		if (o.trace_hash)
			printf("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, trace);
		passed += ok;
	}
	show(&totals);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, o.seeds - passed);
	return passed != o.seeds;
}
