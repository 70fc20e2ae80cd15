/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_main.c - pagewire-guest: a guest to be moved, for demos, tests and benchmarks */

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "../error.h"
#include "../log.h"
#include "guest_loop.h"
#include "guest_options.h"

static int serve(const struct pw_guest_options *o, struct pw_guest_machine *m, struct pw_error *e)
{
	struct pw_guest_console console;
	struct pw_guest_agent agent = {
		.machine = m,
		.console = &console,
		.guest = o->name,
		.path = o->agent,
	};
	int err;

	pw_guest_console_init(&console, STDIN_FILENO, stdout);
	pw_guest_agent_init(&agent);
	err = pw_guest_loop_run(&agent, e);
	pw_guest_agent_fini(&agent);
	if (!err)
		pw_guest_console_say(&console, "bye", NULL);
	return err;
}

int main(int argc, char **argv)
{
	static struct pw_guest_machine machine;	/* large, and there is one */
	struct pw_guest_options options;
	struct pw_error e = { 0 };
	char text[800];
	int err;

	pw_guest_options_parse(&options, argc, argv);
	pw_log_init("pagewire-guest", PW_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);	/* a reader that leaves is an error code */

	err = pw_guest_machine_create(&machine, &options.plan, &e);
	if (!err) {
		err = serve(&options, &machine, &e);
		pw_guest_machine_destroy(&machine);
	}
	if (!err)
		return 0;
	fprintf(stderr, "pagewire-guest: %s\n", pw_error_text(&e, text, sizeof(text)));
	return 1;
}
