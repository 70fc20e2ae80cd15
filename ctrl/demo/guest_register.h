/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_register.h - connect to pagewired and say who the guest is */
#ifndef PW_GUEST_REGISTER_H
#define PW_GUEST_REGISTER_H

#include "guest_machine.h"

/* Connect to the agent socket at path. */
int pw_guest_register_connect(const char *path, int *fd, struct pw_error *e);

/* Send REGISTER for m, under the name guest, with all its descriptors. */
int pw_guest_register_send(int fd, const struct pw_guest_machine *m, const char *guest,
			   struct pw_error *e);

/* One packet with fds (at most PW_AGENT_FDS_MAX, borrowed). */
int pw_guest_register_send_packet(int fd, const struct pw_agent_msg *m, const int *fds,
				  uint32_t count);

#endif /* PW_GUEST_REGISTER_H */
