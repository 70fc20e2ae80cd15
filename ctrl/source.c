/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c - see source.h: how a migration begins and ends, and what the peer says */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"
#include "pagewire/check.h"
#include "source_parts.h"

#define SOURCES_KEPT 64u	/* records of migrations that are over */

uint64_t pw_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void pw_source_enter(struct pw_source *s, enum pw_stage stage)
{
	int rc = pw_migration_enter(&s->m, stage, pw_now_ns());

	PW_CHECK(!rc);	/* the table and the drivers are of one mind */
	pw_info("guest %s -> %s: %s", s->m.guest, s->m.peer, pw_stage_name(stage));
	pw_failpoint("stage", pw_stage_name(stage));
}

int pw_source_ask(struct pw_source *s, const struct pw_agent_msg *request, pw_guest_fn fn)
{
	return pw_guest_call(s->guest, request, fn, s);
}

int pw_source_tell(struct pw_source *s, struct pw_ctl *msg)
{
	int rc;

	memcpy(msg->migration, s->m.id, sizeof(msg->migration));
	msg->epoch = s->m.epoch;
	rc = s->link ? pw_peer_send(s->link, msg) : -ENOTCONN;
	pw_failpoint("sent", pw_ctl_name(msg->type));
	return rc;
}

int pw_source_order(struct pw_source *s, struct pw_seam_msg *msg, int fd)
{
	int rc = pw_dataplane_send(s->host->dataplane, &s->board, msg, fd);

	if (rc)
		pw_source_fail(s, rc, "PW-3101", "the dataplane does not take orders\n%s\n"
			       "look at the log of pagewired", strerror(-rc));
	return rc;
}

/* Everything but the record and the guest. */
static void let_go(struct pw_source *s)
{
	pw_source_legacy_stop(s);
	for (unsigned i = 0; i < PW_REGIONS_MAX; i++)
		pw_hasher_cancel(s->host->hasher, s->hash_job[i]);
	for (unsigned i = 0; i < PW_DEVICES_MAX; i++)
		if (s->device[i].fd >= 0) {
			close(s->device[i].fd);
			s->device[i].fd = -1;
		}
	if (s->step)
		event_free(s->step);
	if (s->tick)
		event_free(s->tick);
	if (s->patience)
		event_free(s->patience);
	s->step = NULL;
	s->tick = NULL;
	s->patience = NULL;
	if (s->has_board) {
		s->repeated_bytes = pw_source_repeated_bytes(s);
		pw_dataplane_put(s->host->dataplane, &s->board);
	}
	s->has_board = false;
	free(s->slice);
	s->slice = NULL;
	s->slices = 0;
}

static void drop_link(struct pw_source *s)
{
	if (s->link)
		pw_peer_close(s->link);
	s->link = NULL;
}

static void finish(struct pw_source *s, enum pw_stage stage)
{
	pw_source_enter(s, stage);
	if (s->m.error.code)
		pw_warn("guest %s -> %s: %s: %s; the guest is %s", s->m.guest, s->m.peer,
			s->m.error.what, s->m.error.found, pw_migration_guest_is(&s->m));
	if (s->tracker)
		pw_tracker_disarm(s->tracker);
	s->tracker = NULL;
	if (s->guest) {
		s->guest->left = stage == PW_STAGE_DONE;
		if (stage == PW_STAGE_UNCERTAIN)
			memcpy(s->guest->given_to, s->m.peer, sizeof(s->guest->given_to));
		pw_guest_put(s->guest);
	}
	s->guest = NULL;
	drop_link(s);
}

void pw_source_done(struct pw_source *s)
{
	let_go(s);
	finish(s, PW_STAGE_DONE);
	pw_info("guest %s -> %s: runs there, stunned for %.3f s", s->m.guest, s->m.peer,
		(double)pw_migration_stun_ns(&s->m) * 1e-9);
}

