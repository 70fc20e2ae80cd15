/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_run.c - see demo_run.h */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "../units.h"
#include "demo_run.h"
#include "demo_scene.h"
#include "pagewire/check.h"

#define WARM_UP_STEPS 100u	/* a second: the KV cache and the hot set have begun to turn over */
#define LIVE_ON_STEPS 20u	/* at the target, before it looks at itself */
#define POLL_TICKS    5u	/* of 20 ms */
#define STUN_GOAL_MS  10	/* ambitious: it is the shrinking rounds that end the pre-copy */

/* What one run waits with. */
struct watch {
	struct pw_demo_run *run;
	struct pw_progress *progress;
	unsigned ticks;
};

/* Memory is filled, moved and checked at 100 MB/s at the very least. */
static unsigned patience_s(const struct pw_demo_options *o)
{
	return 30 + (unsigned)((o->memory_bytes + o->device_bytes) / 100000000);
}

/* ---- what is waited for ---- */

static int guests_ready(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	(void)user;
	(void)e;
	return s->guest[PW_DEMO_SOURCE].ready && s->guest[PW_DEMO_TARGET].ready;
}

static int guest_warm(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	struct pw_demo_guest *g = &s->guest[PW_DEMO_SOURCE];

	(void)user;
	(void)e;
	pw_demo_guest_ask_status(g);
	return g->step >= WARM_UP_STEPS;
}

static int migration_over(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	struct watch *w = user;
	struct pw_outcome *o = &w->run->outcome;
	json_t *migration;
	int err;

	if (w->ticks++ % POLL_TICKS)
		return 0;
	err = pw_demo_host_call(&s->host[PW_DEMO_SOURCE], "migration_get",
			  json_pack("{s:s}", "migration", o->id), &migration, e);
	if (err)
		return err;
	err = pw_outcome_parse(o, migration);
	json_decref(migration);
	if (err)
		return pw_fail(e, err, "PW-9010", "migration_get answered what is no migration");
	pw_progress_show(w->progress, o);
	return !pw_outcome_is_running(o);
}

static int guest_arrived(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	const struct pw_demo_guest *g = &s->guest[PW_DEMO_TARGET];

	(void)user;
	(void)e;
	return g->resumed && g->at_target;
}

static int guest_lives_on(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	struct pw_demo_guest *g = &s->guest[PW_DEMO_TARGET];

	(void)user;
	(void)e;
	pw_demo_guest_ask_status(g);
	return g->step >= g->resumed_step + LIVE_ON_STEPS;
}

static int guest_checked(struct pw_demo_scene *s, void *user, struct pw_error *e)
{
	const struct pw_demo_guest *g = &s->guest[PW_DEMO_TARGET];

	(void)user;
	if (g->complaint[0])
		return pw_fail(e, -EPROTO, "PW-9011", "the guest cannot check itself\n%s",
			       g->complaint);
	return g->check.done;
}

/* ---- the order of events ---- */

static int await(struct pw_demo_scene *s, struct watch *w, pw_demo_happened happened,
		 const char *what)
{
	const struct pw_demo_wait wait = { happened, w, what, patience_s(s->options) };

	return pw_demo_scene_wait(s, &wait, &w->run->error);
}

static int begin(struct pw_demo_scene *s, struct watch *w)
{
	int err = pw_demo_scene_start_guests(s, &w->run->error);

	if (!err)
		err = await(s, w, guests_ready, "the guests to be ready");
	if (!err)
		err = await(s, w, guest_warm, "the guest to take its first steps");
	return err;
}

static int start_migration(struct pw_demo_scene *s, struct watch *w)
{
	struct pw_demo_run *r = w->run;
	json_t *result;
	int err = pw_demo_host_call(&s->host[PW_DEMO_SOURCE], "migration_start",
			      json_pack("{s:s, s:s, s:s, s:s, s:i}", "guest", "demo", "peer",
					"host-b", "mode", pw_demo_mode_name(r->mode), "verify",
					pw_demo_verify_name(r->verify), "stun_goal_ms",
					STUN_GOAL_MS),
			      &result, &r->error);
	const char *id;

	if (err)
		return err;
	id = json_string_value(json_object_get(result, "migration"));
	snprintf(r->outcome.id, sizeof(r->outcome.id), "%s", id ? id : "");
	json_decref(result);
	return id ? 0 : pw_fail(&r->error, -EPROTO, "PW-9010",
				"migration_start did not name its migration");
}

