/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_world.h - two hosts in one event loop, and strangers
 *
 *	given_world()		host-a (source) and host-b (target) with certificates of
 *				one authority; host-b listens and expects host-a
 *	source_connects()	a link from host-a to host-b begins
 *	RUN_UNTIL(condition)	the loop turns until it holds, 20 s at most
 *	end_world()		all is closed, and the loop runs dry: what a link
 *				leaves behind is a leak that the sanitizer sees
 *
 * A stranger speaks TLS with whatever certificate and version, or no TLS at
 * all, and has no code in common with what is tested.
 */
#ifndef PW_TESTS_PEER_WORLD_H
#define PW_TESTS_PEER_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "ca.h"
#include "peer.h"
#include "peer_link.h"
#include "pagewire/check.h"
#include "run.h"

#define SEEN_MAX 64u

/* What one end of a link was told. */
struct end {
	struct pw_peer_link *link;	/* NULL once it is down */
	unsigned ups, downs, messages, drained;
	char peer[PW_GUEST_NAME_MAX];
	struct pw_ctl_host_hello hello;
	enum pw_ctl_type seen[SEEN_MAX];	/* types of messages, in order */
	uint64_t bytes, rows;
	struct pw_error why;
	/* Done inside the callback, if set. */
	void (*when_up)(struct end *end);
	void (*when_message)(struct end *end, const struct pw_ctl *msg);
	void (*when_drained)(struct end *end);
	void (*when_down)(struct end *end);
};

struct world {
	char dir[64];		/* certificates */
	char other_dir[64];	/* of another authority */
	struct event_base *loop;
	struct event *guard;
	bool is_late;
	struct pw_peer_self a, b;
	struct pw_peer_listener *listener;
	struct end source, target;
};

static struct world world;

#define RUN_UNTIL(condition)					\
	do {							\
		while (!(condition) && !world.is_late)		\
			event_base_loop(world.loop, EVLOOP_ONCE);	\
		CU_ASSERT_TRUE_FATAL((condition) != 0);	\
	} while (0)

static const uint8_t some_migration[PW_CTL_MIGRATION_BYTES] = { 1, 2, 3 };

static inline struct pw_ctl message(enum pw_ctl_type type)
{
	struct pw_ctl msg = { .type = type };

	memcpy(msg.migration, some_migration, sizeof(msg.migration));
	return msg;
}

static inline void on_up(struct pw_peer_link *link, const char *name,
			 const struct pw_ctl_host_hello *hello, void *user)
{
	struct end *end = user;

	end->link = link;
	end->ups++;
	end->hello = *hello;
	snprintf(end->peer, sizeof(end->peer), "%s", name);
	if (end->when_up)
		end->when_up(end);
}

static inline void on_message(struct pw_peer_link *link, const struct pw_ctl *msg, void *user)
{
	struct end *end = user;

	CU_ASSERT_PTR_EQUAL(link, end->link);
	if (end->messages < SEEN_MAX)
		end->seen[end->messages] = msg->type;
	end->messages++;
	end->rows += msg->rows;
	if (end->when_message)
		end->when_message(end, msg);
}

static inline void on_drained(struct pw_peer_link *link, void *user)
{
	struct end *end = user;

	CU_ASSERT_PTR_EQUAL(link, end->link);
	end->drained++;
	if (end->when_drained)
		end->when_drained(end);
}

static inline void on_down(struct pw_peer_link *link, const struct pw_error *why, void *user)
{
	struct end *end = user;

	(void)link;
	CU_ASSERT_NOT_EQUAL(why->code, 0);
	end->link = NULL;
	end->downs++;
	end->why = *why;
	if (end->when_down)
		end->when_down(end);
}

static const struct pw_peer_calls calls = { on_up, on_message, on_drained, on_down };

static inline void on_guard(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
	world.is_late = true;
}

/* --- certificates --- */

static inline void given_dir(char *dir, size_t bytes)
{
	snprintf(dir, bytes, "/tmp/pagewire-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static inline void remove_dir(const char *dir)
{
	DIR *list = opendir(dir);
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(list), entry->d_name, 0);
	if (list)
		closedir(list);
	rmdir(dir);
}

static inline void given_cert(const char *dir, const char *name, int64_t valid_s)
{
	CU_ASSERT_EQUAL_FATAL(pw_ca_issue(dir, &(struct pw_ca_cert){ name, valid_s }, NULL), 0);
}

/* "dir/name.ending"; eight may be in use at once. */
static inline const char *path_of(const char *dir, const char *name, const char *ending)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s.%s", dir, name, ending);
	return path;
}

