/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - pw-sim: whole migrations of the dataplane's core, in virtual time, one bed per seed */

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"

#define SELF_CHECKS    3u	/* seeds that are run twice: the same seed is the same run */
#define COVERAGE_SEEDS 1000u	/* so many reach every cell of the table */

struct options {
	uint64_t first;
	uint64_t seeds;
	unsigned jobs;
	bool verbose;
	bool trace_hash;
	bool until_failure;
	const char *program;
};

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
static bool run_seed(const struct options *o, uint64_t seed, struct sim_totals *totals,
		     uint64_t *trace)
{
	static struct sim_world world;
	static struct sim_bed bed;
	volatile bool passed = false;

	seed_running = seed;
	sim_world_init(&world, seed);
	world.verbose = o->verbose;
	memset(&bed, 0, sizeof(bed));
	if (setjmp(world.out) == 0) {
		sim_bed_play(&bed, &world, &totals->coverage);
		passed = true;
	}
	if (!passed)
		printf("seed %" PRIu64 ": %s\n  %s --seed %" PRIu64 "\n", seed, world.why,
		       o->program, seed);
	sim_totals_take(totals, &bed);
	*trace = world.trace;
	sim_world_fini(&world);
	fflush(stdout);
	return passed;
}

/* Run seed once more: the trace is the same, or nothing here can be reproduced. */
static bool repeats(const struct options *o, uint64_t seed, uint64_t trace)
{
	static struct sim_totals unused;
	struct options quiet = *o;
	uint64_t again;

	quiet.verbose = false;
	run_seed(&quiet, seed, &unused, &again);
	if (again == trace)
		return true;
	printf("seed %" PRIu64 ": ran differently the second time (%016" PRIx64 ", %016" PRIx64
	       ")\n",
	       seed, trace, again);
	return false;
}

static void play(const void *options, const struct sim_range *range, struct sim_totals *totals)
{
	const struct options *o = options;

	for (uint64_t i = 0; i < range->seeds; i++) {
		uint64_t trace, seed = range->first + i * range->step;
		bool ok = run_seed(o, seed, totals, &trace);

		if (i < SELF_CHECKS)
			ok = repeats(o, seed, trace) && ok;
		if (o->trace_hash)
			printf("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, trace);
		totals->seeds++;
		totals->passed += ok;
		if (!ok && o->until_failure)
			return;
	}
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--seeds N] [--first S] [--jobs N] [--trace-hash] [--until-failure]\n"
		"       %s --seed S          one seed, told in detail\n",
		program, program);
	return 2;
}

static bool take(struct options *o, int option, uint64_t number)
{
	switch (option) {
	case 's':
		o->seeds = 1;
		o->verbose = o->trace_hash = true;
		o->first = number;
		return true;
	case 'f':
		o->first = number;
		return true;
	case 'n':
		o->seeds = number;
		return true;
	case 'j':
		o->jobs = (unsigned)number;
		return number > 0;
	case 't':
		o->trace_hash = true;
		return true;
	case 'u':
		o->until_failure = true;
		return true;
	default:
		return false;
	}
}

static bool parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "trace-hash", no_argument, NULL, 't' },
		{ "until-failure", no_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	char *end = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t number = optarg ? strtoull(optarg, &end, 10) : 0;

		if ((optarg && (end == optarg || *end)) || !take(o, c, number))
			return false;
	}
	if (o->trace_hash || o->until_failure)
		o->jobs = 1;	/* seeds in their order */
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .seeds = 200, .program = argv[0] };
	static struct sim_totals totals;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t failed;

	o.jobs = cores > 0 ? (unsigned)cores : 1;
	if (!parse(&o, argc, argv))
		return usage(argv[0]);
	name_crashes();
	/* Rings are large and stay almost empty: they cost what is touched of them. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	sim_jobs_run(play, &o, &(struct sim_range){ o.first, o.seeds, 1 }, o.jobs, &totals);
	sim_totals_show(&totals);
	failed = (o.until_failure ? totals.seeds : o.seeds) - totals.passed;
	if (sim_coverage_show(&totals.coverage) && totals.seeds >= COVERAGE_SEEDS) {
		printf("EMPTY: no seed reached it\n");
		failed++;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals.passed, failed);
	return failed != 0;
}
