/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_tls.c - who may be at the other end of a link, and what to say if not
 *
 * A connecting host of TLS 1.3 is through with its handshake before the
 * accepting one has looked at its certificate; that it was refused it hears as
 * an alert on its first read. So both verdicts, ours and theirs, end up in
 * pw_peer_tls_explain().
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "peer_tls.h"
#include "pagewire/check.h"

#define SAME_CA "sign both hosts with the same CA (pagewire peer issue), or add the missing one " \
		"to the ca file"

/* --- names in a certificate --- */

/* What a certificate says goes to a terminal: printable characters only. */
static void set_shown(char *to, size_t to_bytes, const char *text, size_t text_bytes)
{
	size_t n = text_bytes < to_bytes - 1 ? text_bytes : to_bytes - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
	to[n] = '\0';
}

static bool is_uri(const char *name)
{
	return strstr(name, "://") != NULL;
}

static const ASN1_IA5STRING *text_of(const GENERAL_NAME *san)
{
	if (san->type == GEN_DNS)
		return san->d.dNSName;
	return san->type == GEN_URI ? san->d.uniformResourceIdentifier : NULL;
}

static bool is_same_text(const ASN1_IA5STRING *text, const char *name)
{
	size_t n = strlen(name);

	return (size_t)ASN1_STRING_length(text) == n &&
	       memcmp(ASN1_STRING_get0_data(text), name, n) == 0;
}

static bool has_uri(X509 *cert, const char *uri)
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);

		found |= san->type == GEN_URI && is_same_text(text_of(san), uri);
	}
	GENERAL_NAMES_free(sans);
	return found;
}

static bool has_name(X509 *cert, const struct pw_peer_name *peer)
{
	const char *name = peer->tls_name ? peer->tls_name : peer->name;

	if (is_uri(name))
		return has_uri(cert, name);
	return X509_check_host(cert, name, strlen(name), X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

static void get_common_name(const X509_NAME *subject, char *to, size_t to_bytes)
{
	char text[PW_PEER_TLS_NAME_MAX];
	int n = X509_NAME_get_text_by_NID(subject, NID_commonName, text, sizeof(text));

	if (n > 0)
		set_shown(to, to_bytes, text, (size_t)n);
	else
		snprintf(to, to_bytes, "nobody");
}

/* The name to show for a certificate: its first DNS name or URI, else its common name. */
static void get_name(X509 *cert, char *to, size_t to_bytes)
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_IA5STRING *text = NULL;

	for (int i = 0; i < sk_GENERAL_NAME_num(sans) && !text; i++)
		text = text_of(sk_GENERAL_NAME_value(sans, i));
	if (text)
		set_shown(to, to_bytes, (const char *)ASN1_STRING_get0_data(text),
			  (size_t)ASN1_STRING_length(text));
	else
		get_common_name(X509_get_subject_name(cert), to, to_bytes);
	GENERAL_NAMES_free(sans);
}

static void get_time(const ASN1_TIME *at, char *to, size_t to_bytes)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm) != 1 || !strftime(to, to_bytes, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(to, to_bytes, "an unknown time");
}

/* --- our verdict on the certificate of the peer --- */

__attribute__((format(printf, 2, 3)))
static void set_found(struct pw_peer_tls_check *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(check->found, sizeof(check->found), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3)))
static void set_fix(struct pw_peer_tls_check *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(check->fix, sizeof(check->fix), fmt, ap);
	va_end(ap);
}

static void find_strange_authority(struct pw_peer_tls_check *check, X509 *cert)
{
	char issuer[64];

	get_common_name(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	set_found(check, "its certificate is signed by another authority (%s)", issuer);
	set_fix(check, SAME_CA " of this host");
}

static void find_expired(struct pw_peer_tls_check *check, X509 *cert)
{
	char when[40];

	get_time(X509_get0_notAfter(cert), when, sizeof(when));
	set_found(check, "its certificate has expired on %s", when);
	set_fix(check, "issue a new one for it (pagewire peer issue); if it is new, check the clocks");
}

static void find_not_yet_valid(struct pw_peer_tls_check *check, X509 *cert)
{
	char when[40];

	get_time(X509_get0_notBefore(cert), when, sizeof(when));
	set_found(check, "its certificate is not valid before %s", when);
	set_fix(check, "set the clocks of both hosts right (chronyc tracking)");
}

static void find_wrong_name(struct pw_peer_tls_check *check, X509 *cert)
{
	const struct pw_peer_name *peer = check->names;
	char name[80];

	get_name(cert, name, sizeof(name));
	if (check->accepting) {
		set_found(check, "its certificate is for %s, which is none of the peers of this host",
			  name);
		set_fix(check, "add %s to the peers of this host, if it shall have access", name);
		return;
	}
	set_found(check, "its certificate is for %s, not for %s", name,
		  peer->tls_name ? peer->tls_name : peer->name);
	set_fix(check, "check the address; if it is right, set tls_name of peer %s to %s",
		peer->name, name);
}

static void find_refusal(struct pw_peer_tls_check *check, X509 *cert, int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		find_strange_authority(check, cert);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		find_expired(check, cert);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		find_not_yet_valid(check, cert);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		find_wrong_name(check, cert);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		set_found(check, "its certificate may not be used for this");
		set_fix(check, "issue it for serverAuth and clientAuth (pagewire peer issue does)");
		break;
	default:
		set_found(check, "its certificate is not valid: %s",
			  X509_verify_cert_error_string(error));
		set_fix(check, "issue a new one for it (pagewire peer issue)");
		break;
	}
}

