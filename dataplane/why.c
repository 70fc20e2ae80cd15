/* SPDX-License-Identifier: BSD-3-Clause */
/* why.c - see why.h */

#include <stdarg.h>
#include <stdio.h>

#include "pagewire/seam.h"
#include "why.h"

static_assert(sizeof(((struct pw_seam_ready *)0)->why) == PW_WHY_BYTES, "the line fits READY");

int pw_why(char why[PW_WHY_BYTES], int status, const char *format, ...)
{
	va_list args;

	if (why[0])
		return status;
	va_start(args, format);
	vsnprintf(why, PW_WHY_BYTES, format, args);
	va_end(args);
	return status;
}
