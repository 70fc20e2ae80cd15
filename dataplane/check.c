/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c - what happens when a promise of the programmer is broken */

#include <stdio.h>
#include <stdlib.h>

#include "pagewire/check.h"

_Noreturn void pw_check_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "pagewire: %s:%d: broken promise: %s\n", file, line, expr);
	abort();
}