static const struct pw_peer_name *match(const struct pw_peer_tls_check *check, X509 *cert)
{
	for (size_t i = 0; i < check->num_names; i++)
		if (has_name(cert, &check->names[i]))
			return &check->names[i];
	return NULL;
}

/* Called for every certificate of the chain; the peer's own comes last, at depth 0. */
static int on_verify(int is_good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct pw_peer_tls_check *check = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (is_good && X509_STORE_CTX_get_error_depth(store) > 0)
		return 1;
	if (is_good) {
		check->matched = match(check, cert);
		if (check->matched)
			return 1;
		X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
	}
	if (!check->found[0])
		find_refusal(check, cert, X509_STORE_CTX_get_error(store));
	return 0;
}

/* --- what went wrong --- */

static const struct reason {
	int reason;		/* SSL_R_...: for an alert, 1000 + its number */
	const char *id;
	const char *what;	/* behind who */
	const char *found;
	const char *fix;
} reasons[] = {
#define NOT_LET_IN "PW-2104", "does not let this host in"
#define NOT_TLS13  "PW-2105", "is not one to talk to"
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, NOT_LET_IN,
	  "it does not know the authority that signed the certificate of this host",
	  SAME_CA " there" },
	{ SSL_R_TLSV1_ALERT_DECRYPT_ERROR, NOT_LET_IN,
	  "it could not verify the certificate of this host", SAME_CA " there" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, NOT_LET_IN,
	  "it finds the certificate of this host expired",
	  "issue a new one for this host (pagewire peer issue), and compare the clocks" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, NOT_LET_IN,
	  "the certificate of this host was revoked",
	  "issue a new one for this host (pagewire peer issue)" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, NOT_LET_IN,
	  "the certificate of this host may not be used for this",
	  "issue it for serverAuth and clientAuth (pagewire peer issue does)" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, NOT_LET_IN,
	  "this host showed no certificate",
	  "give it one (pagewire peer issue)" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "PW-2103", "is not trusted",
	  "it showed no certificate",
	  "only hosts with a certificate of this CA may connect (pagewire peer issue)" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, NOT_TLS13,
	  "it does not speak TLS 1.3", "check the address and port; upgrade what runs there" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, NOT_TLS13,
	  "it does not speak TLS 1.3", "upgrade what runs there; older TLS is never taken" },
	{ SSL_R_WRONG_VERSION_NUMBER, NOT_TLS13,
	  "it does not speak TLS", "check the address and port: another program uses them" },
	{ SSL_R_HTTP_REQUEST, NOT_TLS13,
	  "it speaks HTTP", "metrics and reports have a port of their own" },
	{ SSL_R_HTTPS_PROXY_REQUEST, NOT_TLS13,
	  "it speaks HTTP", "metrics and reports have a port of their own" },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, NOT_TLS13,
	  "it does not speak TLS", "check the address and port: another program uses them" },
};

static const struct reason *reason_of(unsigned long code)
{
	for (size_t i = 0; i < PW_ARRAY_SIZE(reasons); i++)
		if (reasons[i].reason == ERR_GET_REASON(code))
			return &reasons[i];
	return NULL;
}

/* A bare "bad certificate" is what a pagewired says to a name that it does not expect. */
static int explain_name(const struct pw_peer_tls_check *check, const char *who,
			struct pw_error *err)
{
	return pw_fail(err, -EACCES, "PW-2104",
		       "%s does not let this host in\n"
		       "it does not expect the name %s, for which the certificate of this host is\n"
		       "add %s to the peers there, or issue a certificate with the expected name",
		       who, check->own_name, check->own_name);
}

static int explain_end(const struct pw_peer_tls_check *check, const char *who,
		       struct pw_error *err)
{
	if (!check->matched)
		return pw_fail(err, -ECONNRESET, "PW-2105", "%s is not one to talk to\n"
			       "it ended the connection before TLS was agreed on\n"
			       "check the address and port, and the log of pagewired there", who);
	return pw_fail(err, -ECONNRESET, "PW-2108",
		       "the link to %s is lost\nit was closed from the other end\n"
		       "look into the log of pagewired there", who);
}

