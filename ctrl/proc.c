/* SPDX-License-Identifier: BSD-3-Clause */
/* proc.c - see proc.h */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pagewire/check.h"
#include "proc.h"

#define PROCS_MAX 8u

/* What a child gets as descriptors 0, 1 and 2, and how it says that exec failed. */
struct ends {
	int in;
	int out;
	int log;
	int said[2];
};

int pw_proc_sibling(const char *program, char *path, size_t bytes, struct pw_error *e)
{
	char self[PW_PROC_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return pw_fail(e, -errno, "PW-9101", "cannot find the folder of this program\n%s",
			       strerror(errno));
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash || snprintf(path, bytes, "%.*s/%s", (int)(slash - self), self, program) >=
			      (int)bytes)
		return pw_fail(e, -ENAMETOOLONG, "PW-9101", "the path of %s is too long", program);
	if (access(path, X_OK))
		return pw_fail(e, -errno, "PW-9102",
			       "cannot find %s\n%s: %s\n"
			       "install it beside pagewire, or build everything: ninja -C build",
			       program, path, strerror(errno));
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Runs in the child; only async-signal-safe calls. */
_Noreturn static void become(const struct pw_proc_plan *plan, const struct ends *ends, pid_t parent)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)	/* it died before it could take us along */
		_exit(127);
	if (dup2(ends->in, 0) == 0 && dup2(ends->out, 1) == 1 && dup2(ends->log, 2) == 2)
		execv(plan->argv[0], (char *const *)(uintptr_t)plan->argv);
	err = errno;
	if (write(ends->said[1], &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

/* A pipe, its end number ours goes to *to and the other to *theirs. */
static int open_pipe(int ours, int *to, int *theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	*to = fds[ours];
	*theirs = fds[!ours];
	return 0;
}

static int open_ends(struct pw_proc *p, const struct pw_proc_plan *plan, struct ends *ends)
{
	int err;

	ends->log = open(plan->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ends->log < 0 || pipe2(ends->said, O_CLOEXEC))
		return -errno;
	if (!plan->talks) {
		ends->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		ends->out = fcntl(ends->log, F_DUPFD_CLOEXEC, 3);
		return ends->in < 0 || ends->out < 0 ? -errno : 0;
	}
	err = open_pipe(1, &p->in_fd, &ends->in);
	if (!err)
		err = open_pipe(0, &p->out_fd, &ends->out);
	if (!err && fcntl(p->out_fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	return err;
}

static void close_ends(struct ends *ends)
{
	close_fd(&ends->in);
	close_fd(&ends->out);
	close_fd(&ends->log);
	close_fd(&ends->said[0]);
	close_fd(&ends->said[1]);
}

/* What exec said: nothing, and the end of the pipe, if it worked. */
static int hear_exec(struct ends *ends)
{
	int err = 0;
	ssize_t n;

	close_fd(&ends->said[1]);
	do {
		n = read(ends->said[0], &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(err) ? -err : 0;
}

static int launch(struct pw_proc *p, const struct pw_proc_plan *plan, struct ends *ends)
{
	pid_t parent = getpid(), pid = fork();
	int err;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(plan, ends, parent);
	p->pidfd = pidfd_open(pid, 0);
	err = p->pidfd < 0 ? -errno : hear_exec(ends);
	if (!err) {
		p->pid = pid;
		return 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close_fd(&p->pidfd);
	return err;
}

int pw_proc_start(struct pw_proc *p, const struct pw_proc_plan *plan, struct pw_error *e)
{
	struct ends ends = { .in = -1, .out = -1, .log = -1, .said = { -1, -1 } };
	int err;

	PW_CHECK(p->pid == 0);
	*p = (struct pw_proc){ .pidfd = -1, .in_fd = -1, .out_fd = -1 };
	snprintf(p->name, sizeof(p->name), "%s", plan->name);
	snprintf(p->log, sizeof(p->log), "%s", plan->log);
	err = open_ends(p, plan, &ends);
	if (!err)
		err = launch(p, plan, &ends);
	close_ends(&ends);
	if (!err)
		return 0;
	close_fd(&p->in_fd);
	close_fd(&p->out_fd);
	return pw_fail(e, err, "PW-9103", "cannot start %s\n%s: %s", plan->name, plan->argv[0],
		       strerror(-err));
}

bool pw_proc_has_ended(struct pw_proc *p)
{
	if (!p->pid)
		return true;
	if (waitpid(p->pid, &p->status, WNOHANG) != p->pid)
		return false;
	p->pid = 0;
	close_fd(&p->pidfd);
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Until none of them runs, or until_ms. */
static void await_ends(struct pw_proc *const *procs, size_t count, uint64_t until_ms)
{
	for (;;) {
		struct pollfd fds[PROCS_MAX];
		uint64_t now = now_ms();
		nfds_t running = 0;

		for (size_t i = 0; i < count; i++)
			if (!pw_proc_has_ended(procs[i]))
				fds[running++] = (struct pollfd){ procs[i]->pidfd, POLLIN, 0 };
		if (!running || now >= until_ms)
			return;
		poll(fds, running, (int)(until_ms - now));
	}
}

static void signal_all(struct pw_proc *const *procs, size_t count, int sig)
{
	for (size_t i = 0; i < count; i++)
		if (!pw_proc_has_ended(procs[i]))
			pidfd_send_signal(procs[i]->pidfd, sig, NULL, 0);
}

static void close_pipes(struct pw_proc *p)
{
	if (p->name[0]) {	/* it was started once: what is not open is -1 */
		close_fd(&p->in_fd);
		close_fd(&p->out_fd);
	}
}

void pw_proc_stop_all(struct pw_proc *const *procs, size_t count, unsigned grace_ms)
{
	PW_CHECK(count <= PROCS_MAX);
	signal_all(procs, count, SIGTERM);
	await_ends(procs, count, now_ms() + grace_ms);
	signal_all(procs, count, SIGKILL);
	/* Only a process stuck in the kernel takes longer than this to be killed. */
	await_ends(procs, count, now_ms() + 2000);
	for (size_t i = 0; i < count; i++)
		close_pipes(procs[i]);
}

char *pw_proc_describe_end(const struct pw_proc *p, char *buf, size_t bytes)
{
	if (WIFSIGNALED(p->status))
		snprintf(buf, bytes, "was killed by signal %d (%s)", WTERMSIG(p->status),
			 strsignal(WTERMSIG(p->status)));
	else
		snprintf(buf, bytes, "ended with exit code %d", WEXITSTATUS(p->status));
	return buf;
}

/* The last bytes of a file, in whole lines, without the newlines at its end. */
static void read_tail(const char *path, char *buf, size_t bytes)
{
	FILE *f = fopen(path, "re");
	bool cut = f && !fseek(f, -(long)(bytes - 1), SEEK_END);
	char *newline;
	size_t n;

	if (f && !cut)	/* it is shorter than that */
		rewind(f);
	n = f ? fread(buf, 1, bytes - 1, f) : 0;
	if (f)
		fclose(f);
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	newline = cut ? strchr(buf, '\n') : NULL;
	if (newline)
		memmove(buf, newline + 1, strlen(newline));
}

char *pw_proc_log_tail(const struct pw_proc *p, unsigned lines, char *buf, size_t bytes)
{
	PW_CHECK(bytes > 0);
	read_tail(p->log, buf, bytes);
	for (char *at = buf + strlen(buf); at > buf; at--) {
		if (at[-1] == '\n' && --lines == 0) {
			memmove(buf, at, strlen(at) + 1);
			break;
		}
	}
	return buf;
}

/* The line behind mark, up to its end; false if text does not begin with mark. */
static bool take_line(const char *text, const char *mark, char *to, size_t bytes)
{
	size_t skip = strlen(mark);

	if (strncmp(text, mark, skip))
		return false;
	snprintf(to, bytes, "%.*s", (int)strcspn(text + skip, "\n"), text + skip);
	return true;
}

bool pw_proc_last_error(const struct pw_proc *p, struct pw_error *e)
{
	char tail[1600];
	const char *at = NULL;

	pw_proc_log_tail(p, 20, tail, sizeof(tail));
	for (const char *next = tail; (next = strstr(next, ": PW-")); next++)
		at = next + 2;
	if (!at)
		return false;
	*e = (struct pw_error){ .code = -ECHILD };
	snprintf(e->id, sizeof(e->id), "%.*s", (int)strcspn(at, " \n"), at);
	take_line(at + strcspn(at, " \n"), " ", e->what, sizeof(e->what));
	while ((at = strchr(at, '\n'))) {
		at++;
		if (!take_line(at, "  found  ", e->found, sizeof(e->found)) &&
		    !take_line(at, "  fix    ", e->fix, sizeof(e->fix)))
			break;
	}
	return true;
}
