/* SPDX-License-Identifier: BSD-3-Clause */
/* packet.c - see packet.h */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "packet.h"

#define BACKLOG 64

union control {
	char bytes[CMSG_SPACE(PW_PACKET_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int pw_packet_send(int sock, const void *from, size_t bytes, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)from, .iov_len = bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { .bytes = { 0 } };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(fd));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Descriptors are ours from the moment that recvmsg returned: none may be lost,
 * not even those of a message that is refused. */
static void take_fds(struct msghdr *msg, struct pw_packet_fds *fds)
{
	struct cmsghdr *cmsg;

	fds->n = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		fds->n = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds->fd, CMSG_DATA(cmsg), fds->n * sizeof(int));
	}
}

int pw_packet_recv(int sock, void *to, size_t bytes, struct pw_packet_fds *fds)
{
	struct iovec iov = { .iov_base = to, .iov_len = bytes };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	fds->n = 0;
	if (n < 0)
		return -errno;
	take_fds(&msg, fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		pw_packet_close_fds(fds);
		return -EPROTO;
	}
	return (int)n;
}

int pw_packet_take_fd(struct pw_packet_fds *fds, unsigned i)
{
	int fd;

	if (i >= fds->n)
		return -1;
	fd = fds->fd[i];
	fds->fd[i] = -1;
	return fd;
}

void pw_packet_close_fds(struct pw_packet_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++)
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	fds->n = 0;
}

/* A socket file outlives its process: if nobody answers, it is only a name. */
static int remove_stale(const struct sockaddr_un *addr)
{
	int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (probe < 0)
		return -errno;
	if (!connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN ||
	    errno == EPROTOTYPE)
		rc = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(addr->sun_path))
		rc = -errno;
	close(probe);
	return rc;
}

static int bind_and_listen(int sock, const struct sockaddr_un *addr)
{
	int rc = remove_stale(addr);

	if (rc)
		return rc;
	if (bind(sock, (const struct sockaddr *)addr, sizeof(*addr)))
		return -errno;
	if (chmod(addr->sun_path, 0660) || listen(sock, BACKLOG))
		return -errno;
	return 0;
}

int pw_packet_listen(int *sock, const char *path, const char *what, struct pw_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return pw_fail(err, -ENAMETOOLONG, "PW-1102",
			       "cannot offer the %s at %s\nthe path is longer than %zu bytes\n"
			       "choose a shorter path",
			       what, path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	*sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*sock < 0)
		return pw_fail(err, -errno, "PW-1102", "cannot make the %s\n%s", what,
			       strerror(errno));
	rc = bind_and_listen(*sock, &addr);
	if (!rc)
		return 0;
	close(*sock);
	if (rc == -EADDRINUSE)
		return pw_fail(err, rc, "PW-1101",
			       "cannot offer the %s at %s\nanother process listens there\n"
			       "stop that process, or choose another path in the configuration",
			       what, path);
	return pw_fail(err, rc, "PW-1102",
		       "cannot offer the %s at %s\n%s\nmake its directory writable for this user",
		       what, path, strerror(-rc));
}
