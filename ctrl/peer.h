/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.h - the control link to another pagewired
 *
 * TLS 1.3 over TCP. Both ends show a certificate of the private authority
 * that both were given, and the name in it must be the one that this host's
 * operator wrote down for that peer. No tickets, no early data, no plaintext.
 *
 *	pw_peer_tls_create()                 once: authority, certificate, key
 *	pw_peer_listen() / pw_peer_connect() a link comes to be
 *	  on_up                              after TLS, names and HELLO
 *	  on_message ...                     never HELLO, PING or PONG
 *	  on_drained ...                     the queue has sunk: send more bulk
 *	  on_down                            once, last, unless pw_peer_close()d
 *
 * Every link ends in exactly one of on_down and pw_peer_close(); afterwards it
 * must not be used. A link that never came up says why in on_down as well.
 * Any function may be called from any callback, also pw_peer_close() of the
 * link itself; callbacks never run inside a function of this file.
 *
 * One event loop, one thread. Silence is counted in PINGs that this host sent
 * in vain, so a loop that was stopped for a while blames nobody.
 */
#ifndef PW_PEER_H
#define PW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control.h"
#include "error.h"

struct event_base;
struct pw_peer_link;
struct pw_peer_listener;
struct pw_peer_tls;

/* Bulk: stop sending above HIGH (4 MiB: 320 us at 100 Gbit/s, a read of the
 * device is longer), on_drained comes at LOW. */
#define PW_PEER_HIGH_BYTES (4u << 20)
#define PW_PEER_LOW_BYTES  (1u << 20)
/* What a link may hold queued in all before it refuses to take more. */
#define PW_PEER_QUEUE_MAX  (64u << 20)

#define PW_PEER_BOOT_BYTES 16u

/* What HELLO says of this boot of the host; all 0 if the kernel does not tell. */
void pw_peer_read_boot(uint8_t *boot);

struct pw_peer_files {
	const char *ca;		/* PEM: the authority, or several during a change */
	const char *cert;	/* PEM: this host's certificate and what stands between */
	const char *key;	/* PEM, no passphrase */
};

/* Whom one is ready to talk to. */
struct pw_peer_name {
	const char *name;	/* as the operator calls the host */
	const char *tls_name;	/* in its certificate: DNS name or URI; NULL: the same */
};

struct pw_peer_timing {		/* 0: the default */
	uint32_t up_ms;		/* from the start to on_up: 15000 */
	uint32_t ping_ms;	/* 1000, or a quarter of dead_ms if that is less */
	uint32_t dead_ms;	/* without a byte from the peer: 30000 */
};

/* This host. Links and listeners copy it, and borrow what it points to. */
struct pw_peer_self {
	struct event_base *loop;
	struct pw_peer_tls *tls;
	const char *name;	/* of this host, said in HELLO, and so is */
	const struct pw_lane_end *lane;	/* where its lane ends; NULL: it needs no address */
	struct pw_peer_timing timing;
};

/* Each may be NULL. Borrowed by the link. */
struct pw_peer_calls {
	/* name is the operator's for the certificate that was shown; hello is what the peer says. */
	void (*on_up)(struct pw_peer_link *link, const char *name,
		      const struct pw_ctl_host_hello *hello, void *user);
	/* msg and its rows live until this returns. */
	void (*on_message)(struct pw_peer_link *link, const struct pw_ctl *msg, void *user);
	/* The queue was above PW_PEER_LOW_BYTES and is not any more. */
	void (*on_drained)(struct pw_peer_link *link, void *user);
	void (*on_down)(struct pw_peer_link *link, const struct pw_error *why, void *user);
};

/*
 * Load the files. 0 or a negative errno, and err says which file and what to
 * do. SIGPIPE is ignored in this process from here on: OpenSSL uses write(2).
 */
int pw_peer_tls_create(struct pw_peer_tls **tls, const struct pw_peer_files *files,
		       struct pw_error *err);
