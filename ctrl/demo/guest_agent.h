/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_agent.h - the guest's end of the agent socket; the protocol is agent.h
 *
 * Happy path: connect sends REGISTER; its answer makes the connection usable;
 * then each request is handled and answered, one at a time. DEVICE_LOADED is
 * answered later, from pw_guest_agent_on_done, when the device's thread is done.
 *
 * What can go wrong: the other end leaves, or says what the protocol does not
 * know: the connection is closed, the guest stays what it is (a guest at home
 * gives up the saving of its devices), and the loop connects again. A request
 * that cannot be met is answered with a status and changes nothing.
 *
 * Owned by the loop.
 */
#ifndef PW_GUEST_AGENT_H
#define PW_GUEST_AGENT_H

#include "guest_console.h"
#include "guest_machine.h"
#include "guest_track.h"

struct pw_guest_agent {
	struct pw_guest_machine *machine;	/* borrowed */
	struct pw_guest_console *console;	/* borrowed */
	const char *guest;	/* its name; borrowed */
	const char *path;	/* of the socket; borrowed */
	struct pw_guest_track track;
	int fd;	/* -1: not connected */
	bool registered;	/* REGISTER was answered with 0 on this connection */
	bool said_ready;
	bool waiting;	/* loaded is not answered yet */
	struct pw_agent_msg loaded;	/* the DEVICE_LOADED request */
};

/* machine, console, guest and path are set. */
void pw_guest_agent_init(struct pw_guest_agent *a);
void pw_guest_agent_fini(struct pw_guest_agent *a);

/* Connect and send REGISTER. */
int pw_guest_agent_connect(struct pw_guest_agent *a, struct pw_error *e);

/* The socket is readable: handle one packet. e is filled when pagewired refused
 * the guest; the connection is closed then. */
int pw_guest_agent_on_packet(struct pw_guest_agent *a, struct pw_error *e);

/* The machine's done_fd is readable. */
void pw_guest_agent_on_done(struct pw_guest_agent *a);

#endif /* PW_GUEST_AGENT_H */
