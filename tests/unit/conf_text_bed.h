/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_text_bed.h - texts of configurations, and tables of what is wrong with them */
#ifndef PW_TESTS_CONF_TEXT_BED_H
#define PW_TESTS_CONF_TEXT_BED_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "conf.h"
#include "pagewire/check.h"
#include "run.h"

/* The shortest file there is; more keys are put behind it. */
#define TLS  "tls: {ca: /e/ca, cert: /e/cert, key: /e/key}\n"
#define LANE "lane: {socket: /r/m.sock, role: client}\n"
#define HOST "host: {name: a}\n"
#define LEAST "version: 1\n" HOST TLS LANE

static struct pw_conf c;
static struct pw_conf_error e;

static inline int parse(const char *text)
{
	return pw_conf_parse(&c, "p.yaml", text, strlen(text), &e);
}

static inline bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* An error: its place, the end of its first line, what was found, what helps. */
struct error_row {
	const char *text;
	const char *what;
	const char *found;
	const char *fix;
};

static inline void expect_errors(const struct error_row *row, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		struct pw_conf before;
		int err;

		memset(&c, 0x5a, sizeof(c));
		before = c;
		err = parse(row[i].text);
		if (err != -EINVAL || e.code != err || strcmp(e.what, row[i].what) != 0 ||
		    !has(e.found, row[i].found) || !has(e.fix, row[i].fix)) {
			printf("\n  row %zu: %d %s | %s | %s ", i, err, e.what, e.found, e.fix);
			CU_FAIL("another error");
		}
		if (memcmp(&before, &c, sizeof(c)) != 0)
			CU_FAIL("the configuration has changed");
	}
}

#endif /* PW_TESTS_CONF_TEXT_BED_H */
