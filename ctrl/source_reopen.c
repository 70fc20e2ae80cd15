/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_reopen.c - a dataplane died, here or at the target: the transfer anew
 *
 *	our own died, or RESET came    nothing is sent any more, slices are taken back
 *	TRANSFER_DEL                   our dataplane knows nothing of the transfer
 *	TRANSFER_ADD, REGION_ADD       same board, new cids
 *	REOPEN -> REOPENED             so does the target's
 *	TRANSFER_START                 devices begin again, slices are sent again
 *
 * What is lost is what was in flight. Memory, bitmaps and devices are not the
 * dataplane's. A death in the middle of this begins it anew; answers to an
 * older attempt are ignored. Whoever does not come back within its time fails
 * the migration.
 */

#include <errno.h>
#include <string.h>

#include "log.h"
#include "source_parts.h"

#define REOPENED_S 30	/* the target's dataplane has 10 of them to start */

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	struct pw_source *s = arg;

	(void)fd;
	(void)what;
	pw_source_fail(s, -ETIMEDOUT, "PW-3108",
		       "%s does not open the transfer again\n"
		       "it did not answer for %u s after a dataplane had died\n"
		       "look at the log of pagewired there", s->m.peer, REOPENED_S);
}

static void lose_lane(struct pw_source *s)
{
	s->m.dataplane_restarts++;
	s->lane = PW_LANE_ADDING;
	s->sealing = false;
	s->again += pw_source_take_slices_back(s);
	if (s->patience)
		event_del(s->patience);
	pw_dataplane_renew(s->host->dataplane, &s->board);
}

/* All that it had to do is done: what is left is the target's. */
static bool is_needed(const struct pw_source *s)
{
	return !s->sealing && !(s->placed && s->m.mode == PW_MODE_LEGACY);
}

void pw_source_on_death(struct pw_source *s, int status)
{
	if (s->lane == PW_LANE_OPEN && !is_needed(s))
		return;
	if (status != -ECONNRESET) {
		pw_source_fail(s, status, "PW-3105", "the dataplane of this host died\n"
			       "pagewire-dp ended in the middle of the migration and does not come "
			       "back\nlook at the log of pagewired");
		return;
	}
	pw_info("guest %s -> %s: the dataplane of this host died", s->m.guest, s->m.peer);
	lose_lane(s);
}

/* One that comes before our REOPEN is answered is older than that, and one that
 * comes before it is sent is answered by it. */
void pw_source_on_reset(struct pw_source *s)
{
	if (!s->is_opened || s->m.stage == PW_STAGE_HANDOVER ||
	    (s->lane != PW_LANE_OPEN && s->lane != PW_LANE_STARTING))
		return;
	pw_info("guest %s -> %s: the dataplane of %s died", s->m.guest, s->m.peer, s->m.peer);
	lose_lane(s);
}

void pw_source_send_reopen(struct pw_source *s)
{
	const struct timeval patience = { .tv_sec = REOPENED_S };
	struct pw_ctl msg = { .type = PW_CTL_REOPEN };
	int rc;

	s->lane = PW_LANE_ASKING;
	s->own.attempt++;
	msg.reopen = s->own;
	if (!s->patience)
		s->patience = evtimer_new(s->host->loop, on_impatient, s);
	if (!s->patience || event_add(s->patience, &patience)) {
		pw_source_fail(s, -ENOMEM, "PW-1001", "out of memory");
		return;
	}
	rc = pw_source_tell(s, &msg);
	if (rc)
		pw_source_fail(s, rc, "PW-3103", "cannot send to %s\n%s", s->m.peer, strerror(-rc));
}

void pw_source_on_reopened(struct pw_source *s, const struct pw_ctl_host_reopen *far)
{
	if (s->lane != PW_LANE_ASKING || far->attempt != s->own.attempt)
		return;
	event_del(s->patience);
	s->far = *far;
	pw_source_start_transfer(s);
}

void pw_source_on_lane_open(struct pw_source *s)
{
	uint32_t devices = pw_source_restart_devices(s, s->far.devices_done);

	pw_info("guest %s -> %s: dataplane died, attempt %u, %u slices again, %u devices again",
		s->m.guest, s->m.peer, s->own.attempt + 1, s->again, devices);
	s->again = 0;
	s->heard_ns = pw_now_ns();
	if (s->ending)
		return;
	if (pw_migration_is_stunned(s->m.stage)) {	/* what was cut off moved for nothing */
		s->stun_payload_bytes = pw_source_payload_bytes(s);
		s->stun_sent_bytes = s->m.stage < PW_STAGE_WIRE ? 0 : pw_source_round(s)->sent_bytes;
	}
	pw_source_go_on(s);
	if (!s->ending)
		pw_source_try_seal(s);
}
