/* SPDX-License-Identifier: BSD-3-Clause */
/* target.c - see target.h: what the source says, and how a migration ends here */

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"
#include "target_parts.h"

int pw_target_tell(struct pw_target *t, struct pw_ctl *msg)
{
	int rc;

	memcpy(msg->migration, t->id, sizeof(msg->migration));
	msg->epoch = t->epoch;
	rc = t->link ? pw_peer_send(t->link, msg) : -ENOTCONN;
	pw_failpoint("sent", pw_ctl_name(msg->type));
	return rc;
}

int pw_target_ask(struct pw_target *t, const struct pw_agent_msg *request, pw_guest_fn fn)
{
	return pw_guest_call(t->guest, request, fn, t);
}

int pw_target_order(struct pw_target *t, struct pw_seam_msg *msg, int fd)
{
	int rc = pw_dataplane_send(t->host->dataplane, &t->board, msg, fd);

	if (rc)
		pw_target_refuse(t, rc, "the dataplane of this host does not take orders: %s",
				 strerror(-rc));
	return rc;
}

static void free_later(evutil_socket_t fd, short what, void *t)
{
	(void)fd;
	(void)what;
	free(t);
}

/* Freed from the loop: whoever refused may still look at the state. */
static void forget(struct pw_target *t)
{
	const struct timeval now = { 0 };

	LIST_REMOVE(t, next);
	if (t->guest)
		pw_guest_put(t->guest);
	t->guest = NULL;
	event_base_once(t->host->loop, -1, EV_TIMEOUT, free_later, t, &now);
}

static void on_discarded(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_target *t = user;

	if (fd >= 0)
		close(fd);
	if (answer->status && answer->status != -ECONNRESET)
		pw_err("guest %s: discard: %s", t->guest->name, strerror(-answer->status));
	forget(t);
}

/* Nothing writes into the guest any more after this. */
static void let_go(struct pw_target *t)
{
	pw_target_stop_verify(t);
	pw_target_close_devices(t);
	if (t->has_board)
		pw_dataplane_put(t->host->dataplane, &t->board);
	t->has_board = false;
	if (t->link)
		pw_peer_close(t->link);
	t->link = NULL;
}

/* Over: if the guest was not told to run, what came for it is discarded. */
void pw_target_end(struct pw_target *t)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_DISCARD };

	let_go(t);
	memcpy(msg.permit.migration, t->id, sizeof(t->id));
	msg.permit.epoch = t->epoch;
	if (t->state == PW_TARGET_STARTED || !t->prepared || pw_target_ask(t, &msg, on_discarded))
		forget(t);
}

int pw_target_refuse(struct pw_target *t, int code, const char *fmt, ...)
{
	struct pw_ctl msg = { 0 };
	char why[PW_CTL_WHY_MAX];
	va_list ap;

	if (t->state >= PW_TARGET_STARTED)
		return code;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	pw_warn("migration from %s refused: %s", t->peer, why);
	t->state = PW_TARGET_REFUSED;
	pw_ctl_set_why(&msg, PW_CTL_REFUSE, code < 0 ? -code : code, why);
	pw_target_tell(t, &msg);
	pw_target_end(t);
	return code;
}

static struct pw_target *create(struct pw_host *host, struct pw_peer_link *link,
				const struct pw_ctl *msg)
{
	uint32_t own_payload = pw_dataplane_facts(host->dataplane)->payload_bytes;
	struct pw_target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->host = host;
	t->link = link;
	memcpy(t->id, msg->migration, sizeof(t->id));
	t->epoch = msg->epoch;
	t->mode = msg->open.mode;
	t->verify = msg->open.verify;
	t->slice_shift = msg->open.slice_shift;
	t->paths = msg->open.paths;
	t->payload_bytes = own_payload < msg->open.payload_bytes ? own_payload :
								   msg->open.payload_bytes;
	memcpy(t->source_cids, msg->open.cids, sizeof(t->source_cids));
	memcpy(t->source_ports, msg->open.ports, sizeof(t->source_ports));
	snprintf(t->peer, sizeof(t->peer), "%s", pw_peer_name(link));
	for (unsigned i = 0; i < PW_DEVICES_MAX; i++)
		t->device[i].fd = -1;
	LIST_INSERT_HEAD(&host->targets, t, next);
	return t;
}

static void on_close(struct pw_target *t, const struct pw_ctl *msg)
{
	for (uint32_t i = 0; i < msg->rows && t->state == PW_TARGET_OPEN; i++) {
		struct pw_seam_msg order = { .type = PW_SEAM_SLICE_CLOSE };

		order.slice.region = msg->slices[i].region;
		order.slice.slice = msg->slices[i].slice;
		order.slice.epoch = (uint16_t)msg->slices[i].epoch;
		if (pw_target_order(t, &order, -1))
			return;
	}
}

static void on_seal(struct pw_target *t, const struct pw_ctl *msg)
{
	struct pw_seam_msg order = { .type = PW_SEAM_SEAL };

	if (t->sealing) {
		pw_target_refuse(t, -EPROTO, "SEAL came twice");
		return;
	}
	t->sealing = true;
	t->blocks_wanted = msg->seal.blocks;
	if (msg->seal.streams != t->guest->devices || !pw_target_streams_ended(t))
		pw_target_refuse(t, -EPROTO, "SEAL before every device's stream had ended");
	else if (t->blocks_seen > t->blocks_wanted)
		pw_target_refuse(t, -EPROTO, "more digests than SEAL says");
	else
		pw_target_order(t, &order, -1);
}

