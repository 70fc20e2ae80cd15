/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_device.c - devices at the target take their state
 *
 *	STREAM_OPEN   the device goes to RESUMING; its data_fd is written by the
 *	              dataplane (enhanced) or by this process (legacy)
 *	STREAM_END    what the source says went through
 *	loaded        all is written, data_fd is closed, the digests are equal, and
 *	              the device says that it took it
 *
 * A stream that was cut off begins again with STREAM_OPEN: the device goes to
 * STOP and RESUMING again, and forgets what came.
 */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "log.h"
#include "target_parts.h"

/* Above this the source is held back: the device drinks slower than the link. */
#define LEGACY_QUEUE_HIGH (4u << 20)
#define LEGACY_QUEUE_LOW  (1u << 20)

static const char *name_of(const struct pw_target *t, uint32_t device)
{
	return t->guest->device[device].name;
}

static void on_loaded(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_target *t = user;
	struct pw_ctl msg = { .type = PW_CTL_LOADED };
	uint32_t i = answer->device;
	int rc = answer->status;

	if (fd >= 0)
		close(fd);
	if (t->state == PW_TARGET_REFUSED)
		return;
	if (!rc && i >= t->guest->devices)
		rc = -EPROTO;
	if (rc) {
		pw_target_refuse(t, rc, "a device did not take its state: %s", strerror(-rc));
		return;
	}
	t->device[i].loaded = true;
	msg.stream.device = i;
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

/* Ask the device once all of its stream is written and known to be right. */
static void try_load(struct pw_target *t, uint32_t i)
{
	struct pw_target_device *d = &t->device[i];
	struct pw_agent_msg msg = { .type = PW_AGENT_DEVICE_LOADED };

	if (!d->drained || !d->ended || d->loading)
		return;
	if (d->bytes != d->want_bytes ||
	    (t->verify != PW_VERIFY_NONE && memcmp(d->digest, d->want_digest, sizeof(d->digest)))) {
		pw_target_refuse(t, -EBADMSG,
				 "the state of device %s arrived with %llu of %llu bytes or another digest",
				 name_of(t, i), (unsigned long long)d->bytes,
				 (unsigned long long)d->want_bytes);
		return;
	}
	d->loading = true;
	msg.device = i;
	if (pw_target_ask(t, &msg, on_loaded)) {
		pw_target_refuse(t, -ECONNRESET, "the incoming guest has gone");
		return;
	}
	pw_target_try_verified(t);
}

static void drained(struct pw_target *t, uint32_t i)
{
	t->device[i].drained = true;
	try_load(t, i);
}

void pw_target_on_stream_ended(struct pw_target *t, const struct pw_seam_msg *msg)
{
	uint32_t i = msg->stream.stream;

	if (i >= t->guest->devices)
		return;
	t->device[i].bytes = msg->stream.bytes;
	memcpy(t->device[i].digest, msg->stream.digest, sizeof(t->device[i].digest));
	drained(t, i);
}

void pw_target_on_stream_end(struct pw_target *t, const struct pw_ctl_host_stream *end)
{
	struct pw_target_device *d;

	if (end->device >= t->guest->devices || !t->device[end->device].opened) {
		pw_target_refuse(t, -EPROTO, "STREAM_END of a device that was not opened");
		return;
	}
	d = &t->device[end->device];
	if (d->ended || (t->mode == PW_MODE_LEGACY && end->device != t->legacy_device)) {
		pw_target_refuse(t, -EPROTO, "STREAM_END of a device twice, or before its turn");
		return;
	}
	d->want_bytes = end->bytes;
	memcpy(d->want_digest, end->digest, sizeof(d->want_digest));
	d->ended = true;
	if (t->mode == PW_MODE_LEGACY)
		pw_target_on_device_data(t, NULL, 0);
	else
		try_load(t, end->device);
}

static void send_opened(struct pw_target *t, uint32_t device)
{
	struct pw_ctl msg = { .type = PW_CTL_STREAM_OPENED };

	t->device[device].opened = true;
	msg.stream.device = device;
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

void pw_target_on_stream_added(struct pw_target *t, uint32_t device)
{
	if (device < t->guest->devices)
		send_opened(t, device);
}

/* The answer to a request for a state belongs to the stream that is open now, or
 * to one that was given up. */
static bool is_current(struct pw_target *t, uint32_t i)
{
	struct pw_target_device *d = &t->device[i];
	bool stale = d->stale > 0;

	d->asks--;
	if (stale)
		d->stale--;
	return !stale && (t->mode == PW_MODE_LEGACY || t->lane == PW_TARGET_LANE_OPEN);
}

static void take_data_fd(struct pw_target *t, uint32_t i, int fd)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_STREAM_ADD };

	if (t->mode == PW_MODE_LEGACY) {
		t->device[i].fd = fd;
		send_opened(t, i);
		return;
	}
	msg.stream.stream = i;
	pw_target_order(t, &msg, fd);
	close(fd);
}

