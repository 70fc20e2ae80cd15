/* SPDX-License-Identifier: BSD-3-Clause */
/* cli.c - pagewire: a verb, and what it is given */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "pagewire/check.h"
#include "rpc_client.h"

struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *args;
	const char *help;
};

static int print_version(int argc, char **argv);
static int print_help(int argc, char **argv);

static const struct verb verbs[] = {
	{ "demo", pw_demo_main, "", "run whole migrations between two hosts simulated on this machine" },
	{ "migrate", pw_cli_migrate, "GUEST PEER", "move a guest to another host" },
	{ "status", pw_cli_status, "", "guests, peers and migrations of this host" },
	{ "cancel", pw_cli_cancel, "ID", "end a migration; its guest stays at the source" },
	{ "rpc", pw_cli_rpc, "METHOD [JSON]", "call a method of pagewired" },
	{ "version", print_version, "", "print the version" },
	{ "help", print_help, "", "print this" },
};

/* Errors that say more than "failed" by their exit code; an id stands for all
 * that begin with it. */
static const struct {
	const char *id;
	enum pw_exit code;
} exits[] = {
	{ "PW-21", PW_EXIT_PEER },	/* the control link */
	{ "PW-3001", PW_EXIT_PEER },	/* refused */
	{ "PW-3104", PW_EXIT_PEER },	/* lanes that do not fit */
	{ "PW-3301", PW_EXIT_POLICY },
	{ "PW-9003", PW_EXIT_PREFLIGHT },
	{ "PW-9008", PW_EXIT_INTERRUPTED },
	{ "PW-9015", PW_EXIT_VERIFY },
};

const char *argp_program_version = "pagewire " PW_VERSION;

static int print_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return puts(argp_program_version) < 0 ? PW_EXIT_FAILED : PW_EXIT_DONE;
}

static void list_verbs(FILE *out)
{
	fprintf(out, "Usage: pagewire VERB [OPTION...]\n\n");
	for (size_t i = 0; i < PW_ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-8s %-14s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fprintf(out, "\n\"pagewire VERB --help\" tells the options of a verb.\n"
		     "Exit codes: 0 done, 1 failed, 2 usage, 3 not enough to start with, 4 peer\n"
		     "unreachable or refused, 5 stopped by policy, 6 what arrived is not what left,\n"
		     "130 interrupted.\n");
}

static int print_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	list_verbs(stdout);
	return PW_EXIT_DONE;
}

enum pw_exit pw_cli_exit_of(const struct pw_error *e)
{
	if (e->code == -EBADMSG)	/* a digest was not what it should have been */
		return PW_EXIT_VERIFY;
	for (size_t i = 0; i < PW_ARRAY_SIZE(exits); i++)
		if (!strncmp(e->id, exits[i].id, strlen(exits[i].id)))
			return exits[i].code;
	return PW_EXIT_FAILED;
}

enum pw_exit pw_cli_fail(const struct pw_error *e)
{
	char text[sizeof(*e) + 64];

	fprintf(stderr, "pagewire: %s\n", pw_error_text(e, text, sizeof(text)));
	return pw_cli_exit_of(e);
}

int pw_cli_call(const char *socket, const char *method, json_t *params, json_t **result,
		struct pw_error *e)
{
	struct pw_rpc_client *client;
	int err = pw_rpc_client_open(&client, socket, e);

	if (err) {
		json_decref(params);
		return err;
	}
	err = pw_rpc_client_call(client, method, params, result, e);
	pw_rpc_client_close(client);
	return err;
}

static error_t parse_socket(int key, char *arg, struct argp_state *state)
{
	const char **socket = state->input;

	if (key != 's')
		return ARGP_ERR_UNKNOWN;
	*socket = arg;
	return 0;
}

static const struct argp_option socket_options[] = {
	{ "socket", 's', "PATH", 0, "socket of pagewired (" PW_CLI_SOCKET ")", 0 },
	{ 0 },
};

const struct argp pw_cli_socket_argp = { .options = socket_options, .parser = parse_socket };

static const struct verb *find_verb(const char *name)
{
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "-?"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	for (size_t i = 0; i < PW_ARRAY_SIZE(verbs); i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	char called[48];

	argp_err_exit_status = PW_EXIT_USAGE;
	if (argc < 2) {
		list_verbs(stderr);
		return PW_EXIT_USAGE;
	}
	verb = find_verb(argv[1]);
	if (!verb) {
		fprintf(stderr, "pagewire: there is no verb \"%s\"; \"pagewire help\" lists them\n",
			argv[1]);
		return PW_EXIT_USAGE;
	}
	snprintf(called, sizeof(called), "pagewire %s", verb->name);
	argv[1] = called;	/* as the name of the program in what argp prints */
	return verb->fn(argc - 1, argv + 1);
}
