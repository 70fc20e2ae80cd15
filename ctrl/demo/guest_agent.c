/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_agent.c - requests of pagewired and their answers; see guest_agent.h */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../error.h"
#include "../log.h"
#include "guest_agent.h"
#include "guest_register.h"
#include "pagewire/check.h"

#define LATER 1	/* a handler answers when it can */

struct answer {
	struct pw_agent_msg msg;
	int fd;	/* to pass along, then to close; -1: none */
};

static int handle_arm(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	int err;

	if (a->machine->state == PW_GUEST_RELEASED)
		return -EINVAL;
	err = pw_guest_track_arm(&a->track, &a->machine->body.memory, m->arm.how);
	to->msg.arm.how = a->track.how;
	return err;
}

static int handle_disarm(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	(void)m;
	(void)to;
	pw_guest_track_disarm(&a->track, &a->machine->body.memory);
	return 0;
}

static int handle_pause(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	bool news = a->machine->state == PW_GUEST_RUNNING;
	int err = pw_guest_machine_pause(a->machine);

	(void)m;
	to->msg.times = a->machine->times;
	if (!err && news)
		pw_guest_console_say(a->console, "paused", NULL);
	return err;
}

static int handle_resume(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	bool news = a->machine->state == PW_GUEST_PAUSED;
	int err = pw_guest_machine_resume(a->machine);

	(void)m;
	to->msg.times = a->machine->times;
	if (!err && news)
		pw_guest_console_say_resumed(a->console, "source", a->machine);
	return err;
}

static int handle_release(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	bool news = a->machine->state == PW_GUEST_PAUSED;
	int err = pw_guest_machine_release(a->machine);

	(void)m;
	(void)to;
	if (!err && news) {
		pw_guest_track_disarm(&a->track, &a->machine->body.memory);
		pw_guest_console_say(a->console, "released", NULL);
	}
	return err;
}

static int handle_prepare(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	(void)to;
	return pw_guest_machine_prepare(a->machine, &m->permit);
}

static int handle_run(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	bool news = a->machine->state == PW_GUEST_WAITING;
	int err = pw_guest_machine_run(a->machine, &m->permit);

	to->msg.times = a->machine->times;
	if (!err && news)
		pw_guest_console_say_resumed(a->console, "target", a->machine);
	return err;
}

static int handle_discard(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	(void)to;
	return pw_guest_machine_discard(a->machine, &m->permit);
}

static int handle_device_state(struct pw_guest_agent *a, const struct pw_agent_msg *m,
			       struct answer *to)
{
	return pw_guest_machine_device_state(a->machine, &m->state, &to->fd);
}

static int handle_device_info(struct pw_guest_agent *a, const struct pw_agent_msg *m,
			      struct answer *to)
{
	if (m->info.device >= a->machine->devices)
		return -EINVAL;
	to->msg.info = (struct pw_agent_device_info){ .device = m->info.device };
	pw_guest_device_info(&a->machine->device[m->info.device], &to->msg.info);
	return 0;
}

static int handle_device_loaded(struct pw_guest_agent *a, const struct pw_agent_msg *m,
				struct answer *to)
{
	int err;

	(void)to;
	if (m->device >= a->machine->devices)
		return -EINVAL;
	err = pw_guest_device_await_load(&a->machine->device[m->device]);
	if (err != -EAGAIN)
		return err;
	a->waiting = true;
	a->loaded = *m;
	return LATER;
}

static int handle_query(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct answer *to)
{
	(void)m;
	to->msg.query = (struct pw_agent_query){
		.running = a->machine->state == PW_GUEST_RUNNING,
		.steps = pw_guest_engine_steps(&a->machine->engine),
	};
	return 0;
}

static int (*const handlers[PW_NUM_AGENT_TYPES])(struct pw_guest_agent *,
						 const struct pw_agent_msg *, struct answer *) = {
	[PW_AGENT_ARM] = handle_arm,
	[PW_AGENT_DISARM] = handle_disarm,
	[PW_AGENT_PAUSE] = handle_pause,
	[PW_AGENT_RESUME] = handle_resume,
	[PW_AGENT_RELEASE] = handle_release,
	[PW_AGENT_PREPARE] = handle_prepare,
	[PW_AGENT_RUN] = handle_run,
	[PW_AGENT_DISCARD] = handle_discard,
	[PW_AGENT_DEVICE_STATE] = handle_device_state,
	[PW_AGENT_DEVICE_INFO] = handle_device_info,
	[PW_AGENT_DEVICE_LOADED] = handle_device_loaded,
	[PW_AGENT_QUERY] = handle_query,
};

