/* SPDX-License-Identifier: BSD-3-Clause */
/* near.c - which word was meant */

#include <string.h>

#include "near.h"

#define WORD_MAX 63u

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned pw_near_distance(const char *a, const char *b)
{
	/* Rows i - 2, i - 1 and i of the table: from the first i of a to the first j of b. */
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;
	size_t na = strnlen(a, WORD_MAX), nb = strnlen(b, WORD_MAX);

	for (unsigned j = 0; j <= nb; j++)
		last[j] = before[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			row[j] = least(least(last[j], row[j - 1]) + 1,
				       last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[nb];
}

const char *pw_near_pick(const char *word, const char *best, const char *candidate)
{
	unsigned most = (unsigned)strnlen(word, WORD_MAX) / 3;
	unsigned distance = pw_near_distance(word, candidate);

	if (distance > (most ? most : 1))
		return best;
	return best && pw_near_distance(word, best) <= distance ? best : candidate;
}
