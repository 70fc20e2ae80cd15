/* SPDX-License-Identifier: BSD-3-Clause */
/* ca.c - a small private authority, for those who have none */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "ca.h"

#define CA_VALID_S	(3650 * (int64_t)PW_CA_DAY_S)
#define VALID_BEFORE_S	3600
/* A DNS name may be longer, a common name may not. */
#define CERT_NAME_BYTES_MAX 63u
#define PATH_BYTES_MAX	    4096u

/* A certificate and its key. */
struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

/* What stands in a certificate. */
struct content {
	const char *common_name;
	int64_t valid_s;
	const struct pair *issuer;	/* NULL: itself */
	const char *const *extensions;	/* name, value ... NULL */
};

static void free_pair(struct pair *pair)
{
	X509_free(pair->cert);
	EVP_PKEY_free(pair->key);
	*pair = (struct pair){ 0 };
}

static bool add_extensions(X509 *cert, const struct content *content)
{
	X509V3_CTX ctx;
	bool ok = true;

	X509V3_set_ctx(&ctx, content->issuer ? content->issuer->cert : cert, cert, NULL, NULL, 0);
	for (const char *const *e = content->extensions; ok && e[0]; e += 2) {
		X509_EXTENSION *ext = X509V3_EXT_conf(NULL, &ctx, e[0], e[1]);

		ok = ext && X509_add_ext(cert, ext, -1) == 1;
		X509_EXTENSION_free(ext);
	}
	return ok;
}

/* 127 random bits: never negative, never the same twice. */
static bool set_serial(X509 *cert)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f;
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

static bool set_names(X509 *cert, const struct content *content)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	const unsigned char *text = (const unsigned char *)content->common_name;

	if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) != 1)
		return false;
	return X509_set_issuer_name(cert, content->issuer ?
				    X509_get_subject_name(content->issuer->cert) : subject) == 1;
}

static bool fill_cert(const struct pair *made, const struct content *content)
{
	EVP_PKEY *signer = content->issuer ? content->issuer->key : made->key;
	X509 *cert = made->cert;

	return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -VALID_BEFORE_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), content->valid_s) &&
	       set_names(cert, content) && X509_set_pubkey(cert, made->key) == 1 &&
	       add_extensions(cert, content) && X509_sign(cert, signer, EVP_sha256()) > 0;
}

static bool make_pair(struct pair *made, const struct content *content)
{
	made->key = EVP_EC_gen("P-256");
	made->cert = X509_new();
	if (made->key && made->cert && fill_cert(made, content))
		return true;
	free_pair(made);
	return false;
}

/* --- files --- */

static int fail_file(struct pw_error *err, int code, const char *verb, const char *path)
{
	return pw_fail(err, code, "PW-2121", "cannot %s %s\n%s\n"
		       "check that the folder is there, and who may write to it", verb, path,
		       strerror(-code));
}

static int fail_openssl(struct pw_error *err, const char *name)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return pw_fail(err, -EIO, "PW-2122", "cannot make a certificate for %s\nOpenSSL says: %s\n"
		       "this needs OpenSSL 3.0 or newer with its default settings", name,
		       text ? text : "no reason");
}

/* Write to a new file that takes the place of path when it is whole. */
static int write_pem(const char *path, const struct pair *pair, bool is_key)
{
	char part[PATH_BYTES_MAX + 8];
	FILE *file;
	int fd, ok;

	snprintf(part, sizeof(part), "%s.part", path);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_key ? 0600 : 0644);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return -errno;
	ok = is_key ? PEM_write_PrivateKey(file, pair->key, NULL, NULL, 0, NULL, NULL)
		    : PEM_write_X509(file, pair->cert);
	ok = fflush(file) == 0 && fsync(fd) == 0 && ok == 1;
	ok = fclose(file) == 0 && ok;
	if (ok && rename(part, path) == 0)
		return 0;
	fd = errno ? -errno : -EIO;
	unlink(part);
	return fd;
}

