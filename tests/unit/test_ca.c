/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ca.c - the small private authority */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca.h"
#include "run.h"

static char dir[64], path[128];

static const char *file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void given_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/pagewire-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void given_ca(void)
{
	given_dir();
	CU_ASSERT_EQUAL_FATAL(pw_ca_create(dir, NULL), 0);
}

static void remove_dir(void)
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

static int issue(const char *name, int64_t valid_s, struct pw_error *err)
{
	return pw_ca_issue(dir, &(struct pw_ca_cert){ name, valid_s }, err);
}

static X509 *cert_of(const char *name)
{
	FILE *in = fopen(file(name), "r");
	X509 *cert = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cert);
	fclose(in);
	return cert;
}

static EVP_PKEY *key_of(const char *name)
{
	FILE *in = fopen(file(name), "r");
	EVP_PKEY *key = in ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	fclose(in);
	return key;
}

static int verify(X509 *cert, X509 *ca, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int error;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return error;
}

static void test_issued_certificate_is_good_for_both_ends(void)
{
	X509 *ca, *cert;

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	ca = cert_of("ca.crt");
	cert = cert_of("host-a.crt");
	CU_ASSERT_EQUAL(verify(cert, ca, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	CU_ASSERT_EQUAL(verify(cert, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	CU_ASSERT_EQUAL(X509_check_host(cert, "host-a", 0, 0, NULL), 1);
	CU_ASSERT_EQUAL(X509_check_host(cert, "host-b", 0, 0, NULL), 0);
	CU_ASSERT_EQUAL(X509_check_ca(cert), 0);
	X509_free(cert);
	X509_free(ca);
	remove_dir();
}

static void test_key_belongs_to_its_certificate(void)
{
	EVP_PKEY *key;
	X509 *cert;

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	cert = cert_of("host-a.crt");
	key = key_of("host-a.key");
	CU_ASSERT_EQUAL(X509_check_private_key(cert, key), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), 256);
	EVP_PKEY_free(key);
	X509_free(cert);
	remove_dir();
}

static void test_keys_are_for_their_owner_only(void)
{
	struct stat st;
	mode_t before = umask(0);

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	umask(before);
	CU_ASSERT(stat(file("ca.key"), &st) == 0 && (st.st_mode & 0777) == 0600);
	CU_ASSERT(stat(file("host-a.key"), &st) == 0 && (st.st_mode & 0777) == 0600);
	CU_ASSERT(stat(file("host-a.crt"), &st) == 0 && (st.st_mode & 0777) == 0644);
	remove_dir();
}

static void test_certificate_is_valid_from_an_hour_ago_for_as_long_as_asked(void)
{
	time_t now = time(NULL), at;
	X509 *cert;

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", 7 * (int64_t)PW_CA_DAY_S, NULL), 0);
	cert = cert_of("host-a.crt");
	at = now - 3600 + 60;
	CU_ASSERT_EQUAL(X509_cmp_time(X509_get0_notBefore(cert), &at), -1);
	at = now - 3600 - 60;
	CU_ASSERT_EQUAL(X509_cmp_time(X509_get0_notBefore(cert), &at), 1);
	at = now + 7 * PW_CA_DAY_S - 60;
	CU_ASSERT_EQUAL(X509_cmp_time(X509_get0_notAfter(cert), &at), 1);
	at = now + 7 * PW_CA_DAY_S + 60;
	CU_ASSERT_EQUAL(X509_cmp_time(X509_get0_notAfter(cert), &at), -1);
	X509_free(cert);
	remove_dir();
}

static void test_two_authorities_do_not_trust_each_other(void)
{
	X509 *ca, *cert;

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	cert = cert_of("host-a.crt");
	remove_dir();
	given_ca();
	ca = cert_of("ca.crt");
	CU_ASSERT_NOT_EQUAL(verify(cert, ca, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	X509_free(ca);
	X509_free(cert);
	remove_dir();
}

static void test_issued_certificate_cannot_issue(void)
{
	X509 *cert, *child;
	char from[128], to[128];

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	/* host-a poses as the authority. */
	snprintf(from, sizeof(from), "%s/host-a.crt", dir);
	snprintf(to, sizeof(to), "%s/ca.crt", dir);
	rename(from, to);
	snprintf(from, sizeof(from), "%s/host-a.key", dir);
	snprintf(to, sizeof(to), "%s/ca.key", dir);
	rename(from, to);
	CU_ASSERT_EQUAL_FATAL(issue("host-c", PW_CA_DAY_S, NULL), 0);
	cert = cert_of("ca.crt");
	child = cert_of("host-c.crt");
	CU_ASSERT_NOT_EQUAL(verify(child, cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	X509_free(child);
	X509_free(cert);
	remove_dir();
}

static void test_certificate_can_be_issued_anew(void)
{
	X509 *first, *second;

	given_ca();
	CU_ASSERT_EQUAL_FATAL(issue("host-a", -60, NULL), 0);
	first = cert_of("host-a.crt");
	CU_ASSERT_EQUAL_FATAL(issue("host-a", PW_CA_DAY_S, NULL), 0);
	second = cert_of("host-a.crt");
	CU_ASSERT_EQUAL(X509_cmp_current_time(X509_get0_notAfter(first)), -1);
	CU_ASSERT_EQUAL(X509_cmp_current_time(X509_get0_notAfter(second)), 1);
	CU_ASSERT_NOT_EQUAL(ASN1_INTEGER_cmp(X509_get0_serialNumber(first),
					     X509_get0_serialNumber(second)), 0);
	X509_free(first);
	X509_free(second);
	remove_dir();
}

static void expect_error(const struct pw_error *err, const char *id)
{
	CU_ASSERT_STRING_EQUAL(err->id, id);
	CU_ASSERT(err->what[0] && err->found[0] && err->fix[0]);
}

static void test_authority_is_never_replaced(void)
{
	struct pw_error err = { 0 };
	X509 *before, *after;

	given_ca();
	before = cert_of("ca.crt");
	CU_ASSERT_EQUAL(pw_ca_create(dir, &err), -EEXIST);
	expect_error(&err, "PW-2124");
	after = cert_of("ca.crt");
	CU_ASSERT_EQUAL(X509_cmp(before, after), 0);
	X509_free(before);
	X509_free(after);
	remove_dir();
}

static void test_missing_authority_is_a_clear_error(void)
{
	struct pw_error err = { 0 };

	given_dir();
	CU_ASSERT_EQUAL(issue("host-a", PW_CA_DAY_S, &err), -ENOENT);
	expect_error(&err, "PW-2123");
	CU_ASSERT_PTR_NOT_NULL(strstr(err.fix, "init-ca"));
	remove_dir();
}

static void test_broken_authority_is_a_clear_error(void)
{
	struct pw_error err = { 0 };
	FILE *out;

	given_ca();
	out = fopen(file("ca.key"), "w");
	fputs("no key\n", out);
	fclose(out);
	CU_ASSERT_EQUAL(issue("host-a", PW_CA_DAY_S, &err), -EINVAL);
	expect_error(&err, "PW-2123");
	remove_dir();
}

static void test_missing_folder_is_a_clear_error(void)
{
	struct pw_error err = { 0 };

	CU_ASSERT_EQUAL(pw_ca_create("/nowhere/at-all", &err), -ENOENT);
	expect_error(&err, "PW-2121");
}

static void test_names_that_are_none_are_refused(void)
{
	static const char *const bad[] = {
		"", "../ca", "a/b", "host a", "host,DNS:evil", "-host", ".host", "ca", "*.example",
		"a123456789012345678901234567890123456789012345678901234567890123",
	};

	given_ca();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pw_error err = { 0 };

		CU_ASSERT_EQUAL(issue(bad[i], PW_CA_DAY_S, &err), -EINVAL);
		expect_error(&err, "PW-2125");
	}
	CU_ASSERT_EQUAL(issue("host-b.rack_2.example", PW_CA_DAY_S, NULL), 0);
	remove_dir();
}

static const struct pw_test tests[] = {
	PW_TEST(test_issued_certificate_is_good_for_both_ends),
	PW_TEST(test_key_belongs_to_its_certificate),
	PW_TEST(test_keys_are_for_their_owner_only),
	PW_TEST(test_certificate_is_valid_from_an_hour_ago_for_as_long_as_asked),
	PW_TEST(test_two_authorities_do_not_trust_each_other),
	PW_TEST(test_issued_certificate_cannot_issue),
	PW_TEST(test_certificate_can_be_issued_anew),
	PW_TEST(test_authority_is_never_replaced),
	PW_TEST(test_missing_authority_is_a_clear_error),
	PW_TEST(test_broken_authority_is_a_clear_error),
	PW_TEST(test_missing_folder_is_a_clear_error),
	PW_TEST(test_names_that_are_none_are_refused),
};

int main(void)
{
	return PW_RUN_SUITE("ca", tests);
}
