/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.c - the control link to another pagewired
 *
 * Happy path: begin_tls -> on_connected (HELLO goes out) -> handle_hello (the
 * peer's came in) -> on_message ... -> pw_peer_close(), or pw_peer_link_fail()
 * with whatever goes wrong.
 *
 * Invariants
 *	P1  libevent defers the callbacks of bev, and so nothing that the user
 *	    calls can call the user back
 *	P2  memory of a link is freed by an event of its own, never inside a
 *	    callback of bev (peer_end.c): a loop over messages may look at the
 *	    link after each of them
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "log.h"
#include "peer_link.h"
#include "pagewire/check.h"

/* A network that is away for ten seconds, a switch that restarts, comes back and
 * the migration goes on; the guest runs at the source meanwhile. */
static const struct pw_peer_timing timing_defaults = { 15000, 1000, 30000 };

const char *pw_peer_link_who(const struct pw_peer_link *link)
{
	static char who[sizeof(link->name) + sizeof(link->address) + 16];

	if (link->name[0])
		snprintf(who, sizeof(who), "peer %s at %s", link->name, link->address);
	else
		snprintf(who, sizeof(who), "the host at %s", link->address);
	return who;
}

static void fail_protocol(struct pw_peer_link *link, const char *found)
{
	struct pw_error why = { 0 };

	pw_fail(&why, -EPROTO, "PW-2109",
		"the link to %s was ended by this host\n%s\n"
		"run the same version of pagewire on both hosts; if so, please report this",
		pw_peer_link_who(link), found);
	pw_peer_link_fail(link, &why, false);
}

static void send_ping(struct pw_peer_link *link, enum pw_ctl_type type, uint64_t cookie)
{
	const struct pw_ctl msg = { .type = type, .cookie = cookie };

	PW_CHECK(pw_peer_send(link, &msg) != -EINVAL);
}

static void fail_dead(struct pw_peer_link *link)
{
	struct pw_error why = { 0 };

	pw_fail(&why, -ETIMEDOUT, "PW-2108",
		"the link to %s is lost\nnothing was heard from it for %g s\n"
		"check that the host runs and that the network between the hosts is up",
		pw_peer_link_who(link), link->self.timing.dead_ms * 1e-3);
	pw_peer_link_fail(link, &why, true);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
	struct pw_peer_link *link = user;

	(void)fd;
	(void)what;
	link->silent_ticks = link->heard || link->paused ? 0 : link->silent_ticks + 1;
	link->heard = false;
	if ((uint64_t)link->silent_ticks * link->self.timing.ping_ms >= link->self.timing.dead_ms) {
		fail_dead(link);
		return;
	}
	/* Bytes that wait to be sent do what a PING would. */
	if (pw_peer_queued_bytes(link) == 0)
		send_ping(link, PW_CTL_PING, ++link->cookie);
	pw_peer_link_arm(link->tick, link->self.timing.ping_ms);
}

static unsigned nibble_of(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
}

/* The kernel writes it as hexadecimal digits with dashes between. */
void pw_peer_read_boot(uint8_t *boot)
{
	char text[64] = "";
	unsigned nibbles = 0;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(boot, 0, PW_PEER_BOOT_BYTES);
	if (file && !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	for (const char *c = text; *c && nibbles < 2 * PW_PEER_BOOT_BYTES; c++) {
		if (*c == '-' || *c == '\n')
			continue;
		boot[nibbles / 2] = (uint8_t)((unsigned)boot[nibbles / 2] << 4 | nibble_of(*c));
		nibbles++;
	}
}

static int queue(struct pw_peer_link *link, const struct pw_ctl *msg)
{
	struct evbuffer *out = bufferevent_get_output(link->bev);
	int bytes = pw_ctl_packed_bytes(msg);
	struct evbuffer_iovec room;

	if (bytes < 0)
		return bytes;
	if (evbuffer_reserve_space(out, bytes, &room, 1) != 1)
		return -ENOMEM;
	bytes = pw_ctl_pack(msg, room.iov_base, room.iov_len);
	if (bytes < 0)
		return bytes;	/* what is not committed was never reserved */
	room.iov_len = (size_t)bytes;
	if (evbuffer_commit_space(out, &room, 1))
		return -ENOMEM;
	link->above_low |= pw_peer_queued_bytes(link) > PW_PEER_LOW_BYTES;
	return 0;
}

static void on_connected(struct pw_peer_link *link)
{
	struct pw_ctl hello = { .type = PW_CTL_HELLO, .hello.version = PW_CTL_VERSION };

	PW_CHECK(link->check.matched);
	if (link->check.accepting)	/* else it was known before */
		snprintf(link->name, sizeof(link->name), "%s", link->check.matched->name);
	snprintf(hello.hello.name, sizeof(hello.hello.name), "%s", link->self.name);
	pw_peer_read_boot(hello.hello.boot);
	if (link->self.lane)
		hello.hello.lane = *link->self.lane;
	link->state = PW_LINK_HELLO;
	PW_CHECK(queue(link, &hello) != -EINVAL);
}

static void fail_version(struct pw_peer_link *link, uint32_t version)
{
	struct pw_error why = { 0 };

	pw_fail(&why, -EPROTONOSUPPORT, "PW-2110",
		"%s speaks another version\nit speaks version %u of the control link, this host %u\n"
		"install the same release of pagewire on both hosts",
		pw_peer_link_who(link), version, PW_CTL_VERSION);
	pw_peer_link_fail(link, &why, false);
}

static void handle_hello(struct pw_peer_link *link, const struct pw_ctl *msg)
{
	if (msg->hello.version != PW_CTL_VERSION) {
		fail_version(link, msg->hello.version);
		return;
	}
	link->hello = msg->hello;
	link->state = PW_LINK_UP;
	if (link->listener)
		pw_peer_listener_forget(link);
	event_del(link->deadline);
	pw_peer_link_arm(link->tick, link->self.timing.ping_ms);
	if (link->calls && link->calls->on_up)
		link->calls->on_up(link, link->name, &msg->hello, link->user);
}

static void handle(struct pw_peer_link *link, const struct pw_ctl *msg)
{
	char found[96];

	if ((link->state == PW_LINK_HELLO) != (msg->type == PW_CTL_HELLO)) {
		snprintf(found, sizeof(found), "it sent %s where it may not", pw_ctl_name(msg->type));
		fail_protocol(link, found);
	} else if (msg->type == PW_CTL_HELLO) {
		handle_hello(link, msg);
	} else if (msg->type == PW_CTL_PING) {
		send_ping(link, PW_CTL_PONG, msg->cookie);
	} else if (msg->type != PW_CTL_PONG && link->calls && link->calls->on_message) {
		link->calls->on_message(link, msg, link->user);
	}
}

/* Length of the message that in begins with; 0 if not all of it is there, or -EPROTO. */
static int next_bytes(struct evbuffer *in)
{
	uint8_t header[sizeof(struct pw_ctl_header)];
	int bytes;

	if (evbuffer_copyout(in, header, sizeof(header)) < (ev_ssize_t)sizeof(header))
		return 0;
	bytes = pw_ctl_frame_bytes(header);
	return bytes > 0 && evbuffer_get_length(in) < (size_t)bytes ? 0 : bytes;
}

static bool may_take(const struct pw_peer_link *link)
{
	return link->state == PW_LINK_HELLO || (link->state == PW_LINK_UP && !link->paused);
}

static void take_message(struct pw_peer_link *link, struct evbuffer *in, size_t bytes)
{
	struct pw_ctl msg;
	int rc = -EPROTO;

	if (bytes)
		rc = pw_ctl_parse(evbuffer_pullup(in, (ev_ssize_t)bytes), bytes, &msg, link->room);
	if (rc) {
		fail_protocol(link, "it sent a message that is none");
		return;
	}
	handle(link, &msg);
	/* Buried links may have lost their buffers. */
	if (link->bev)
		evbuffer_drain(in, bytes);
}

static void on_read(struct bufferevent *bev, void *user)
{
	struct pw_peer_link *link = user;
	struct evbuffer *in = bufferevent_get_input(bev);
	int bytes;

	link->heard = true;
	while (may_take(link) && (bytes = next_bytes(in)) != 0)
		take_message(link, in, bytes > 0 ? (size_t)bytes : 0);
}

static void on_write(struct bufferevent *bev, void *user)
{
	struct pw_peer_link *link = user;

	(void)bev;
	if (!link->above_low || pw_peer_queued_bytes(link) > PW_PEER_LOW_BYTES)
		return;
	link->above_low = false;
	if (link->calls && link->calls->on_drained)
		link->calls->on_drained(link, link->user);
}

/* libevent hands out the kind of SSL_get_error() and the queued errors alike. */
static unsigned long reason_of(struct bufferevent *bev)
{
	unsigned long reason = 0, code;

	while ((code = bufferevent_get_openssl_error(bev)))
		if (ERR_GET_LIB(code) == ERR_LIB_SSL && !reason)
			reason = code;
	return reason;
}

static void on_event(struct bufferevent *bev, short what, void *user)
{
	struct pw_peer_link *link = user;
	struct pw_error why = { 0 };

	if (what & BEV_EVENT_CONNECTED) {
		on_connected(link);
		return;
	}
	pw_peer_tls_explain(&link->check, what & BEV_EVENT_EOF ? 0 : reason_of(bev),
			    pw_peer_link_who(link), &why);
	pw_peer_link_fail(link, &why, true);
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void set_defaults(struct pw_peer_timing *timing)
{
	if (!timing->up_ms)
		timing->up_ms = timing_defaults.up_ms;
	if (!timing->dead_ms)
		timing->dead_ms = timing_defaults.dead_ms;
	if (!timing->ping_ms)
		timing->ping_ms = min(timing_defaults.ping_ms, timing->dead_ms / 4);
}

struct pw_peer_link *pw_peer_link_create(const struct pw_peer_self *self,
					 const struct pw_peer_calls *calls, void *user)
{
	struct pw_peer_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->self = *self;
	set_defaults(&link->self.timing);
	link->calls = calls;
	link->user = user;
	link->fd = -1;
	link->room = malloc(sizeof(*link->room));
	link->deadline = evtimer_new(self->loop, pw_peer_link_on_deadline, link);
	link->tick = evtimer_new(self->loop, on_tick, link);
	if (link->room && link->deadline && link->tick)
		return link;
	pw_peer_link_free(link);
	return NULL;
}

void pw_peer_link_start(struct pw_peer_link *link)
{
	pw_peer_link_arm(link->deadline, link->self.timing.up_ms);
}

int pw_peer_link_begin_tls(struct pw_peer_link *link, int fd, bool accepting)
{
	enum bufferevent_ssl_state how =
		accepting ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;

	link->fd = fd;
	link->state = PW_LINK_TLS;
	link->check.accepting = accepting;
	link->ssl = pw_peer_tls_begin(link->self.tls, &link->check, fd);
	if (!link->ssl)
		return -ENOMEM;
	link->bev = bufferevent_openssl_socket_new(link->self.loop, fd, link->ssl, how,
						   BEV_OPT_DEFER_CALLBACKS);	/* P1 */
	if (!link->bev)
		return -ENOMEM;
	bufferevent_setwatermark(link->bev, EV_READ, 0, PW_CTL_BYTES_MAX);
	bufferevent_setwatermark(link->bev, EV_WRITE, PW_PEER_LOW_BYTES, 0);
	bufferevent_setcb(link->bev, on_read, on_write, on_event, link);
	return bufferevent_enable(link->bev, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

/* --- what the user asks for --- */

void pw_peer_set_calls(struct pw_peer_link *link, const struct pw_peer_calls *calls, void *user)
{
	link->calls = calls;
	link->user = user;
}

const char *pw_peer_name(const struct pw_peer_link *link)
{
	return link->name;
}

const char *pw_peer_address(const struct pw_peer_link *link)
{
	return link->address;
}

const struct pw_ctl_host_hello *pw_peer_hello(const struct pw_peer_link *link)
{
	return &link->hello;
}

bool pw_peer_is_up(const struct pw_peer_link *link)
{
	return link->state == PW_LINK_UP;
}

size_t pw_peer_queued_bytes(const struct pw_peer_link *link)
{
	return link->bev ? evbuffer_get_length(bufferevent_get_output(link->bev)) : 0;
}

int pw_peer_send(struct pw_peer_link *link, const struct pw_ctl *msg)
{
	if (!pw_peer_is_up(link))
		return -ENOTCONN;
	if (pw_peer_queued_bytes(link) > PW_PEER_QUEUE_MAX)
		return -ENOBUFS;
	return queue(link, msg);
}

int pw_peer_send_raw(struct pw_peer_link *link, const struct pw_peer_raw *raw)
{
	uint8_t header[sizeof(struct pw_ctl_header)];
	struct evbuffer *out;
	int rc;

	if (!pw_peer_is_up(link))
		return -ENOTCONN;
	if (pw_peer_queued_bytes(link) > PW_PEER_HIGH_BYTES)
		return -EAGAIN;
	if (raw->num_bytes > PW_CTL_DATA_MAX)
		return -EMSGSIZE;
	rc = pw_ctl_pack_data_header(raw->migration, raw->epoch, (uint32_t)raw->num_bytes, header);
	if (rc)
		return rc;
	out = bufferevent_get_output(link->bev);
	if (evbuffer_expand(out, sizeof(header) + raw->num_bytes))
		return -ENOMEM;
	evbuffer_add(out, header, sizeof(header));
	evbuffer_add(out, raw->bytes, raw->num_bytes);
	link->above_low |= pw_peer_queued_bytes(link) > PW_PEER_LOW_BYTES;
	return 0;
}

void pw_peer_pause(struct pw_peer_link *link)
{
	link->paused = true;
	if (link->state == PW_LINK_UP)
		bufferevent_disable(link->bev, EV_READ);
}

void pw_peer_resume(struct pw_peer_link *link)
{
	link->paused = false;
	if (link->state != PW_LINK_UP)
		return;
	bufferevent_enable(link->bev, EV_READ);
	/* Messages may be here already, of which no event will tell. */
	bufferevent_trigger(link->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

int pw_peer_export(const struct pw_peer_link *link, const struct pw_peer_secret *secret,
		   uint8_t *out, size_t out_bytes)
{
	if (!pw_peer_is_up(link))
		return -ENOTCONN;
	if (SSL_export_keying_material(link->ssl, out, out_bytes, secret->label,
				       strlen(secret->label), secret->context,
				       secret->context_bytes, 1) == 1)
		return 0;
	ERR_clear_error();
	return -EIO;
}
