/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_scene.c - see demo_scene.h */

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "demo_scene.h"
#include "pagewire/check.h"

#define TICK_MS	   20u
#define START_S	   30u
#define GRACE_MS   3000u
#define PORT_TRIES 3u
#define PROCS	   4u
#define WORDS_LINES 5u
#define DEATH_TICKS 25u

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- waiting ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;	/* it has woken the loop, that is all */
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct pw_demo_scene *s = arg;

	(void)what;
	s->signal = (int)sig;
}

static int open_loop(struct pw_demo_scene *s, struct pw_error *e)
{
	static const int signals[PW_DEMO_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	const struct timeval tick = { .tv_usec = TICK_MS * 1000 };

	signal(SIGPIPE, SIG_IGN);	/* a child that leaves is noticed in another way */
	s->loop = event_base_new();
	if (!s->loop)
		return pw_fail(e, -ENOMEM, "PW-9006", "cannot make an event loop");
	s->tick = event_new(s->loop, -1, EV_PERSIST, on_tick, NULL);
	if (!s->tick || event_add(s->tick, &tick))
		return pw_fail(e, -ENOMEM, "PW-9006", "cannot make a timer");
	for (unsigned i = 0; i < PW_DEMO_SIGNALS; i++) {
		s->on_signal[i] = evsignal_new(s->loop, signals[i], on_stop, s);
		if (!s->on_signal[i] || event_add(s->on_signal[i], NULL))
			return pw_fail(e, -ENOMEM, "PW-9006", "cannot wait for signals");
	}
	return 0;
}

static void close_loop(struct pw_demo_scene *s)
{
	for (unsigned i = 0; i < PW_DEMO_SIGNALS; i++)
		if (s->on_signal[i])
			event_free(s->on_signal[i]);
	if (s->tick)
		event_free(s->tick);
	if (s->loop)
		event_base_free(s->loop);
}

static void list_procs(struct pw_demo_scene *s, struct pw_proc *procs[PROCS])
{
	procs[0] = &s->guest[PW_DEMO_SOURCE].proc;
	procs[1] = &s->guest[PW_DEMO_TARGET].proc;
	procs[2] = &s->host[PW_DEMO_SOURCE].proc;
	procs[3] = &s->host[PW_DEMO_TARGET].proc;
}

/* One clear error that names who died, and what it said itself about it. */
static int tell_death(struct pw_demo_scene *s, const struct pw_proc *p, struct pw_error *e)
{
	struct pw_error own;
	char end[80];

	pw_proc_describe_end(p, end, sizeof(end));
	if (!WIFSIGNALED(p->status) && pw_proc_last_error(p, &own))
		return pw_fail(e, -ECHILD, own.id, "%s: %.120s\n%s\n%s", p->name, own.what,
			       own.found, own.fix);
	pw_proc_log_tail(p, WORDS_LINES, s->last_words, sizeof(s->last_words));
	return pw_fail(e, -ECHILD, "PW-9007", "%s %s", p->name, end);
}

static int find_death(struct pw_demo_scene *s, struct pw_error *e)
{
	struct pw_proc *procs[PROCS];

	list_procs(s, procs);
	for (unsigned i = 0; i < PROCS; i++)
		if (procs[i]->pid && pw_proc_has_ended(procs[i]))
			return tell_death(s, procs[i], e);
	return 0;
}

static void hear_guests(struct pw_demo_scene *s)
{
	for (unsigned i = 0; i < 2; i++)
		if (s->guest[i].proc.name[0] && s->guest[i].proc.out_fd >= 0)
			pw_demo_guest_hear(&s->guest[i]);
}

int pw_demo_scene_wait(struct pw_demo_scene *s, const struct pw_demo_wait *w, struct pw_error *e)
{
	uint64_t until_ms = now_ms() + w->timeout_s * 1000ull;

	for (;;) {
		int err;

		hear_guests(s);
		err = s->signal ? pw_fail(e, -EINTR, "PW-9008", "interrupted") : 0;
		if (!err)
			err = find_death(s, e);
		if (!err)
			err = w->happened(s, w->user, e);
		if (err)
			return err > 0 ? 0 : err;
		if (now_ms() >= until_ms)
			return pw_fail(e, -ETIMEDOUT, "PW-9009",
				       "waited %u s for %s in vain\n\n"
				       "run it again with --keep and look at the logs", w->timeout_s,
				       w->what);
		event_base_loop(s->loop, EVLOOP_ONCE);
	}
}

/* A process closes its sockets a moment before its end can be seen. */
void pw_demo_scene_explain(struct pw_demo_scene *s, struct pw_error *e)
{
	struct pw_error death = { 0 };

	if (e->code != -ECONNRESET && e->code != -ECONNREFUSED)
		return;
	for (unsigned i = 0; i < DEATH_TICKS && !find_death(s, &death); i++)
		event_base_loop(s->loop, EVLOOP_ONCE);
	if (death.code)
		*e = death;
}

/* ---- hosts ---- */

static int choose_ports(struct pw_demo_scene *s, struct pw_error *e)
{
	uint16_t port[2] = { 0, 0 };
	int err = 0;

	for (unsigned i = 0; i < 2 && !err; i++)
		err = pw_demo_place_port(&port[i], e);
	for (unsigned i = 0; i < 2; i++) {
		s->host[i].port = port[i];
		s->host[i].peer_port = port[!i];
	}
	return err;
}

static int hosts_answer(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	(void)user;
	(void)e;
	return pw_demo_host_answers(&s->host[PW_DEMO_SOURCE]) &&
	       pw_demo_host_answers(&s->host[PW_DEMO_TARGET]);
}

static void stop_hosts(struct pw_demo_scene *s)
{
	struct pw_proc *procs[] = { &s->host[PW_DEMO_SOURCE].proc, &s->host[PW_DEMO_TARGET].proc };

	pw_proc_stop_all(procs, PW_ARRAY_SIZE(procs), GRACE_MS);
}

static int start_hosts(struct pw_demo_scene *s, struct pw_error *e)
{
	const struct pw_demo_wait ready = { hosts_answer, NULL, "both pagewired to be ready",
					    START_S };
	int err = choose_ports(s, e);

	for (unsigned i = 0; i < 2 && !err; i++)
		err = pw_demo_host_prepare(&s->host[i], s->dir, e);
	/* The lane's server first: it has less to wait for. */
	if (!err)
		err = pw_demo_host_start(&s->host[PW_DEMO_TARGET], s->dir, e);
	if (!err)
		err = pw_demo_host_start(&s->host[PW_DEMO_SOURCE], s->dir, e);
	return err ? err : pw_demo_scene_wait(s, &ready, e);
}

/* The kernel named a free port, and somebody else took it before pagewired did. */
static bool lost_port(const struct pw_error *e)
{
	return e->code == -ECHILD && (strstr(e->what, "in use") || strstr(e->found, "in use"));
}

static int open_hosts(struct pw_demo_scene *s, struct pw_error *e)
{
	struct pw_demo_cpus cpus[2];
	int err = pw_demo_place_cpus(s->options->paths, cpus, e);

	if (!err)
		err = pw_demo_host_make_authority(s->dir, e);
	if (err)
		return err;
	for (unsigned i = 0; i < 2; i++) {
		s->host[i] = (struct pw_demo_host){
			.name = i == PW_DEMO_SOURCE ? "host-a" : "host-b",
			.peer = i == PW_DEMO_SOURCE ? "host-b" : "host-a",
			.serves_lane = i == PW_DEMO_TARGET,
			.paths = s->options->paths,
			.cpus = cpus[i],
		};
	}
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		*e = (struct pw_error){ 0 };
		err = start_hosts(s, e);
		if (!err || !lost_port(e))
			return err;
		stop_hosts(s);
	}
	return err;
}

