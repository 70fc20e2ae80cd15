/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_table.c - the demo as people read it on a terminal; see demo_show.h */

#include <inttypes.h>

#include "../units.h"
#include "demo_show.h"

void pw_demo_table_begin(const struct pw_demo_options *o, FILE *out)
{
	fprintf(out, "pagewire %s  demo\n", PW_VERSION);
	fprintf(out, "simulated: two hosts on this machine, joined by memif; no network card, no huge "
		     "pages\n");
	fprintf(out, "guest %s + vGPU %s, writes %s/s, %u path%s, verify %s, seed %" PRIu64 "\n",
		pw_units_bytes(o->memory_bytes).text, pw_units_bytes(o->device_bytes).text,
		pw_units_bytes(o->dirty_bytes_per_s).text, o->paths, o->paths == 1 ? "" : "s",
		pw_demo_verify_name(o->verify), o->seed);
	fflush(out);
}

static void print_mode(const struct pw_demo_options *o, enum pw_mode mode, FILE *out)
{
	if (mode == PW_MODE_LEGACY)
		fprintf(out, "\nlegacy    one stream; the vGPU is copied while the guest is paused\n");
	else
		fprintf(out, "\nenhanced  %u path%s; the vGPU is copied while the guest runs\n",
			o->paths, o->paths == 1 ? "" : "s");
}

static void print_check(const struct pw_demo_run *r, FILE *out)
{
	const struct pw_demo_check *c = &r->check;

	if (!c->done)
		return;
	if (c->bad)
		fprintf(out, " NOT EQUAL %s of %s pages are not what the guest wrote; the first: %s\n",
			pw_units_count(c->bad).text, pw_units_count(c->pages).text, c->first_bad);
	else
		fprintf(out, " verified  %s pages of memory and vGPU, by the guest itself: 0 bad\n",
			pw_units_count(c->pages).text);
	if (!c->continued)
		fprintf(out, " NOT WHOLE the guest did not go on from its last step at the source, "
			     "%" PRIu64 "\n", c->last_source_step);
	else
		fprintf(out, " went on   from step %" PRIu64 " at the source to step %" PRIu64
			     " at the target; wrote %s pages there\n",
			c->last_source_step, c->step, pw_units_count(c->dirtied_pages).text);
}

void pw_demo_table_run(const struct pw_demo_options *o, const struct pw_demo_run *r, FILE *out)
{
	const struct pw_outcome *m = &r->outcome;

	print_mode(o, r->mode, out);
	if (m->rounds)
		pw_outcome_print_rounds(m, out);
	if (r->stun_s > 0)
		pw_outcome_print_stun(m, r->stun_s, out);
	print_check(r, out);
	if (r->error.code)
		fprintf(out, " %-9s %s %s\n", pw_demo_run_result(r), r->error.id, r->error.what);
	else
		fprintf(out, " total     %s at %s; %s of %s vGPU state moved while paused; %s sent again\n",
			pw_units_seconds(m->total_s).text,
			pw_units_bits_per_s(m->rate_bytes_per_s).text,
			pw_units_bytes(m->device_stun_bytes).text,
			pw_units_bytes(m->device_bytes).text,
			pw_units_count(m->retransmitted).text);
	fflush(out);
}

/* Both ran: how the second compares with the first. */
static void print_comparison(const struct pw_demo_runs *runs, double ratio, FILE *out)
{
	const struct pw_demo_run *legacy = &runs->run[0], *enhanced = &runs->run[1];

	fprintf(out, "\nresult    total %s -> %s   stun %s -> %s (",
		pw_units_seconds(legacy->outcome.total_s).text,
		pw_units_seconds(enhanced->outcome.total_s).text,
		pw_units_seconds(legacy->stun_s).text, pw_units_seconds(enhanced->stun_s).text);
	if (ratio >= 1)
		fprintf(out, "%.1f times shorter)\n", ratio);
	else
		fprintf(out, "%.1f times longer)\n", 1 / ratio);
}

void pw_demo_table_end(const struct pw_demo_runs *runs, FILE *out)
{
	double ratio = pw_demo_runs_stun_ratio(runs);

	if (ratio > 0)
		print_comparison(runs, ratio, out);
	fflush(out);
}
