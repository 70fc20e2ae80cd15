/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_open.c - from OPEN to OPENED, and what the dataplane says from then on
 *
 * The guest that waits is the twin of the one that comes, the lanes fit, its
 * memory is mapped, the agent has its permit.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"
#include "target_parts.h"

static void on_guest_gone(void *user)
{
	struct pw_target *t = user;

	if (t->state < PW_TARGET_OWNED)	/* else on_running() hears it */
		pw_target_refuse(t, -ECONNRESET,
				 "the incoming guest has gone: its agent closed the connection");
}

/* OPENED, if everything is there that it promises. */
static void try_opened(struct pw_target *t)
{
	struct pw_ctl msg = { .type = PW_CTL_OPENED };

	if (!t->ready || t->lane != PW_TARGET_LANE_OPEN)
		return;
	t->state = PW_TARGET_OPEN;
	memcpy(msg.open.guest, t->guest->name, sizeof(msg.open.guest));
	msg.open.mode = t->mode;
	msg.open.verify = t->verify;
	msg.open.regions = t->guest->regions;
	msg.open.devices = t->guest->devices;
	msg.open.paths = t->paths;
	msg.open.slice_shift = t->slice_shift;
	msg.open.payload_bytes = t->payload_bytes;
	memcpy(msg.open.cids, t->own_cids, sizeof(msg.open.cids));
	memcpy(msg.open.ports, t->own_ports, sizeof(msg.open.ports));
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

static void on_started(struct pw_target *t)
{
	t->lane = PW_TARGET_LANE_OPEN;
	if (t->state == PW_TARGET_OPENING)
		try_opened(t);
	else
		pw_target_send_reopened(t);
}

static void send_closed(struct pw_target *t, const struct pw_seam_slice *slice)
{
	const struct pw_ctl_slice row = {
		.region = slice->region,
		.slice = slice->slice,
		.epoch = slice->epoch,
	};
	struct pw_ctl msg = { .type = PW_CTL_CLOSED, .rows = 1, .slices = &row };

	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

void pw_target_on_sealed(struct pw_target *t)
{
	struct pw_ctl msg = { .type = PW_CTL_SEALED };

	t->state = PW_TARGET_SEALED;
	if (pw_target_tell(t, &msg)) {
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
		return;
	}
	pw_target_verify_late(t);
}

static void start_transfer(struct pw_target *t)
{
	struct pw_seam_msg start = { .type = PW_SEAM_TRANSFER_START };

	memcpy(start.add.cids, t->source_cids, sizeof(start.add.cids));
	memcpy(start.add.ports, t->source_ports, sizeof(start.add.ports));
	start.add.payload_bytes = t->payload_bytes;
	pw_target_order(t, &start, -1);
}

static void on_seam_ok(struct pw_target *t, const struct pw_seam_msg *msg)
{
	switch (msg->type) {
	case PW_SEAM_TRANSFER_DEL:	/* now it can be added */
		pw_target_add_transfer(t);
		break;
	case PW_SEAM_TRANSFER_ADD:
		memcpy(t->own_cids, msg->add.cids, sizeof(t->own_cids));
		memcpy(t->own_ports, msg->add.ports, sizeof(t->own_ports));
		break;
	case PW_SEAM_REGION_ADD:
		if (++t->regions_added == t->guest->regions)
			start_transfer(t);
		break;
	case PW_SEAM_TRANSFER_START:
		on_started(t);
		break;
	case PW_SEAM_STREAM_ADD:
		pw_target_on_stream_added(t, msg->stream.stream);
		break;
	case PW_SEAM_STREAM_ENDED:
		pw_target_on_stream_ended(t, msg);
		break;
	case PW_SEAM_SLICE_CLOSE:
		send_closed(t, &msg->slice);
		break;
	case PW_SEAM_SEAL:
		pw_target_on_sealed(t);
		break;
	default:
		break;
	}
}

static void refuse_order(struct pw_target *t, const struct pw_seam_msg *msg)
{
	const char *why = msg->type == PW_SEAM_TRANSFER_START ? pw_lane_why(msg->status) : NULL;
	char text[PW_LANE_TEXT_BYTES];

	if (why && t->link)
		pw_target_refuse(t, msg->status, "the lane of the source, %s, is not reached from %s: %s",
				 pw_lane_text(&pw_peer_hello(t->link)->lane, text),
				 t->host->conf->host, why);
	else
		pw_target_refuse(t, msg->status, "the dataplane at the target: order %u: %s",
				 msg->type, strerror(-msg->status));
}

static void on_seam(void *user, const struct pw_seam_msg *msg)
{
	struct pw_target *t = user;

	if (t->state >= PW_TARGET_OWNED)
		return;
	if (msg->type == 0)
		pw_target_on_death(t, msg->status);
	else if (msg->status)
		refuse_order(t, msg);
	else
		on_seam_ok(t, msg);
}

static void on_prepared(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_target *t = user;

	if (fd >= 0)
		close(fd);
	if (t->state == PW_TARGET_REFUSED)
		return;
	if (answer->status)
		pw_target_refuse(t, answer->status, "the incoming guest is not ready: %s",
				 strerror(-answer->status));
	else {
		t->ready = true;
		try_opened(t);
	}
}

/* A number and a board; that it can be added comes as a message. */
static int take_transfer(struct pw_target *t)
{
	uint64_t bytes[PW_REGIONS_MAX];
	int rc;

	for (uint32_t i = 0; i < t->guest->regions; i++)
		bytes[i] = t->guest->region[i].bytes;
	rc = pw_dataplane_take(t->host->dataplane, &t->board, bytes, t->guest->regions, on_seam, t);
	if (rc)
		return pw_target_refuse(t, rc, "the dataplane of %s %s: try again", t->host->conf->host,
					rc == -EBUSY ? "has as many migrations as it takes"
						     : "is not running");
	t->has_board = true;
	return 0;
}

/* The dataplane knows nothing of the transfer: tell it. */
void pw_target_add_transfer(struct pw_target *t)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_ADD };
	int rc;

	t->regions_added = 0;
	msg.add.role = PW_TARGET;
	msg.add.slice_shift = t->slice_shift;
	msg.add.board_bytes = t->board.bytes;
	msg.add.peer = pw_peer_hello(t->link)->lane;
	memcpy(msg.add.cids, t->own_cids, sizeof(msg.add.cids));
	rc = pw_target_order(t, &msg, t->board.fd);
	for (uint32_t i = 0; !rc && i < t->guest->regions; i++) {
		msg = (struct pw_seam_msg){ .type = PW_SEAM_REGION_ADD };
		msg.region.region = i;
		msg.region.bytes = t->guest->region[i].bytes;
		msg.region.populated = t->state != PW_TARGET_OPENING;
		rc = pw_target_order(t, &msg, t->guest->region[i].memfd);
	}
}

