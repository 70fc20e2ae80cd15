/* SPDX-License-Identifier: BSD-3-Clause */
/* demo.c - pagewire demo: the order of events
 *
 *	options -> enough memory? -> scene opens -> a run per mode -> scene closes -> result
 *
 * What happens in each of these is in the file of its name. The scene is closed
 * whatever happened, and before the last word is printed.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../cli.h"
#include "demo_options.h"
#include "demo_place.h"
#include "demo_run.h"
#include "demo_scene.h"
#include "demo_show.h"

/* A run that ended with the guest damaged is no reason not to show the next;
 * anything else that went wrong is. */
static int run_modes(struct pw_demo_scene *s, const struct pw_demo_options *o,
		     struct pw_demo_runs *runs)
{
	struct pw_progress progress;
	int err = 0;

	for (unsigned i = 0; i < o->modes && !err; i++) {
		struct pw_demo_run *r = &runs->run[runs->count++];

		pw_progress_init(&progress, o->quiet ? NULL : stderr);
		r->mode = o->mode[i];
		err = pw_demo_run(r, s, &progress);
		if (!o->json)
			pw_demo_table_run(o, r, stdout);
	}
	return err;
}

static void play(const struct pw_demo_options *o, struct pw_demo_runs *runs)
{
	static struct pw_demo_scene scene;

	if (!o->json)
		pw_demo_table_begin(o, stdout);
	if (pw_demo_scene_open(&scene, o, &runs->error) == 0)
		run_modes(&scene, o, runs);
	snprintf(runs->last_words, sizeof(runs->last_words), "%s", scene.last_words);
	pw_demo_scene_close(&scene);
}

static enum pw_exit exit_of(const struct pw_demo_runs *runs)
{
	enum pw_exit code = PW_EXIT_DONE;

	if (runs->error.code)
		return pw_cli_exit_of(&runs->error);
	for (unsigned i = 0; i < runs->count; i++) {
		const struct pw_demo_run *r = &runs->run[i];

		if (r->error.code)
			return pw_cli_exit_of(&r->error);
		if (!pw_demo_run_is_verified(r))
			code = PW_EXIT_VERIFY;
	}
	return code;
}

static void tell_error(const struct pw_error *e, const char *guest_is)
{
	char text[sizeof(*e) + 64];

	fprintf(stderr, "pagewire: %s\n", pw_error_text(e, text, sizeof(text)));
	if (guest_is[0])
		fprintf(stderr, "  guest  %s\n", guest_is);
}

static void tell_run(const struct pw_demo_run *r)
{
	struct pw_error e = { 0 };

	if (r->error.code) {
		tell_error(&r->error, r->guest_is);
	} else if (!pw_demo_run_is_verified(r)) {
		pw_fail(&e, -EBADMSG, "PW-9015",
			"%s: what runs at the target is not the guest that left\n%s",
			pw_demo_mode_name(r->mode), pw_demo_run_doubt(r));
		tell_error(&e, "");
	}
}

/* Standard error carries what a person has to know even if standard output is
 * read by a program. */
static void tell_errors(struct pw_demo_runs *runs)
{
	char *rest = runs->last_words, *line;

	if (runs->error.code)
		tell_error(&runs->error, "");
	for (unsigned i = 0; i < runs->count; i++)
		tell_run(&runs->run[i]);
	while ((line = strsep(&rest, "\n")))
		if (line[0])
			fprintf(stderr, "  log    %s\n", line);
}

static int print_json(const struct pw_demo_options *o, const struct pw_demo_runs *runs)
{
	json_t *j = pw_demo_json(o, runs);
	int err = j ? json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : -1;

	if (!err)
		putchar('\n');
	json_decref(j);
	return err || fflush(stdout) ? -EIO : 0;
}

static int write_report(const struct pw_demo_options *o, const struct pw_demo_runs *runs)
{
	FILE *f = fopen(o->report, "we");
	int err = f ? pw_demo_html(o, runs, f) : -errno;

	if (f && fclose(f) && !err)
		err = -errno;
	if (err)
		fprintf(stderr, "pagewire: PW-9014 cannot write %s\n  found  %s\n", o->report,
			strerror(-err));
	else if (!o->json)
		printf("report    %s\n", o->report);
	return err;
}

/* Returns what to exit with. */
static enum pw_exit show(const struct pw_demo_options *o, struct pw_demo_runs *runs)
{
	enum pw_exit code = exit_of(runs);
	int err = 0;

	if (o->json)
		err = print_json(o, runs);
	else
		pw_demo_table_end(runs, stdout);
	tell_errors(runs);
	if (o->report && runs->count)
		err = write_report(o, runs) ? -EIO : err;
	return err && code == PW_EXIT_DONE ? PW_EXIT_FAILED : code;
}

int pw_demo_main(int argc, char **argv)
{
	struct pw_demo_options options;
	struct pw_demo_runs runs = { .count = 0 };
	enum pw_exit code;

	pw_demo_options_parse(&options, argc, argv);
	if (pw_demo_place_check_memory(options.memory_bytes, options.device_bytes,
				       pw_demo_place_memory_bytes(), &runs.error) == 0)
		play(&options, &runs);
	code = show(&options, &runs);
	for (unsigned i = 0; i < runs.count; i++)
		pw_demo_run_fini(&runs.run[i]);
	return (int)code;
}
