/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_end.c - how links end
 *
 * Whoever ends a link may have just queued the reason, and the kernel
 * throws away what the peer has not read when a socket with unread bytes is
 * closed. So a link is buried in steps: no more callbacks; what is queued goes
 * out; close_notify; half-close; read and forget until the peer closes as
 * well; free. One second for all of it.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <openssl/err.h>

#include "peer_link.h"
#include "pagewire/check.h"

#define BURY_MS 1000u

void pw_peer_link_free(struct pw_peer_link *link)
{
	const unsigned own = 0;

	if (link->listener)
		pw_peer_listener_forget(link);
	if (link->bev)
		bufferevent_free(link->bev);
	SSL_free(link->ssl);
	if (link->fd >= 0) {
		/* What it still holds the kernel gives up in its own time. */
		setsockopt(link->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &own, sizeof(own));
		close(link->fd);
	}
	if (link->on_fd)
		event_free(link->on_fd);
	if (link->deadline)
		event_free(link->deadline);
	if (link->tick)
		event_free(link->tick);
	free(link->room);
	free(link);
}

static void on_last_bytes(evutil_socket_t fd, short what, void *user)
{
	struct pw_peer_link *link = user;
	char forgotten[16384];
	ssize_t n = read(fd, forgotten, sizeof(forgotten));

	(void)what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	pw_peer_link_free(link);
}

/* Nothing is queued any more. */
static void close_half(struct pw_peer_link *link)
{
	if (link->bev && SSL_is_init_finished(link->ssl)) {
		SSL_shutdown(link->ssl);
		ERR_clear_error();
	}
	if (link->bev)
		bufferevent_free(link->bev);
	link->bev = NULL;
	if (link->on_fd)
		event_free(link->on_fd);
	link->on_fd = NULL;

	if (link->fd >= 0 && shutdown(link->fd, SHUT_WR) == 0)
		link->on_fd = event_new(link->self.loop, link->fd, EV_READ | EV_PERSIST,
					on_last_bytes, link);
	if (link->on_fd)
		event_add(link->on_fd, NULL);
	else
		event_active(link->deadline, EV_TIMEOUT, 0);	/* P2 */
}

static void on_flushed(struct bufferevent *bev, void *user)
{
	if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		close_half(user);
}

static void on_flush_failed(struct bufferevent *bev, short what, void *user)
{
	(void)bev;
	(void)what;
	close_half(user);
}

/* End the link without a word to the user. is_broken: nothing can be sent on it. */
static void bury(struct pw_peer_link *link, bool is_broken)
{
	bool may_flush = link->state == PW_LINK_HELLO || link->state == PW_LINK_UP;

	PW_CHECK(link->state != PW_LINK_OVER);
	link->state = PW_LINK_OVER;
	event_del(link->tick);
	pw_peer_link_arm(link->deadline, BURY_MS);
	if (!link->bev || is_broken || !may_flush ||
	    evbuffer_get_length(bufferevent_get_output(link->bev)) == 0) {
		close_half(link);
		return;
	}
	bufferevent_disable(link->bev, EV_READ);
	bufferevent_setwatermark(link->bev, EV_WRITE, 0, 0);
	bufferevent_setcb(link->bev, NULL, on_flushed, on_flush_failed, link);
}

void pw_peer_link_fail(struct pw_peer_link *link, const struct pw_error *why, bool is_broken)
{
	const struct pw_peer_calls *calls = link->calls;

	bury(link, is_broken);
	if (calls && calls->on_down)
		calls->on_down(link, why, link->user);
}

void pw_peer_close(struct pw_peer_link *link)
{
	/* From within its own on_down: it is over already. */
	if (link->state != PW_LINK_OVER)
		bury(link, false);
}

static void fail_late(struct pw_peer_link *link)
{
	static const char *const waited_for[] = {
		[PW_LINK_TCP] = "it does not answer a TCP connection",
		[PW_LINK_TLS] = "it took the connection, but does not finish a TLS handshake",
		[PW_LINK_HELLO] = "it finished the TLS handshake, but does not say HELLO",
	};
	struct pw_error why = { 0 };

	pw_fail(&why, -ETIMEDOUT, "PW-2107",
		"no link to %s after %u ms\n%s\n"
		"check that the host is up, that no firewall drops the port, and that pagewired has it",
		pw_peer_link_who(link), link->self.timing.up_ms, waited_for[link->state]);
	pw_peer_link_fail(link, &why, false);
}

void pw_peer_link_on_deadline(evutil_socket_t fd, short what, void *user)
{
	struct pw_peer_link *link = user;

	(void)fd;
	(void)what;
	if (link->state == PW_LINK_OVER)
		pw_peer_link_free(link);
	else
		fail_late(link);
}
