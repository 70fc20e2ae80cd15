/* SPDX-License-Identifier: BSD-3-Clause */
/* source_setup.c - the agent tracks, the dataplane maps, the target agrees */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"
#include "log.h"
#include "source_parts.h"

/* Slices of all regions, in order. */
static int lay_out_slices(struct pw_source *s)
{
	const uint64_t slice_bytes = 1ull << PW_SOURCE_SLICE_SHIFT;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->guest->regions; i++)
		n += (uint32_t)((s->guest->region[i].bytes + slice_bytes - 1) / slice_bytes);
	s->slice = calloc(n, sizeof(*s->slice));
	if (!s->slice)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->guest->regions; i++) {
		uint64_t left = s->guest->region[i].bytes;

		s->first_slice[i] = s->slices;
		for (uint32_t number = 0; left; number++) {
			uint64_t bytes = left < slice_bytes ? left : slice_bytes;

			s->slice[s->slices++] = (struct pw_source_slice){
				.region = i,
				.number = number,
				.epoch = PW_SOURCE_EPOCH_FIRST,
				.pages = bytes >> PW_PAGE_SHIFT,
			};
			left -= bytes;
		}
	}
	return 0;
}

static void add_regions(struct pw_source *s)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < s->guest->regions; i++) {
		struct pw_seam_msg msg = { .type = PW_SEAM_REGION_ADD };

		msg.region.region = i;
		msg.region.bytes = s->guest->region[i].bytes;
		msg.region.bitmap_offset = s->board.bitmap_offset[i];
		rc = pw_source_order(s, &msg, s->guest->region[i].memfd);
	}
}

static void on_seam(void *user, const struct pw_seam_msg *msg);

/* A number and a board; that it can be added comes as a message. */
static int take_transfer(struct pw_source *s)
{
	uint64_t bytes[PW_REGIONS_MAX];
	int rc;

	for (uint32_t i = 0; i < s->guest->regions; i++)
		bytes[i] = s->guest->region[i].bytes;
	rc = pw_dataplane_take(s->host->dataplane, &s->board, bytes, s->guest->regions, on_seam, s);
	if (rc == -EBUSY)
		return pw_source_fail(s, rc, "PW-3102", "no place for one more migration\n"
				      "%u go on at once at most\nwait for one to end",
				      PW_TRANSFERS_MAX);
	if (rc)
		return pw_source_fail(s, rc, "PW-3101", "the dataplane does not take orders\n%s\n"
				      "look at the log of pagewired", strerror(-rc));
	s->has_board = true;
	return 0;
}

/* The dataplane knows nothing of the transfer: tell it. */
void pw_source_add_transfer(struct pw_source *s)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_ADD };

	s->waiting = 1 + s->guest->regions;
	msg.add.role = PW_SOURCE;
	msg.add.slice_shift = PW_SOURCE_SLICE_SHIFT;
	msg.add.board_bytes = s->board.bytes;
	msg.add.rate_bytes_per_s = s->host->conf->policy.rate_limit_mbps * 125000ull;
	msg.add.peer = pw_peer_hello(s->link)->lane;
	memcpy(msg.add.cids, s->own.cids, sizeof(msg.add.cids));
	if (!pw_source_order(s, &msg, s->board.fd))
		add_regions(s);
}

static void send_open(struct pw_source *s)
{
	const struct pw_seam_ready *facts = pw_dataplane_facts(s->host->dataplane);
	struct pw_ctl_part parts[PW_REGIONS_MAX + PW_DEVICES_MAX] = { 0 };
	struct pw_ctl msg = { .type = PW_CTL_OPEN, .parts = parts };
	uint32_t n = 0;
	int rc;

	for (uint32_t i = 0; i < s->guest->regions; i++)
		parts[n++].bytes = s->guest->region[i].bytes;
	for (uint32_t i = 0; i < s->guest->devices; i++, n++) {
		memcpy(parts[n].name, s->guest->device[i].name, sizeof(parts[n].name));
		parts[n].bytes = s->guest->device[i].memory_bytes;
		parts[n].flags = s->guest->device[i].flags;
	}
	msg.rows = n;
	memcpy(msg.open.guest, s->m.guest, sizeof(msg.open.guest));
	msg.open.mode = s->m.mode;
	msg.open.verify = s->m.verify;
	msg.open.regions = s->guest->regions;
	msg.open.devices = s->guest->devices;
	msg.open.paths = facts->paths;
	msg.open.slice_shift = PW_SOURCE_SLICE_SHIFT;
	msg.open.payload_bytes = facts->payload_bytes;
	memcpy(msg.open.cids, s->own.cids, sizeof(msg.open.cids));
	memcpy(msg.open.ports, s->own.ports, sizeof(msg.open.ports));
	rc = pw_source_tell(s, &msg);
	if (rc)
		pw_source_fail(s, rc, "PW-3103", "cannot send to %s\n%s", s->m.peer, strerror(-rc));
}

