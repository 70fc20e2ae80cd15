/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_migrate.c - pagewire migrate, and the watching of it; pagewire cancel */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "outcome.h"
#include "progress.h"
#include "units.h"

#define POLL_MS 200

enum key { OPT_MODE = 256, OPT_VERIFY, OPT_STUN_LIMIT, OPT_STUN_GOAL, OPT_WATCH };

struct migrate {
	const char *socket;
	const char *guest;
	const char *peer;
	const char *mode;	/* NULL: as pagewired is configured; so are the others */
	const char *verify;
	double stun_limit_s;	/* 0: as configured */
	double stun_goal_s;
	bool watch;
};

static const struct argp_option options[] = {
	{ "mode", OPT_MODE, "MODE", 0, "enhanced or legacy", 0 },
	{ "verify", OPT_VERIFY, "WHAT", 0, "what the target compares first: none, stun or full", 0 },
	{ "stun-limit", OPT_STUN_LIMIT, "TIME", 0,
	  "give up, with the guest running here, rather than pause it for longer: 2s", 0 },
	{ "stun-goal", OPT_STUN_GOAL, "TIME", 0, "pause the guest once it takes no longer: 300ms", 0 },
	{ "watch", OPT_WATCH, NULL, 0, "show how it goes, until it is over", 0 },
	{ 0 },
};

static const char *parse_word(const struct argp_state *state, const char *option,
			      const char *const words[], const char *arg)
{
	for (size_t i = 0; words[i]; i++)
		if (!strcmp(words[i], arg))
			return words[i];
	argp_error(state, "%s %s: give %s, %s%s%s", option, arg, words[0], words[1],
		   words[2] ? " or " : "", words[2] ? words[2] : "");
	return NULL;
}

static double parse_time(const struct argp_state *state, const char *option, const char *arg)
{
	double s = 0;

	if (pw_units_parse_seconds(arg, &s) || s < 0.001 || s > 86400)
		argp_error(state, "%s %s: give a time like 2s or 300ms, from 1ms to 86400s", option,
			   arg);
	return s;
}