/* Trust ca_dir; show the certificate of name from dir. */
static inline struct pw_peer_tls *given_tls(const char *ca_dir, const char *dir, const char *name)
{
	struct pw_peer_tls *tls = NULL;
	const struct pw_peer_files files = {
		path_of(ca_dir, "ca", "crt"), path_of(dir, name, "crt"), path_of(dir, name, "key")
	};

	CU_ASSERT_EQUAL_FATAL(pw_peer_tls_create(&tls, &files, NULL), 0);
	return tls;
}

static inline void set_tls(struct pw_peer_self *self, const char *ca_dir, const char *dir,
			   const char *name)
{
	pw_peer_tls_destroy(self->tls);
	self->tls = given_tls(ca_dir, dir, name);
}

/* --- the two hosts --- */

static const struct pw_peer_name host_a = { "host-a", NULL }, host_b = { "host-b", NULL };

static inline void target_listens(void)
{
	const struct pw_peer_listen_opts opts = {
		.address = "127.0.0.1", .names = &host_a, .num_names = 1,
		.calls = &calls, .user = &world.target,
	};

	CU_ASSERT_EQUAL_FATAL(pw_peer_listen(&world.listener, &world.b, &opts, NULL), 0);
}

static inline void given_world(void)
{
	const struct timeval in = { .tv_sec = 20 };

	memset(&world, 0, sizeof(world));
	given_dir(world.dir, sizeof(world.dir));
	given_dir(world.other_dir, sizeof(world.other_dir));
	CU_ASSERT_EQUAL_FATAL(pw_ca_create(world.dir, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(pw_ca_create(world.other_dir, NULL), 0);
	given_cert(world.dir, "host-a", PW_CA_DAY_S);
	given_cert(world.dir, "host-b", PW_CA_DAY_S);

	world.loop = event_base_new();
	world.guard = evtimer_new(world.loop, on_guard, NULL);
	event_add(world.guard, &in);
	world.a = (struct pw_peer_self){ .loop = world.loop, .name = "host-a" };
	world.b = (struct pw_peer_self){ .loop = world.loop, .name = "host-b" };
	set_tls(&world.a, world.dir, world.dir, "host-a");
	set_tls(&world.b, world.dir, world.dir, "host-b");
}

static inline void end_world(void)
{
	pw_peer_listener_close(world.listener);
	if (world.source.link)
		pw_peer_close(world.source.link);
	if (world.target.link)
		pw_peer_close(world.target.link);
	pw_peer_tls_destroy(world.a.tls);
	pw_peer_tls_destroy(world.b.tls);
	event_free(world.guard);
	event_base_dispatch(world.loop);
	event_base_free(world.loop);
	remove_dir(world.dir);
	remove_dir(world.other_dir);
}

static inline void source_connects_to(uint16_t port)
{
	const struct pw_peer_connect_opts opts = {
		.address = "127.0.0.1", .port = port, .peer = &host_b,
		.calls = &calls, .user = &world.source,
	};

	CU_ASSERT_EQUAL_FATAL(pw_peer_connect(&world.source.link, &world.a, &opts, NULL), 0);
}

static inline void source_connects(void)
{
	source_connects_to(pw_peer_listener_port(world.listener));
}

static inline void given_link(void)
{
	target_listens();
	source_connects();
	RUN_UNTIL(world.source.ups && world.target.ups);
}

/* --- strangers --- */

struct stranger {
	const char *dir;	/* of its certificate; NULL: shows none */
	const char *name;
	int version;		/* of TLS, at most; 0: any */
	const char *says;	/* instead of TLS */
	struct evconnlistener *socket;
	SSL_CTX *ssl_ctx;
	struct bufferevent *bev;
	bool is_in;		/* its handshake is done */
	bool is_out;		/* its connection ended */
	unsigned tickets;
	unsigned long reason;
};

static inline void on_stranger(struct bufferevent *bev, short what, void *user)
{
	struct stranger *stranger = user;
	unsigned long code;

	if (what & BEV_EVENT_CONNECTED) {
		stranger->is_in = true;
		return;
	}
	while (!stranger->says && (code = bufferevent_get_openssl_error(bev)))
		if (ERR_GET_LIB(code) == ERR_LIB_SSL)
			stranger->reason = code;
	stranger->is_out = true;
}

static inline int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct stranger *stranger = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)session;
	stranger->tickets++;
	return 0;
}

