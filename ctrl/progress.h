/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * progress.h - a migration while it goes on, for the person who waits for it
 *
 * On a terminal: one block of lines, drawn again and again in place. Elsewhere:
 * a line when a round has ended, and one when the guest is paused.
 */
#ifndef PW_PROGRESS_H
#define PW_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "outcome.h"

struct pw_progress {
	FILE *out;	/* NULL: nothing is shown */
	bool redraw;
	unsigned lines;	/* of the block that stands there now */
	size_t rounds;	/* that were told, elsewhere */
	bool paused;	/* was told, elsewhere */
};

/* Begin to show one migration. */
void pw_progress_init(struct pw_progress *p, FILE *out);

void pw_progress_show(struct pw_progress *p, const struct pw_outcome *o);

/* Take the block away: something else will be printed. */
void pw_progress_clear(struct pw_progress *p);

#endif /* PW_PROGRESS_H */
