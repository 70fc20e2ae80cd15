/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.h - a child process: started, talked to, watched, ended
 *
 * A child dies when this process does, whatever ends it. It has a process group
 * of its own: Ctrl-C reaches this process alone, which then ends its children
 * in order. What a child writes to standard error goes to a file.
 *
 * Happy path: pw_proc_start, wait until fd pidfd is readable or do something
 * else, pw_proc_stop_all. A struct pw_proc of zeros is a process that never ran.
 */
#ifndef PW_PROC_H
#define PW_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define PW_PROC_PATH_MAX 256u

struct pw_proc {
	char name[32];	/* for messages: "pagewired of host-a" */
	char log[PW_PROC_PATH_MAX];
	pid_t pid;	/* 0: never started, or its end was seen */
	int pidfd;	/* readable once it has ended; valid while pid is not 0 */
	int in_fd;	/* to its standard input; -1: it has none */
	int out_fd;	/* from its standard output, does not block; -1: it goes to the log */
	int status;	/* as waitpid gives it, once its end was seen */
};

struct pw_proc_plan {
	const char *name;
	const char *log;	/* path of the file, made or continued */
	const char *const *argv;	/* argv[0]: path of the program */
	bool talks;	/* has pipes as standard input and output */
};

/* The path of a program that lies beside this one. */
int pw_proc_sibling(const char *program, char *path, size_t bytes, struct pw_error *e);

int pw_proc_start(struct pw_proc *p, const struct pw_proc_plan *plan, struct pw_error *e);

/* Whether it is over; its status is known then. */
bool pw_proc_has_ended(struct pw_proc *p);

/* SIGTERM to all that run, SIGKILL to those that still run after grace_ms.
 * Their pipes are closed. */
void pw_proc_stop_all(struct pw_proc *const *procs, size_t count, unsigned grace_ms);

/* "ended with exit code 3", "was killed by signal 9 (Killed)". Returns buf. */
char *pw_proc_describe_end(const struct pw_proc *p, char *buf, size_t bytes);

/* The error that it wrote to its log last, as pw_error_text makes it; false if
 * there is none. e->code is -ECHILD. */
bool pw_proc_last_error(const struct pw_proc *p, struct pw_error *e);

/* The last lines of its log that fit, at most so many; no final newline. Returns buf. */
char *pw_proc_log_tail(const struct pw_proc *p, unsigned lines, char *buf, size_t bytes);

#endif /* PW_PROC_H */
