/* SPDX-License-Identifier: BSD-3-Clause */
/* run.h - guest memory on its way: regions, runs, and the extent that one datagram carries */
#ifndef PW_RUN_H
#define PW_RUN_H

#include <stdint.h>

/* Consecutive pages of one region that travel as one unit of work. */
struct pw_run {
	uint64_t offset;	/* bytes into the region, a multiple of PW_PAGE_BYTES */
	uint64_t bytes;		/* a multiple of PW_PAGE_BYTES, never 0 */
	uint16_t region;
	uint16_t epoch;		/* of the slice that holds it */
};

enum pw_extent_kind {
	PW_EXTENT_NONE = 0,
	PW_EXTENT_DATA,		/* bytes of guest memory, at most PW_PAYLOAD_MAX, within one slice */
	PW_EXTENT_ZERO,		/* map of zero pages in one chunk */
	PW_EXTENT_STREAM,	/* a slot of a stream, or a fragment of one */
	PW_EXTENT_PING,		/* nothing: asks for an acknowledgement */
	PW_EXTENT_PROBE,	/* padding: do so many bytes arrive? */
};

/* What one datagram carries. It is kept until the datagram is settled and is
 * sent again, under a new pn, if it was lost. */
struct pw_extent {
	uint64_t offset;	/* DATA, ZERO: bytes into the region; STREAM: bytes into the stream's slots */
	uint16_t id;		/* region or stream */
	uint16_t epoch;		/* DATA, ZERO */
	uint16_t bytes;		/* of payload */
	uint8_t kind;		/* enum pw_extent_kind */
	uint8_t flags;		/* PW_F_... that travel with it */
	uint32_t settles;	/* bytes of its slice that an acknowledgement settles */
	uint16_t slot;		/* DATA, ZERO: its slice in the table of open slices */
	uint16_t zero_map;	/* ZERO: name of the map, see runlist.h */
};

#endif /* PW_RUN_H */
