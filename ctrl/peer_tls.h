/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_tls.h - who may be at the other end of a link, and what to say if not
 *
 * For peer.c and peer_tcp.c only. The name in a certificate is looked at while
 * TLS verifies it, not afterwards: a peer that is not wanted gets an alert and
 * so can tell its own operator why.
 */
#ifndef PW_PEER_TLS_H
#define PW_PEER_TLS_H

#include <openssl/ssl.h>

#include "peer.h"

#define PW_PEER_TLS_NAME_MAX 256u

struct pw_peer_tls {
	SSL_CTX *ssl_ctx;
	char cert_name[PW_PEER_TLS_NAME_MAX];	/* in the certificate of this host */
};

/* One handshake: whom to expect, and what came of it. Must outlive its SSL. */
struct pw_peer_tls_check {
	const struct pw_peer_name *names;
	size_t num_names;
	bool accepting;
	char own_name[PW_PEER_TLS_NAME_MAX];
	/* out */
	const struct pw_peer_name *matched;	/* who it is */
	char found[240];	/* why the certificate was refused; "" if it was not */
	char fix[240];
};

/* A handshake over fd that check decides; NULL if there is no memory. */
SSL *pw_peer_tls_begin(const struct pw_peer_tls *tls, struct pw_peer_tls_check *check, int fd);

/*
 * Fill err for a handshake or link that failed with the OpenSSL error reason
 * (0: the peer closed it). who is "peer host-b at 10.1.2.12:7000".
 */
int pw_peer_tls_explain(const struct pw_peer_tls_check *check, unsigned long reason,
			const char *who, struct pw_error *err);

#endif /* PW_PEER_TLS_H */
