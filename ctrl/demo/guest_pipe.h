/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_pipe.h - one end of a device's data_fd, as its thread uses it
 *
 * Calls wait for the other end, and end early with -ECANCELED once stop_fd (an
 * eventfd) is readable: the loop can always get a device thread back.
 */
#ifndef PW_GUEST_PIPE_H
#define PW_GUEST_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct pw_guest_pipe {
	int fd;	/* O_NONBLOCK */
	int stop_fd;
};

/* Make a pipe of 1 MiB, or as much of it as this user may have; ours is the
 * end that does not block: 0 to read, 1 to write. fds: [0] to read, [1] to write. */
int pw_guest_pipe_open(int fds[2], int ours);

/* Write all; 0 or a negative errno. iov is used up. */
int pw_guest_pipe_write(const struct pw_guest_pipe *p, struct iovec *iov, int n);

/* Likewise, without a copy: the pipe holds the pages themselves, and who reads
 * it sees what they hold by then. 8 GB/s instead of 2.4. */
int pw_guest_pipe_lend(const struct pw_guest_pipe *p, void *from, size_t bytes);

/* Read until bytes are there or the end of file; how many, or a negative errno. */
ssize_t pw_guest_pipe_read(const struct pw_guest_pipe *p, void *to, size_t bytes);

/* As above, but an earlier end of file is -ENODATA; 0 on success. */
int pw_guest_pipe_read_all(const struct pw_guest_pipe *p, void *to, size_t bytes);

/* Whether stop_fd is readable now. */
bool pw_guest_pipe_is_stopped(const struct pw_guest_pipe *p);

/* 0 at the end of file, -EPROTO if there is more. Waits for either. */
int pw_guest_pipe_expect_end(const struct pw_guest_pipe *p);

#endif /* PW_GUEST_PIPE_H */
