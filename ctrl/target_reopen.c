/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_reopen.c - a dataplane died, here or at the source: the transfer anew
 *
 *	before OPENED, before REOPENED   our own: it is told of the transfer again
 *	while data may come              our own: RESET, and REOPEN will come
 *	REOPEN                           the transfer is dropped and opened with the
 *	                                 source's new cids; REOPENED says which
 *	                                 devices need not begin again
 *	after SEAL                       a process that died writes nothing: that is
 *	                                 as good as a seal, unless it had device
 *	                                 state that was not written yet
 */

#include <errno.h>
#include <string.h>

#include "log.h"
#include "target_parts.h"

/* RESET goes out before our dataplane is there again: the source then does not
 * begin a stun, and opens its own end meanwhile. */
static void lose_lane(struct pw_target *t)
{
	struct pw_ctl msg = { .type = PW_CTL_RESET };

	pw_info("guest %s from %s: the dataplane of this host died", t->guest->name, t->peer);
	t->state = PW_TARGET_OPEN;
	t->lane = PW_TARGET_LANE_LOST;
	t->sealing = false;
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

/* Nothing that the source has sealed was lost with the process. */
static bool is_complete(const struct pw_target *t)
{
	if (!t->sealing)
		return false;
	for (uint32_t i = 0; i < t->guest->devices; i++)
		if (t->mode != PW_MODE_LEGACY && !t->device[i].drained)
			return false;
	return true;
}

void pw_target_on_death(struct pw_target *t, int status)
{
	if (t->lane == PW_TARGET_LANE_OPEN && is_complete(t)) {
		if (t->state == PW_TARGET_OPEN)
			pw_target_on_sealed(t);
	} else if (status != -ECONNRESET) {
		pw_target_refuse(t, status, "the dataplane at the target died and does not come back");
	} else if (t->lane == PW_TARGET_LANE_OPENING || t->state == PW_TARGET_OPENING) {
		t->lane = PW_TARGET_LANE_OPENING;
		pw_dataplane_renew(t->host->dataplane, &t->board);
	} else if (t->lane == PW_TARGET_LANE_OPEN) {
		lose_lane(t);
	}
}

void pw_target_on_reopen(struct pw_target *t, const struct pw_ctl_host_reopen *far)
{
	if (far->attempt <= t->attempt)
		return;
	t->attempt = far->attempt;
	memcpy(t->source_cids, far->cids, sizeof(t->source_cids));
	memcpy(t->source_ports, far->ports, sizeof(t->source_ports));
	t->lane = PW_TARGET_LANE_OPENING;
	t->sealing = false;
	pw_target_forget_streams(t);
	pw_dataplane_renew(t->host->dataplane, &t->board);
}

void pw_target_send_reopened(struct pw_target *t)
{
	struct pw_ctl msg = { .type = PW_CTL_REOPENED };

	msg.reopen.attempt = t->attempt;
	msg.reopen.devices_done = pw_target_devices_done(t);
	memcpy(msg.reopen.cids, t->own_cids, sizeof(msg.reopen.cids));
	memcpy(msg.reopen.ports, t->own_ports, sizeof(msg.reopen.ports));
	pw_info("guest %s from %s: dataplane died, attempt %u", t->guest->name, t->peer,
		t->attempt + 1);
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

/* What the source sent before it heard RESET is about a transfer that is no more. */
bool pw_target_is_stale(const struct pw_target *t, enum pw_ctl_type type)
{
	if (t->lane != PW_TARGET_LANE_LOST)
		return false;
	return type == PW_CTL_CLOSE || type == PW_CTL_SEAL ||
	       (type == PW_CTL_STREAM_OPEN && t->mode != PW_MODE_LEGACY);
}
