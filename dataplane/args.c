/* SPDX-License-Identifier: BSD-3-Clause */
/* args.c - see args.h */

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "pagewire/limits.h"

#define MEMORY_MIB_DEFAULT 256u
#define MEMORY_MIB_MAX	   65536u

enum key { KEY_SEAM = 's', KEY_PATHS = 'p', KEY_VDEV = 'v', KEY_CPUS = 'c', KEY_IDLE = 'i',
	   KEY_MEMORY = 'm', KEY_PREFIX = 'f' };

static const struct argp_option options[] = {
	{ "seam-fd", KEY_SEAM, "N", 0, "socket to pagewired, inherited", 0 },
	{ "paths", KEY_PATHS, "N", 0, "queues and workers (1)", 0 },
	{ "vdev", KEY_VDEV, "STRING", 0, "the lane's port, as DPDK writes it", 0 },
	{ "cpus", KEY_CPUS, "LIST", 0, "where workers run: 0,2-3 or auto (auto)", 0 },
	{ "idle", KEY_IDLE, "poll|backoff", 0, "what a worker without work does (backoff)", 0 },
	{ "memory", KEY_MEMORY, "MiB", 0, "for packet buffers (256)", 0 },
	{ "file-prefix", KEY_PREFIX, "NAME", 0, "tells DPDK processes apart", 0 },
	{ 0 },
};

static unsigned number(struct argp_state *state, const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		argp_error(state, "'%s' is not a number from %u to %u", text, min, max);
	return (unsigned)value;
}

/* "0,2-3"; false: malformed. */
static bool parse_cpus(const char *text, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	for (;;) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (first > last || last >= CPU_SETSIZE)
			return false;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, cpus);
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

static void take_cpus(struct argp_state *state, struct pw_args *a, const char *text)
{
	a->cpus_listed = strcmp(text, "auto") != 0;
	if (a->cpus_listed && !parse_cpus(text, &a->cpus))
		argp_error(state, "--cpus '%s' is neither a list like 0,2-3 nor auto", text);
}

static void take_idle(struct argp_state *state, struct pw_args *a, const char *text)
{
	a->poll_always = strcmp(text, "poll") == 0;
	if (!a->poll_always && strcmp(text, "backoff") != 0)
		argp_error(state, "--idle '%s' is neither poll nor backoff", text);
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct pw_args *a = state->input;

	switch (key) {
	case KEY_SEAM:
		a->seam_fd = (int)number(state, text, 0, 1u << 20);
		return 0;
	case KEY_PATHS:
		a->paths = number(state, text, 1, PW_PATHS_MAX);
		return 0;
	case KEY_VDEV:
		a->vdev = text;
		return 0;
	case KEY_CPUS:
		take_cpus(state, a, text);
		return 0;
	case KEY_IDLE:
		take_idle(state, a, text);
		return 0;
	case KEY_MEMORY:
		a->memory_mib = number(state, text, 1, MEMORY_MIB_MAX);
		return 0;
	case KEY_PREFIX:
		a->file_prefix = text;
		return 0;
	case ARGP_KEY_END:
		if (a->seam_fd < 0 || !a->vdev)
			argp_error(state, "--seam-fd and --vdev are needed: pagewired starts this "
					  "program");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void pw_args_parse(struct pw_args *a, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take,
		.doc = "The data plane of pagewire, started by pagewired.",
	};

	*a = (struct pw_args){ .seam_fd = -1, .paths = 1, .memory_mib = MEMORY_MIB_DEFAULT };
	if (sched_getaffinity(0, sizeof(a->cpus), &a->cpus))
		CPU_SET(0, &a->cpus);
	argp_parse(&argp, argc, argv, 0, NULL, a);
}