/* Links that live keep what they need. */
void pw_peer_tls_destroy(struct pw_peer_tls *tls);

/*
 * Take links at an IP address; port 0 lets the system choose. Peers may be
 * those in names (borrowed). calls and user are what an accepted link starts
 * with: its on_up is the place for pw_peer_set_calls(), its on_down hears of
 * those who were not let in.
 */
struct pw_peer_listen_opts {
	const char *address;	/* "0.0.0.0", "::1" */
	uint16_t port;
	const struct pw_peer_name *names;
	size_t num_names;
	const struct pw_peer_calls *calls;
	void *user;
};
int pw_peer_listen(struct pw_peer_listener **listener, const struct pw_peer_self *self,
		   const struct pw_peer_listen_opts *opts, struct pw_error *err);
uint16_t pw_peer_listener_port(const struct pw_peer_listener *listener);
/* Links that were accepted live on, except those not yet up: they are closed. */
void pw_peer_listener_close(struct pw_peer_listener *listener);

/*
 * Begin a link to peer (copied). Fails at once only if
 * the address is no IP address or this host is out of something; all else
 * comes as on_up or on_down.
 */
struct pw_peer_connect_opts {
	const char *address;
	uint16_t port;
	const struct pw_peer_name *peer;
	const struct pw_peer_calls *calls;
	void *user;
};
int pw_peer_connect(struct pw_peer_link **link, const struct pw_peer_self *self,
		    const struct pw_peer_connect_opts *opts, struct pw_error *err);

/* From now on these are called. */
void pw_peer_set_calls(struct pw_peer_link *link, const struct pw_peer_calls *calls, void *user);

/* The operator's name of the peer; "" as long as it is not known. */
const char *pw_peer_name(const struct pw_peer_link *link);
/* "10.1.2.12:7000" */
const char *pw_peer_address(const struct pw_peer_link *link);
/* What it said of itself; all 0 as long as the link is not up. */
const struct pw_ctl_host_hello *pw_peer_hello(const struct pw_peer_link *link);
bool pw_peer_is_up(const struct pw_peer_link *link);

/*
 * Queue msg; it and its rows may go afterwards. 0, -ENOTCONN if the link is
 * not up, -EINVAL or -EMSGSIZE as pw_ctl_pack(), -ENOBUFS above
 * PW_PEER_QUEUE_MAX.
 */
int pw_peer_send(struct pw_peer_link *link, const struct pw_ctl *msg);

/*
 * Queue bytes (at most PW_CTL_DATA_MAX) as one DEVICE_DATA; they are copied.
 * -EAGAIN above PW_PEER_HIGH_BYTES: on_drained follows.
 */
struct pw_peer_raw {
	const uint8_t *migration;
	uint32_t epoch;
	const void *bytes;
	size_t num_bytes;
};
int pw_peer_send_raw(struct pw_peer_link *link, const struct pw_peer_raw *raw);

/* Queued here and not yet taken by the kernel. */
size_t pw_peer_queued_bytes(const struct pw_peer_link *link);

/*
 * No more on_message until resumed; TCP then holds the peer back. Silence of
 * the peer is not counted meanwhile.
 */
void pw_peer_pause(struct pw_peer_link *link);
void pw_peer_resume(struct pw_peer_link *link);

/*
 * End the link: no callback comes any more. What is queued is still sent, for
 * up to a second and if the loop runs; when the loop has no more events, all
 * links are gone for good.
 */
void pw_peer_close(struct pw_peer_link *link);

/*
 * out_bytes of key material that only the two ends of this link share, bound
 * to label and context. 0, -ENOTCONN if not up, -EIO if the TLS library fails.
 */
struct pw_peer_secret {
	const char *label;
	const uint8_t *context;
	size_t context_bytes;
};
int pw_peer_export(const struct pw_peer_link *link, const struct pw_peer_secret *secret,
		   uint8_t *out, size_t out_bytes);

#endif /* PW_PEER_H */
