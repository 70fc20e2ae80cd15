/* SPDX-License-Identifier: BSD-3-Clause */
/* failpoint.c - see failpoint.h */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "log.h"

static struct {
	bool read;
	bool armed;
	char name[48];
	char action[8];
	unsigned nth;
} point;

static void read_environment(void)
{
	const char *text = getenv("PW_FP");

	point.read = true;
	point.nth = 1;
	if (!text)
		return;
	if (sscanf(text, "%47[^:]:%7[a-z]:%u", point.name, point.action, &point.nth) < 2)
		pw_err("PW_FP=%s is not NAME:ACTION[:NTH]", text);
	else
		point.armed = true;
}

void pw_failpoint(const char *kind, const char *name)
{
	size_t n = strlen(kind);

	if (!point.read)
		read_environment();
	if (!point.armed || strncmp(point.name, kind, n) || point.name[n] != ' ' ||
	    strcmp(point.name + n + 1, name) || --point.nth)
		return;
	point.armed = false;
	pw_warn("failpoint: %s %s: %s", kind, name, point.action);
	raise(!strcmp(point.action, "stop") ? SIGSTOP : SIGKILL);
}