static bool is_in_order(const struct pw_target *t, enum pw_ctl_type type)
{
	bool opening = t->lane == PW_TARGET_LANE_OPENING;	/* the source waits for our answer */

	switch (type) {
	case PW_CTL_STREAM_OPEN:
	case PW_CTL_STREAM_END:
		return t->state == PW_TARGET_OPEN && (!opening || t->mode == PW_MODE_LEGACY);
	case PW_CTL_CLOSE:
	case PW_CTL_SEAL:
		return t->state == PW_TARGET_OPEN && !opening;
	case PW_CTL_DEVICE_DATA:
	case PW_CTL_REOPEN:
		return t->state == PW_TARGET_OPEN;
	case PW_CTL_DIGESTS:
		return t->state == PW_TARGET_OPEN || t->state == PW_TARGET_SEALED;
	case PW_CTL_GIVE:
		return t->state >= PW_TARGET_SEALED;
	case PW_CTL_RELEASED:
		return t->state == PW_TARGET_STARTED;
	default:
		return type == PW_CTL_ABORT;
	}
}

static void on_abort(struct pw_target *t, const struct pw_ctl_host_why *why)
{
	pw_info("guest %s from %s: the source gave up: %s", t->guest->name, t->peer, why->why);
	if (t->state >= PW_TARGET_OWNED)
		return;	/* too late: it was given */
	t->state = PW_TARGET_REFUSED;
	pw_target_end(t);
}

static void dispatch(struct pw_target *t, const struct pw_ctl *msg)
{
	switch (msg->type) {
	case PW_CTL_STREAM_OPEN:
		pw_target_open_stream(t, msg->stream.device);
		break;
	case PW_CTL_CLOSE:
		on_close(t, msg);
		break;
	case PW_CTL_DIGESTS:
		pw_target_on_digests(t, msg);
		break;
	case PW_CTL_STREAM_END:
		pw_target_on_stream_end(t, &msg->stream);
		break;
	case PW_CTL_DEVICE_DATA:
		pw_target_on_device_data(t, msg->bytes, msg->rows);
		break;
	case PW_CTL_SEAL:
		on_seal(t, msg);
		break;
	case PW_CTL_REOPEN:
		pw_target_on_reopen(t, &msg->reopen);
		break;
	case PW_CTL_GIVE:
		pw_target_on_give(t);
		break;
	case PW_CTL_RELEASED:
		pw_target_end(t);
		break;
	case PW_CTL_ABORT:
		on_abort(t, &msg->why);
		break;
	default:
		break;
	}
}

static void on_message(struct pw_peer_link *link, const struct pw_ctl *msg, void *user)
{
	struct pw_target *t = user;

	(void)link;
	if (t->state == PW_TARGET_REFUSED || msg->epoch != t->epoch ||
	    memcmp(msg->migration, t->id, sizeof(t->id)))
		return;
	pw_failpoint("got", pw_ctl_name(msg->type));
	if (pw_target_is_stale(t, msg->type))
		return;
	if (is_in_order(t, msg->type))
		dispatch(t, msg);
	else if (t->state >= PW_TARGET_OWNED)	/* a refusal now could make it run twice */
		pw_warn("guest %s from %s: %s came out of order", t->guest->name, t->peer,
			pw_ctl_name(msg->type));
	else
		pw_target_refuse(t, -EPROTO, "%s broke the protocol: %s came out of order", t->peer,
				 pw_ctl_name(msg->type));
}

static void on_down(struct pw_peer_link *link, const struct pw_error *why, void *user)
{
	struct pw_target *t = user;

	(void)link;
	t->link = NULL;
	if (t->state == PW_TARGET_REFUSED)
		return;
	if (t->state == PW_TARGET_OWNED)
		return;	/* on_running() ends it */
	if (t->state != PW_TARGET_STARTED) {
		pw_warn("guest %s from %s: %s: %s; what came is discarded",
			t->guest ? t->guest->name : "?", t->peer, why->what, why->found);
		t->state = PW_TARGET_REFUSED;
	}
	pw_target_end(t);
}

static const struct pw_peer_calls migration_calls = {
	.on_message = on_message,
	.on_down = on_down,
};

static void on_first_message(struct pw_peer_link *link, const struct pw_ctl *msg, void *user)
{
	struct pw_host *host = user;
	struct pw_target *t;

	pw_failpoint("got", pw_ctl_name(msg->type));
	if (msg->type != PW_CTL_OPEN) {
		pw_warn("peer %s: %s before OPEN: link closed", pw_peer_name(link),
			pw_ctl_name(msg->type));
		pw_peer_close(link);
		return;
	}
	t = create(host, link, msg);
	if (!t) {
		pw_peer_close(link);
		return;
	}
	pw_peer_set_calls(link, &migration_calls, t);
	pw_target_open(t, msg);
}

static void on_stranger_down(struct pw_peer_link *link, const struct pw_error *why, void *user)
{
	(void)user;
	pw_info("link of %s ended: %s: %s", pw_peer_address(link), why->what, why->found);
}

const struct pw_peer_calls pw_target_peer_calls = {
	.on_message = on_first_message,
	.on_down = on_stranger_down,
};

void pw_targets_destroy(struct pw_host *host)
{
	while (!LIST_EMPTY(&host->targets)) {
		struct pw_target *t = LIST_FIRST(&host->targets);

		let_go(t);
		forget(t);
	}
}