/* The guest runs here again, or says why not. */
static void on_taken_back(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;

	if (fd >= 0)
		close(fd);
	if (answer->status)
		pw_err("guest %s: %s: its agent answered %s", s->m.guest,
		       answer->type == PW_AGENT_RESUME ? "resume" : "disarm",
		       strerror(-answer->status));
	if (answer->type == PW_AGENT_DISARM || answer->status == -ECONNRESET)
		finish(s, s->ending);
}

static void on_device_running(void *user, const struct pw_agent_msg *answer, int fd)
{
	(void)user;
	(void)answer;
	if (fd >= 0)
		close(fd);
}

/* RESUME alone would leave devices in PRE_COPY that are there. */
static int ask_back(struct pw_source *s)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_RESUME };
	int rc = 0;

	if (s->paused)
		rc = pw_source_ask(s, &msg, on_taken_back);
	for (uint32_t i = 0; !rc && i < s->guest->devices; i++) {
		msg = (struct pw_agent_msg){ .type = PW_AGENT_DEVICE_STATE };
		msg.state.device = i;
		msg.state.state = PW_DEVICE_RUNNING;
		if (s->device[i].told_pre_copy)
			rc = pw_source_ask(s, &msg, on_device_running);
	}
	msg = (struct pw_agent_msg){ .type = PW_AGENT_DISARM };
	return rc ? rc : pw_source_ask(s, &msg, on_taken_back);
}

static void take_back(struct pw_source *s, enum pw_stage ending)
{
	struct pw_ctl msg = { 0 };

	s->ending = ending;
	pw_ctl_set_why(&msg, PW_CTL_ABORT, -s->m.error.code, s->m.error.what);
	pw_source_tell(s, &msg);
	let_go(s);
	if (ask_back(s))	/* the agent has gone, and the guest with it or without */
		finish(s, ending);
}

int pw_source_fail(struct pw_source *s, int code, const char *id, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (s->ending || !pw_migration_is_live(&s->m))
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pw_fail(&s->m.error, code, id, "%s", text);
	if (pw_migration_may_take_back(s->m.stage)) {
		take_back(s, PW_STAGE_FAILED);
	} else {
		let_go(s);
		finish(s, PW_STAGE_UNCERTAIN);
	}
	return code;
}

/* The target will never run it: the only way back after GIVE. */
static void on_refused(struct pw_source *s, const struct pw_ctl_host_why *why)
{
	pw_fail(&s->m.error, -why->code, "PW-3001", "%s refused guest %s\n%s", s->m.peer,
		s->m.guest, why->why);
	take_back(s, PW_STAGE_FAILED);
}

static void on_message(struct pw_peer_link *link, const struct pw_ctl *msg, void *user)
{
	struct pw_source *s = user;

	(void)link;
	if (s->ending || memcmp(msg->migration, s->m.id, sizeof(s->m.id)) ||
	    msg->epoch != s->m.epoch)
		return;
	pw_failpoint("got", pw_ctl_name(msg->type));
	switch (msg->type) {
	case PW_CTL_OPENED:
		pw_source_on_opened(s, msg);
		break;
	case PW_CTL_RESET:
		pw_source_on_reset(s);
		break;
	case PW_CTL_REOPENED:
		pw_source_on_reopened(s, &msg->reopen);
		break;
	case PW_CTL_STREAM_OPENED:
		pw_source_on_stream_opened(s, msg->stream.device);
		break;
	case PW_CTL_CLOSED:
		pw_source_on_closed(s, msg);
		break;
	case PW_CTL_SEALED:
		pw_source_on_sealed(s);
		break;
	case PW_CTL_VERIFIED:
		pw_source_on_verified(s, &msg->verified);
		break;
	case PW_CTL_LOADED:
		pw_source_on_loaded(s, msg->stream.device);
		break;
	case PW_CTL_RUNNING:
		pw_source_on_running(s, &msg->running);
		break;
	case PW_CTL_REFUSE:
		on_refused(s, &msg->why);
		break;
	default:
		pw_source_fail(s, -EPROTO, "PW-3002", "%s broke the protocol\nit sent %s in %s\n"
			       "use the same version of pagewire on both hosts",
			       s->m.peer, pw_ctl_name(msg->type), pw_stage_name(s->m.stage));
	}
}

