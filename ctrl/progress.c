/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.c - see progress.h */

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "units.h"

#define BAR_COLUMNS  24	/* of the largest round */
#define ROUNDS_SHOWN 4u

void pw_progress_init(struct pw_progress *p, FILE *out)
{
	*p = (struct pw_progress){ .out = out, .redraw = out && isatty(fileno(out)) };
}

void pw_progress_clear(struct pw_progress *p)
{
	if (p->lines)
		fprintf(p->out, "\033[%uF\033[J", p->lines);
	p->lines = 0;
}

/* Print the line cut to the terminal: a wrapped line would spoil the next clear. */
static void print_line(struct pw_progress *p, const char *line)
{
	struct winsize size = { 0 };
	int columns = 79;

	if (!ioctl(fileno(p->out), TIOCGWINSZ, &size) && size.ws_col > 1)
		columns = size.ws_col - 1;
	fprintf(p->out, "%.*s\n", columns, line);
	p->lines++;
}

static void draw_state(struct pw_progress *p, const struct pw_outcome *o)
{
	char line[320], round[24] = "", rate[64] = "";

	if (!strcmp(o->stage, "pre-copy"))
		snprintf(round, sizeof(round), " round %u", o->now.round);
	if (o->now.rate_bytes_per_s > 0)
		snprintf(rate, sizeof(rate), "  %s  %s left",
			 pw_units_bits_per_s(o->now.rate_bytes_per_s).text,
			 pw_units_bytes(o->now.remaining_bytes).text);
	snprintf(line, sizeof(line), "%s -> %s  %s  %s%s%s  %s elapsed", o->guest, o->peer, o->mode,
		 o->stage, round, rate, pw_units_seconds(o->total_s).text);
	print_line(p, line);
}

/* "1.00 GiB ================== 45 MiB =>": the last rounds, each against the largest. */
static void draw_rounds(struct pw_progress *p, const struct pw_outcome *o)
{
	static const char bar[] = "=======================>";
	size_t first = o->rounds > ROUNDS_SHOWN ? o->rounds - ROUNDS_SHOWN : 0;
	uint64_t largest = 1;
	char line[512];
	int n = snprintf(line, sizeof(line), " rounds   ");

	for (size_t i = 0; i < o->rounds; i++)
		if (o->round[i].dirty_bytes > largest)
			largest = o->round[i].dirty_bytes;
	for (size_t i = first; i < o->rounds; i++) {
		double part = (double)o->round[i].dirty_bytes / (double)largest;

		n += snprintf(line + n, sizeof(line) - (size_t)n, "%s %s  ",
			      pw_units_bytes(o->round[i].dirty_bytes).text,
			      bar + BAR_COLUMNS - 1 - (int)(part * (BAR_COLUMNS - 1)));
	}
	if (o->rounds > 1 && o->round[o->rounds - 2].dirty_bytes)
		snprintf(line + n, sizeof(line) - (size_t)n, "shrink %.2f",
			 (double)o->round[o->rounds - 1].dirty_bytes /
				 (double)o->round[o->rounds - 2].dirty_bytes);
	print_line(p, line);
}

static void draw(struct pw_progress *p, const struct pw_outcome *o)
{
	char line[200];

	pw_progress_clear(p);
	draw_state(p, o);
	if (o->rounds)
		draw_rounds(p, o);
	if (o->now.predicted_stun_s >= 0) {
		snprintf(line, sizeof(line), " stun now would be %s",
			 pw_units_seconds(o->now.predicted_stun_s).text);
		print_line(p, line);
	}
	if (o->now.verdict[0]) {
		snprintf(line, sizeof(line), " verdict  %s%s%s", o->now.verdict,
			 o->now.reason[0] ? ": " : "", o->now.reason);
		print_line(p, line);
	}
}

/* Round i; the prediction is of now, so it stands behind the last one only. */
static void tell_round(struct pw_progress *p, const struct pw_outcome *o, size_t i)
{
	const struct pw_outcome_round *r = &o->round[i];

	fprintf(p->out, "%s -> %s  %s  ", o->guest, o->peer, o->mode);
	if (r->stun)
		fprintf(p->out, "while paused");
	else
		fprintf(p->out, "round %u", r->round);
	fprintf(p->out, ": %s to send, %s sent in %s at %s", pw_units_bytes(r->dirty_bytes).text,
		pw_units_bytes(r->sent_bytes).text, pw_units_seconds(r->seconds).text,
		pw_units_bits_per_s(r->rate_bytes_per_s).text);
	if (!r->stun && i + 1 == o->rounds && o->now.predicted_stun_s >= 0)
		fprintf(p->out, "; stun now would be %s",
			pw_units_seconds(o->now.predicted_stun_s).text);
	fputc('\n', p->out);
}

static bool is_in_stun(const struct pw_outcome *o)
{
	static const char *const stages[] = { "quiesce", "sync", "wire", "verify", "load",
					      "handover" };

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (!strcmp(o->stage, stages[i]))
			return true;
	return false;
}

static void tell(struct pw_progress *p, const struct pw_outcome *o)
{
	for (; p->rounds < o->rounds; p->rounds++)
		tell_round(p, o, p->rounds);
	if (!p->paused && is_in_stun(o)) {
		fprintf(p->out, "%s -> %s  %s  the guest is paused\n", o->guest, o->peer, o->mode);
		p->paused = true;
	}
}

void pw_progress_show(struct pw_progress *p, const struct pw_outcome *o)
{
	if (!p->out)
		return;
	if (p->redraw)
		draw(p, o);
	else
		tell(p, o);
	fflush(p->out);
}
