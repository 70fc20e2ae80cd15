/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane.c - see dataplane.h */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane.h"
#include "death_rate.h"
#include "host.h"
#include "log.h"
#include "packet.h"
#include "pagewire/check.h"

#define SEAM_FD	    3	/* in the child */
#define SEAM_BUFFER (1 << 20)	/* 4096 messages: no burst of slices fills it */
#define END_MS	    3000	/* until one that was told to end is killed */

struct transfer {
	bool taken;
	bool there;	/* the process knows it */
	bool leaving;	/* it was told TRANSFER_DEL, or is owed it */
	bool owed;	/* TRANSFER_DEL found no room on the seam */
	bool renewing;	/* fn waits for it to be free */
	pw_transfer_fn fn;	/* NULL: free for all when it has left */
	void *user;
};

struct pw_dataplane {
	struct event_base *loop;
	struct event *readable;
	const struct pw_dataplane_config *config;
	struct pw_dataplane_calls calls;
	struct pw_seam_ready facts;
	struct transfer transfer[PW_TRANSFERS_MAX];
	struct event *free;	/* active: look for transfers that can be added */
	struct event *late;	/* READY did not come in time */
	struct pw_death_rate deaths;
	int sock;	/* -1: no process */
	pid_t pid;
	bool ready;
	bool was_ready;	/* ever: what failed before is the operator's to see at the start */
	bool refused;	/* it said why it cannot run: no other will */
};

/* In the child: the seam is descriptor 3, and the process ends with us. Signals
 * that go to all of a service or a terminal are for us alone: it would leave its
 * socket behind. */
static _Noreturn void run_child(const struct pw_dataplane_config *config, int sock)
{
	char *argv[PW_DATAPLANE_ARGS_MAX + 2];
	sigset_t none;
	unsigned n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (sock == SEAM_FD)
		fcntl(sock, F_SETFD, 0);
	else
		dup2(sock, SEAM_FD);
	while (config->argv[n]) {
		argv[n] = config->argv[n];
		n++;
	}
	argv[n++] = (char[]){ "--seam-fd=3" };
	argv[n] = NULL;
	execv(argv[0], argv);
	_exit(127);
}

static int start(struct pw_dataplane *dp, struct pw_error *err);

/* Say to all who have a transfer that the process has gone; -ECONNRESET: there
 * will be another. Nothing of any transfer is there any more. */
static void tell_gone(struct pw_dataplane *dp, int status)
{
	struct pw_seam_msg gone = { .status = status };

	for (unsigned i = 0; i < PW_TRANSFERS_MAX; i++) {
		struct transfer *t = &dp->transfer[i];

		t->there = t->leaving = t->owed = false;
		gone.transfer = i;
		if (t->taken && !t->fn)
			*t = (struct transfer){ 0 };
		else if (t->taken)
			t->fn(t->user, &gone);
	}
}

/* Close our end and take the status of the process: what ended it, as text. */
static void bury(struct pw_dataplane *dp, char *text, size_t bytes)
{
	int status = 0;

	event_free(dp->readable);
	dp->readable = NULL;
	close(dp->sock);
	dp->sock = -1;
	kill(dp->pid, SIGKILL);
	waitpid(dp->pid, &status, 0);
	snprintf(text, bytes, "%s %d", WIFSIGNALED(status) ? "signal" : "exit code",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void on_death(struct pw_dataplane *dp)
{
	struct pw_error err = { 0 };
	int gone = -ECONNRESET;
	char how[32];

	bury(dp, how, sizeof(how));
	dp->ready = false;
	if (!dp->was_ready || dp->refused) {	/* READY with a status came before, or nothing did */
		pw_fail(&err, -ECHILD, "PW-1301",
			"pagewire-dp did not start\nit ended with %s\n"
			"look at the lines it wrote above; is pagewire-dp installed beside pagewired?",
			how);
		dp->calls.on_ready(dp->calls.user, &err);
		gone = -ECHILD;
	} else if (!pw_death_rate_bears(&dp->deaths, pw_now_ns())) {
		pw_err("pagewire-dp died (%s), more than %u times within %llu s: not started again, "
		       "restart pagewired", how, PW_DEATHS_MAX, PW_DEATHS_NS / 1000000000ull);
		gone = -ECHILD;
	} else if (start(dp, &err)) {
		pw_err("pagewire-dp died (%s) and cannot be started again: %s", how, err.found);
		gone = -ECHILD;
	} else {
		pw_warn("pagewire-dp died (%s) and is started again", how);
	}
	if (gone != -ECONNRESET)
		event_del(dp->late);
	tell_gone(dp, gone);
}

/* Whoever waits for this process need not wait any longer. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct pw_dataplane *dp = arg;

	(void)fd;
	(void)what;
	pw_err("pagewire-dp is not ready %u s after it was started again: it is ended",
	       PW_DATAPLANE_START_S);
	tell_gone(dp, -ETIMEDOUT);
	kill(dp->pid, SIGKILL);	/* on_death() follows */
}

/* Transfers that wait to be added: now is the time, or it never comes. */
static void on_free(evutil_socket_t fd, short what, void *arg)
{
	struct pw_dataplane *dp = arg;
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_DEL };

	(void)fd;
	(void)what;
	if (dp->sock < 0)
		tell_gone(dp, -ECHILD);
	for (unsigned i = 0; dp->ready && i < PW_TRANSFERS_MAX; i++) {
		struct transfer *t = &dp->transfer[i];

		if (!t->renewing || t->there)
			continue;
		t->renewing = false;
		msg.transfer = i;
		t->fn(t->user, &msg);
	}
}

