/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.h - small messages with file descriptors over a unix SEQPACKET socket
 *
 * What the seam and the agent API have in common.
 */
#ifndef PW_PACKET_H
#define PW_PACKET_H

#include <stddef.h>

#include "error.h"
#include "pagewire/agent.h"

#define PW_PACKET_FDS_MAX PW_AGENT_FDS_MAX

struct pw_packet_fds {
	int fd[PW_PACKET_FDS_MAX];
	unsigned n;
};

/* Send bytes, with fd unless it is -1 (it stays the caller's). 0 or a negative
 * errno. */
int pw_packet_send(int sock, const void *from, size_t bytes, int fd);

/* Receive one packet and the descriptors that came with it, which the caller
 * owns. Returns its bytes; 0: the other end has gone; -EAGAIN: nothing now;
 * -EPROTO: longer than bytes, or too many descriptors (all are closed). */
int pw_packet_recv(int sock, void *to, size_t bytes, struct pw_packet_fds *fds);

/* Take descriptor i out, or -1. */
int pw_packet_take_fd(struct pw_packet_fds *fds, unsigned i);
void pw_packet_close_fds(struct pw_packet_fds *fds);

/* A listening socket at path, for its user and group only. A file that nobody
 * listens at is replaced. what names the socket in errors. */
int pw_packet_listen(int *sock, const char *path, const char *what, struct pw_error *err);

#endif /* PW_PACKET_H */
