/* SPDX-License-Identifier: BSD-3-Clause */
/* jobs.c - see jobs.h */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"

#define JOBS_MAX 64u

struct job {
	pid_t pid;
	int from;	/* its totals come out here */
};

static bool write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t wrote = write(fd, at, n);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0) {
			at += wrote;
			n -= (size_t)wrote;
		}
	}
	return true;
}

static bool read_all(int fd, void *bytes, size_t n)
{
	char *at = bytes;

	while (n > 0) {
		ssize_t got = read(fd, at, n);

		if (got == 0 || (got < 0 && errno != EINTR))
			return false;
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
	return true;
}

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(2);
}

static struct job begin(sim_play play, const void *options, const struct sim_range *range)
{
	struct job job;
	int fd[2];

	fflush(stdout);
	if (pipe(fd) < 0)
		give_up("a pipe for a job");
	job.from = fd[0];
	job.pid = fork();
	if (job.pid < 0)
		give_up("a process for a job");
	if (job.pid == 0) {
		static struct sim_totals totals;

		play(options, range, &totals);
		fflush(stdout);
		_exit(write_all(fd[1], &totals, sizeof(totals)) ? 0 : 2);
	}
	close(fd[1]);
	return job;
}

static void end(struct job *job, struct sim_totals *totals)
{
	static struct sim_totals part;

	if (read_all(job->from, &part, sizeof(part)))
		sim_totals_add(totals, &part);
	close(job->from);
	waitpid(job->pid, NULL, 0);
}

void sim_jobs_run(sim_play play, const void *options, const struct sim_range *range,
		  unsigned jobs, struct sim_totals *totals)
{
	struct job job[JOBS_MAX];

	if (jobs > range->seeds)
		jobs = (unsigned)range->seeds;
	if (jobs > JOBS_MAX)
		jobs = JOBS_MAX;
	if (jobs <= 1) {
		play(options, range, totals);
		return;
	}
	for (unsigned i = 0; i < jobs; i++) {
		const struct sim_range part = {
			.first = range->first + i,
			.seeds = (range->seeds - i + jobs - 1) / jobs,
			.step = jobs,
		};

		job[i] = begin(play, options, &part);
	}
	for (unsigned i = 0; i < jobs; i++)
		end(&job[i], totals);
}