static void on_ready(struct pw_dataplane *dp, const struct pw_seam_msg *msg)
{
	struct pw_error err = { 0 };
	const struct pw_seam_ready *ready = &msg->ready;

	if (msg->status)
		pw_fail(&err, msg->status, "PW-1302", "the dataplane cannot start\n%.199s\n"
			"change lane, workers or memory.limit_mib in the configuration", ready->why);
	else if (ready->version != PW_SEAM_VERSION)
		pw_fail(&err, -EPROTO, "PW-1303",
			"pagewire-dp is of another version\nseam %u, wanted %u\n"
			"install pagewired and pagewire-dp together",
			ready->version, PW_SEAM_VERSION);
	event_del(dp->late);
	dp->facts = *ready;
	dp->ready = !err.code;
	dp->was_ready |= dp->ready;
	dp->refused = err.code;
	dp->calls.on_ready(dp->calls.user, err.code ? &err : NULL);
	if (dp->refused)
		tell_gone(dp, err.code);
	else
		event_active(dp->free, 0, 0);
}

/* The process has let go of this transfer. */
static void on_left(struct pw_dataplane *dp, struct transfer *t)
{
	t->there = t->leaving = t->owed = false;
	if (!t->fn)
		*t = (struct transfer){ 0 };
	else
		event_active(dp->free, 0, 0);
}

static void handle(struct pw_dataplane *dp, const struct pw_seam_msg *msg)
{
	struct transfer *t;

	if (msg->type == PW_SEAM_READY) {
		on_ready(dp, msg);
		return;
	}
	if (msg->transfer >= PW_TRANSFERS_MAX)
		return;
	t = &dp->transfer[msg->transfer];
	if (t->leaving && msg->type == PW_SEAM_TRANSFER_DEL)
		on_left(dp, t);
	else if (!t->leaving && t->fn)
		t->fn(t->user, msg);
}

/* Say TRANSFER_DEL of number i, which is there: now, or when the seam has room
 * again. A process that has just died has let go of it: tell_gone() comes. */
static void send_del(struct pw_dataplane *dp, uint32_t i)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_DEL, .transfer = i };
	struct transfer *t = &dp->transfer[i];

	t->leaving = true;
	t->owed = pw_packet_send(dp->sock, &msg, sizeof(msg), -1) == -EAGAIN;
}

/* A full seam is full of orders whose answers come here. */
static void send_owed(struct pw_dataplane *dp)
{
	for (uint32_t i = 0; i < PW_TRANSFERS_MAX; i++)
		if (dp->transfer[i].owed)
			send_del(dp, i);
}

static void on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct pw_dataplane *dp = arg;
	struct pw_seam_msg msg;
	struct pw_packet_fds fds;
	int n = pw_packet_recv((int)sock, &msg, sizeof(msg), &fds);

	(void)what;
	pw_packet_close_fds(&fds);
	if (n == -EAGAIN)
		return;
	if (n != (int)sizeof(msg)) {
		on_death(dp);
		return;
	}
	handle(dp, &msg);
	send_owed(dp);
}

static int start(struct pw_dataplane *dp, struct pw_error *err)
{
	const struct timeval late = { .tv_sec = PW_DATAPLANE_START_S };
	int pair[2], size = SEAM_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return pw_fail(err, -errno, "PW-1304", "cannot start pagewire-dp\n%s",
			       strerror(errno));
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	dp->pid = fork();
	if (!dp->pid)
		run_child(dp->config, pair[1]);
	close(pair[1]);
	if (dp->pid < 0) {
		close(pair[0]);
		return pw_fail(err, -EAGAIN, "PW-1304", "cannot start pagewire-dp\nfork failed");
	}
	dp->sock = pair[0];
	dp->readable = event_new(dp->loop, dp->sock, EV_READ | EV_PERSIST, on_readable, dp);
	if (!dp->readable || event_add(dp->readable, NULL) ||
	    (dp->was_ready && !evtimer_pending(dp->late, NULL) && event_add(dp->late, &late)))
		return pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	return 0;
}

int pw_dataplane_create(struct pw_dataplane **dp, struct event_base *loop,
			const struct pw_dataplane_config *config,
			const struct pw_dataplane_calls *calls, struct pw_error *err)
{
	struct pw_dataplane *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	d->loop = loop;
	d->config = config;
	d->calls = *calls;
	d->sock = -1;
	d->free = event_new(loop, -1, 0, on_free, d);
	d->late = evtimer_new(loop, on_late, d);
	rc = d->free && d->late ? start(d, err)
				: pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	if (rc) {
		pw_dataplane_destroy(d);
		return rc;
	}
	*dp = d;
	return 0;
}

