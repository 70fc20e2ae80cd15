/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_console.c - see guest_console.h */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guest_console.h"
#include "pagewire/check.h"

static const char *const commands[] = {
	[PW_COMMAND_NONE] = "",
	[PW_COMMAND_CHECK] = "check",
	[PW_COMMAND_STATUS] = "status",
	[PW_COMMAND_QUIT] = "quit",
};

void pw_guest_console_init(struct pw_guest_console *c, int in_fd, FILE *out)
{
	*c = (struct pw_guest_console){ .in_fd = in_fd, .out = out };
}

void pw_guest_console_read(struct pw_guest_console *c)
{
	ssize_t n = read(c->in_fd, c->line + c->line_bytes, sizeof(c->line) - c->line_bytes);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		c->line_bytes += (size_t)n;
		return;
	}
	/* Nobody is there any more. What stood before the end without a line end is dropped. */
	memcpy(c->line, "quit\n", 5);
	c->line_bytes = 5;
}

static enum pw_guest_command command_of(const char *line, size_t bytes)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(commands); i++)
		if (strlen(commands[i]) == bytes && !memcmp(commands[i], line, bytes))
			return (enum pw_guest_command)i;
	return PW_COMMAND_UNKNOWN;
}

enum pw_guest_command pw_guest_console_next(struct pw_guest_console *c)
{
	enum pw_guest_command command = PW_COMMAND_NONE;

	while (command == PW_COMMAND_NONE) {
		const char *end = memchr(c->line, '\n', c->line_bytes);
		size_t bytes = end ? (size_t)(end - c->line) : c->line_bytes;

		if (!end && bytes < sizeof(c->line))
			return PW_COMMAND_NONE;
		command = end ? command_of(c->line, bytes) : PW_COMMAND_UNKNOWN;
		bytes += end ? 1 : 0;
		c->line_bytes -= bytes;
		memmove(c->line, c->line + bytes, c->line_bytes);
	}
	return command;
}

void pw_guest_console_say(struct pw_guest_console *c, const char *event, json_t *more)
{
	json_t *line = json_pack("{s:s}", "event", event);

	if (line && more)
		json_object_update(line, more);
	if (line && !json_dumpf(line, c->out, JSON_COMPACT))
		fputc('\n', c->out);
	fflush(c->out);
	json_decref(line);
	json_decref(more);
}

void pw_guest_console_say_resumed(struct pw_guest_console *c, const char *where,
				  const struct pw_guest_machine *m)
{
	pw_guest_console_say(c, "resumed", json_pack("{s:s, s:I, s:I, s:I}",
		"where", where,
		"last_step_ns", (json_int_t)m->times.last_step_ns,
		"first_step_ns", (json_int_t)m->times.first_step_ns,
		"step", (json_int_t)pw_guest_engine_steps(&m->engine)));
}

void pw_guest_console_say_checked(struct pw_guest_console *c, struct pw_guest_machine *m)
{
	struct pw_guest_report r;

	if (pw_guest_machine_check(m, &r)) {
		pw_guest_console_say(c, "error", json_pack("{s:s}", "text",
			"nothing to check yet: the guest waits for a migration to load it"));
		return;
	}
	pw_guest_console_say(c, "checked", json_pack("{s:I, s:I, s:s, s:I, s:I, s:b, s:I}",
		"pages", (json_int_t)r.check.pages,
		"bad", (json_int_t)r.check.bad,
		"first_bad", r.check.first_bad,
		"step", (json_int_t)r.step,
		"last_source_step", (json_int_t)m->arrived_step,
		"continued", (int)r.continued,
		"dirtied_pages", (json_int_t)r.dirtied_pages));
}