/* Ask the target, if our dataplane and the agent are ready for it. After OPEN it
 * is asked again only when it has answered that. */
void pw_source_try_open(struct pw_source *s)
{
	if (s->lane != PW_LANE_ADDED || !s->armed)
		return;
	if (s->is_opened) {
		pw_source_send_reopen(s);
	} else if (!s->open_sent) {
		s->open_sent = true;
		s->lane = PW_LANE_ASKING;
		if (lay_out_slices(s) || pw_guest_map(s->guest))
			pw_source_fail(s, -ENOMEM, "PW-1001", "out of memory");
		else
			send_open(s);
	}
}

/* One of the answers to pw_source_add_transfer(). */
static void one_less(struct pw_source *s)
{
	if (--s->waiting)
		return;
	s->lane = PW_LANE_ADDED;
	pw_source_try_open(s);
}

static void on_armed(void *user, const struct pw_agent_msg *answer, int fd);

static int ask_arm(struct pw_source *s, uint32_t how)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_ARM };

	s->track = how;
	msg.arm.how = how;
	return pw_source_ask(s, &msg, on_armed);
}

static int start_tracker(struct pw_source *s, uint32_t how)
{
	struct pw_agent_region region[PW_REGIONS_MAX];
	const struct pw_pagemap_guest guest = {
		.how = how,
		.pagemap_fd = s->guest->pagemap_fd,
		.clear_refs_fd = s->guest->clear_refs_fd,
		.regions = s->guest->regions,
		.region = region,
	};
	int rc;

	for (uint32_t i = 0; i < s->guest->regions; i++)
		region[i] = (struct pw_agent_region){ .bytes = s->guest->region[i].bytes,
						      .address = s->guest->region[i].address };
	rc = pw_tracker_pagemap_init(&s->pagemap, &guest);
	if (!rc)
		rc = pw_tracker_arm(&s->pagemap.tracker);
	if (!rc)
		s->tracker = &s->pagemap.tracker;
	return rc;
}

static void on_armed(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;
	int rc = answer->status;

	if (fd >= 0)
		close(fd);
	if (s->ending)
		return;
	if (!rc)
		rc = start_tracker(s, answer->arm.how);
	if (rc && rc != -ECONNRESET && s->track == PW_TRACK_UFFD_WP &&
	    !ask_arm(s, PW_TRACK_SOFT_DIRTY))
		return;
	if (rc) {
		pw_source_fail(s, rc, "PW-3110", "cannot track what guest %s writes\n"
			       "neither userfaultfd-wp async (Linux 6.7) nor soft-dirty works here: %s\n"
			       "use a kernel with one of them: Debian 12 has soft-dirty, Debian 13 both",
			       s->m.guest, strerror(-rc));
		return;
	}
	pw_info("guest %s -> %s: tracker: %s", s->m.guest, s->m.peer,
		s->tracker->needs_pause ? "soft-dirty, the guest is parked for each harvest"
					: "userfaultfd-wp async");
	s->armed = true;
	pw_source_try_open(s);
}

/* A guest that stands still was left so by a pagewired that died: perhaps after
 * it had given the guest away. */
static void on_queried(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;

	if (fd >= 0)
		close(fd);
	if (s->ending || answer->status == -ECONNRESET)
		return;
	s->m.guest_stands = answer->status || !answer->query.running;
	if (s->m.guest_stands)
		pw_source_fail(s, -EPERM, "PW-3015", "guest %s does not run here\n"
			       "its agent says that it stands still: perhaps it was moved before\n"
			       "see where it runs before anything is done with it", s->m.guest);
}

/* Before anything is mapped. */
static bool lanes_fit(struct pw_source *s)
{
	const struct pw_lane_end *own = &pw_dataplane_facts(s->host->dataplane)->end;
	const struct pw_lane_end *peer = &pw_peer_hello(s->link)->lane;

	if (own->family == peer->family)
		return true;
	pw_source_fail(s, -EAFNOSUPPORT, "PW-3107", "the lanes of this host and %s do not fit\n"
		       "%s here, %s there\n"
		       "configure lane alike on both hosts: the same driver, addresses of one kind",
		       s->m.peer, pw_lane_kind(own), pw_lane_kind(peer));
	return false;
}

