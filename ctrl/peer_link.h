/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_link.h - the inside of a link, shared by peer.c, peer_tcp.c and peer_end.c
 *
 *	            pw_peer_connect()    pw_peer_listen()
 *	                   |                    |
 *	peer_tcp.c   PW_LINK_TCP                |      waits for the connection
 *	                   |                    |
 *	peer.c        PW_LINK_TLS  <------------+      handshake, certificates
 *	                   |
 *	             PW_LINK_HELLO                     TLS stands, HELLO is sent
 *	                   |
 *	               PW_LINK_UP                      the user's
 *	                   |
 *	peer_end.c    PW_LINK_OVER                     no more callbacks
 */
#ifndef PW_PEER_LINK_H
#define PW_PEER_LINK_H

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "peer_tls.h"

enum pw_peer_link_state {
	PW_LINK_TCP,
	PW_LINK_TLS,
	PW_LINK_HELLO,
	PW_LINK_UP,
	PW_LINK_OVER
};

struct pw_peer_link {
	struct pw_peer_self self;
	const struct pw_peer_calls *calls;
	void *user;
	enum pw_peer_link_state state;

	int fd;
	SSL *ssl;
	struct bufferevent *bev;
	struct event *on_fd;	/* TCP: connected; OVER: the peer's last bytes */
	struct event *deadline;	/* of coming up; of being buried */
	struct event *tick;	/* one PING */
	int connect_code;	/* of a connect() that failed at once */

	struct pw_peer_tls_check check;
	struct pw_peer_name expected;	/* connect: points to the two below */
	char name[PW_GUEST_NAME_MAX];
	char tls_name[PW_PEER_TLS_NAME_MAX];
	char address[64];
	struct pw_ctl_host_hello hello;	/* the peer's */

	bool paused;
	bool above_low;
	bool heard;		/* since the last tick */
	unsigned silent_ticks;
	uint64_t cookie;
	struct pw_ctl_room *room;

	/* The listener that accepted it, until it is up or gone. */
	struct pw_peer_listener *listener;
	LIST_ENTRY(pw_peer_link) pending;
};

/* Make a link in PW_LINK_TCP without a connection; NULL if there is no memory. */
struct pw_peer_link *pw_peer_link_create(const struct pw_peer_self *self,
					 const struct pw_peer_calls *calls, void *user);

/* The time to come up begins to run. */
void pw_peer_link_start(struct pw_peer_link *link);

/* fd (taken) is connected: begin the handshake. 0 or -ENOMEM. */
int pw_peer_link_begin_tls(struct pw_peer_link *link, int fd, bool accepting);

/* "peer host-b at 10.1.2.12:7000"; borrowed until the next call. */
const char *pw_peer_link_who(const struct pw_peer_link *link);

/* event comes in ms from now, whatever it was set to. */
static inline void pw_peer_link_arm(struct event *event, uint32_t ms)
{
	const struct timeval in = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(event, &in);
}

/* --- peer_end.c --- */

/* Tell the user that the link is over, and why; then bury it. is_broken:
 * nothing can be sent on it any more. */
void pw_peer_link_fail(struct pw_peer_link *link, const struct pw_error *why, bool is_broken);

/* It did not come up, or was not buried, in time. */
void pw_peer_link_on_deadline(evutil_socket_t fd, short what, void *user);

/* At once: for a link that nobody has seen. */
void pw_peer_link_free(struct pw_peer_link *link);

/* --- peer_tcp.c --- */

/* Link is up or gone: its listener may take another in its place. */
void pw_peer_listener_forget(struct pw_peer_link *link);

#endif /* PW_PEER_LINK_H */
