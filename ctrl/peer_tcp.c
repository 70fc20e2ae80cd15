/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_tcp.c - how links come to be: listening and connecting
 *
 * Whoever reaches the port may open a connection, so those that are not up
 * yet are few and have a deadline; the rest waits in the kernel's queue.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/listener.h>

#include "log.h"
#include "peer_link.h"
#include "pagewire/check.h"

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44	/* Linux 6.15 */
#endif
#define RTO_MAX_MS	1000
#define USER_TIMEOUT_MS 7200000u	/* twice the longest silence_s */

#define PENDING_MAX 64u
#define BACKLOG	    64

struct pw_peer_listener {
	struct pw_peer_self self;
	struct pw_peer_listen_opts opts;
	struct evconnlistener *socket;
	struct event *retry;
	uint16_t port;
	unsigned num_pending;
	LIST_HEAD(, pw_peer_link) pending;
};

/* An address of either family, and room for its text with a port. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t bytes;
};

static int parse_address(struct address *to, const char *text, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(port);
		to->bytes = sizeof(to->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(port);
		to->bytes = sizeof(to->v6);
		return 0;
	}
	return -EINVAL;
}

static uint16_t port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
}

static void format_address(const struct sockaddr *sa, char *to, size_t to_bytes)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
			  text, sizeof(text));
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
			  text, sizeof(text));
	snprintf(to, to_bytes, sa->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port_of(sa));
}

/* Quick after a cut, and in no hurry to give up: that is for the link to decide, by
 * its own measure of silence. A peer that takes nothing, but lives, is not silent. */
static void set_patience(int fd)
{
	const int on = 1, most_ms = RTO_MAX_MS;
	const unsigned end_ms = USER_TIMEOUT_MS;

	/* A message that waits for an answer must not wait for an ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Behind a cut the kernel would go on waiting for as long as that lasted. An
	 * older one refuses, and waits. */
	setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &most_ms, sizeof(most_ms));
	/* And then 15 retries, after which the kernel gives up, are but 15 s. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &end_ms, sizeof(end_ms));
}

static int fail_address(struct pw_error *err, const char *what, const char *address)
{
	return pw_fail(err, -EINVAL, "PW-2111", "cannot %s %s\nthat is no IP address\n"
		       "give an address such as 10.1.2.12; getent hosts NAME shows that of a name",
		       what, address);
}

/* --- listening --- */

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *sa,
		      int sa_bytes, void *user)
{
	struct pw_peer_listener *listener = user;
	const struct pw_peer_listen_opts *opts = &listener->opts;
	struct pw_peer_link *link = pw_peer_link_create(&listener->self, opts->calls, opts->user);
	struct pw_error why = { 0 };

	(void)sa_bytes;
	if (!link) {
		pw_err("no memory for a link");
		close(fd);
		return;
	}
	set_patience(fd);
	format_address(sa, link->address, sizeof(link->address));
	link->check.names = opts->names;
	link->check.num_names = opts->num_names;
	link->listener = listener;
	LIST_INSERT_HEAD(&listener->pending, link, pending);
	if (++listener->num_pending == PENDING_MAX)
		evconnlistener_disable(socket);
	pw_peer_link_start(link);
	if (pw_peer_link_begin_tls(link, fd, true) == 0)
		return;
	pw_fail(&why, -ENOMEM, "PW-2112", "cannot take a link from %s\nout of memory", link->address);
	pw_peer_link_fail(link, &why, true);
}

void pw_peer_listener_forget(struct pw_peer_link *link)
{
	struct pw_peer_listener *listener = link->listener;

	PW_CHECK(listener->num_pending > 0);
	LIST_REMOVE(link, pending);
	link->listener = NULL;
	if (listener->num_pending-- == PENDING_MAX)
		evconnlistener_enable(listener->socket);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
	struct pw_peer_listener *listener = user;

	(void)fd;
	(void)what;
	if (listener->num_pending < PENDING_MAX)
		evconnlistener_enable(listener->socket);
}

/* An accept that fails for want of descriptors would fail again at once, for ever. */
static void on_accept_error(struct evconnlistener *socket, void *user)
{
	struct pw_peer_listener *listener = user;
	const struct timeval in = { .tv_sec = 1 };

	pw_err("cannot take a connection from a peer: %s; trying again in 1 s", strerror(errno));
	evconnlistener_disable(socket);
	event_add(listener->retry, &in);
}

static int listen_at(struct pw_peer_listener *listener, const struct address *address)
{
	struct address actual = { .bytes = sizeof(actual.v6) };
	const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

	listener->socket = evconnlistener_new_bind(listener->self.loop, on_accept, listener, flags,
						   BACKLOG, &address->any, (int)address->bytes);
	if (!listener->socket)
		return errno ? -errno : -ENOMEM;
	listener->retry = evtimer_new(listener->self.loop, on_retry, listener);
	if (!listener->retry)
		return -ENOMEM;
	evconnlistener_set_error_cb(listener->socket, on_accept_error);
	if (getsockname(evconnlistener_get_fd(listener->socket), &actual.any, &actual.bytes))
		return -errno;
	listener->port = port_of(&actual.any);
	return 0;
}

