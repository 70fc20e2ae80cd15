/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_parts.h - what messages are made of, for control.c only
 *
 * put writes what is_valid has accepted; get reads and refuses what the plain
 * struct cannot hold (reserved bytes, bytes behind a NUL).
 */
#ifndef PW_CONTROL_PARTS_H
#define PW_CONTROL_PARTS_H

#include <stdbool.h>

#include "control.h"

struct pw_ctl_body {
	uint32_t bytes;
	void (*put)(const struct pw_ctl *msg, uint8_t *to);
	bool (*get)(struct pw_ctl *msg, const uint8_t *from);
	bool (*is_valid)(const struct pw_ctl *msg);	/* NULL: whatever it holds */
};

extern const struct pw_ctl_body pw_ctl_body_hello, pw_ctl_body_open, pw_ctl_body_stream,
	pw_ctl_body_seal, pw_ctl_body_verified, pw_ctl_body_running, pw_ctl_body_why,
	pw_ctl_body_ping, pw_ctl_body_reopen;

/* i counts from 0 */
struct pw_ctl_row {
	uint32_t bytes;
	void (*put)(const struct pw_ctl *msg, uint32_t i, uint8_t *to);
	bool (*get)(struct pw_ctl_room *room, uint32_t i, const uint8_t *from);
	bool (*is_valid)(const struct pw_ctl *msg, uint32_t i);
};

extern const struct pw_ctl_row pw_ctl_row_part, pw_ctl_row_slice, pw_ctl_row_digest,
	pw_ctl_row_byte;

/* A text fills max bytes, with 0 behind it. */
void pw_ctl_put_text(uint8_t *to, const char *text, size_t max);

/* False if it has no end, or if bytes stand behind it: they would be lost on the way. */
bool pw_ctl_get_text(char *to, const uint8_t *from, size_t max);

#endif /* PW_CONTROL_PARTS_H */
