/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_console.h - what the guest tells whoever started it: one JSON object per line
 *
 * Commands are lines too: check, status, quit. The end of the input is quit.
 */
#ifndef PW_GUEST_CONSOLE_H
#define PW_GUEST_CONSOLE_H

#include <jansson.h>
#include <stdio.h>

#include "guest_machine.h"

enum pw_guest_command { PW_COMMAND_NONE, PW_COMMAND_CHECK, PW_COMMAND_STATUS, PW_COMMAND_QUIT,
			PW_COMMAND_UNKNOWN };

struct pw_guest_console {
	int in_fd;
	FILE *out;
	char line[64];
	size_t line_bytes;
};

void pw_guest_console_init(struct pw_guest_console *c, int in_fd, FILE *out);

/* Take what can be read now; call when in_fd is readable. */
void pw_guest_console_read(struct pw_guest_console *c);

/* The next command that was read completely, or PW_COMMAND_NONE. */
enum pw_guest_command pw_guest_console_next(struct pw_guest_console *c);

/* Print {"event": event, ...more}; more is an object, taken over, or NULL. */
void pw_guest_console_say(struct pw_guest_console *c, const char *event, json_t *more);

void pw_guest_console_say_resumed(struct pw_guest_console *c, const char *where,
				  const struct pw_guest_machine *m);
void pw_guest_console_say_checked(struct pw_guest_console *c, struct pw_guest_machine *m);

#endif /* PW_GUEST_CONSOLE_H */
