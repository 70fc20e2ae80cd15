/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_options.c - see demo_options.h */

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cli.h"
#include "../units.h"
#include "demo_options.h"
#include "pagewire/check.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

enum key {
	OPT_MEMORY = 256, OPT_DEVICE, OPT_DIRTY_RATE, OPT_PATHS, OPT_MODE, OPT_SEED, OPT_VERIFY,
	OPT_JSON, OPT_REPORT, OPT_KEEP, OPT_SABOTAGE,
};

enum number_kind { COUNT, SIZE, RATE };

/* Where the options that are numbers go, and what they may be. */
struct number {
	int key;
	enum number_kind kind;
	const char *name;
	uint64_t min, max;
	uint64_t multiple;
};

static const struct number numbers[] = {
	{ OPT_MEMORY, SIZE, "--memory", 16 * MIB, 1024 * GIB, MIB },
	{ OPT_DEVICE, SIZE, "--device", 16 * MIB, 256 * GIB, MIB },
	{ OPT_DIRTY_RATE, RATE, "--dirty-rate", 0, 64 * GIB, 1 },
	{ OPT_PATHS, COUNT, "--paths", 1, PW_PATHS_MAX, 1 },
	{ OPT_SEED, COUNT, "--seed", 0, INT64_MAX, 1 },
};

static const struct argp_option options[] = {
	{ "memory", OPT_MEMORY, "SIZE", 0, "memory of the guest (1G)", 0 },
	{ "device", OPT_DEVICE, "SIZE", 0, "memory of its vGPU (512M)", 0 },
	{ "dirty-rate", OPT_DIRTY_RATE, "SIZE", 0, "memory the guest writes per second (64M)", 0 },
	{ "paths", OPT_PATHS, "N", 0, "paths between the hosts, one worker each (2)", 0 },
	{ "mode", OPT_MODE, "MODE", 0,
	  "legacy (one stream, vGPU copied while the guest is paused), enhanced, or both (both)",
	  0 },
	{ "seed", OPT_SEED, "N", 0, "of everything the guest does (1)", 0 },
	{ "verify", OPT_VERIFY, "WHAT", 0,
	  "what the target compares before the guest runs: none, stun (what moved while it was "
	  "paused) or full (stun); the guest checks all of itself afterwards anyway", 0 },
	{ "json", OPT_JSON, NULL, 0, "print one JSON document instead of tables", 0 },
	{ "report", OPT_REPORT, "FILE", 0, "write a page to look at with a browser", 0 },
	{ "keep", OPT_KEEP, NULL, 0, "keep configuration and logs of the two hosts", 0 },
	{ "quiet", 'q', NULL, 0, "do not show progress", 0 },
	{ "sabotage", OPT_SABOTAGE, "HOW", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static const char *const mode_names[] = {
	[PW_MODE_ENHANCED] = "enhanced",
	[PW_MODE_LEGACY] = "legacy",
};

static const char *const verify_names[] = {
	[PW_VERIFY_NONE] = "none",
	[PW_VERIFY_STUN] = "stun",
	[PW_VERIFY_FULL] = "full",
};

const char *pw_demo_mode_name(enum pw_mode mode)
{
	return mode_names[mode];
}

const char *pw_demo_verify_name(enum pw_verify verify)
{
	return verify_names[verify];
}

static int parse_kind(enum number_kind kind, const char *text, uint64_t *value)
{
	switch (kind) {
	case SIZE: return pw_units_parse_size(text, value);
	case RATE: return pw_units_parse_rate(text, value);
	default: return pw_units_parse_number(text, value);
	}
}

/* Does not return if text is no such number or out of range. */
static uint64_t parse_number(const struct argp_state *state, const struct number *n,
			     const char *text)
{
	static const char *const kinds[] = { "number", "size like 64M or 1.5G",
					     "size per second like 64M or a rate like 1Gbit" };
	uint64_t value = 0;
	int err = parse_kind(n->kind, text, &value);

	if (err || value < n->min || value > n->max)
		argp_error(state, "%s %s: give a %s, from %s to %s", n->name, text, kinds[n->kind],
			   n->kind == COUNT ? pw_units_count(n->min).text : pw_units_size(n->min).text,
			   n->kind == COUNT ? pw_units_count(n->max).text
					    : pw_units_size(n->max).text);
	if (value % n->multiple)
		argp_error(state, "%s %s: give a multiple of %s", n->name, text,
			   pw_units_size(n->multiple).text);
	return value;
}

static void set_number(struct pw_demo_options *o, int key, uint64_t value)
{
	switch (key) {
	case OPT_MEMORY: o->memory_bytes = value; break;
	case OPT_DEVICE: o->device_bytes = value; break;
	case OPT_DIRTY_RATE: o->dirty_bytes_per_s = value; break;
	case OPT_PATHS: o->paths = (uint32_t)value; break;
	default: o->seed = value; break;
	}
}

static void parse_mode(struct pw_demo_options *o, const char *arg, const struct argp_state *state)
{
	bool both = !strcmp(arg, "both");

	if (!both && strcmp(arg, "legacy") && strcmp(arg, "enhanced"))
		argp_error(state, "--mode %s: give legacy, enhanced or both", arg);
	o->modes = both ? 2 : 1;
	o->mode[0] = strcmp(arg, "enhanced") ? PW_MODE_LEGACY : PW_MODE_ENHANCED;
	o->mode[1] = PW_MODE_ENHANCED;
}

static void parse_verify(struct pw_demo_options *o, const char *arg, const struct argp_state *state)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(verify_names); i++) {
		if (!strcmp(arg, verify_names[i])) {
			o->verify = (enum pw_verify)i;
			return;
		}
	}
	argp_error(state, "--verify %s: give none, stun or full", arg);
}

