/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_values.h - from what the file says to values that are allowed
 *
 * A row says all about one key: what the file said, what it may be, and what
 * it is if the file says nothing (said is NULL). What is not allowed becomes
 * the error of the text, with the key's place and what is allowed.
 */
#ifndef PW_CONF_VALUES_H
#define PW_CONF_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf_text.h"

struct pw_conf_number {
	const char *key;
	const char *said;
	uint32_t *to;
	const char *unit;
	uint32_t fallback;
	uint32_t min;
	uint32_t max;
	bool or_auto;	/* auto is 0, and the default */
};

struct pw_conf_choice {
	const char *key;
	const char *said;
	const char *const *names;
	unsigned count;
	unsigned fallback;
};

enum pw_conf_kind {
	PW_CONF_NAME,	/* letters, digits, dot, dash, underscore */
	PW_CONF_ADDRESS,	/* IP address or host name */
	PW_CONF_PATH,	/* absolute */
	PW_CONF_WORDS,	/* printable */
	PW_CONF_PCI,	/* domain:bus:device.function */
	PW_CONF_IP,	/* of one host */
	PW_CONF_IP_BITS,	/* of one host, and how much of it is its network's */
};

struct pw_conf_word {
	const char *key;
	const char *said;
	char *to;
	size_t bytes;
	enum pw_conf_kind kind;
	const char *fallback;	/* NULL: the file has to say it */
};

void pw_conf_take_numbers(struct pw_conf_text *t, const struct pw_conf_number *rows, size_t count);
void pw_conf_take_words(struct pw_conf_text *t, const struct pw_conf_word *rows, size_t count);

/* The index of the name that was said. */
unsigned pw_conf_take_choice(struct pw_conf_text *t, const struct pw_conf_choice *c);

#endif /* PW_CONF_VALUES_H */