static void take_arg(struct migrate *m, struct argp_state *state, const char *arg)
{
	if (!m->guest)
		m->guest = arg;
	else if (!m->peer)
		m->peer = arg;
	else
		argp_error(state, "\"%s\": give one guest and one peer", arg);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const modes[] = { "enhanced", "legacy", NULL };
	static const char *const verifies[] = { "none", "stun", "full", NULL };
	struct migrate *m = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &m->socket; return 0;
	case OPT_MODE: m->mode = parse_word(state, "--mode", modes, arg); return 0;
	case OPT_VERIFY: m->verify = parse_word(state, "--verify", verifies, arg); return 0;
	case OPT_STUN_LIMIT: m->stun_limit_s = parse_time(state, "--stun-limit", arg); return 0;
	case OPT_STUN_GOAL: m->stun_goal_s = parse_time(state, "--stun-goal", arg); return 0;
	case OPT_WATCH: m->watch = true; return 0;
	case ARGP_KEY_ARG: take_arg(m, state, arg); return 0;
	case ARGP_KEY_END:
		if (!m->peer)
			argp_error(state, "say which guest, and the peer to move it to");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child with_socket[] = { { &pw_cli_socket_argp, 0, NULL, 0 }, { 0 } };

static json_t *start_params(const struct migrate *m)
{
	json_t *p = json_pack("{s:s, s:s, s:s*, s:s*}", "guest", m->guest, "peer", m->peer, "mode",
			      m->mode, "verify", m->verify);

	if (m->stun_limit_s > 0)
		json_object_set_new(p, "stun_limit_s", json_real(m->stun_limit_s));
	if (m->stun_goal_s > 0)
		json_object_set_new(p, "stun_goal_ms",
				    json_integer((json_int_t)(m->stun_goal_s * 1000 + 0.5)));
	return p;
}

static int start(const struct migrate *m, struct pw_outcome *o, struct pw_error *e)
{
	json_t *result;
	int err = pw_cli_call(m->socket, "migration_start", start_params(m), &result, e);
	const char *id;

	if (err)
		return err;
	id = json_string_value(json_object_get(result, "migration"));
	snprintf(o->id, sizeof(o->id), "%s", id ? id : "");
	json_decref(result);
	return id ? 0 : pw_fail(e, -EPROTO, "PW-9110", "migration_start did not name its migration");
}

/* Readable once somebody pressed Ctrl-C or asked this process to end. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int get(const char *socket, struct pw_outcome *o, struct pw_error *e)
{
	json_t *migration;
	int err = pw_cli_call(socket, "migration_get", json_pack("{s:s}", "migration", o->id),
			      &migration, e);

	if (err)
		return err;
	err = pw_outcome_parse(o, migration);
	json_decref(migration);
	return err ? pw_fail(e, err, "PW-9110", "migration_get answered what is no migration") : 0;
}

static int watch(const char *socket, struct pw_outcome *o, struct pw_error *e)
{
	struct pollfd stop = { .fd = open_signals(), .events = POLLIN };
	struct pw_progress progress;
	int err = get(socket, o, e);

	pw_progress_init(&progress, stderr);
	while (!err && pw_outcome_is_running(o)) {
		pw_progress_show(&progress, o);
		if (poll(&stop, 1, POLL_MS) > 0)
			err = pw_fail(e, -EINTR, "PW-9008",
				      "no longer watching\nthe migration goes on\n"
				      "pagewire cancel %s ends it, the guest stays here", o->id);
		else
			err = get(socket, o, e);
	}
	if (!err)
		pw_progress_show(&progress, o);
	pw_progress_clear(&progress);
	close(stop.fd);
	return err;
}

static enum pw_exit show_result(const struct pw_outcome *o)
{
	printf("%s -> %s  %s  %s after %s\n", o->guest, o->peer, o->mode, o->result,
	       pw_units_seconds(o->total_s).text);
	if (o->rounds)
		pw_outcome_print_rounds(o, stdout);
	if (o->stun_s > 0)
		pw_outcome_print_stun(o, o->stun_s, stdout);
	if (o->dataplane_restarts)
		printf(" restarts  %u of a dataplane that died\n", o->dataplane_restarts);
	if (o->verified)
		printf(" verified  %s pages\n", pw_units_count(o->verified_pages).text);
	printf(" guest     %s\n", o->guest_is);
	if (o->error.code)
		return pw_cli_fail(&o->error);
	return strcmp(o->result, "done") ? PW_EXIT_FAILED : PW_EXIT_DONE;
}

int pw_cli_migrate(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "GUEST PEER",
		.doc = "Move GUEST to PEER. Prints the migration's id and returns, unless --watch "
		       "is given.",
		.children = with_socket,
	};
	struct migrate m = { .socket = PW_CLI_SOCKET };
	struct pw_outcome o = { .id = "" };
	struct pw_error e = { 0 };
	enum pw_exit code = PW_EXIT_DONE;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &m);
	err = start(&m, &o, &e);
	if (!err && m.watch)
		err = watch(m.socket, &o, &e);
	else if (!err)
		puts(o.id);
	if (err)
		code = pw_cli_fail(&e);
	else if (m.watch)
		code = show_result(&o);
	pw_outcome_fini(&o);
	return (int)code;
}

/* ---- cancel ---- */

struct cancel {
	const char *socket;
	const char *id;
};

static error_t parse_cancel(int key, char *arg, struct argp_state *state)
{
	struct cancel *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &c->socket; return 0;
	case ARGP_KEY_ARG:
		if (c->id)
			argp_error(state, "\"%s\": give one migration", arg);
		c->id = arg;
		return 0;
	case ARGP_KEY_END:
		if (!c->id)
			argp_error(state, "say which migration: pagewire status lists them");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

int pw_cli_cancel(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_cancel,
		.args_doc = "ID",
		.doc = "End a migration; its guest stays at the source.",
		.children = with_socket,
	};
	struct cancel c = { .socket = PW_CLI_SOCKET };
	struct pw_error e = { 0 };
	json_t *result;

	argp_parse(&argp, argc, argv, 0, NULL, &c);
	if (pw_cli_call(c.socket, "migration_cancel", json_pack("{s:s}", "migration", c.id),
			&result, &e))
		return (int)pw_cli_fail(&e);
	json_decref(result);
	return PW_EXIT_DONE;
}