int pw_peer_tls_explain(const struct pw_peer_tls_check *check, unsigned long reason,
			const char *who, struct pw_error *err)
{
	const struct reason *known = reason ? reason_of(reason) : NULL;
	const char *text = reason ? ERR_reason_error_string(reason) : NULL;

	if (check->found[0])
		return pw_fail(err, -EACCES, "PW-2103", "%s is not trusted\n%s\n%s", who,
			       check->found, check->fix);
	if (reason && ERR_GET_REASON(reason) == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE)
		return explain_name(check, who, err);
	if (known)
		return pw_fail(err, -EACCES, known->id, "%s %s\n%s\n%s", who, known->what,
			       known->found, known->fix);
	if (!reason || ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return explain_end(check, who, err);
	return pw_fail(err, -EPROTO, "PW-2105", "%s is not one to talk to\nTLS failed: %s\n"
		       "check that pagewired runs there, in a version like this one", who,
		       text ? text : "for an unknown reason");
}

/* --- the files of this host --- */

static int fail_file(struct pw_error *err, const char *role, const char *path)
{
	int code = access(path, R_OK) == 0 ? -EINVAL : -errno;

	ERR_clear_error();
	if (code == -EINVAL)
		return pw_fail(err, code, "PW-2101",
			       "cannot use the %s file %s\nit holds no %s in PEM form\n"
			       "make one with pagewire peer issue, or set %s to the right file",
			       role, path, strcmp(role, "key") ? "certificate" :
			       "private key without a passphrase", role);
	return pw_fail(err, code, "PW-2101", "cannot read the %s file %s\n%s\n"
		       "make one with pagewire peer issue, or set %s to the right file",
		       role, path, strerror(-code), role);
}

/* Never ask on a terminal that a daemon does not have. */
static int no_passphrase(char *to, int to_bytes, int is_writing, void *user)
{
	(void)to;
	(void)to_bytes;
	(void)is_writing;
	(void)user;
	return -1;
}

static int load_cert(struct pw_peer_tls *tls, const char *path, struct pw_error *err)
{
	char when[40];
	X509 *cert;

	if (SSL_CTX_use_certificate_chain_file(tls->ssl_ctx, path) != 1)
		return fail_file(err, "cert", path);
	cert = SSL_CTX_get0_certificate(tls->ssl_ctx);
	get_name(cert, tls->cert_name, sizeof(tls->cert_name));
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) >= 0)
		return 0;
	get_time(X509_get0_notAfter(cert), when, sizeof(when));
	return pw_fail(err, -EKEYEXPIRED, "PW-2102",
		       "cannot use the cert file %s\nit has expired on %s\n"
		       "issue a new one: pagewire peer issue %s", path, when, tls->cert_name);
}

static int load_key(struct pw_peer_tls *tls, const struct pw_peer_files *files,
		    struct pw_error *err)
{
	if (SSL_CTX_use_PrivateKey_file(tls->ssl_ctx, files->key, SSL_FILETYPE_PEM) == 1)
		return 0;
	if (ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH &&
	    ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_TYPE_MISMATCH)
		return fail_file(err, "key", files->key);
	ERR_clear_error();
	return pw_fail(err, -EKEYREJECTED, "PW-2102",
		       "cannot use the key file %s\nit is not the key of the certificate in %s\n"
		       "name two files that were issued together (pagewire peer issue)",
		       files->key, files->cert);
}

static int load_files(struct pw_peer_tls *tls, const struct pw_peer_files *files,
		      struct pw_error *err)
{
	int rc;

	if (SSL_CTX_load_verify_file(tls->ssl_ctx, files->ca) != 1)
		return fail_file(err, "ca", files->ca);
	rc = load_cert(tls, files->cert, err);
	return rc ? rc : load_key(tls, files, err);
}

/* What may be spoken: TLS 1.3 with the two strong suites, every link anew. */
static int set_rules(SSL_CTX *ctx)
{
	int ok = 1;

	ok &= SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1;
	ok &= SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1;
	ok &= SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	ok &= SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1;
	ok &= SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ok ? 0 : -EIO;
}

int pw_peer_tls_create(struct pw_peer_tls **tls, const struct pw_peer_files *files,
		       struct pw_error *err)
{
	struct pw_peer_tls *made = calloc(1, sizeof(*made));
	int rc;

	if (!made)
		return pw_fail(err, -ENOMEM, "PW-2101", "cannot set up TLS\nout of memory");
	made->ssl_ctx = SSL_CTX_new(TLS_method());
	if (!made->ssl_ctx || set_rules(made->ssl_ctx)) {
		rc = pw_fail(err, -EIO, "PW-2101", "cannot set up TLS\nOpenSSL here lacks TLS 1.3 "
			     "with AES-256-GCM\ninstall OpenSSL 3.0 or newer");
		goto out_destroy;
	}
	rc = load_files(made, files, err);
	if (rc)
		goto out_destroy;

	signal(SIGPIPE, SIG_IGN);
	*tls = made;
	return 0;

out_destroy:
	pw_peer_tls_destroy(made);
	return rc;
}

void pw_peer_tls_destroy(struct pw_peer_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ssl_ctx);
	free(tls);
}

SSL *pw_peer_tls_begin(const struct pw_peer_tls *tls, struct pw_peer_tls_check *check, int fd)
{
	SSL *ssl = SSL_new(tls->ssl_ctx);

	if (!ssl)
		return NULL;
	if (SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	memcpy(check->own_name, tls->cert_name, sizeof(check->own_name));
	SSL_set_app_data(ssl, check);
	return ssl;
}