static int save_pair(const char *dir, const char *name, const struct pair *pair,
		     struct pw_error *err)
{
	char path[PATH_BYTES_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/%s.key", dir, name);
	rc = write_pem(path, pair, true);
	if (rc)
		return fail_file(err, rc, "write", path);
	snprintf(path, sizeof(path), "%s/%s.crt", dir, name);
	rc = write_pem(path, pair, false);
	return rc ? fail_file(err, rc, "write", path) : 0;
}

static int fail_no_ca(struct pw_error *err, int code, const char *path)
{
	return pw_fail(err, code, "PW-2123", "cannot use the authority file %s\n%s\n"
		       "make an authority first: pagewire peer init-ca DIR", path,
		       code == -EINVAL ? "it is no PEM file of the right kind" : strerror(-code));
}

static int load_part(const char *path, struct pair *pair, bool is_key, struct pw_error *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return fail_no_ca(err, -errno, path);
	if (is_key)
		pair->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	else
		pair->cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (is_key ? pair->key != NULL : pair->cert != NULL)
		return 0;
	ERR_clear_error();
	return fail_no_ca(err, -EINVAL, path);
}

static int load_ca(const char *dir, struct pair *ca, struct pw_error *err)
{
	char path[PATH_BYTES_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/ca.crt", dir);
	rc = load_part(path, ca, false, err);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	return load_part(path, ca, true, err);
}

/* --- what others call --- */

int pw_ca_create(const char *dir, struct pw_error *err)
{
	static const char *const extensions[] = {
		"basicConstraints", "critical,CA:TRUE,pathlen:0",
		"keyUsage", "critical,keyCertSign,cRLSign",
		"subjectKeyIdentifier", "hash",
		NULL
	};
	char name[40], path[PATH_BYTES_MAX];
	struct pair ca = { 0 };
	uint32_t mark = 0;
	int rc;

	snprintf(path, sizeof(path), "%s/ca.key", dir);
	if (access(path, F_OK) == 0)
		return pw_fail(err, -EEXIST, "PW-2124", "cannot make an authority in %s\n"
			       "ca.key is there already\nuse it, or choose another folder: hosts "
			       "that trust the old one would not trust a new one", dir);

	/* Two authorities must not look alike in an error. */
	RAND_bytes((unsigned char *)&mark, sizeof(mark));
	snprintf(name, sizeof(name), "pagewire CA %08x", mark);
	if (!make_pair(&ca, &(struct content){ name, CA_VALID_S, NULL, extensions }))
		return fail_openssl(err, name);
	rc = save_pair(dir, "ca", &ca, err);
	free_pair(&ca);
	return rc;
}

static bool is_dns_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	return n > 0 && n <= CERT_NAME_BYTES_MAX && !name[n] && name[0] != '.' && name[0] != '-';
}

int pw_ca_issue(const char *dir, const struct pw_ca_cert *cert, struct pw_error *err)
{
	char san[CERT_NAME_BYTES_MAX + 8];
	const char *const extensions[] = {
		"basicConstraints", "critical,CA:FALSE",
		"keyUsage", "critical,digitalSignature",
		"extendedKeyUsage", "serverAuth,clientAuth",
		"subjectKeyIdentifier", "hash",
		"authorityKeyIdentifier", "keyid:always",
		"subjectAltName", san,
		NULL
	};
	struct pair ca = { 0 }, made = { 0 };
	int rc;

	if (!is_dns_name(cert->name) || !strcmp(cert->name, "ca"))
		return pw_fail(err, -EINVAL, "PW-2125", "cannot issue a certificate for \"%.80s\"\n"
			       "that is no name of a host\n"
			       "use letters, digits, dots and dashes, %u at most",
			       cert->name, CERT_NAME_BYTES_MAX);
	snprintf(san, sizeof(san), "DNS:%s", cert->name);
	rc = load_ca(dir, &ca, err);
	if (rc)
		goto out;
	rc = make_pair(&made, &(struct content){ cert->name, cert->valid_s, &ca, extensions }) ?
		save_pair(dir, cert->name, &made, err) : fail_openssl(err, cert->name);
out:
	free_pair(&made);
	free_pair(&ca);
	return rc;
}
