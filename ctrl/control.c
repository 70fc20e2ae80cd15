/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c - messages of the control link, between bytes and a plain struct
 *
 *	header | body of the type | rows of the type
 *
 * kinds[] says of every type which body and which rows it has; control_body.c
 * and control_row.c hold the three things one can do with each: put, get and
 * is_valid, which is asked in both directions.
 *
 * Nothing is read from behind the message: its length is compared with header
 * + body + rows before body or rows are looked at.
 */

#include <errno.h>
#include <stdio.h>

#include "control_parts.h"
#include "pagewire/check.h"

/* Linux has no errno above this. */
#define ERRNO_MAX 4095

static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Printable up to a NUL that stands inside the max characters of text. */
static bool is_text(const char *text, size_t max)
{
	size_t n = 0;

	while (n < max && is_printable(text[n]))
		n++;
	return n < max && text[n] == '\0';
}

bool pw_ctl_may_send_text(const char *text, size_t text_max)
{
	return text[0] && is_text(text, text_max);
}

static const struct kind {
	const char *name;
	const struct pw_ctl_body *body;
	const struct pw_ctl_row *row;	/* NULL: has none */
	bool of_link;			/* belongs to no migration */
} kinds[] = {
	[PW_CTL_HELLO]	       = { "HELLO", &pw_ctl_body_hello, NULL, true },
	[PW_CTL_OPEN]	       = { "OPEN", &pw_ctl_body_open, &pw_ctl_row_part, false },
	[PW_CTL_OPENED]	       = { "OPENED", &pw_ctl_body_open, NULL, false },
	[PW_CTL_STREAM_OPEN]   = { "STREAM_OPEN", &pw_ctl_body_stream, NULL, false },
	[PW_CTL_STREAM_OPENED] = { "STREAM_OPENED", &pw_ctl_body_stream, NULL, false },
	[PW_CTL_CLOSE]	       = { "CLOSE", NULL, &pw_ctl_row_slice, false },
	[PW_CTL_CLOSED]	       = { "CLOSED", NULL, &pw_ctl_row_slice, false },
	[PW_CTL_DIGESTS]       = { "DIGESTS", NULL, &pw_ctl_row_digest, false },
	[PW_CTL_STREAM_END]    = { "STREAM_END", &pw_ctl_body_stream, NULL, false },
	[PW_CTL_DEVICE_DATA]   = { "DEVICE_DATA", NULL, &pw_ctl_row_byte, false },
	[PW_CTL_SEAL]	       = { "SEAL", &pw_ctl_body_seal, NULL, false },
	[PW_CTL_SEALED]	       = { "SEALED", NULL, NULL, false },
	[PW_CTL_VERIFIED]      = { "VERIFIED", &pw_ctl_body_verified, NULL, false },
	[PW_CTL_LOADED]	       = { "LOADED", &pw_ctl_body_stream, NULL, false },
	[PW_CTL_GIVE]	       = { "GIVE", NULL, NULL, false },
	[PW_CTL_RUNNING]       = { "RUNNING", &pw_ctl_body_running, NULL, false },
	[PW_CTL_RELEASED]      = { "RELEASED", NULL, NULL, false },
	[PW_CTL_ABORT]	       = { "ABORT", &pw_ctl_body_why, NULL, false },
	[PW_CTL_REFUSE]	       = { "REFUSE", &pw_ctl_body_why, NULL, false },
	[PW_CTL_PING]	       = { "PING", &pw_ctl_body_ping, NULL, true },
	[PW_CTL_PONG]	       = { "PONG", &pw_ctl_body_ping, NULL, true },
	[PW_CTL_RESET]	       = { "RESET", NULL, NULL, false },
	[PW_CTL_REOPEN]	       = { "REOPEN", &pw_ctl_body_reopen, NULL, false },
	[PW_CTL_REOPENED]      = { "REOPENED", &pw_ctl_body_reopen, NULL, false },
};
static_assert(PW_ARRAY_SIZE(kinds) == PW_NUM_CTL_TYPES, "every type has a kind");

static const struct kind *kind_of(unsigned type)
{
	return type < PW_NUM_CTL_TYPES && kinds[type].name ? &kinds[type] : NULL;
}

/* Cannot wrap: 2^32 rows of 96 bytes. */
static uint64_t message_bytes(const struct kind *kind, uint32_t rows)
{
	return (uint64_t)PW_CTL_HEADER_BYTES + (kind->body ? kind->body->bytes : 0) +
	       (kind->row ? (uint64_t)rows * kind->row->bytes : 0);
}

static bool belongs_to_migration(const struct pw_ctl *msg)
{
	static const uint8_t none[PW_CTL_MIGRATION_BYTES];

	return memcmp(msg->migration, none, sizeof(none)) != 0;
}

static bool is_valid(const struct pw_ctl *msg, const struct kind *kind)
{
	if (kind->of_link == belongs_to_migration(msg) || (kind->of_link && msg->epoch))
		return false;
	if (!kind->row && msg->rows)
		return false;
	if (kind->body && kind->body->is_valid && !kind->body->is_valid(msg))
		return false;
	if (!kind->row || !kind->row->is_valid)
		return true;
	for (uint32_t i = 0; i < msg->rows; i++)
		if (!kind->row->is_valid(msg, i))
			return false;
	return true;
}

const char *pw_ctl_name(unsigned type)
{
	const struct kind *kind = kind_of(type);

	return kind ? kind->name : "unknown";
}