void pw_source_setup(struct pw_source *s)
{
	struct pw_agent_msg query = { .type = PW_AGENT_QUERY };

	if (!lanes_fit(s))
		return;
	if (take_transfer(s))
		return;
	if (pw_source_ask(s, &query, on_queried) || ask_arm(s, PW_TRACK_UFFD_WP))
		pw_source_fail(s, -ECONNRESET, "PW-3003", "guest %s has gone", s->m.guest);
}

/* The target knows how to reach our dataplane, and far is how to reach its. */
void pw_source_start_transfer(struct pw_source *s)
{
	struct pw_seam_msg start = { .type = PW_SEAM_TRANSFER_START };

	s->lane = PW_LANE_STARTING;
	memcpy(start.add.cids, s->far.cids, sizeof(start.add.cids));
	memcpy(start.add.ports, s->far.ports, sizeof(start.add.ports));
	start.add.payload_bytes = s->payload_bytes;
	pw_source_order(s, &start, -1);
}

void pw_source_on_opened(struct pw_source *s, const struct pw_ctl *msg)
{
	const struct pw_seam_ready *facts = pw_dataplane_facts(s->host->dataplane);

	if (!s->open_sent || s->is_opened)
		return;
	if (msg->open.paths != facts->paths) {
		pw_source_fail(s, -EPROTO, "PW-3104",
			       "%s and this host do not have the same number of paths\n"
			       "%u there, %u here\nset lane.paths alike in both configurations",
			       s->m.peer, msg->open.paths, facts->paths);
		return;
	}
	s->payload_bytes = msg->open.payload_bytes;
	s->is_opened = true;
	memcpy(s->far.cids, msg->open.cids, sizeof(s->far.cids));
	memcpy(s->far.ports, msg->open.ports, sizeof(s->far.ports));
	if (s->lane == PW_LANE_ASKING)
		pw_source_start_transfer(s);
	else	/* our dataplane died meanwhile: OPEN named another */
		pw_source_try_open(s);
}

static void on_started(struct pw_source *s)
{
	s->lane = PW_LANE_OPEN;
	if (s->m.stage != PW_STAGE_SETUP) {
		pw_source_on_lane_open(s);
		return;
	}
	pw_source_enter(s, PW_STAGE_PRECOPY);
	pw_source_open_streams(s);
	if (!s->ending)
		pw_source_first_round(s);
}

static void fail_refused(struct pw_source *s, const struct pw_seam_msg *msg)
{
	const char *why = msg->type == PW_SEAM_TRANSFER_START ? pw_lane_why(msg->status) : NULL;
	bool said = msg->type == PW_SEAM_REGION_ADD && msg->region.why[0];
	char text[PW_LANE_TEXT_BYTES];

	if (why && s->link)
		pw_source_fail(s, msg->status, "PW-3108", "the lane of %s is not reached\n%s: %s\n"
			       "check lane.address, interface, vlan and gateway of both hosts",
			       s->m.peer, pw_lane_text(&pw_peer_hello(s->link)->lane, text), why);
	else
		pw_source_fail(s, msg->status, "PW-3106", "the dataplane refused an order\n"
			       "order %u: %.199s\nlook at the log of pagewired", msg->type,
			       said ? msg->region.why : strerror(-msg->status));
}

/* A message of the dataplane about this transfer. */
static void on_seam(void *user, const struct pw_seam_msg *msg)
{
	struct pw_source *s = user;

	if (s->ending || s->m.stage == PW_STAGE_HANDOVER)	/* given: nothing is sent any more */
		return;
	if (msg->type == 0) {
		pw_source_on_death(s, msg->status);
		return;
	}
	if (msg->type == PW_SEAM_PATH_DOWN || msg->type == PW_SEAM_PATH_UP) {
		pw_warn("guest %s -> %s: path %u %s", s->m.guest, s->m.peer, msg->path,
			msg->type == PW_SEAM_PATH_UP ? "hears again" :
			"hears nothing: the others take over what it held");
		return;
	}
	if (msg->status) {
		fail_refused(s, msg);
		return;
	}
	switch (msg->type) {
	case PW_SEAM_TRANSFER_DEL:	/* now it can be added */
		pw_source_add_transfer(s);
		break;
	case PW_SEAM_TRANSFER_ADD:
		memcpy(s->own.cids, msg->add.cids, sizeof(s->own.cids));
		memcpy(s->own.ports, msg->add.ports, sizeof(s->own.ports));
		one_less(s);
		break;
	case PW_SEAM_REGION_ADD:
		one_less(s);
		break;
	case PW_SEAM_TRANSFER_START:
		on_started(s);
		break;
	case PW_SEAM_STREAM_ENDED:
		pw_source_on_stream_ended(s, msg);
		break;
	case PW_SEAM_SLICE_SEND:
		pw_source_on_slice_sent(s, &msg->slice);
		break;
	default:
		break;
	}
}