/* It trusts anyone. */
static inline void given_stranger_tls(struct stranger *stranger)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
	stranger->ssl_ctx = ctx;
	if (stranger->version)
		SSL_CTX_set_max_proto_version(ctx, stranger->version);
	SSL_CTX_set_app_data(ctx, stranger);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_BOTH);
	SSL_CTX_sess_set_new_cb(ctx, on_ticket);
	if (!stranger->dir)
		return;
	SSL_CTX_use_certificate_file(ctx, path_of(stranger->dir, stranger->name, "crt"),
				     SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, path_of(stranger->dir, stranger->name, "key"),
				    SSL_FILETYPE_PEM);
}

static inline void stranger_takes(struct stranger *stranger, int fd,
				  enum bufferevent_ssl_state how)
{
	const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

	if (stranger->says) {
		stranger->bev = bufferevent_socket_new(world.loop, fd, options);
		bufferevent_write(stranger->bev, stranger->says, strlen(stranger->says));
	} else {
		stranger->bev = bufferevent_openssl_socket_new(
			world.loop, fd, SSL_new(stranger->ssl_ctx), how, options);
	}
	bufferevent_setcb(stranger->bev, NULL, NULL, on_stranger, stranger);
	bufferevent_enable(stranger->bev, EV_READ | EV_WRITE);
}

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int plain_connection(uint16_t port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	evutil_make_socket_nonblocking(fd);
	return fd;
}

static inline void stranger_connects(struct stranger *stranger)
{
	int fd = plain_connection(pw_peer_listener_port(world.listener));

	given_stranger_tls(stranger);
	stranger_takes(stranger, fd, BUFFEREVENT_SSL_CONNECTING);
}

static inline void on_stranger_accept(struct evconnlistener *socket, evutil_socket_t fd,
				      struct sockaddr *sa, int sa_bytes, void *user)
{
	(void)socket;
	(void)sa;
	(void)sa_bytes;
	stranger_takes(user, fd, BUFFEREVENT_SSL_ACCEPTING);
}

/* Returns its port. */
static inline uint16_t stranger_listens(struct stranger *stranger)
{
	struct sockaddr_in at = loopback(0);
	socklen_t bytes = sizeof(at);

	given_stranger_tls(stranger);
	stranger->socket = evconnlistener_new_bind(world.loop, on_stranger_accept, stranger,
						   LEV_OPT_CLOSE_ON_FREE, 4, (struct sockaddr *)&at,
						   sizeof(at));
	CU_ASSERT_PTR_NOT_NULL_FATAL(stranger->socket);
	getsockname(evconnlistener_get_fd(stranger->socket), (struct sockaddr *)&at, &bytes);
	return ntohs(at.sin_port);
}

/* Its connection ends without a word, if it has not ended yet. */
static inline void stranger_dies(struct stranger *stranger)
{
	if (stranger->bev)
		bufferevent_free(stranger->bev);
	if (stranger->socket)
		evconnlistener_free(stranger->socket);
	SSL_CTX_free(stranger->ssl_ctx);
	*stranger = (struct stranger){ 0 };
}

static inline void stranger_sends(struct stranger *stranger, const struct pw_ctl *msg)
{
	static uint8_t packed[PW_CTL_BYTES_MAX];
	int bytes = pw_ctl_pack(msg, packed, sizeof(packed));

	CU_ASSERT_FATAL(bytes > 0);
	bufferevent_write(stranger->bev, packed, (size_t)bytes);
}

/* One with a good certificate, whose link to host-b is up. */
static inline void given_evil_twin(struct stranger *stranger)
{
	const struct pw_ctl hello = { .type = PW_CTL_HELLO, .hello = { .version = PW_CTL_VERSION,
								       .name = "host-a" } };

	*stranger = (struct stranger){ .dir = world.dir, .name = "host-a" };
	target_listens();
	stranger_connects(stranger);
	RUN_UNTIL(stranger->is_in);
	stranger_sends(stranger, &hello);
	RUN_UNTIL(world.target.ups);
}

#endif /* PW_TESTS_PEER_WORLD_H */
