/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_guest.c - see demo_guest.h */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "demo_guest.h"
#include "pagewire/check.h"

#define GUEST_NAME "demo"

int pw_demo_guest_start(struct pw_demo_guest *g, const struct pw_demo_guest_plan *plan,
			struct pw_error *e)
{
	const struct pw_demo_options *o = plan->options;
	char program[PW_PROC_PATH_MAX], memory[24], device[24], rate[24], seed[24];
	const char *argv[20] = { program, "--name", GUEST_NAME, "--agent", plan->agent, "--memory",
				 memory, "--device", device, "--dirty-rate", rate, "--seed", seed };
	const struct pw_proc_plan proc = { .name = plan->name, .log = plan->log, .argv = argv,
					   .talks = true };
	size_t n = 13;
	int err = pw_proc_sibling("pagewire-guest", program, sizeof(program), e);

	if (err)
		return err;
	snprintf(memory, sizeof(memory), "%" PRIu64, o->memory_bytes);
	snprintf(device, sizeof(device), "%" PRIu64, o->device_bytes);
	snprintf(rate, sizeof(rate), "%" PRIu64, o->dirty_bytes_per_s);
	snprintf(seed, sizeof(seed), "%" PRIu64, o->seed);
	if (plan->incoming)
		argv[n++] = "--incoming";
	if (plan->incoming && o->sabotage) {
		argv[n++] = "--sabotage";
		argv[n++] = o->sabotage;
	}
	PW_CHECK(n < PW_ARRAY_SIZE(argv));
	*g = (struct pw_demo_guest){ 0 };
	return pw_proc_start(&g->proc, &proc, e);
}

static uint64_t count_of(const json_t *event, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(event, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void take_text(const json_t *event, const char *key, char *to, size_t bytes)
{
	const char *text = json_string_value(json_object_get(event, key));

	snprintf(to, bytes, "%s", text ? text : "");
}

static void on_ready(struct pw_demo_guest *g, const json_t *event)
{
	(void)event;
	g->ready = true;
}

static void on_released(struct pw_demo_guest *g, const json_t *event)
{
	(void)event;
	g->released = true;
}

static void on_resumed(struct pw_demo_guest *g, const json_t *event)
{
	const char *where = json_string_value(json_object_get(event, "where"));

	g->resumed = true;
	g->at_target = where && !strcmp(where, "target");
	g->resumed_step = count_of(event, "step");
	g->last_step_ns = count_of(event, "last_step_ns");
	g->first_step_ns = count_of(event, "first_step_ns");
}

static void on_status(struct pw_demo_guest *g, const json_t *event)
{
	g->statuses++;
	g->status_asked = false;
	g->step = count_of(event, "step");
	take_text(event, "state", g->state, sizeof(g->state));
}

static void on_checked(struct pw_demo_guest *g, const json_t *event)
{
	g->check = (struct pw_demo_check){
		.done = true,
		.pages = count_of(event, "pages"),
		.bad = count_of(event, "bad"),
		.step = count_of(event, "step"),
		.last_source_step = count_of(event, "last_source_step"),
		.dirtied_pages = count_of(event, "dirtied_pages"),
		.continued = json_is_true(json_object_get(event, "continued")),
	};
	take_text(event, "first_bad", g->check.first_bad, sizeof(g->check.first_bad));
}

static void on_error(struct pw_demo_guest *g, const json_t *event)
{
	take_text(event, "text", g->complaint, sizeof(g->complaint));
}

static void on_line(struct pw_demo_guest *g, const char *line, size_t bytes)
{
	static const struct {
		const char *event;
		void (*fn)(struct pw_demo_guest *g, const json_t *event);
	} events[] = {
		{ "ready", on_ready },	   { "released", on_released }, { "resumed", on_resumed },
		{ "status", on_status },   { "checked", on_checked },   { "error", on_error },
	};
	json_t *event = json_loadb(line, bytes, 0, NULL);
	const char *name = json_string_value(json_object_get(event, "event"));

	for (size_t i = 0; name && i < PW_ARRAY_SIZE(events); i++)
		if (!strcmp(name, events[i].event))
			events[i].fn(g, event);
	json_decref(event);
}

static void take_lines(struct pw_demo_guest *g)
{
	char *start = g->line, *end = g->line + g->line_bytes, *newline;

	while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
		on_line(g, start, (size_t)(newline - start));
		start = newline + 1;
	}
	g->line_bytes = (size_t)(end - start);
	memmove(g->line, start, g->line_bytes);
	if (g->line_bytes == sizeof(g->line))	/* no line of a guest is that long */
		g->line_bytes = 0;
}

void pw_demo_guest_hear(struct pw_demo_guest *g)
{
	ssize_t n;

	while ((n = read(g->proc.out_fd, g->line + g->line_bytes,
			 sizeof(g->line) - g->line_bytes)) > 0) {
		g->line_bytes += (size_t)n;
		take_lines(g);
	}
}

/* A guest that has died is noticed elsewhere. */
static void say(struct pw_demo_guest *g, const char *line)
{
	if (write(g->proc.in_fd, line, strlen(line)) < 0)
		g->status_asked = false;
}

void pw_demo_guest_ask_check(struct pw_demo_guest *g)
{
	g->check.done = false;
	say(g, "check\n");
}

void pw_demo_guest_ask_status(struct pw_demo_guest *g)
{
	if (g->status_asked)
		return;
	g->status_asked = true;
	say(g, "status\n");
}
