/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_svg.c - the charts of the demo's page; see demo_show.h
 *
 * Colours are classes, so that the page's style decides them for light and for
 * dark. Every bar has a title: its name and number show under the pointer.
 */

#include "../units.h"
#include "demo_show.h"

#define WIDTH	    720.0
#define LABEL_WIDTH 90.0
#define VALUE_WIDTH 90.0	/* right of the longest bar, for its number */
#define BAR_WIDTH   (WIDTH - LABEL_WIDTH - VALUE_WIDTH)
#define BAR_HEIGHT  12.0
#define ROW_HEIGHT  34.0
#define STUN_HEIGHT 26.0

static void open_svg(FILE *out, double height, const char *what)
{
	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH,
		height, what);
}

static void write_label(FILE *out, double y, const char *label)
{
	fprintf(out, "<text class=\"label\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
		LABEL_WIDTH - 8, y, label);
}

struct bar {
	const char *class;
	const char *name;
	double x, y, width, height;
};

static void write_bar(FILE *out, const struct bar *b, const char *value)
{
	fprintf(out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1\">"
		"<title>%s: %s</title></rect>\n",
		b->class, b->x, b->y, b->width < 1 ? 1 : b->width, b->height, b->name, value);
}

static void write_value(FILE *out, double x, double y, const char *value)
{
	fprintf(out, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 6, y, value);
}

static uint64_t largest_round(const struct pw_outcome *o)
{
	uint64_t largest = 1;

	for (size_t i = 0; i < o->rounds; i++) {
		if (o->round[i].dirty_bytes > largest)
			largest = o->round[i].dirty_bytes;
		if (o->round[i].sent_bytes > largest)
			largest = o->round[i].sent_bytes;
	}
	return largest;
}

static void write_amount(FILE *out, struct bar b, uint64_t bytes, uint64_t largest)
{
	struct pw_units_text value = pw_units_bytes(bytes);

	b.x = LABEL_WIDTH;
	b.width = BAR_WIDTH * (double)bytes / (double)largest;
	b.height = BAR_HEIGHT;
	write_bar(out, &b, value.text);
	write_value(out, b.x + b.width, b.y + BAR_HEIGHT - 2, value.text);
}

void pw_demo_svg_rounds(const struct pw_demo_run *r, FILE *out)
{
	const struct pw_outcome *o = &r->outcome;
	uint64_t largest = largest_round(o);
	char label[24];

	open_svg(out, (double)o->rounds * ROW_HEIGHT + 4, "bytes to send and sent, by round");
	for (size_t i = 0; i < o->rounds; i++) {
		double y = (double)i * ROW_HEIGHT + 4;

		snprintf(label, sizeof(label), o->round[i].stun ? "stun" : "round %u",
			 o->round[i].round);
		write_label(out, y + BAR_HEIGHT + 4, label);
		write_amount(out, (struct bar){ .class = "to-send", .name = "to send", .y = y },
			     o->round[i].dirty_bytes, largest);
		write_amount(out,
			     (struct bar){ .class = "sent", .name = "sent", .y = y + BAR_HEIGHT + 2 },
			     o->round[i].sent_bytes, largest);
	}
	fprintf(out, "</svg>\n");
}

/* The phases of one stun, end to end. */
static void write_stun(FILE *out, const struct pw_demo_run *r, double y, double longest_s)
{
	double x = LABEL_WIDTH;
	char class[16];

	write_label(out, y + STUN_HEIGHT / 2 + 4, pw_demo_mode_name(r->mode));
	for (unsigned i = 0; i < PW_NUM_PHASES; i++) {
		double s = r->outcome.phase_s[i];
		struct bar b = { .class = class, .name = pw_outcome_phase_name((enum pw_phase)i),
				 .x = x, .y = y, .width = BAR_WIDTH * s / longest_s,
				 .height = STUN_HEIGHT };

		if (s <= 0)
			continue;
		snprintf(class, sizeof(class), "phase%u", i);
		write_bar(out, &b, pw_units_seconds(s).text);
		x += b.width;
	}
	write_value(out, x, y + STUN_HEIGHT / 2 + 4, pw_units_seconds(r->stun_s).text);
}

void pw_demo_svg_stun(const struct pw_demo_runs *runs, FILE *out)
{
	double longest_s = 1e-9;

	for (unsigned i = 0; i < runs->count; i++) {
		double s = pw_outcome_phases_s(&runs->run[i].outcome);

		longest_s = s > longest_s ? s : longest_s;
	}
	open_svg(out, runs->count * (STUN_HEIGHT + 12) + 4, "phases of the stun, by mode");
	for (unsigned i = 0; i < runs->count; i++)
		write_stun(out, &runs->run[i], 4 + i * (STUN_HEIGHT + 12), longest_s);
	fprintf(out, "</svg>\n");
}
