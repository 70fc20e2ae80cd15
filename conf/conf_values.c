/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_values.c - see conf_values.h */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_values.h"
#include "pagewire/check.h"

static const char *const kind_rule[] = {
	[PW_CONF_NAME] = "letters, digits, dot, dash and underscore",
	[PW_CONF_ADDRESS] = "an IP address or a host name",
	[PW_CONF_PATH] = "an absolute path",
	[PW_CONF_WORDS] = "printable text",
	[PW_CONF_PCI] = "an address like 0000:3b:00.0, as lspci -D shows it",
	[PW_CONF_IP] = "the IP address of a host",
	[PW_CONF_IP_BITS] = "an address with its network: 192.0.2.1/24 or 2001:db8::1/64",
};

static bool is_number(const char *said, const struct pw_conf_number *n, uint32_t *value)
{
	char *end;
	long long read;

	if (!isdigit((unsigned char)said[0]) && said[0] != '-')
		return false;
	errno = 0;
	read = strtoll(said, &end, 10);
	if (errno || end == said || *end || read < (long long)n->min || read > (long long)n->max)
		return false;
	*value = (uint32_t)read;
	return true;
}

static void take_number(struct pw_conf_text *t, const struct pw_conf_number *n)
{
	char quoted[PW_CONF_WORD_MAX];

	*n->to = n->fallback;
	if (!n->said || (n->or_auto && strcmp(n->said, "auto") == 0))
		return;
	if (!is_number(n->said, n, n->to))
		pw_conf_text_fail(t, n->key, "is out of range\n%s\nuse %sa whole number from %u to %u%s%s",
				  pw_conf_text_quote(n->said, quoted), n->or_auto ? "auto or " : "",
				  n->min, n->max, *n->unit ? " " : "", n->unit);
}

unsigned pw_conf_take_choice(struct pw_conf_text *t, const struct pw_conf_choice *c)
{
	char quoted[PW_CONF_WORD_MAX], names[80] = "";
	size_t at = 0;

	if (!c->said)
		return c->fallback;
	for (unsigned i = 0; i < c->count; i++)
		if (strcmp(c->said, c->names[i]) == 0)
			return i;
	for (unsigned i = 0; i < c->count && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
				       c->names[i]);
	pw_conf_text_fail(t, c->key, "is none of its words\n%s\nuse one of: %s",
			  pw_conf_text_quote(c->said, quoted), names);
	return c->fallback;
}

static bool is_pci(const char *said)
{
	static const char like[] = "xxxx:xx:xx.7";

	if (strlen(said) != sizeof(like) - 1)
		return false;
	for (size_t i = 0; like[i]; i++) {
		unsigned char c = (unsigned char)said[i];

		if (like[i] == 'x' ? !isxdigit(c) : like[i] == '7' ? c < '0' || c > '7' : c != like[i])
			return false;
	}
	return true;
}

/* Of one host: neither everybody's, nor nobody's, nor this host's loop. */
static bool is_host(const char *ip, unsigned *bits_max)
{
	static const uint8_t nobody[16], loop[16] = { [15] = 1 };
	uint8_t bytes[16] = { 0 };

	*bits_max = 32;
	if (inet_pton(AF_INET, ip, bytes) == 1)
		return bytes[0] && bytes[0] != 127 && bytes[0] < 224;
	*bits_max = 128;
	return inet_pton(AF_INET6, ip, bytes) == 1 && bytes[0] != 0xff &&
	       memcmp(bytes, nobody, sizeof(bytes)) != 0 && memcmp(bytes, loop, sizeof(bytes)) != 0;
}

static bool is_host_with_bits(const char *said)
{
	const char *slash = strchr(said, '/');
	char ip[INET6_ADDRSTRLEN];
	unsigned bits_max;
	uint32_t bits;
	struct pw_conf_number number = { .min = 1 };

	if (!slash || (size_t)(slash - said) >= sizeof(ip))
		return false;
	memcpy(ip, said, (size_t)(slash - said));
	ip[slash - said] = '\0';
	if (!is_host(ip, &bits_max))
		return false;
	number.max = bits_max;
	return is_number(slash + 1, &number, &bits);
}

static bool fits_kind(const char *said, enum pw_conf_kind kind)
{
	static const char *const also[] = { [PW_CONF_NAME] = "._-", [PW_CONF_ADDRESS] = "._-:%" };

	unsigned bits_max;

	if (kind == PW_CONF_PCI)
		return is_pci(said);
	if (kind == PW_CONF_IP)
		return is_host(said, &bits_max);
	if (kind == PW_CONF_IP_BITS)
		return is_host_with_bits(said);
	if (kind == PW_CONF_PATH && said[0] != '/')
		return false;
	for (; *said; said++) {
		unsigned char c = (unsigned char)*said;

		if (kind == PW_CONF_PATH || kind == PW_CONF_WORDS ? !isprint(c) : !isalnum(c) && !strchr(also[kind], c))
			return false;
	}
	return true;
}

static void take_word(struct pw_conf_text *t, const struct pw_conf_word *x)
{
	char quoted[PW_CONF_WORD_MAX];
	const char *said = x->said ? x->said : x->fallback;

	if (!said)
		pw_conf_text_fail(t, x->key, "is missing\nthe file does not say it\nadd it: %s",
				  kind_rule[x->kind]);
	else if (!*said)
		pw_conf_text_fail(t, x->key, "is empty\nno value\nuse %s", kind_rule[x->kind]);
	else if (strlen(said) >= x->bytes)
		pw_conf_text_fail(t, x->key, "is too long\n%zu bytes\nuse at most %zu", strlen(said),
				  x->bytes - 1);
	else if (!fits_kind(said, x->kind))
		pw_conf_text_fail(t, x->key, "does not fit\n%s\nuse %s",
				  pw_conf_text_quote(said, quoted), kind_rule[x->kind]);
	else
		snprintf(x->to, x->bytes, "%s", said);
}

void pw_conf_take_numbers(struct pw_conf_text *t, const struct pw_conf_number *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_number(t, &rows[i]);
}

void pw_conf_take_words(struct pw_conf_text *t, const struct pw_conf_word *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_word(t, &rows[i]);
}
