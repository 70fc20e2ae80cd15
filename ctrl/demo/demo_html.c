/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_html.c - the demo as one page for a browser; see demo_show.h
 *
 *	badge, tiles | stun by phase | rounds of each run | raw document
 *
 * Every chart has its table. The page runs no script and its policy forbids it
 * to fetch anything.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "../units.h"
#include "demo_show.h"
#include "pagewire/check.h"

static const char head[] =
	"<!doctype html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" "
	"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>pagewire demo (simulated)</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; --page: #fcfcfb; --ink: #1b1c1d; --soft: #63666a;\n"
	"  --line: #dddedf; --card: #ffffff; --badge: #a35200; --bad: #b3261e;\n"
	"  --a: #2a78d6; --b: #1baf7a;\n"
	"  --p0: #8a8f98; --p1: #eda100; --p2: #2a78d6; --p3: #1baf7a; --p4: #9a5bd0; --p5: #e2557b; }\n"
	"@media (prefers-color-scheme: dark) { :root { --page: #17181a; --ink: #ececea;\n"
	"  --soft: #a3a6ab; --line: #37393d; --card: #1f2124; --badge: #ffb35c; --bad: #ff8a80;\n"
	"  --a: #5b9be6; --b: #35c58f;\n"
	"  --p0: #9aa0a9; --p1: #e0a52e; --p2: #5b9be6; --p3: #35c58f; --p4: #b487e0; --p5: #ee7f9c; } }\n"
	"body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;\n"
	"  max-width: 860px; margin: 0 auto; padding: 24px 16px 64px; }\n"
	"h1 { font-size: 22px; margin: 0; } h2 { font-size: 17px; margin: 36px 0 8px; }\n"
	"p { color: var(--soft); margin: 4px 0 12px; }\n"
	".badge { color: var(--badge); border: 1.5px solid var(--badge); border-radius: 4px;\n"
	"  padding: 1px 8px; font-size: 12px; font-weight: 700; letter-spacing: .08em;\n"
	"  margin-left: 10px; vertical-align: 3px; }\n"
	".bad { color: var(--bad); font-weight: 600; }\n"
	".tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }\n"
	".tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;\n"
	"  padding: 10px 16px; min-width: 130px; }\n"
	".tile b { display: block; font-size: 24px; font-weight: 600; }\n"
	".tile span { color: var(--soft); font-size: 13px; }\n"
	"svg { width: 100%; height: auto; display: block; }\n"
	"svg text { fill: var(--ink); font-size: 12px; font-family: inherit; }\n"
	"svg .value, svg .label { fill: var(--soft); }\n"
	".to-send { fill: var(--a); background: var(--a); } .sent { fill: var(--b); background: var(--b); }\n"
	".phase0 { fill: var(--p0); background: var(--p0); } .phase1 { fill: var(--p1); background: var(--p1); }\n"
	".phase2 { fill: var(--p2); background: var(--p2); } .phase3 { fill: var(--p3); background: var(--p3); }\n"
	".phase4 { fill: var(--p4); background: var(--p4); } .phase5 { fill: var(--p5); background: var(--p5); }\n"
	".legend { font-size: 13px; color: var(--soft); margin: 6px 0; }\n"
	".legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px;\n"
	"  margin: 0 5px 0 14px; }\n"
	".wide { overflow-x: auto; }\n"
	"table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13.5px;\n"
	"  width: 100%; margin: 8px 0; }\n"
	"th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line); }\n"
	"th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }\n"
	"pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px;\n"
	"  padding: 12px; overflow: auto; font-size: 12px; max-height: 480px; }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<h1>pagewire demo<span class=\"badge\">SIMULATED</span></h1>\n"
	"<p>Two hosts on this machine, joined by memif: no network card was used. "
	"Compare the two modes with each other, not with hardware.</p>\n";

void pw_demo_html_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fputc(*text, out);
		}
	}
}

static void write_tile(FILE *out, const char *value, const char *what, const char *mode)
{
	fprintf(out, "<div class=\"tile\"><b>%s</b><span>%s%s%s</span></div>\n", value, what,
		mode[0] ? ", " : "", mode);
}

static void write_tiles(const struct pw_demo_runs *runs, FILE *out)
{
	double ratio = pw_demo_runs_stun_ratio(runs);
	char text[32];

	fprintf(out, "<div class=\"tiles\">\n");
	for (unsigned i = 0; i < runs->count; i++)
		write_tile(out, pw_units_seconds(runs->run[i].outcome.total_s).text, "total",
			   pw_demo_mode_name(runs->run[i].mode));
	for (unsigned i = 0; i < runs->count; i++)
		write_tile(out, pw_units_seconds(runs->run[i].stun_s).text, "stun",
			   pw_demo_mode_name(runs->run[i].mode));
	if (ratio > 0) {
		snprintf(text, sizeof(text), "%.1f&times;", ratio);
		write_tile(out, text, "stun, legacy over enhanced", "");
	}
	fprintf(out, "</div>\n");
}

static void write_asked(const struct pw_demo_options *o, FILE *out)
{
	fprintf(out,
		"<p>Guest of %s with a vGPU of %s, writing %s/s of its memory; %u path%s; verify "
		"%s; seed %" PRIu64 "; pagewire %s.</p>\n",
		pw_units_bytes(o->memory_bytes).text, pw_units_bytes(o->device_bytes).text,
		pw_units_bytes(o->dirty_bytes_per_s).text, o->paths, o->paths == 1 ? "" : "s",
		pw_demo_verify_name(o->verify), o->seed, PW_VERSION);
}

