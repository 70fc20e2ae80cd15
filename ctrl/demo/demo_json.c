/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_json.c - the demo as a document for programs; see demo_show.h */

#include "../units.h"
#include "demo_show.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *error_json(const struct pw_error *e, const char *guest_is)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "id", e->id, "what", e->what, "found",
			      e->found, "fix", e->fix);

	if (guest_is[0])
		json_object_set_new(j, "guest_is", json_string(guest_is));
	return j;
}

static json_t *stun_json(const struct pw_outcome *o)
{
	json_t *j = json_object();
	char key[24];

	for (unsigned i = 0; i < PW_NUM_PHASES; i++) {
		snprintf(key, sizeof(key), "%s_s", pw_outcome_phase_name((enum pw_phase)i));
		json_object_set_new(j, key, json_real(o->phase_s[i]));
	}
	return j;
}

static json_t *rounds_json(const struct pw_outcome *o)
{
	json_t *j = json_array();

	for (size_t i = 0; i < o->rounds; i++) {
		const struct pw_outcome_round *r = &o->round[i];

		json_array_append_new(j, json_pack(
			"{s:i, s:b, s:o, s:o, s:o, s:f, s:f}", "round", (int)r->round, "stun",
			(int)r->stun, "dirty_bytes", number(r->dirty_bytes), "sent_bytes",
			number(r->sent_bytes), "zero_pages", number(r->zero_pages), "seconds",
			r->seconds, "rate_bytes_per_s", r->rate_bytes_per_s));
	}
	return j;
}

static json_t *guest_json(const struct pw_demo_check *c)
{
	return json_pack("{s:o, s:o, s:b, s:o}", "last_source_step", number(c->last_source_step),
			 "step", number(c->step), "continued", (int)c->continued, "dirtied_pages",
			 number(c->dirtied_pages));
}

static void add_check(json_t *j, const struct pw_demo_run *r)
{
	const struct pw_demo_check *c = &r->check;

	json_object_set_new(j, "verified", json_boolean(pw_demo_run_is_verified(r)));
	json_object_set_new(j, "pages_checked", number(c->pages));
	json_object_set_new(j, "pages_bad", number(c->bad));
	json_object_set_new(j, "first_bad", c->bad ? json_string(c->first_bad) : json_null());
	json_object_set_new(j, "guest", c->done ? guest_json(c) : json_null());
}

static json_t *run_json(const struct pw_demo_options *o, const struct pw_demo_run *r)
{
	const struct pw_outcome *m = &r->outcome;
	json_t *j = json_pack(
		"{s:s, s:s, s:s, s:f, s:f, s:o, s:o}", "mode", pw_demo_mode_name(r->mode), "result",
		pw_demo_run_result(r), "verify", pw_demo_verify_name(r->verify), "total_s",
		m->total_s, "stun_s", r->stun_s, "stun", stun_json(m), "rounds", rounds_json(m));

	json_object_set_new(j, "memory_bytes",
			    number(m->memory_bytes ? m->memory_bytes : o->memory_bytes));
	json_object_set_new(j, "device_bytes",
			    number(m->device_bytes ? m->device_bytes : o->device_bytes));
	json_object_set_new(j, "device_stun_bytes", number(m->device_stun_bytes));
	json_object_set_new(j, "rate_bytes_per_s", json_real(m->rate_bytes_per_s));
	json_object_set_new(j, "retransmitted", number(m->retransmitted));
	add_check(j, r);
	if (r->error.code)
		json_object_set_new(j, "error", error_json(&r->error, r->guest_is));
	return j;
}

static json_t *asked_json(const struct pw_demo_options *o)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:s}", "memory_bytes", number(o->memory_bytes),
			 "device_bytes", number(o->device_bytes), "dirty_bytes_per_s",
			 number(o->dirty_bytes_per_s), "paths", (int)o->paths, "seed",
			 number(o->seed), "verify", pw_demo_verify_name(o->verify));
}

json_t *pw_demo_json(const struct pw_demo_options *o, const struct pw_demo_runs *runs)
{
	double ratio = pw_demo_runs_stun_ratio(runs);
	json_t *list = json_array(), *j;

	for (unsigned i = 0; i < runs->count; i++)
		json_array_append_new(list, run_json(o, &runs->run[i]));
	j = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "schema", PW_DEMO_SCHEMA, "badge",
		      "simulated", "version", PW_VERSION, "asked", asked_json(o), "runs", list,
		      "stun_ratio", ratio > 0 ? json_real(ratio) : json_null());
	if (j && runs->error.code)
		json_object_set_new(j, "error", error_json(&runs->error, ""));
	return j;
}