static void on_up(struct pw_peer_link *link, const char *name,
		  const struct pw_ctl_host_hello *hello, void *user)
{
	struct pw_source *s = user;

	(void)link;
	(void)name;
	if (s->ending)
		return;	/* cancelled meanwhile */
	memcpy(s->peer_boot, hello->boot, sizeof(s->peer_boot));
	pw_source_setup(s);
}

static void on_drained(struct pw_peer_link *link, void *user)
{
	(void)link;
	pw_source_legacy_fill(user);
}

static void on_down(struct pw_peer_link *link, const struct pw_error *why, void *user)
{
	struct pw_source *s = user;

	(void)link;
	s->link = NULL;
	pw_source_fail(s, why->code, why->id, "%s\n%s\n%s", why->what, why->found, why->fix);
}

static const struct pw_peer_calls peer_calls = {
	.on_up = on_up,
	.on_message = on_message,
	.on_drained = on_drained,
	.on_down = on_down,
};

static void on_guest_gone(void *user)
{
	struct pw_source *s = user;

	s->m.guest_gone = true;
	if (s->m.stage == PW_STAGE_HANDOVER && !s->ending)
		return;	/* all of it is at the target, which says whether it runs */
	pw_source_fail(s, -ECONNRESET, "PW-3003",
		       "guest %s has gone\nits agent closed the connection\nstart it again",
		       s->m.guest);
}

/* Make room among the records of what is over. */
static void forget_oldest(struct pw_host *host)
{
	struct pw_source *s, *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(s, &host->sources, next) {
		n++;
		if (!pw_migration_is_live(&s->m) && !s->guest)
			oldest = s;	/* new ones are put in front */
	}
	if (n < SOURCES_KEPT || !oldest)
		return;
	LIST_REMOVE(oldest, next);
	free(oldest);
}

static int find_both(struct pw_host *host, const struct pw_source_request *r, struct pw_guest **g,
		     const struct pw_conf_peer **peer, struct pw_error *err)
{
	*g = pw_guests_find(host->guests, r->guest, PW_AGENT_RUNNING);
	if (!*g)
		return pw_fail(err, -ENOENT, "PW-3010",
			       "no guest %s runs here\nno agent has registered it\n"
			       "see guest_list for those that are", r->guest);
	*peer = pw_conf_find_peer(host->conf, r->peer);
	if (!*peer)
		return pw_fail(err, -ENOENT, "PW-3011",
			       "no peer %s\nthe configuration does not name it\n"
			       "add it to peers in the configuration", r->peer);
	if ((*g)->busy)
		return pw_fail(err, -EBUSY, "PW-3012",
			       "guest %s is being migrated already\none migration of a guest at a time\n"
			       "wait for it, or cancel it", r->guest);
	if ((*g)->given_to[0])	/* to migrate it once more could run it twice */
		return pw_fail(err, -EPERM, "PW-3014",
			       "guest %s was given to %s and stands still here\n"
			       "%s did not say whether it runs there\n"
			       "look there; if it runs, end it here: its memory is kept until then",
			       r->guest, (*g)->given_to, (*g)->given_to);
	if (!pw_dataplane_is_ready(host->dataplane))
		return pw_fail(err, -EAGAIN, "PW-3013",
			       "the dataplane is not ready\n"
			       "pagewire-dp is being started, or could not be\n"
			       "try again; if it stays so, look at the log of pagewired");
	return 0;
}