void pw_guest_agent_init(struct pw_guest_agent *a)
{
	a->fd = -1;
	pw_guest_track_init(&a->track);
}

/* Whoever comes next arms again and opens the devices again. What was loaded
 * stays: RUN may still come. */
static void disconnect(struct pw_guest_agent *a)
{
	close(a->fd);
	a->fd = -1;
	a->registered = false;
	a->waiting = false;
	pw_guest_track_disarm(&a->track, &a->machine->body.memory);
	pw_guest_machine_orphan(a->machine);
}

void pw_guest_agent_fini(struct pw_guest_agent *a)
{
	if (a->fd >= 0)
		disconnect(a);
}

int pw_guest_agent_connect(struct pw_guest_agent *a, struct pw_error *e)
{
	int err = pw_guest_register_connect(a->path, &a->fd, e);

	if (err)
		return err;
	err = pw_guest_register_send(a->fd, a->machine, a->guest, e);
	if (err)
		disconnect(a);
	return err;
}

static void reply(struct pw_guest_agent *a, struct answer *to)
{
	if (pw_guest_register_send_packet(a->fd, &to->msg, &to->fd, to->fd >= 0 ? 1 : 0))
		disconnect(a);
	if (to->fd >= 0)
		close(to->fd);	/* the other end has its own, or is gone */
}

static void handle(struct pw_guest_agent *a, const struct pw_agent_msg *m)
{
	struct answer to = { .msg = *m, .fd = -1 };
	int status = -EOPNOTSUPP;

	if (m->type < PW_NUM_AGENT_TYPES && handlers[m->type])
		status = handlers[m->type](a, m, &to);
	if (status == LATER)
		return;
	to.msg.status = status;
	reply(a, &to);
}

static int on_registered(struct pw_guest_agent *a, const struct pw_agent_msg *m, struct pw_error *e)
{
	const struct pw_guest_machine *g = a->machine;

	if (m->status) {
		disconnect(a);
		return pw_fail(e, m->status < 0 ? m->status : -EPROTO, "PW-8006",
			       "pagewired refused guest \"%s\"\n%.*s", a->guest,
			       (int)sizeof(m->reg.why) - 1, m->reg.why);
	}
	a->registered = true;
	if (a->said_ready)
		return 0;
	a->said_ready = true;
	pw_guest_console_say(a->console, "ready", json_pack("{s:s, s:s, s:I, s:I, s:i, s:i}",
		"guest", a->guest,
		"state", pw_guest_machine_state_name(g->state),
		"memory_bytes", (json_int_t)g->plan.size.memory_bytes,
		"device_bytes", (json_int_t)(g->plan.size.vgpu_bytes * g->plan.size.vgpus),
		"vgpus", (int)g->plan.size.vgpus,
		"pid", (int)getpid()));
	return 0;
}

int pw_guest_agent_on_packet(struct pw_guest_agent *a, struct pw_error *e)
{
	struct pw_agent_msg m;
	ssize_t n = recv(a->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(m)) {
		pw_warn("guest %s: pagewired has gone%s", a->guest,
			n > 0 ? ": it sent a packet of another size" : "");
		disconnect(a);
		return 0;
	}
	if (!a->registered && m.type == PW_AGENT_REGISTER)
		return on_registered(a, &m, e);
	if (!a->registered || a->waiting) {	/* one at a time, and not before we are known */
		pw_warn("guest %s: request %u out of turn; connecting anew", a->guest, m.type);
		disconnect(a);
		return 0;
	}
	handle(a, &m);
	return 0;
}

void pw_guest_agent_on_done(struct pw_guest_agent *a)
{
	struct answer to = { .msg = a->loaded, .fd = -1 };
	eventfd_t count;
	int status;

	eventfd_read(a->machine->done_fd, &count);
	if (!a->waiting)
		return;
	status = pw_guest_device_await_load(&a->machine->device[a->loaded.device]);
	if (status == -EAGAIN)	/* another device it was */
		return;
	a->waiting = false;
	to.msg.status = status;
	reply(a, &to);
}