static void prepare(struct pw_target *t)
{
	struct pw_agent_msg permit = { .type = PW_AGENT_PREPARE };

	memcpy(permit.permit.migration, t->id, sizeof(t->id));
	permit.permit.epoch = t->epoch;
	t->prepared = true;
	if (pw_target_ask(t, &permit, on_prepared))
		pw_target_refuse(t, -ECONNRESET, "the incoming guest has gone");
	else
		take_transfer(t);
}

/* The guest that waits here must be the twin of the one that comes. */
static const char *find_difference(const struct pw_guest *g, const struct pw_ctl *msg)
{
	if (g->regions != msg->open.regions || g->devices != msg->open.devices)
		return "it has another number of regions or devices";
	for (uint32_t i = 0; i < g->regions; i++)
		if (g->region[i].bytes != msg->parts[i].bytes)
			return "its memory has another size";
	for (uint32_t i = 0; i < g->devices; i++) {
		const struct pw_ctl_part *part = &msg->parts[g->regions + i];

		if (strncmp(g->device[i].name, part->name, sizeof(part->name)) ||
		    g->device[i].memory_bytes != part->bytes)
			return "its devices have other names or sizes";
	}
	return NULL;
}

/* False: it was refused. */
static bool check_lane(struct pw_target *t)
{
	const struct pw_lane_end *own = &pw_dataplane_facts(t->host->dataplane)->end;
	const struct pw_lane_end *peer = &pw_peer_hello(t->link)->lane;
	uint32_t paths = t->host->conf->lane.paths;

	if (own->family != peer->family)
		pw_target_refuse(t, -EAFNOSUPPORT, "the lanes do not fit: %s there, %s here: configure "
				 "lane alike", pw_lane_kind(peer), pw_lane_kind(own));
	else if (t->paths != paths)
		pw_target_refuse(t, -EINVAL, "%u paths there, %u here: set lane.paths alike",
				 t->paths, paths);
	else
		return true;
	return false;
}

void pw_target_open(struct pw_target *t, const struct pw_ctl *msg)
{
	const struct pw_conf *conf = t->host->conf;
	const char *difference;

	t->guest = pw_guests_find(t->host->guests, msg->open.guest, PW_AGENT_INCOMING);
	if (!t->guest) {
		pw_target_refuse(t, -ENOENT,
				 "no incoming guest %s waits at %s: start its VMM there as incoming",
				 msg->open.guest, conf->host);
		return;
	}
	if (pw_guest_take(t->guest, on_guest_gone, t)) {
		t->guest = NULL;
		pw_target_refuse(t, -EBUSY, "guest %s at %s is in another migration",
				 msg->open.guest, conf->host);
		return;
	}
	difference = find_difference(t->guest, msg);
	if (difference)
		pw_target_refuse(t, -EINVAL,
				 "the incoming guest %s differs: %s; start it with the same configuration",
				 msg->open.guest, difference);
	else if (!check_lane(t))
		return;
	else if (pw_guest_map(t->guest))
		pw_target_refuse(t, -ENOMEM, "out of memory at %s", conf->host);
	else
		prepare(t);
}
