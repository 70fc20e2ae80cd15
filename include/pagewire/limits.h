/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.h - every bound of the system, with the arithmetic behind it */
#ifndef PW_LIMITS_H
#define PW_LIMITS_H

#include <assert.h>

/* Guest memory */
#define PW_PAGE_SHIFT	  12u
#define PW_PAGE_BYTES	  (1u << PW_PAGE_SHIFT)
#define PW_SLICE_SHIFT	  30u	/* 1 GiB: 640 slices for a guest of 640 GB */
#define PW_REGIONS_MAX	  32u	/* per guest */
#define PW_REGION_BYTES_MAX (1ull << 46) /* 64 TiB; the wire has 48 bits of offset */
#define PW_GUEST_NAME_MAX 64u	/* bytes, NUL included */

/* A worker takes guest memory in chunks of 2048 pages: 8 MiB, one 256-byte map
 * of its zero pages, and few enough claims that they do not show. */
#define PW_CHUNK_PAGES	  2048u
#define PW_CHUNK_WORDS	  (PW_CHUNK_PAGES / 64u)

/* Datagrams */
#define PW_PAYLOAD_MAX	  8192u	/* two pages: fits a 9000 byte MTU with 82 bytes of headers */
#define PW_PAYLOAD_MIN	  1024u
#define PW_WINDOW_SLOTS	  2048u	/* 16 MiB in flight per path: 1.3 ms at 100 Gbit/s */
#define PW_ACK_WORDS_MAX  (PW_WINDOW_SLOTS / 64u) /* an ack can name the whole window */
#define PW_ACK_CREDITS_MAX 8u	/* stream credits per ack; more streams take turns */
#define PW_BURST	  32u	/* datagrams per poll */
#define PW_PN_MAX	  ((1ull << 48) - 1)

/* Streams: 8 KiB slots, a window of 8 MiB each: 0.7 ms at 100 Gbit/s, and room
 * for a device that is slow to drink. */
#define PW_STREAMS_MAX	  32u	/* per migration */
#define PW_STREAM_SLOT_BYTES PW_PAYLOAD_MAX
#define PW_STREAM_SLOTS	  1024u
#define PW_STREAM_GRAIN	  128u	/* fragments of a slot start on this; 64 grains = one word */

/* Processes */
#define PW_PATHS_MAX	  16u	/* per dataplane: one worker, one queue each */
#define PW_TRANSFERS_MAX  16u	/* migrations at once in one dataplane */
#define PW_DEVICES_MAX	  16u	/* per guest */

static_assert((PW_WINDOW_SLOTS & (PW_WINDOW_SLOTS - 1)) == 0, "a pn is masked into a slot");
static_assert((PW_STREAM_SLOTS & (PW_STREAM_SLOTS - 1)) == 0, "a slot number is masked");
static_assert(PW_STREAM_SLOT_BYTES / PW_STREAM_GRAIN == 64, "grains of a slot fill one word");
static_assert(PW_DEVICES_MAX <= PW_STREAMS_MAX, "every device has a stream");

#endif /* PW_LIMITS_H */
