/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_pipe.c - see guest_pipe.h */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "guest_pipe.h"
#include "pagewire/check.h"

#define PIPE_BYTES (1 << 20)	/* what a user without privileges may have */

int pw_guest_pipe_open(int fds[2], int ours)
{
	PW_CHECK(ours == 0 || ours == 1);
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	for (int bytes = PIPE_BYTES; bytes > 65536; bytes /= 2)
		if (fcntl(fds[0], F_SETPIPE_SZ, bytes) >= 0)
			break;
	if (!fcntl(fds[ours], F_SETFL, O_NONBLOCK))
		return 0;
	close(fds[0]);
	close(fds[1]);
	return -EIO;
}

static int wait_for(const struct pw_guest_pipe *p, short events)
{
	struct pollfd fds[] = {
		{ .fd = p->fd, .events = events },
		{ .fd = p->stop_fd, .events = POLLIN },
	};

	if (poll(fds, PW_ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
		return -errno;
	return fds[1].revents ? -ECANCELED : 0;
}

bool pw_guest_pipe_is_stopped(const struct pw_guest_pipe *p)
{
	struct pollfd stop = { .fd = p->stop_fd, .events = POLLIN };

	return poll(&stop, 1, 0) > 0;
}

/* Take n bytes off the front of iov; returns how many of its entries are used up. */
static int advance(struct iovec *iov, int entries, size_t n)
{
	int i = 0;

	for (; i < entries && n >= iov[i].iov_len; i++)
		n -= iov[i].iov_len;
	if (i < entries) {
		iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
	}
	return i;
}

static ssize_t write_some(int fd, const struct iovec *iov, int n)
{
	return writev(fd, iov, n);
}

static ssize_t lend_some(int fd, const struct iovec *iov, int n)
{
	ssize_t lent = vmsplice(fd, iov, (unsigned long)n, SPLICE_F_NONBLOCK);

	if (lent < 0 && (errno == ENOSYS || errno == EPERM))	/* in a sandbox: copy */
		return write_some(fd, iov, n);
	return lent;
}

static int put_all(const struct pw_guest_pipe *p, struct iovec *iov, int n,
		   ssize_t (*put)(int, const struct iovec *, int))
{
	while (n > 0) {
		ssize_t wrote = put(p->fd, iov, n);
		int err = 0;

		if (wrote < 0 && errno == EAGAIN)
			err = wait_for(p, POLLOUT);
		else if (wrote < 0 && errno != EINTR)
			err = -errno;
		if (err)
			return err;
		if (wrote > 0) {
			int used = advance(iov, n, (size_t)wrote);

			iov += used;
			n -= used;
		}
	}
	return 0;
}

int pw_guest_pipe_write(const struct pw_guest_pipe *p, struct iovec *iov, int n)
{
	return put_all(p, iov, n, write_some);
}

int pw_guest_pipe_lend(const struct pw_guest_pipe *p, void *from, size_t bytes)
{
	struct iovec iov = { .iov_base = from, .iov_len = bytes };

	return put_all(p, &iov, 1, lend_some);
}

ssize_t pw_guest_pipe_read(const struct pw_guest_pipe *p, void *to, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		ssize_t n = read(p->fd, (uint8_t *)to + got, bytes - got);
		int err = 0;

		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
		else if (errno == EAGAIN)
			err = wait_for(p, POLLIN);
		else if (errno != EINTR)
			err = -errno;
		if (err)
			return err;
	}
	return (ssize_t)got;
}

int pw_guest_pipe_read_all(const struct pw_guest_pipe *p, void *to, size_t bytes)
{
	ssize_t got = pw_guest_pipe_read(p, to, bytes);

	if (got < 0)
		return (int)got;
	return (size_t)got == bytes ? 0 : -ENODATA;
}

int pw_guest_pipe_expect_end(const struct pw_guest_pipe *p)
{
	uint8_t more;
	ssize_t got = pw_guest_pipe_read(p, &more, 1);

	if (got < 0)
		return (int)got;
	return got ? -EPROTO : 0;
}
