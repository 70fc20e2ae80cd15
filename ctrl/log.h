/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - the operator's timeline, on standard error
 *
 * info: start, peer, rounds, switch-over, end; about 20 lines a migration.
 * Every line about a migration names it. Never guest content. ctrl only: the
 * dataplane counts instead.
 */
#ifndef PW_LOG_H
#define PW_LOG_H

enum pw_log_level { PW_LOG_ERROR, PW_LOG_WARN, PW_LOG_INFO, PW_LOG_DEBUG };

/* program is shown in front of each line; borrowed for the life of the process. */
void pw_log_init(const char *program, enum pw_log_level level);

void pw_log(enum pw_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define pw_err(...)   pw_log(PW_LOG_ERROR, __VA_ARGS__)
#define pw_warn(...)  pw_log(PW_LOG_WARN, __VA_ARGS__)
#define pw_info(...)  pw_log(PW_LOG_INFO, __VA_ARGS__)
#define pw_debug(...) pw_log(PW_LOG_DEBUG, __VA_ARGS__)

#endif /* PW_LOG_H */
