/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c - see error.h */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "pagewire/check.h"

/* Copy the first line of text to to; return what stands behind it. */
static const char *take_line(const char *text, char *to, size_t bytes)
{
	size_t n = strcspn(text, "\n");

	snprintf(to, bytes, "%.*s", (int)n, text);
	return text[n] ? text + n + 1 : text + n;
}

int pw_fail(struct pw_error *e, int code, const char *id, const char *fmt, ...)
{
	char text[sizeof(e->what) + sizeof(e->found) + sizeof(e->fix)];
	const char *rest = text;
	va_list ap;

	PW_CHECK(code < 0);
	if (!e)
		return code;
	if (e->code)
		return e->code;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	e->code = code;
	snprintf(e->id, sizeof(e->id), "%s", id);
	rest = take_line(rest, e->what, sizeof(e->what));
	rest = take_line(rest, e->found, sizeof(e->found));
	take_line(rest, e->fix, sizeof(e->fix));
	return code;
}

char *pw_error_text(const struct pw_error *e, char *buf, size_t bytes)
{
	int n = snprintf(buf, bytes, "%s %s", e->id, e->what);

	if (e->found[0] && n >= 0 && (size_t)n < bytes)
		n += snprintf(buf + n, bytes - (size_t)n, "\n  found  %s", e->found);
	if (e->fix[0] && n >= 0 && (size_t)n < bytes)
		snprintf(buf + n, bytes - (size_t)n, "\n  fix    %s", e->fix);
	return buf;
}