static void fill_record(struct pw_source *s, const struct pw_source_request *r)
{
	PW_CHECK(getrandom(s->m.id, sizeof(s->m.id), 0) == (ssize_t)sizeof(s->m.id));
	s->m.epoch = ++s->guest->epoch;
	snprintf(s->m.guest, sizeof(s->m.guest), "%s", r->guest);
	snprintf(s->m.peer, sizeof(s->m.peer), "%s", r->peer);
	s->m.mode = r->mode;
	s->m.verify = r->verify;
	s->m.memory_bytes = pw_guest_memory_bytes(s->guest);
	s->m.device_bytes = pw_guest_device_bytes(s->guest);
	s->m.entered_ns[PW_STAGE_SETUP] = pw_now_ns();
	for (unsigned i = 0; i < PW_DEVICES_MAX; i++)
		s->device[i].fd = -1;
}

static void init_planner(struct pw_source *s, const struct pw_source_request *r)
{
	const struct pw_conf_policy *policy = &s->host->conf->policy;
	const struct pw_planner_policy plan = {
		.mode = r->mode,
		.rounds_max = policy->rounds_max,
		.stun_goal_ns = r->stun_goal_ns,
		.stun_limit_ns = r->stun_limit_ns,
		.deadline_ns = policy->deadline_s * 1000000000ull,
		.pass_cost_ns = 2000000,	/* harvest and close of a small round */
	};

	pw_planner_init(&s->planner, &plan, s->m.entered_ns[PW_STAGE_SETUP]);
	s->plan.stun_ns = PW_PLANNER_UNKNOWN;
}

int pw_source_start(struct pw_host *host, const struct pw_source_request *request,
		    struct pw_source **source, struct pw_error *err)
{
	const struct pw_conf_peer *peer = NULL;
	struct pw_guest *guest = NULL;
	struct pw_source *s;
	int rc = find_both(host, request, &guest, &peer, err);

	if (rc)
		return rc;
	forget_oldest(host);
	s = calloc(1, sizeof(*s));
	if (!s)
		return pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	s->host = host;
	s->guest = guest;
	pw_guest_take(guest, on_guest_gone, s);
	fill_record(s, request);
	init_planner(s, request);
	s->peer_name.name = peer->name;

	const struct pw_peer_connect_opts opts = {
		.address = peer->address,
		.port = (uint16_t)peer->port,
		.peer = &s->peer_name,
		.calls = &peer_calls,
		.user = s,
	};
	rc = pw_peer_connect(&s->link, &host->self, &opts, err);
	if (rc) {
		pw_guest_put(guest);
		free(s);
		return rc;
	}
	LIST_INSERT_HEAD(&host->sources, s, next);
	*source = s;
	return 0;
}

int pw_source_cancel(struct pw_source *s)
{
	if (s->ending || !pw_migration_is_live(&s->m) || !pw_migration_may_take_back(s->m.stage))
		return -EPERM;
	pw_fail(&s->m.error, -ECANCELED, "PW-3020", "the migration was cancelled\nby its operator\n");
	take_back(s, PW_STAGE_CANCELLED);
	return 0;
}

struct pw_source *pw_source_find(struct pw_host *host, const uint8_t id[16])
{
	struct pw_source *s;

	LIST_FOREACH(s, &host->sources, next)
		if (!memcmp(s->m.id, id, sizeof(s->m.id)))
			return s;
	return NULL;
}

struct pw_source *pw_source_first(struct pw_host *host)
{
	return LIST_FIRST(&host->sources);
}

struct pw_source *pw_source_next(struct pw_source *s)
{
	return LIST_NEXT(s, next);
}

const struct pw_migration *pw_source_migration(const struct pw_source *s)
{
	return &s->m;
}

uint64_t pw_source_repeated_bytes(const struct pw_source *s)
{
	return s->has_board ? pw_transfer_stat(&s->board, PW_STAT_tx_again_bytes)
			    : s->repeated_bytes;
}

void pw_sources_destroy(struct pw_host *host)
{
	while (!LIST_EMPTY(&host->sources)) {
		struct pw_source *s = LIST_FIRST(&host->sources);

		LIST_REMOVE(s, next);
		let_go(s);
		if (s->guest)
			pw_guest_put(s->guest);
		drop_link(s);
		free(s);
	}
}