static int fail_listen(struct pw_error *err, int code, const struct pw_peer_listen_opts *opts)
{
	const char *fix = "check the address with: ip address";

	if (code == -EADDRINUSE)
		fix = "stop the program that has the port (ss -ltnp shows it), or set another port";
	else if (code == -EACCES)
		fix = "set a port above 1023, or give pagewired CAP_NET_BIND_SERVICE";
	return pw_fail(err, code, "PW-2112", "cannot listen for peers on %s port %u\n%s\n%s",
		       opts->address, opts->port, strerror(-code), fix);
}

int pw_peer_listen(struct pw_peer_listener **listener, const struct pw_peer_self *self,
		   const struct pw_peer_listen_opts *opts, struct pw_error *err)
{
	struct pw_peer_listener *made;
	struct address address;
	int rc;

	PW_CHECK(pw_ctl_may_send_text(self->name, PW_GUEST_NAME_MAX));
	if (parse_address(&address, opts->address, opts->port))
		return fail_address(err, "listen for peers on", opts->address);
	made = calloc(1, sizeof(*made));
	if (!made)
		return fail_listen(err, -ENOMEM, opts);
	made->self = *self;
	made->opts = *opts;
	LIST_INIT(&made->pending);
	rc = listen_at(made, &address);
	if (rc) {
		pw_peer_listener_close(made);
		return fail_listen(err, rc, opts);
	}
	*listener = made;
	return 0;
}

uint16_t pw_peer_listener_port(const struct pw_peer_listener *listener)
{
	return listener->port;
}

void pw_peer_listener_close(struct pw_peer_listener *listener)
{
	struct pw_peer_link *link;

	if (!listener)
		return;
	while ((link = LIST_FIRST(&listener->pending))) {
		pw_peer_listener_forget(link);
		pw_peer_close(link);
	}
	if (listener->socket)
		evconnlistener_free(listener->socket);
	if (listener->retry)
		event_free(listener->retry);
	free(listener);
}

/* --- connecting --- */

static void fail_connect(struct pw_peer_link *link, int code)
{
	struct pw_error why = { 0 };

	if (code == -ECONNREFUSED)
		pw_fail(&why, code, "PW-2106", "cannot reach %s\nnobody listens there\n"
			"start pagewired on that host (systemctl start pagewired), or correct the address",
			pw_peer_link_who(link));
	else
		pw_fail(&why, code, "PW-2106", "cannot reach %s\n%s\n"
			"check the address, and the route to it: ip route get ADDRESS",
			pw_peer_link_who(link), strerror(-code));
	pw_peer_link_fail(link, &why, true);
}

static int code_of_connect(const struct pw_peer_link *link)
{
	int code = 0;
	socklen_t bytes = sizeof(code);

	if (link->connect_code)
		return link->connect_code;
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &code, &bytes))
		return -errno;
	return -code;
}

static void on_tcp(evutil_socket_t fd, short what, void *user)
{
	struct pw_peer_link *link = user;
	int code = code_of_connect(link);

	(void)what;
	if (link->state != PW_LINK_TCP)
		return;
	event_free(link->on_fd);
	link->on_fd = NULL;
	if (!code)
		code = pw_peer_link_begin_tls(link, fd, false);
	if (code)
		fail_connect(link, code);
}

static int connect_tcp(struct pw_peer_link *link, const struct address *address)
{
	link->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	set_patience(link->fd);
	link->on_fd = event_new(link->self.loop, link->fd, EV_WRITE, on_tcp, link);
	if (!link->on_fd)
		return -ENOMEM;
	if (connect(link->fd, &address->any, address->bytes) && errno != EINPROGRESS)
		link->connect_code = -errno;
	event_add(link->on_fd, NULL);
	if (link->connect_code)
		event_active(link->on_fd, EV_WRITE, 0);
	return 0;
}

static void expect(struct pw_peer_link *link, const struct pw_peer_name *peer)
{
	snprintf(link->name, sizeof(link->name), "%s", peer->name);
	snprintf(link->tls_name, sizeof(link->tls_name), "%s",
		 peer->tls_name ? peer->tls_name : peer->name);
	link->expected = (struct pw_peer_name){ link->name, link->tls_name };
	link->check.names = &link->expected;
	link->check.num_names = 1;
}

int pw_peer_connect(struct pw_peer_link **link, const struct pw_peer_self *self,
		    const struct pw_peer_connect_opts *opts, struct pw_error *err)
{
	struct pw_peer_link *made;
	struct address address;
	int rc;

	PW_CHECK(pw_ctl_may_send_text(self->name, PW_GUEST_NAME_MAX));
	if (parse_address(&address, opts->address, opts->port))
		return fail_address(err, "connect to", opts->address);
	made = pw_peer_link_create(self, opts->calls, opts->user);
	rc = made ? 0 : -ENOMEM;
	if (made) {
		expect(made, opts->peer);
		format_address(&address.any, made->address, sizeof(made->address));
		pw_peer_link_start(made);
		rc = connect_tcp(made, &address);
	}
	if (!rc) {
		*link = made;
		return 0;
	}
	if (made)
		pw_peer_close(made);
	return pw_fail(err, rc, "PW-2106", "cannot connect to peer %s at %s\n%s\n"
		       "this host is out of memory or descriptors: raise LimitNOFILE", opts->peer->name,
		       opts->address, strerror(-rc));
}
