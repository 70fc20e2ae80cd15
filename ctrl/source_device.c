/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_device.c - the guest's devices at the source
 *
 *	pre-copy: STREAM_OPEN for each; those that can are put into PRE_COPY and
 *	          the dataplane reads their data_fd from then on
 *	stun:     STOP_COPY for each; the others' data_fd comes now
 *	          enhanced: the dataplane reads them all at once
 *	          legacy:   this process reads them, one after the other
 *	end:      STREAM_END says what went through
 *
 * A stream that was cut off begins again with the whole state, on a new data_fd:
 * PRE_COPY -> RUNNING -> PRE_COPY, or in the stun STOP_COPY -> STOP -> STOP_COPY.
 * The agent answers in order: what it still answers to requests from before is
 * counted off, and its data_fd closed.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "source_parts.h"

static bool is_legacy(const struct pw_source *s)
{
	return s->m.mode == PW_MODE_LEGACY;
}

static int ask_state(struct pw_source *s, uint32_t device, uint32_t state, pw_guest_fn fn)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_DEVICE_STATE };

	msg.state.device = device;
	msg.state.state = state;
	s->device[device].asks++;
	return pw_source_ask(s, &msg, fn);
}

static void fail_device(struct pw_source *s, uint32_t device, int rc, const char *did)
{
	pw_source_fail(s, rc, "PW-3201", "device %.23s of guest %s does not %s\n"
		       "its agent answered: %s\nlook at the log of the guest",
		       device < s->guest->devices ? s->guest->device[device].name : "?", s->m.guest,
		       did, strerror(-rc));
}

/* The dataplane may read the device as soon as both it and the target are ready. */
static void start_stream(struct pw_source *s, uint32_t i)
{
	struct pw_source_device *d = &s->device[i];
	struct pw_seam_msg msg = { .type = PW_SEAM_STREAM_ADD };

	if (!d->opened || d->fd < 0 || d->streaming || is_legacy(s) || s->lane != PW_LANE_OPEN)
		return;
	d->streaming = true;
	msg.stream.stream = i;
	if (pw_source_order(s, &msg, d->fd))
		return;
	close(d->fd);
	d->fd = -1;
}

/* The answer to a request for a state: is there something to do about it? A
 * data_fd that nobody takes is closed here. */
static bool is_news(struct pw_source *s, const struct pw_agent_msg *answer, int fd, const char *did)
{
	uint32_t i = answer->state.device;
	bool known = i < s->guest->devices && s->device[i].asks > 0;
	bool stale = known && s->device[i].stale > 0;
	int rc = known ? answer->status : -EPROTO;

	if (known)
		s->device[i].asks--;
	if (stale)
		s->device[i].stale--;
	if (!s->ending && !stale && !rc)
		return true;
	if (fd >= 0)
		close(fd);
	if (!s->ending && !stale)
		fail_device(s, i, rc, did);
	return false;
}

static void on_pre_copy(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;
	uint32_t i = answer->state.device;

	if (!is_news(s, answer, fd, "pre-copy"))
		return;
	if (fd < 0) {
		fail_device(s, i, -EPROTO, "pre-copy");
		return;
	}
	s->device[i].fd = fd;
	s->device[i].pre_copy = true;
	start_stream(s, i);
}

void pw_source_open_streams(struct pw_source *s)
{
	for (uint32_t i = 0; !s->ending && i < s->guest->devices; i++) {
		struct pw_ctl msg = { .type = PW_CTL_STREAM_OPEN };
		struct pw_source_device *d = &s->device[i];
		bool pre_copy = !is_legacy(s) && s->guest->device[i].flags & PW_DEVICE_CAN_PRE_COPY;

		msg.stream.device = i;
		d->stop_bytes = s->guest->device[i].memory_bytes;
		d->told_pre_copy = pre_copy;
		if (pw_source_tell(s, &msg))
			fail_device(s, i, -ENOTCONN, "reach the target");
		else if (pre_copy && ask_state(s, i, PW_DEVICE_PRE_COPY, on_pre_copy))
			fail_device(s, i, -ECONNRESET, "pre-copy");
		if (pre_copy)	/* until it says better: nothing of it is there yet */
			d->initial_bytes = d->stop_bytes;
	}
}

void pw_source_on_stream_opened(struct pw_source *s, uint32_t device)
{
	if (device >= s->guest->devices || (s->lane != PW_LANE_OPEN && !is_legacy(s)))
		return;	/* of a stream that was given up */
	s->device[device].opened = true;
	start_stream(s, device);
	if (is_legacy(s))
		pw_source_legacy_next(s);
}

