/* SPDX-License-Identifier: BSD-3-Clause */
/* cli.h - what the verbs of pagewire share */
#ifndef PW_CLI_H
#define PW_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "error.h"

#define PW_CLI_SOCKET "/run/pagewire/pagewire.sock"

enum pw_exit {
	PW_EXIT_DONE = 0,
	PW_EXIT_FAILED = 1,
	PW_EXIT_USAGE = 2,
	PW_EXIT_PREFLIGHT = 3,
	PW_EXIT_PEER = 4,	/* unreachable, or it refused */
	PW_EXIT_POLICY = 5,	/* stopped by policy: not converging, stun limit, deadline */
	PW_EXIT_VERIFY = 6,	/* finished, but what arrived is not what left */
	PW_EXIT_INTERRUPTED = 130,
};

/* Verbs: argv[0] is "pagewire VERB". They return what the program exits with. */
int pw_demo_main(int argc, char **argv);
int pw_cli_migrate(int argc, char **argv);
int pw_cli_status(int argc, char **argv);
int pw_cli_cancel(int argc, char **argv);
int pw_cli_rpc(int argc, char **argv);

/* The option --socket, as a child parser whose input is a const char **. */
extern const struct argp pw_cli_socket_argp;

/* Call method of the pagewired at socket; params (or NULL) are taken over. The
 * caller owns *result. */
int pw_cli_call(const char *socket, const char *method, json_t *params, json_t **result,
		struct pw_error *e);

/* Print e on standard error; returns what to exit with for it. */
enum pw_exit pw_cli_fail(const struct pw_error *e);

/* What a program that ends with this error exits with. */
enum pw_exit pw_cli_exit_of(const struct pw_error *e);

#endif /* PW_CLI_H */