static void write_stun_table(const struct pw_demo_runs *runs, FILE *out)
{
	fprintf(out, "<div class=\"wide\"><table>\n<tr><th>mode</th>");
	for (unsigned i = 0; i < PW_NUM_PHASES; i++)
		fprintf(out, "<th>%s</th>", pw_outcome_phase_name((enum pw_phase)i));
	fprintf(out, "<th>stun</th><th>vGPU state moved while paused</th></tr>\n");
	for (unsigned i = 0; i < runs->count; i++) {
		const struct pw_demo_run *r = &runs->run[i];

		fprintf(out, "<tr><td>%s</td>", pw_demo_mode_name(r->mode));
		for (unsigned p = 0; p < PW_NUM_PHASES; p++)
			fprintf(out, "<td>%s</td>", pw_units_seconds(r->outcome.phase_s[p]).text);
		fprintf(out, "<td>%s</td><td>%s</td></tr>\n", pw_units_seconds(r->stun_s).text,
			pw_units_bytes(r->outcome.device_stun_bytes).text);
	}
	fprintf(out, "</table></div>\n");
}

static void write_stun(const struct pw_demo_runs *runs, FILE *out)
{
	fprintf(out, "<h2>Stun: how long the guest stood still</h2>\n"
		     "<p>From its last step at the source to its first step at the target, by the "
		     "guest's own clock.</p>\n<div class=\"legend\">");
	for (unsigned i = 0; i < PW_NUM_PHASES; i++)
		fprintf(out, "<i class=\"phase%u\"></i>%s", i,
			pw_outcome_phase_name((enum pw_phase)i));
	fprintf(out, "</div>\n");
	pw_demo_svg_stun(runs, out);
	write_stun_table(runs, out);
}

static void write_rounds_table(const struct pw_outcome *o, FILE *out)
{
	fprintf(out, "<div class=\"wide\"><table>\n<tr><th>round</th><th>to send</th><th>sent</th>"
		     "<th>zero pages</th><th>in</th><th>rate</th><th>newly dirty</th>"
		     "<th>shrink</th></tr>\n");
	for (size_t i = 0; i < o->rounds; i++) {
		const struct pw_outcome_round *r = &o->round[i];
		uint64_t next;

		fprintf(out, "<tr><td>%u%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
			r->round, r->stun ? " (stun)" : "", pw_units_bytes(r->dirty_bytes).text,
			pw_units_bytes(r->sent_bytes).text, pw_units_count(r->zero_pages).text,
			pw_units_seconds(r->seconds).text,
			pw_units_bits_per_s(r->rate_bytes_per_s).text);
		if (pw_outcome_newly_dirty(o, i, &next))
			fprintf(out, "<td>%s</td><td>%.2f</td></tr>\n", pw_units_bytes(next).text,
				r->dirty_bytes ? (double)next / (double)r->dirty_bytes : 0.0);
		else
			fprintf(out, "<td></td><td></td></tr>\n");
	}
	fprintf(out, "</table></div>\n");
}

static void write_verdict(const struct pw_demo_run *r, FILE *out)
{
	const struct pw_demo_check *c = &r->check;
	char text[sizeof(struct pw_error) + 64];

	if (r->error.code) {
		fprintf(out, "<p class=\"bad\">");
		pw_demo_html_text(pw_error_text(&r->error, text, sizeof(text)), out);
		fprintf(out, "</p>\n");
	}
	if (!c->done)
		return;
	fprintf(out, "<p%s>The guest looked at all of its %s pages: %s bad",
		pw_demo_run_is_verified(r) ? "" : " class=\"bad\"", pw_units_count(c->pages).text,
		pw_units_count(c->bad).text);
	if (c->bad) {
		fprintf(out, ", the first: ");
		pw_demo_html_text(c->first_bad, out);
	}
	fprintf(out, ". It %s from step %" PRIu64 " and has written %s pages since.</p>\n",
		c->continued ? "went on" : "did not go on", c->last_source_step,
		pw_units_count(c->dirtied_pages).text);
}

static void write_run(const struct pw_demo_run *r, FILE *out)
{
	fprintf(out, "<h2>Rounds: %s</h2>\n", pw_demo_mode_name(r->mode));
	write_verdict(r, out);
	if (!r->outcome.rounds)
		return;
	fprintf(out, "<div class=\"legend\"><i class=\"to-send\"></i>to send"
		     "<i class=\"sent\"></i>sent (zero pages travel as marks)</div>\n");
	pw_demo_svg_rounds(r, out);
	write_rounds_table(&r->outcome, out);
}

static int write_document(const struct pw_demo_options *o, const struct pw_demo_runs *runs,
			  FILE *out)
{
	json_t *j = pw_demo_json(o, runs);
	char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;

	json_decref(j);
	if (!text)
		return -ENOMEM;
	fprintf(out, "<h2>Data</h2>\n<details><summary>" PW_DEMO_SCHEMA "</summary>\n"
		     "<pre id=\"data\">");
	pw_demo_html_text(text, out);
	fprintf(out, "</pre></details>\n");
	free(text);
	return 0;
}

int pw_demo_html(const struct pw_demo_options *o, const struct pw_demo_runs *runs, FILE *out)
{
	int err;

	fputs(head, out);
	write_asked(o, out);
	write_tiles(runs, out);
	write_stun(runs, out);
	for (unsigned i = 0; i < runs->count; i++)
		write_run(&runs->run[i], out);
	err = write_document(o, runs, out);
	fprintf(out, "</body>\n</html>\n");
	return err ? err : ferror(out) ? -EIO : 0;
}
