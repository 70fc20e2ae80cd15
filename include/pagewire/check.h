/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.h - what the programmer promises
 *
 * PW_CHECK is always compiled in: set-up, control, once per burst.
 * PW_HOT_CHECK costs nothing in a release build and is PW_CHECK in debug,
 * sanitizer and simulator builds: once per datagram.
 * Neither may look at what a peer, guest, device or operator said: those are
 * tested with if and answered with an error or a counter.
 */
#ifndef PW_CHECK_H
#define PW_CHECK_H

#include <assert.h>

_Noreturn void pw_check_failed(const char *expr, const char *file, int line);

#define PW_CHECK(expr) ((expr) ? (void)0 : pw_check_failed(#expr, __FILE__, __LINE__))

#ifdef PW_HOT_CHECKS
#define PW_HOT_CHECK(expr) PW_CHECK(expr)
#else
#define PW_HOT_CHECK(expr) ((void)sizeof(expr))
#endif

#define PW_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif /* PW_CHECK_H */
