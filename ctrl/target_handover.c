/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_handover.c - GIVE to RUNNING
 *
 * GIVE makes this host the owner. From then on the guest is run, or refused if
 * it certainly never ran; a link that is lost meanwhile changes neither. An
 * agent that dies between RUN and its answer may have run it: nothing is said.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "target_parts.h"

static void on_running(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_target *t = user;
	struct pw_ctl msg = { .type = PW_CTL_RUNNING };

	if (fd >= 0)
		close(fd);
	if (answer->status == -ECONNRESET) {	/* guest.c: the agent has gone */
		pw_err("guest %s from %s: its agent has gone while it was being run; "
		       "the source keeps it paused", t->guest->name, t->peer);
		t->state = PW_TARGET_STARTED;
		pw_target_end(t);
		return;
	}
	if (answer->status) {	/* an agent that answers so has not run it */
		pw_target_refuse(t, answer->status, "the guest does not start at the target: %s",
				 strerror(-answer->status));
		return;
	}
	t->state = PW_TARGET_STARTED;
	pw_info("guest %s from %s: runs here", t->guest->name, t->peer);
	t->guest->role = PW_AGENT_RUNNING;
	t->guest->epoch = t->epoch;
	msg.running.last_step_ns = answer->times.last_step_ns;
	msg.running.first_step_ns = answer->times.first_step_ns;
	msg.running.since_step_ns = pw_now_ns() - answer->times.first_step_ns;
	if (pw_target_tell(t, &msg))
		pw_target_end(t);	/* the link is gone; the guest stays */
}

static bool all_loaded(const struct pw_target *t)
{
	for (uint32_t i = 0; i < t->guest->devices; i++)
		if (!t->device[i].loaded)
			return false;
	return true;
}

void pw_target_on_give(struct pw_target *t)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_RUN };

	if (t->state != PW_TARGET_SEALED)
		return;	/* said twice */
	if (!t->verified || !all_loaded(t)) {
		pw_target_refuse(t, -EPROTO, "GIVE before everything was verified and loaded");
		return;
	}
	t->state = PW_TARGET_OWNED;
	memcpy(msg.permit.migration, t->id, sizeof(t->id));
	msg.permit.epoch = t->epoch;
	if (pw_target_ask(t, &msg, on_running))
		pw_target_refuse(t, -ECONNRESET, "the incoming guest has gone");
}
