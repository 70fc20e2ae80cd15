/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_options.c - see guest_options.h */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../units.h"
#include "guest_options.h"
#include "pagewire/check.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

enum key {
	OPT_AGENT = 256, OPT_NAME, OPT_INCOMING, OPT_MEMORY, OPT_REGIONS, OPT_DEVICE, OPT_VGPUS,
	OPT_DIRTY_RATE, OPT_STEP_RATE, OPT_TOKEN_RATE, OPT_SEED, OPT_SABOTAGE,
};

/* Where the options that are numbers go, and what they may be. */
struct number {
	int key;
	bool is_size;
	const char *name;
	uint64_t min, max;
};

static const struct number numbers[] = {
	{ OPT_MEMORY, true, "--memory", 16 * MIB, 1024 * GIB },
	{ OPT_REGIONS, false, "--regions", 1, PW_REGIONS_MAX },
	{ OPT_DEVICE, true, "--device", PW_GUEST_VGPU_BYTES_MIN, 256 * GIB },
	{ OPT_VGPUS, false, "--vgpus", 0, PW_GUEST_VGPUS_MAX },
	{ OPT_DIRTY_RATE, true, "--dirty-rate", 0, PW_GUEST_DIRTY_RATE_MAX },
	{ OPT_STEP_RATE, false, "--step-rate", 1, PW_GUEST_STEP_RATE_MAX },
	{ OPT_TOKEN_RATE, false, "--token-rate", 0, PW_GUEST_TOKEN_RATE_MAX },
	{ OPT_SEED, false, "--seed", 0, INT64_MAX },
};

static const struct argp_option options[] = {
	{ "agent", OPT_AGENT, "SOCKET", 0, "agent socket of pagewired (" PW_GUEST_AGENT_SOCKET ")",
	  0 },
	{ "name", OPT_NAME, "NAME", 0, "name of the guest (guest)", 0 },
	{ "incoming", OPT_INCOMING, NULL, 0, "wait for a migration instead of running", 0 },
	{ "memory", OPT_MEMORY, "SIZE", 0, "host memory of the guest (1G)", 0 },
	{ "regions", OPT_REGIONS, "N", 0, "in so many regions (1)", 0 },
	{ "device", OPT_DEVICE, "SIZE", 0, "memory of each vGPU (512M)", 0 },
	{ "vgpus", OPT_VGPUS, "N", 0, "number of vGPUs (1)", 0 },
	{ "dirty-rate", OPT_DIRTY_RATE, "SIZE", 0, "host memory written per second (64M)", 0 },
	{ "step-rate", OPT_STEP_RATE, "N", 0,
	  "steps per second; each rewrites an eighth of the vGPU's workspace (100)", 0 },
	{ "token-rate", OPT_TOKEN_RATE, "N", 0,
	  "tokens per second and vGPU; each adds 16 KiB to its KV cache (1000)", 0 },
	{ "seed", OPT_SEED, "N", 0, "of everything that looks like chance (1)", 0 },
	{ "sabotage", OPT_SABOTAGE, "HOW", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

/* Does not return if text is out of range. */
static uint64_t parse_number(const struct argp_state *state, const struct number *n,
			     const char *text)
{
	int (*parse)(const char *, uint64_t *) = n->is_size ? pw_units_parse_size
							     : pw_units_parse_number;
	struct pw_units_text (*show)(uint64_t) = n->is_size ? pw_units_size : pw_units_count;
	uint64_t value = 0;

	if (!parse(text, &value) && value >= n->min && value <= n->max)
		return value;
	argp_error(state, "%s %s: give a %s from %s to %s", n->name, text,
		   n->is_size ? "size like 64M or 1G" : "number", show(n->min).text,
		   show(n->max).text);
	return 0;
}

static void set_number(struct pw_guest_plan *p, int key, uint64_t value)
{
	switch (key) {
	case OPT_MEMORY: p->size.memory_bytes = value; break;
	case OPT_REGIONS: p->size.regions = (uint32_t)value; break;
	case OPT_DEVICE: p->size.vgpu_bytes = value; break;
	case OPT_VGPUS: p->size.vgpus = (uint32_t)value; break;
	case OPT_DIRTY_RATE: p->rates.dirty_bytes_per_s = value; break;
	case OPT_STEP_RATE: p->rates.steps_per_s = (uint32_t)value; break;
	case OPT_TOKEN_RATE: p->rates.tokens_per_s = (uint32_t)value; break;
	default: p->seed = value; break;
	}
}

static enum pw_guest_sabotage parse_sabotage(const struct argp_state *state, const char *how)
{
	if (!strcmp(how, "corrupt"))
		return PW_SABOTAGE_CORRUPT;
	if (!strcmp(how, "stale"))
		return PW_SABOTAGE_STALE;
	if (!strcmp(how, "missing"))
		return PW_SABOTAGE_MISSING;
	argp_error(state, "--sabotage %s: give corrupt, stale or missing", how);
	return PW_SABOTAGE_NONE;
}

static void check_together(const struct argp_state *state, const struct pw_guest_options *o)
{
	const struct pw_guest_size *s = &o->plan.size;

	if (s->memory_bytes % (MIB * s->regions))
		argp_error(state,
			   "--memory %" PRIu64 "K: give a multiple of %u MiB, so that %u region(s) "
			   "are whole megabytes", s->memory_bytes >> 10, s->regions, s->regions);
	if (s->vgpu_bytes % MIB)
		argp_error(state, "--device %" PRIu64 "K: give a multiple of 1M",
			   s->vgpu_bytes >> 10);
	if (strlen(o->name) == 0 || strlen(o->name) >= PW_GUEST_NAME_MAX)
		argp_error(state, "--name \"%s\": give a name of 1 to %u characters", o->name,
			   PW_GUEST_NAME_MAX - 1);
	if (o->plan.sabotage && !o->plan.incoming)
		argp_error(state, "--sabotage: only of a guest that is --incoming");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct pw_guest_options *o = state->input;

	for (size_t i = 0; i < PW_ARRAY_SIZE(numbers); i++) {
		if (numbers[i].key != key)
			continue;
		set_number(&o->plan, key, parse_number(state, &numbers[i], arg));
		return 0;
	}
	switch (key) {
	case OPT_AGENT: o->agent = arg; return 0;
	case OPT_NAME: o->name = arg; return 0;
	case OPT_INCOMING: o->plan.incoming = true; return 0;
	case OPT_SABOTAGE: o->plan.sabotage = parse_sabotage(state, arg); return 0;
	case ARGP_KEY_ARG: argp_error(state, "\"%s\": options only, see --help", arg); return 0;
	case ARGP_KEY_END: check_together(state, o); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

void pw_guest_options_parse(struct pw_guest_options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "A synthetic guest: behaves like LLM inference on a VM with vGPUs, and can "
		       "tell whether a migration brought every page of it.",
	};

	*o = (struct pw_guest_options){
		.agent = PW_GUEST_AGENT_SOCKET,
		.name = "guest",
		.plan = {
			.size = { .memory_bytes = GIB, .vgpu_bytes = 512 * MIB, .regions = 1,
				  .vgpus = 1 },
			.rates = { .dirty_bytes_per_s = 64 * MIB, .steps_per_s = 100,
				   .tokens_per_s = 1000 },
			.seed = 1,
		},
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
