/* SPDX-License-Identifier: BSD-3-Clause */
/* seam.c - see seam.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pagewire/check.h"
#include "seam.h"

struct pw_seam_out {
	struct pw_seam_out *next;
	struct pw_seam_msg msg;
};

int pw_seam_init(struct pw_seam *s, int fd)
{
	int type;
	socklen_t bytes = sizeof(type);

	*s = (struct pw_seam){ .fd = fd };
	s->end = &s->first;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes))
		return -errno;
	return type == SOCK_SEQPACKET ? 0 : -EPROTOTYPE;
}

void pw_seam_fini(struct pw_seam *s)
{
	while (s->first) {
		struct pw_seam_out *out = s->first;

		s->first = out->next;
		free(out);
	}
	close(s->fd);
}

/* The first descriptor that came along, or -1. One is all that is ever sent. */
static int take_fd(struct msghdr *header)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int pw_seam_receive(struct pw_seam *s, struct pw_seam_msg *msg, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof(*msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*fd = -1;
	memset(msg, 0, sizeof(*msg));
	do
		n = recvmsg(s->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -EPIPE;
	*fd = take_fd(&header);
	if (n == 0)
		return -EPIPE;
	return n == sizeof(*msg) && !(header.msg_flags & MSG_TRUNC) ? 1 : -EBADMSG;
}

/* False: no room. An end that is gone shows when receiving. */
static bool try_send(struct pw_seam *s, const struct pw_seam_msg *msg)
{
	return send(s->fd, msg, sizeof(*msg), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

void pw_seam_send(struct pw_seam *s, const struct pw_seam_msg *msg)
{
	struct pw_seam_out *out;

	if (!s->first && try_send(s, msg))
		return;
	out = malloc(sizeof(*out));
	PW_CHECK(out);	/* 264 bytes: without them there is nothing left to do */
	out->next = NULL;
	out->msg = *msg;
	*s->end = out;
	s->end = &out->next;
}

void pw_seam_flush(struct pw_seam *s)
{
	while (s->first && try_send(s, &s->first->msg)) {
		struct pw_seam_out *out = s->first;

		s->first = out->next;
		if (!s->first)
			s->end = &s->first;
		free(out);
	}
}
