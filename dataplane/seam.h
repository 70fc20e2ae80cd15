/* SPDX-License-Identifier: BSD-3-Clause */
/* seam.h - messages in and out of the socket to pagewired; never waits */
#ifndef PW_DATAPLANE_SEAM_H
#define PW_DATAPLANE_SEAM_H

#include <stdbool.h>

#include "pagewire/seam.h"

struct pw_seam_out;

struct pw_seam {
	int fd;
	struct pw_seam_out *first;	/* what the socket had no room for yet */
	struct pw_seam_out **end;
};

/* Takes fd. Returns 0 or a negative errno: not a seqpacket socket. */
int pw_seam_init(struct pw_seam *s, int fd);
void pw_seam_fini(struct pw_seam *s);

/* The next message: 1, with *fd the descriptor that came along or -1; 0: there
 * is none now; -EPIPE: pagewired is gone; -EBADMSG: it had another size, and
 * msg holds what there was of it. */
int pw_seam_receive(struct pw_seam *s, struct pw_seam_msg *msg, int *fd);

void pw_seam_send(struct pw_seam *s, const struct pw_seam_msg *msg);

/* The socket may have room again. */
void pw_seam_flush(struct pw_seam *s);

static inline bool pw_seam_is_full(const struct pw_seam *s)
{
	return s->first;
}

#endif /* PW_DATAPLANE_SEAM_H */
