/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.h - one clear error: what could not be done, what was found, what to do
 *
 * The function that can say what failed fills it; callers pass the code up.
 */
#ifndef PW_ERROR_H
#define PW_ERROR_H

#include <stddef.h>

struct pw_error {
	int code;	/* negative errno; 0: none */
	char id[12];	/* "PW-1203" */
	char what[160];
	char found[240];
	char fix[240];
};

/*
 * Fill e and return code. fmt makes up to three lines: what could not be done,
 * what was found, what to do about it:
 *
 *	return pw_fail(e, -EADDRINUSE, "PW-1103",
 *		       "cannot listen on %s:%u\nthe port is in use\nstop that program, or ...", ...);
 *
 * The first error wins: a later call on a filled e changes nothing and returns
 * the first code. e may be NULL.
 */
int pw_fail(struct pw_error *e, int code, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The lines that a person reads, without a final newline. Returns buf. */
char *pw_error_text(const struct pw_error *e, char *buf, size_t bytes);

#endif /* PW_ERROR_H */