static int move(struct pw_demo_scene *s, struct watch *w)
{
	struct pw_demo_run *r = w->run;
	int err = start_migration(s, w);

	if (!err)
		err = await(s, w, migration_over, "the migration to end");
	pw_progress_clear(w->progress);
	if (err)
		return err;
	if (!strcmp(r->outcome.result, "done"))
		return 0;
	if (r->outcome.error.code)
		r->error = r->outcome.error;
	else
		pw_fail(&r->error, -EIO, "PW-9012", "the migration %s without saying why",
			r->outcome.result);
	snprintf(r->guest_is, sizeof(r->guest_is), "%s", r->outcome.guest_is);
	return r->error.code;
}

/* The guest's own account: when it stood still, and what arrived. */
static int look(struct pw_demo_scene *s, struct watch *w)
{
	struct pw_demo_guest *g = &s->guest[PW_DEMO_TARGET];
	int err = await(s, w, guest_arrived, "the guest to run at the target");

	if (err)
		return err;
	w->run->stun_s = (double)(g->first_step_ns - g->last_step_ns) / 1e9;
	err = await(s, w, guest_lives_on, "the guest to go on at the target");
	if (err)
		return err;
	pw_demo_guest_ask_check(g);
	err = await(s, w, guest_checked, "the guest to check its pages");
	w->run->check = g->check;
	return err;
}

bool pw_demo_run_adds_up(double phases_s, double stun_s)
{
	double more = phases_s > stun_s ? phases_s : stun_s;
	double less = phases_s > stun_s ? stun_s : phases_s;

	return more - less <= 0.05 * more;
}

static int check_times(struct pw_demo_run *r)
{
	double phases_s = pw_outcome_phases_s(&r->outcome);

	if (pw_demo_run_adds_up(phases_s, r->stun_s))
		return 0;
	return pw_fail(&r->error, -ERANGE, "PW-9013",
		       "the phases of the stun do not add up to it\n"
		       "pagewired measured %s in phases, the guest stood still for %s",
		       pw_units_seconds(phases_s).text, pw_units_seconds(r->stun_s).text);
}

int pw_demo_run(struct pw_demo_run *r, struct pw_demo_scene *s, struct pw_progress *p)
{
	struct watch w = { .run = r, .progress = p };
	int err;

	*r = (struct pw_demo_run){ .mode = r->mode, .verify = s->options->verify };
	err = begin(s, &w);
	if (!err)
		err = move(s, &w);
	if (!err)
		err = look(s, &w);
	if (!err)
		err = check_times(r);
	if (err)
		pw_demo_scene_explain(s, &r->error);
	if (err && !r->guest_is[0] && !s->signal)
		pw_demo_scene_find_guest(s, r->guest_is, sizeof(r->guest_is));
	pw_demo_scene_stop_guests(s);
	return err;
}

void pw_demo_run_fini(struct pw_demo_run *r)
{
	pw_outcome_fini(&r->outcome);
}

/* ---- what it amounts to ---- */

const char *pw_demo_run_result(const struct pw_demo_run *r)
{
	const char *result = r->outcome.result;

	if (!r->error.code)
		return "done";
	/* What pagewired calls done or running was not, if there is an error. */
	return !result[0] || !strcmp(result, "done") || !strcmp(result, "running") ? "failed"
										     : result;
}

const char *pw_demo_run_doubt(const struct pw_demo_run *r)
{
	const struct pw_demo_check *c = &r->check;

	if (!c->done || !c->pages)
		return "the guest did not check itself";
	if (c->bad)
		return "the guest found pages that are not as it wrote them";
	if (!c->continued)
		return "the guest did not go on from its last step at the source";
	if (!c->dirtied_pages)
		return "the guest does not write any more";
	if (r->verify != PW_VERIFY_NONE && !r->outcome.verified)
		return "pagewired did not compare what it was to compare";
	return "";
}

bool pw_demo_run_is_verified(const struct pw_demo_run *r)
{
	return !pw_demo_run_doubt(r)[0];
}

double pw_demo_runs_stun_ratio(const struct pw_demo_runs *runs)
{
	double legacy = 0, enhanced = 0;

	for (unsigned i = 0; i < runs->count; i++) {
		if (runs->run[i].error.code)
			continue;
		if (runs->run[i].mode == PW_MODE_LEGACY)
			legacy = runs->run[i].stun_s;
		else
			enhanced = runs->run[i].stun_s;
	}
	return legacy > 0 && enhanced > 0 ? legacy / enhanced : 0;
}