static void await_end(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };

	if (end.fd < 0 || poll(&end, 1, END_MS) <= 0)
		kill(pid, SIGKILL);
	if (end.fd >= 0)
		close(end.fd);
	waitpid(pid, NULL, 0);
}

void pw_dataplane_destroy(struct pw_dataplane *dp)
{
	if (dp->readable)
		event_free(dp->readable);
	if (dp->sock >= 0) {
		close(dp->sock);	/* its sign to end: it removes its socket first */
		await_end(dp->pid);
	}
	if (dp->free)
		event_free(dp->free);
	if (dp->late)
		event_free(dp->late);
	free(dp);
}

bool pw_dataplane_is_ready(const struct pw_dataplane *dp)
{
	return dp->ready;
}

const struct pw_seam_ready *pw_dataplane_facts(const struct pw_dataplane *dp)
{
	return &dp->facts;
}

/* Every region's bitmap is whole chunks, so that a worker never looks behind it. */
static uint64_t lay_out(struct pw_transfer_board *board, const uint64_t *region_bytes,
			uint32_t regions)
{
	const uint64_t chunk_bytes = (uint64_t)PW_CHUNK_PAGES * PW_PAGE_BYTES;
	uint64_t at = sizeof(struct pw_board);

	for (uint32_t i = 0; i < regions; i++) {
		board->bitmap_offset[i] = at;
		at += (region_bytes[i] + chunk_bytes - 1) / chunk_bytes * PW_CHUNK_WORDS * 8;
	}
	return (at + PW_PAGE_BYTES - 1) & ~(uint64_t)(PW_PAGE_BYTES - 1);
}

static int make_board(struct pw_transfer_board *board)
{
	void *map;

	board->fd = memfd_create("pagewire-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (board->fd < 0)
		return -errno;
	if (ftruncate(board->fd, (off_t)board->bytes) ||
	    fcntl(board->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		close(board->fd);
		return -errno;
	}
	map = mmap(NULL, board->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, board->fd, 0);
	if (map == MAP_FAILED) {
		close(board->fd);
		return -ENOMEM;
	}
	board->board = map;
	return 0;
}

int pw_dataplane_take(struct pw_dataplane *dp, struct pw_transfer_board *board,
		      const uint64_t *region_bytes, uint32_t regions, pw_transfer_fn fn, void *user)
{
	uint32_t i = 0;
	int rc;

	if (dp->sock < 0)
		return -EAGAIN;
	while (i < PW_TRANSFERS_MAX && dp->transfer[i].taken)
		i++;
	if (i == PW_TRANSFERS_MAX)
		return -EBUSY;
	*board = (struct pw_transfer_board){ .number = i };
	board->bytes = lay_out(board, region_bytes, regions);
	rc = make_board(board);
	if (rc)
		return rc;
	dp->transfer[i] = (struct transfer){ .taken = true, .fn = fn, .user = user };
	pw_dataplane_renew(dp, board);
	return 0;
}

void pw_dataplane_renew(struct pw_dataplane *dp, const struct pw_transfer_board *board)
{
	struct transfer *t = &dp->transfer[board->number];

	PW_CHECK(t->taken && t->fn);
	t->renewing = true;
	if (!t->there)
		event_active(dp->free, 0, 0);
	else if (!t->leaving)
		send_del(dp, board->number);
}

void pw_dataplane_put(struct pw_dataplane *dp, struct pw_transfer_board *board)
{
	struct transfer *t = &dp->transfer[board->number];

	PW_CHECK(t->taken);
	t->fn = NULL;
	t->renewing = false;
	if (!t->there)
		*t = (struct transfer){ 0 };
	else if (!t->leaving)
		send_del(dp, board->number);
	munmap(board->board, board->bytes);
	close(board->fd);
	board->board = NULL;
}

int pw_dataplane_send(struct pw_dataplane *dp, const struct pw_transfer_board *board,
		      struct pw_seam_msg *msg, int fd)
{
	int rc;

	if (dp->sock < 0 || !dp->ready)
		return -ECONNRESET;
	msg->transfer = board->number;
	if (msg->type == PW_SEAM_TRANSFER_ADD)
		dp->transfer[board->number].there = true;
	rc = pw_packet_send(dp->sock, msg, sizeof(*msg), fd);
	return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

uint64_t *pw_transfer_bitmap(const struct pw_transfer_board *board, uint32_t region,
			     uint64_t first_page)
{
	PW_CHECK(first_page % PW_CHUNK_PAGES == 0);
	return (uint64_t *)(void *)((uint8_t *)board->board + board->bitmap_offset[region]) +
	       first_page / 64;
}

uint64_t pw_transfer_stat(const struct pw_transfer_board *board, enum pw_stat stat)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PW_PATHS_MAX; i++)
		sum += pw_stat_get((const uint64_t *)&board->board->path[i] + stat);
	return sum;
}