/* Answers of RESUMING, and of STOP where that came first. */
static void on_state(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_target *t = user;
	uint32_t i = answer->state.device;
	bool resuming = answer->state.state == PW_DEVICE_RESUMING;
	int rc = answer->status;

	if (t->state == PW_TARGET_REFUSED) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (!rc && (i >= t->guest->devices || !t->device[i].asks || t->device[i].opened ||
		    (resuming && fd < 0)))
		rc = -EPROTO;
	if (i < t->guest->devices && t->device[i].asks && !is_current(t, i))
		rc = 0;
	else if (rc)
		pw_target_refuse(t, rc, "a device of the incoming guest does not resume: %s",
				 strerror(-rc));
	else if (resuming) {
		take_data_fd(t, i, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static int ask_state(struct pw_target *t, uint32_t device, uint32_t state)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_DEVICE_STATE };

	msg.state.device = device;
	msg.state.state = state;
	t->device[device].asks++;
	return pw_target_ask(t, &msg, on_state);
}

void pw_target_open_stream(struct pw_target *t, uint32_t device)
{
	struct pw_target_device *d = &t->device[device];
	int rc = 0;

	if (device >= t->guest->devices || d->asked) {
		pw_target_refuse(t, -EPROTO, "STREAM_OPEN of no device, or twice");
		return;
	}
	if (d->resumed)
		rc = ask_state(t, device, PW_DEVICE_STOP);
	if (!rc)
		rc = ask_state(t, device, PW_DEVICE_RESUMING);
	if (rc)
		pw_target_refuse(t, -ECONNRESET, "the incoming guest has gone");
	d->asked = d->resumed = true;
}

/* Everything of this legacy device is written: close it and go to the next. */
static void end_legacy_device(struct pw_target *t)
{
	struct pw_target_device *d = &t->device[t->legacy_device];
	XXH128_hash_t digest = XXH3_128bits_digest(t->legacy_digest);

	event_free(t->legacy_writable);
	t->legacy_writable = NULL;
	close(d->fd);
	d->fd = -1;
	d->digest[0] = digest.low64;
	d->digest[1] = digest.high64;
	pw_peer_resume(t->link);
	drained(t, t->legacy_device++);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct pw_target *t = arg;
	int n = 0;

	(void)what;
	if (evbuffer_get_length(t->legacy_queue))	/* an end may come after all was written */
		n = evbuffer_write(t->legacy_queue, (int)fd);
	if (n < 0 && errno != EAGAIN) {
		pw_target_refuse(t, -errno, "device %s stopped taking its state: %s",
				 name_of(t, t->legacy_device), strerror(errno));
		return;
	}
	if (!t->device[t->legacy_device].ended &&
	    evbuffer_get_length(t->legacy_queue) < LEGACY_QUEUE_LOW)
		pw_peer_resume(t->link);
	if (evbuffer_get_length(t->legacy_queue))
		return;
	event_del(t->legacy_writable);
	if (t->device[t->legacy_device].ended)
		end_legacy_device(t);
}

static int begin_legacy_device(struct pw_target *t)
{
	int fd = t->device[t->legacy_device].fd;

	if (!t->legacy_queue)
		t->legacy_queue = evbuffer_new();
	if (!t->legacy_digest)
		t->legacy_digest = XXH3_createState();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	t->legacy_writable = event_new(t->host->loop, fd, EV_WRITE | EV_PERSIST, on_writable, t);
	if (!t->legacy_queue || !t->legacy_digest || !t->legacy_writable)
		return -ENOMEM;
	XXH3_128bits_reset(t->legacy_digest);
	return 0;
}

/* Bytes of the legacy device that is moving, or its end (NULL). */
void pw_target_on_device_data(struct pw_target *t, const uint8_t *bytes, uint32_t n)
{
	uint32_t i = t->legacy_device;

	if (t->mode != PW_MODE_LEGACY || i >= t->guest->devices || t->device[i].fd < 0 ||
	    (bytes && t->device[i].ended)) {
		pw_target_refuse(t, -EPROTO, "device data without a device that takes it");
		return;
	}
	if (!t->legacy_writable && begin_legacy_device(t)) {
		pw_target_refuse(t, -ENOMEM, "out of memory");
		return;
	}
	if (bytes) {
		XXH3_128bits_update(t->legacy_digest, bytes, n);
		t->device[i].bytes += n;
		if (evbuffer_add(t->legacy_queue, bytes, n)) {
			pw_target_refuse(t, -ENOMEM, "out of memory");
			return;
		}
	}
	/* Behind an end stands the next device, which waits for this one. */
	if (!bytes || evbuffer_get_length(t->legacy_queue) > LEGACY_QUEUE_HIGH)
		pw_peer_pause(t->link);
	event_add(t->legacy_writable, NULL);
}

bool pw_target_streams_ended(const struct pw_target *t)
{
	for (uint32_t i = 0; i < t->guest->devices; i++)
		if (!t->device[i].ended)
			return false;
	return true;
}

bool pw_target_streams_equal(const struct pw_target *t)
{
	for (uint32_t i = 0; i < t->guest->devices; i++)
		if (!t->device[i].loading)	/* asked to load only after its digest was compared */
			return false;
	return true;
}

/* A bit per device whose whole stream is here and known to be right. */
uint32_t pw_target_devices_done(const struct pw_target *t)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < t->guest->devices; i++)
		if (t->device[i].loading)
			done |= 1u << i;
	return done;
}

/* The dataplane's, but for those that are done. The others begin again. */
void pw_target_forget_streams(struct pw_target *t)
{
	for (uint32_t i = 0; i < t->guest->devices; i++) {
		struct pw_target_device *d = &t->device[i];

		if (t->mode == PW_MODE_LEGACY || d->loading)
			continue;
		d->stale = d->asks;
		d->asked = d->opened = d->drained = d->ended = false;
	}
}

void pw_target_close_devices(struct pw_target *t)
{
	if (t->legacy_writable)
		event_free(t->legacy_writable);
	t->legacy_writable = NULL;
	if (t->legacy_queue)
		evbuffer_free(t->legacy_queue);
	t->legacy_queue = NULL;
	XXH3_freeState(t->legacy_digest);
	t->legacy_digest = NULL;
	for (unsigned i = 0; i < PW_DEVICES_MAX; i++) {
		if (t->device[i].fd >= 0)
			close(t->device[i].fd);
		t->device[i].fd = -1;
	}
}
