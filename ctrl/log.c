/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - see log.h; the only file that writes log text */

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

static const char *log_program = "pagewire";
static enum pw_log_level log_level = PW_LOG_INFO;

void pw_log_init(const char *program, enum pw_log_level level)
{
	log_program = program;
	log_level = level;
}

void pw_log(enum pw_log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[1024];
	struct timespec now;
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(stderr, "%lld.%03ld %s %s: %s\n", (long long)now.tv_sec, now.tv_nsec / 1000000,
		log_program, names[level], line);
}