static void on_device_info(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;
	uint32_t i = answer->info.device;

	if (fd >= 0)
		close(fd);
	if (s->ending || answer->status || i >= s->guest->devices || !s->device[i].pre_copy)
		return;
	s->device[i].initial_bytes = answer->info.initial_bytes;
	s->device[i].dirty_bytes = answer->info.dirty_bytes;
	s->device[i].stop_bytes = answer->info.stop_bytes;
}

void pw_source_poll_devices(struct pw_source *s)
{
	for (uint32_t i = 0; i < s->guest->devices; i++) {
		struct pw_agent_msg msg = { .type = PW_AGENT_DEVICE_INFO };

		msg.info.device = i;
		if (s->device[i].pre_copy)
			pw_source_ask(s, &msg, on_device_info);
	}
}

static void on_stop_copy(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;
	uint32_t i = answer->state.device;

	if (!is_news(s, answer, fd, "stop"))
		return;
	if (fd >= 0 && s->device[i].fd < 0 && !s->device[i].streaming)
		s->device[i].fd = fd;
	else if (fd >= 0)
		close(fd);
	start_stream(s, i);
	if (is_legacy(s))
		pw_source_legacy_next(s);
}

void pw_source_stop_devices(struct pw_source *s)
{
	for (uint32_t i = 0; !s->ending && i < s->guest->devices; i++) {
		s->device[i].stop_copy = true;	/* from here on its stream may end */
		if (ask_state(s, i, PW_DEVICE_STOP_COPY, on_stop_copy))
			fail_device(s, i, -ECONNRESET, "stop");
	}
}

/* On its way back to the state that it is wanted in. */
static void on_turned_back(void *user, const struct pw_agent_msg *answer, int fd)
{
	if (is_news(user, answer, fd, "begin its stream again") && fd >= 0)
		close(fd);
}

/* Nothing of what was read of this device counts any more. */
static void forget_stream(struct pw_source *s, uint32_t i)
{
	struct pw_source_device *d = &s->device[i];

	if (d->fd >= 0)
		close(d->fd);
	if (d->ended)
		s->streams_sent--;
	d->fd = -1;
	d->stale = d->asks;
	d->streaming = d->opened = d->ended = d->pre_copy = false;
	d->dirty_bytes = 0;
	if (!d->told_pre_copy)
		return;
	d->initial_bytes = d->stop_bytes = s->guest->device[i].memory_bytes;
}

static int turn_back(struct pw_source *s, uint32_t i)
{
	const struct pw_source_device *d = &s->device[i];
	int rc;

	if (d->stop_copy) {
		rc = ask_state(s, i, PW_DEVICE_STOP, on_turned_back);
		return rc ? rc : ask_state(s, i, PW_DEVICE_STOP_COPY, on_stop_copy);
	}
	if (!d->told_pre_copy)
		return 0;
	rc = ask_state(s, i, PW_DEVICE_RUNNING, on_turned_back);
	return rc ? rc : ask_state(s, i, PW_DEVICE_PRE_COPY, on_pre_copy);
}

/* Begin again with the streams that the target does not have whole: their
 * number. done is a bit per device. */
uint32_t pw_source_restart_devices(struct pw_source *s, uint32_t done)
{
	uint32_t n = 0;

	for (uint32_t i = 0; !s->ending && !is_legacy(s) && i < s->guest->devices; i++) {
		struct pw_ctl msg = { .type = PW_CTL_STREAM_OPEN };

		if (done & 1u << i)
			continue;
		n++;
		forget_stream(s, i);
		msg.stream.device = i;
		if (pw_source_tell(s, &msg))
			fail_device(s, i, -ENOTCONN, "reach the target");
		else if (turn_back(s, i))
			fail_device(s, i, -ECONNRESET, "begin its stream again");
	}
	return n;
}

void pw_source_send_stream_end(struct pw_source *s, uint32_t device)
{
	struct pw_source_device *d = &s->device[device];
	struct pw_ctl msg = { .type = PW_CTL_STREAM_END };

	d->ended = true;
	s->streams_sent++;
	msg.stream.device = device;
	msg.stream.bytes = d->bytes;
	memcpy(msg.stream.digest, d->digest, sizeof(d->digest));
	if (pw_source_tell(s, &msg))
		fail_device(s, device, -ENOTCONN, "reach the target");
	else
		pw_source_try_seal(s);
}

void pw_source_on_stream_ended(struct pw_source *s, const struct pw_seam_msg *msg)
{
	uint32_t i = msg->stream.stream;

	if (i >= s->guest->devices || s->device[i].ended)
		return;
	if (!s->device[i].stop_copy) {
		fail_device(s, i, -EPIPE, "keep its stream open until it is stopped");
		return;
	}
	s->device[i].bytes = msg->stream.bytes;
	memcpy(s->device[i].digest, msg->stream.digest, sizeof(s->device[i].digest));
	pw_source_send_stream_end(s, i);
}
