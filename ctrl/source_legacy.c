/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_legacy.c - device state as it used to travel: over the control link
 *
 * For comparison with the enhanced mode, and built as well as that way can be:
 * the whole device is read during the stun by one thread (the event loop's),
 * one device after the other, into a buffer, from there into messages of the
 * control link, and through TLS. Back-pressure is the link's.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "source_parts.h"

#define BUFFER_BYTES (256u << 10)

void pw_source_legacy_stop(struct pw_source *s)
{
	if (s->legacy_readable)
		event_free(s->legacy_readable);
	s->legacy_readable = NULL;
	XXH3_freeState(s->legacy_digest);
	s->legacy_digest = NULL;
	free(s->legacy_buffer);
	s->legacy_buffer = NULL;
}

static void end_device(struct pw_source *s)
{
	struct pw_source_device *d = &s->device[s->legacy_device];
	XXH128_hash_t digest = XXH3_128bits_digest(s->legacy_digest);

	event_free(s->legacy_readable);
	s->legacy_readable = NULL;
	close(d->fd);
	d->fd = -1;
	d->digest[0] = digest.low64;
	d->digest[1] = digest.high64;
	s->legacy_busy = false;
	pw_source_send_stream_end(s, s->legacy_device++);
	if (!s->ending)
		pw_source_legacy_next(s);
}

static void fail(struct pw_source *s, int rc)
{
	pw_source_fail(s, rc, "PW-3202", "cannot move device %.23s of guest %s\n%s",
		       s->guest->device[s->legacy_device].name, s->m.guest, strerror(-rc));
}

/* Read once and send; the link says when to go on. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pw_source *s = arg;
	struct pw_source_device *d = &s->device[s->legacy_device];
	ssize_t n = read((int)fd, s->legacy_buffer, BUFFER_BYTES);
	const struct pw_peer_raw raw = {
		.migration = s->m.id,
		.epoch = s->m.epoch,
		.bytes = s->legacy_buffer,
		.num_bytes = n > 0 ? (size_t)n : 0,
	};
	int rc;

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		fail(s, -errno);
		return;
	}
	if (n == 0) {
		end_device(s);
		return;
	}
	XXH3_128bits_update(s->legacy_digest, s->legacy_buffer, (size_t)n);
	d->bytes += (uint64_t)n;
	rc = s->link ? pw_peer_send_raw(s->link, &raw) : -ENOTCONN;
	if (rc)
		fail(s, rc);
	else if (pw_peer_queued_bytes(s->link) > PW_PEER_HIGH_BYTES / 2)
		event_del(s->legacy_readable);	/* on_drained goes on */
}

void pw_source_legacy_fill(struct pw_source *s)
{
	if (s->legacy_readable && !s->ending && event_add(s->legacy_readable, NULL))
		fail(s, -ENOMEM);
}

/* Begin with the next device if it is stopped and the target waits for it. */
void pw_source_legacy_next(struct pw_source *s)
{
	struct pw_source_device *d;

	if (s->legacy_busy || s->legacy_device >= s->guest->devices)
		return;
	d = &s->device[s->legacy_device];
	if (!d->opened || d->fd < 0)
		return;
	if (!s->legacy_buffer)
		s->legacy_buffer = malloc(BUFFER_BYTES);
	if (!s->legacy_digest)
		s->legacy_digest = XXH3_createState();
	fcntl(d->fd, F_SETFL, O_NONBLOCK);
	s->legacy_readable = event_new(s->host->loop, d->fd, EV_READ | EV_PERSIST, on_readable, s);
	if (!s->legacy_buffer || !s->legacy_digest || !s->legacy_readable ||
	    event_add(s->legacy_readable, NULL)) {
		fail(s, -ENOMEM);
		return;
	}
	XXH3_128bits_reset(s->legacy_digest);
	s->legacy_busy = true;
}
