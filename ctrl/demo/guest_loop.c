/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_loop.c - see guest_loop.h */

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "../error.h"
#include "../log.h"
#include "guest_loop.h"

#define RETRY_MS 1000

static void say_status(struct pw_guest_agent *a)
{
	pw_guest_console_say(a->console, "status", json_pack("{s:s, s:s, s:b, s:I}",
		"guest", a->guest,
		"state", pw_guest_machine_state_name(a->machine->state),
		"connected", (int)a->registered,
		"step", (json_int_t)pw_guest_engine_steps(&a->machine->engine)));
}

/* False: quit. */
static bool obey(struct pw_guest_agent *a)
{
	enum pw_guest_command command;

	pw_guest_console_read(a->console);
	while ((command = pw_guest_console_next(a->console)) != PW_COMMAND_NONE) {
		if (command == PW_COMMAND_QUIT)
			return false;
		if (command == PW_COMMAND_CHECK)
			pw_guest_console_say_checked(a->console, a->machine);
		else if (command == PW_COMMAND_STATUS)
			say_status(a);
		else
			pw_guest_console_say(a->console, "error", json_pack("{s:s}", "text",
				"unknown command: say check, status or quit"));
	}
	return true;
}

/* Nobody is to be bothered with the same failure every second: said is its code. */
static void reconnect(struct pw_guest_agent *a, int *said)
{
	struct pw_error e = { 0 };
	int err = pw_guest_agent_connect(a, &e);

	if (err && err != *said)
		pw_warn("guest %s: %s: %s; trying again every second", a->guest, e.what, e.found);
	*said = err;
}

static bool wants_connection(const struct pw_guest_agent *a)
{
	return a->fd < 0 && a->machine->state != PW_GUEST_RELEASED;
}

int pw_guest_loop_run(struct pw_guest_agent *a, struct pw_error *e)
{
	int err = pw_guest_agent_connect(a, e), said = 0;

	while (!err) {
		struct pollfd fds[] = {
			{ .fd = a->console->in_fd, .events = POLLIN },
			{ .fd = a->machine->done_fd, .events = POLLIN },
			{ .fd = a->fd, .events = POLLIN },	/* -1 is passed over */
		};
		int ready = poll(fds, 3, wants_connection(a) ? RETRY_MS : -1);

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			reconnect(a, &said);
		if (ready <= 0)
			continue;
		if (fds[2].revents)
			err = pw_guest_agent_on_packet(a, e);
		if (fds[1].revents)
			pw_guest_agent_on_done(a);
		if (fds[0].revents && !obey(a))
			break;
		if (err && a->said_ready) {	/* known before: it may take us back */
			pw_warn("guest %s: %s: %s", a->guest, e->what, e->found);
			*e = (struct pw_error){ 0 };
			err = 0;
		}
	}
	return err;
}
