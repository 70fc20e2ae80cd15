/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_text.h - the file as its author sees it: lines, columns and keys
 *
 * libcyaml turns the text into a struct; this knows where each key stands, so
 * that an error can say so. Keys are written "policy.stun_goal_ms" and
 * "peers[2].port", counted from 0.
 */
#ifndef PW_CONF_TEXT_H
#define PW_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "conf.h"

#define PW_CONF_KEY_MAX	 64u
#define PW_CONF_WORD_MAX 64u

struct cyaml_schema_value;

struct pw_conf_text {
	const char *name;	/* of the file, for errors */
	struct pw_conf_error *e;
	yaml_document_t document;
};

/* The caller has set name and e. -EINVAL: not YAML, or not exactly one document;
 * then there is nothing to close. */
int pw_conf_text_open(struct pw_conf_text *t, const char *text, size_t bytes);
void pw_conf_text_close(struct pw_conf_text *t);

/* Does this key have a list as its value? */
bool pw_conf_text_is_list(struct pw_conf_text *t, const char *key);

/* -EINVAL if the text has a key that schema does not have. */
int pw_conf_text_check_keys(struct pw_conf_text *t, const struct cyaml_schema_value *schema);

/* Fill in t->e and return -EINVAL. fmt makes three lines, as pw_fail() takes
 * them; the first follows the place and the key: "is out of range". The first
 * error wins. */
int pw_conf_text_fail(struct pw_conf_text *t, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same at a place instead of a key; line 0 for none. */
int pw_conf_text_fail_at(struct pw_conf_text *t, size_t line, size_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What the author wrote, fit for one line of an error. Returns to. */
char *pw_conf_text_quote(const char *said, char to[PW_CONF_WORD_MAX]);

#endif /* PW_CONF_TEXT_H */