static void parse_sabotage(struct pw_demo_options *o, const char *arg,
			   const struct argp_state *state)
{
	if (strcmp(arg, "corrupt") && strcmp(arg, "stale") && strcmp(arg, "missing"))
		argp_error(state, "--sabotage %s: give corrupt, stale or missing", arg);
	o->sabotage = arg;
}

/* Better now than after the demo has run. */
static void check_report(const struct pw_demo_options *o, const struct argp_state *state)
{
	const char *slash = o->report ? strrchr(o->report, '/') : NULL;
	char folder[4096];
	struct stat st;

	if (!o->report)
		return;
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - o->report + 1) : 1,
		 slash ? o->report : ".");
	if (!stat(o->report, &st) && S_ISDIR(st.st_mode))
		argp_error(state, "--report %s: is a folder; give the name of a file", o->report);
	if (!stat(o->report, &st) ? access(o->report, W_OK) : access(folder, W_OK | X_OK))
		argp_error(state, "--report %s: cannot be written: %s", o->report,
			   strerror(errno));
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct pw_demo_options *o = state->input;

	for (size_t i = 0; i < PW_ARRAY_SIZE(numbers); i++) {
		if (numbers[i].key == key) {
			set_number(o, key, parse_number(state, &numbers[i], arg));
			return 0;
		}
	}
	switch (key) {
	case OPT_MODE: parse_mode(o, arg, state); return 0;
	case OPT_VERIFY: parse_verify(o, arg, state); return 0;
	case OPT_SABOTAGE: parse_sabotage(o, arg, state); return 0;
	case OPT_JSON: o->json = true; return 0;
	case OPT_REPORT: o->report = arg; return 0;
	case OPT_KEEP: o->keep = true; return 0;
	case 'q': o->quiet = true; return 0;
	case ARGP_KEY_ARG: argp_error(state, "\"%s\": there are options only", arg); return 0;
	case ARGP_KEY_END: check_report(o, state); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

void pw_demo_options_parse(struct pw_demo_options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Migrate a synthetic guest with a vGPU between two hosts simulated on this "
		       "machine: no root, no huge pages, no network card.",
	};

	*o = (struct pw_demo_options){
		.memory_bytes = GIB,
		.device_bytes = 512 * MIB,
		.dirty_bytes_per_s = 64 * MIB,
		.seed = 1,
		.paths = 2,
		.modes = 2,
		.mode = { PW_MODE_LEGACY, PW_MODE_ENHANCED },
		.verify = PW_VERIFY_STUN,
	};
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
