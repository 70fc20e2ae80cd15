/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo_show.h - what the demo has to show: for people, for programs, for a browser
 *
 * Every form says that it is simulated, so that nobody takes these numbers for
 * those of a network card.
 */
#ifndef PW_DEMO_SHOW_H
#define PW_DEMO_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "demo_options.h"
#include "demo_run.h"

#define PW_DEMO_SCHEMA "pagewire.demo/1"

/* Table: before the first run, after each run, after the last. */
void pw_demo_table_begin(const struct pw_demo_options *o, FILE *out);
void pw_demo_table_run(const struct pw_demo_options *o, const struct pw_demo_run *r, FILE *out);
void pw_demo_table_end(const struct pw_demo_runs *runs, FILE *out);

/* The document; the caller owns it. NULL if there is no memory. */
json_t *pw_demo_json(const struct pw_demo_options *o, const struct pw_demo_runs *runs);

/* The page: complete in itself, it fetches nothing. 0 or a negative errno. */
int pw_demo_html(const struct pw_demo_options *o, const struct pw_demo_runs *runs, FILE *out);

/* Text as it may stand anywhere in HTML. */
void pw_demo_html_text(const char *text, FILE *out);

/* The charts of the page, as inline SVG. */
void pw_demo_svg_rounds(const struct pw_demo_run *r, FILE *out);
void pw_demo_svg_stun(const struct pw_demo_runs *runs, FILE *out);

#endif /* PW_DEMO_SHOW_H */
