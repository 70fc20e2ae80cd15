/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h - the record of a migration as JSON: what migration_get answers */
#ifndef PW_REPORT_H
#define PW_REPORT_H

#include <jansson.h>

#include "source.h"

/* A new reference, or NULL for want of memory. */
json_t *pw_report_migration(const struct pw_source *s);

/* 32 hex digits and NUL. */
void pw_report_id(const uint8_t id[16], char text[33]);

/* -EINVAL: text is not 32 hex digits. */
int pw_report_parse_id(const char *text, uint8_t id[16]);

const char *pw_report_mode(enum pw_mode mode);
const char *pw_report_verify(enum pw_verify verify);

#endif /* PW_REPORT_H */