/* ---- guests ---- */

int pw_demo_scene_start_guests(struct pw_demo_scene *s, struct pw_error *e)
{
	for (unsigned i = 0; i < 2; i++) {
		char name[48], log[PW_PROC_PATH_MAX];
		const struct pw_demo_guest_plan plan = {
			.name = name,
			.log = log,
			.agent = s->host[i].agent,
			.incoming = i == PW_DEMO_TARGET,
			.options = s->options,
		};
		int err;

		snprintf(name, sizeof(name), "guest at %s", s->host[i].name);
		snprintf(log, sizeof(log), "%s/guest-%s.log", s->dir, s->host[i].name);
		err = pw_demo_guest_start(&s->guest[i], &plan, e);
		if (err)
			return err;
	}
	return 0;
}

void pw_demo_scene_stop_guests(struct pw_demo_scene *s)
{
	struct pw_proc *procs[] = { &s->guest[PW_DEMO_SOURCE].proc,
				    &s->guest[PW_DEMO_TARGET].proc };

	pw_proc_stop_all(procs, PW_ARRAY_SIZE(procs), GRACE_MS);
}

/* What g says of itself within two seconds; false if it does not. */
static bool hear_status(struct pw_demo_scene *s, struct pw_demo_guest *g)
{
	unsigned before = g->statuses;
	uint64_t until_ms = now_ms() + 2000;

	while (g->proc.name[0] && !pw_proc_has_ended(&g->proc) && now_ms() < until_ms) {
		pw_demo_guest_ask_status(g);
		event_base_loop(s->loop, EVLOOP_ONCE);
		pw_demo_guest_hear(g);
		if (g->statuses != before)
			return true;
	}
	return false;
}

char *pw_demo_scene_find_guest(struct pw_demo_scene *s, char *buf, size_t bytes)
{
	struct pw_demo_guest *source = &s->guest[PW_DEMO_SOURCE];
	struct pw_demo_guest *target = &s->guest[PW_DEMO_TARGET];

	buf[0] = '\0';
	if (hear_status(s, target) && !strcmp(target->state, "running"))
		snprintf(buf, bytes, "running at the target (step %" PRIu64 ")", target->step);
	else if (hear_status(s, source) && !strcmp(source->state, "running"))
		snprintf(buf, bytes, "running at the source, unaffected (step %" PRIu64 ")",
			 source->step);
	else if (source->statuses)
		snprintf(buf, bytes, "%s at the source (step %" PRIu64 ")", source->state,
			 source->step);
	return buf;
}

/* ---- the scene ---- */

int pw_demo_scene_open(struct pw_demo_scene *s, const struct pw_demo_options *o,
		       struct pw_error *e)
{
	int err;

	*s = (struct pw_demo_scene){ .options = o };
	err = open_loop(s, e);	/* first: from here on a signal leaves nothing behind */
	if (!err)
		err = pw_demo_place_make_dir(s->dir, sizeof(s->dir), e);
	/* Where DPDK keeps its own folders: they shall go with ours. */
	if (!err && setenv("RUNTIME_DIRECTORY", s->dir, 1))
		err = pw_fail(e, -errno, "PW-9006", "cannot set the environment");
	return err ? err : open_hosts(s, e);
}

void pw_demo_scene_close(struct pw_demo_scene *s)
{
	struct pw_proc *procs[PROCS];

	list_procs(s, procs);
	pw_proc_stop_all(procs, PROCS, GRACE_MS);
	if (s->dir[0] && s->options->keep)
		fprintf(stderr, "kept: %s\n", s->dir);
	else if (s->dir[0])
		pw_demo_place_remove_dir(s->dir);
	close_loop(s);
}