int pw_ctl_frame_bytes(const uint8_t *from)
{
	struct pw_ctl_header header;
	uint32_t bytes;

	memcpy(&header, from, sizeof(header));
	bytes = pw_get32(header.bytes);
	if (bytes < PW_CTL_HEADER_BYTES || bytes > PW_CTL_BYTES_MAX)
		return -EPROTO;
	if (!kind_of(pw_get16(header.type)) || pw_get16(header.reserved))
		return -EPROTO;
	return (int)bytes;
}

int pw_ctl_packed_bytes(const struct pw_ctl *msg)
{
	const struct kind *kind = kind_of(msg->type);
	uint64_t bytes;

	if (!kind)
		return -EINVAL;
	bytes = message_bytes(kind, msg->rows);
	return bytes <= PW_CTL_BYTES_MAX ? (int)bytes : -EMSGSIZE;
}

static void put_header(const struct pw_ctl *msg, uint32_t bytes, uint8_t *to)
{
	struct pw_ctl_header header = {
		.bytes = pw_put32(bytes),
		.type = pw_put16((uint16_t)msg->type),
		.epoch = pw_put32(msg->epoch),
		.rows = pw_put32(msg->rows),
	};

	memcpy(header.migration, msg->migration, sizeof(header.migration));
	memcpy(to, &header, sizeof(header));
}

static void put_rows(const struct pw_ctl *msg, const struct pw_ctl_row *row, uint8_t *to)
{
	if (!row->put && msg->rows)
		memcpy(to, msg->bytes, msg->rows);
	if (!row->put)
		return;
	for (uint32_t i = 0; i < msg->rows; i++)
		row->put(msg, i, to + (size_t)i * row->bytes);
}

int pw_ctl_pack(const struct pw_ctl *msg, uint8_t *to, size_t to_bytes)
{
	const struct kind *kind = kind_of(msg->type);
	int bytes = pw_ctl_packed_bytes(msg);

	if (bytes < 0)
		return bytes;
	if (!is_valid(msg, kind))
		return -EINVAL;
	if ((size_t)bytes > to_bytes)
		return -ENOSPC;

	put_header(msg, (uint32_t)bytes, to);
	to += PW_CTL_HEADER_BYTES;
	if (kind->body) {
		kind->body->put(msg, to);
		to += kind->body->bytes;
	}
	if (kind->row)
		put_rows(msg, kind->row, to);
	return bytes;
}

int pw_ctl_pack_data_header(const uint8_t *migration, uint32_t epoch, uint32_t bytes,
			    uint8_t *to)
{
	struct pw_ctl msg = { .type = PW_CTL_DEVICE_DATA, .epoch = epoch, .rows = bytes };

	memcpy(msg.migration, migration, sizeof(msg.migration));
	if (bytes > PW_CTL_DATA_MAX)
		return -EMSGSIZE;
	if (!is_valid(&msg, kind_of(msg.type)))
		return -EINVAL;
	put_header(&msg, PW_CTL_HEADER_BYTES + bytes, to);
	return 0;
}

static bool get_rows(struct pw_ctl *msg, const struct pw_ctl_row *row, const uint8_t *from,
		     struct pw_ctl_room *room)
{
	msg->bytes = row->get ? room->bytes : from;
	if (!row->get)
		return true;
	for (uint32_t i = 0; i < msg->rows; i++)
		if (!row->get(room, i, from + (size_t)i * row->bytes))
			return false;
	return true;
}

int pw_ctl_parse(const uint8_t *from, size_t from_bytes, struct pw_ctl *msg,
		 struct pw_ctl_room *room)
{
	struct pw_ctl_header header;
	const struct kind *kind;

	if (from_bytes < PW_CTL_HEADER_BYTES || pw_ctl_frame_bytes(from) != (int64_t)from_bytes)
		return -EPROTO;
	memcpy(&header, from, sizeof(header));
	memset(msg, 0, sizeof(*msg));
	msg->type = (enum pw_ctl_type)pw_get16(header.type);
	memcpy(msg->migration, header.migration, sizeof(msg->migration));
	msg->epoch = pw_get32(header.epoch);
	msg->rows = pw_get32(header.rows);

	kind = kind_of(msg->type);
	if (message_bytes(kind, msg->rows) != from_bytes)
		return -EPROTO;
	from += PW_CTL_HEADER_BYTES;
	if (kind->body && !kind->body->get(msg, from))
		return -EPROTO;
	from += kind->body ? kind->body->bytes : 0;
	if (kind->row && !get_rows(msg, kind->row, from, room))
		return -EPROTO;
	return is_valid(msg, kind) ? 0 : -EPROTO;
}

/* Append the characters of one line break or character; return how many. */
static size_t put_shown(char *to, char c)
{
	if (c == '\n') {
		memcpy(to, "; ", 2);
		return 2;
	}
	*to = is_printable(c) ? c : '?';
	return 1;
}

void pw_ctl_set_why(struct pw_ctl *msg, enum pw_ctl_type type, int code, const char *why)
{
	char *to = msg->why.why;
	size_t n = 0;

	PW_CHECK(type == PW_CTL_ABORT || type == PW_CTL_REFUSE);
	PW_CHECK(code > 0 && code <= ERRNO_MAX);
	msg->type = type;
	msg->rows = 0;
	msg->why.code = code;
	memset(to, 0, sizeof(msg->why.why));
	for (; *why && n + 2 < sizeof(msg->why.why); why++)
		n += put_shown(to + n, *why);
	if (!n)
		snprintf(to, sizeof(msg->why.why), "no reason was given");
}
