/* SPDX-License-Identifier: BSD-3-Clause */
/* outcome.c - see outcome.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "pagewire/check.h"
#include "units.h"

static const char *const phase_names[] = {
	[PW_PHASE_QUIESCE] = "quiesce",
	[PW_PHASE_SYNC] = "sync",
	[PW_PHASE_WIRE] = "wire",
	[PW_PHASE_VERIFY] = "verify",
	[PW_PHASE_LOAD] = "load",
	[PW_PHASE_RESUME] = "resume",
};
static_assert(PW_ARRAY_SIZE(phase_names) == PW_NUM_PHASES, "every phase has a name");

const char *pw_outcome_phase_name(enum pw_phase phase)
{
	return phase_names[phase];
}

static void take_text(const json_t *object, const char *key, char *to, size_t bytes)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, bytes, "%s", text ? text : "");
}

static double seconds_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* What is counted is never negative; some writers count in reals. */
static uint64_t count_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value) && json_integer_value(value) > 0)
		return (uint64_t)json_integer_value(value);
	if (json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < 0x1p63)
		return (uint64_t)json_real_value(value);
	return 0;
}

static void take_error(const json_t *from, struct pw_error *to)
{
	*to = (struct pw_error){ 0 };
	if (!json_is_object(from))
		return;
	to->code = -(int)count_of(from, "errno");
	if (to->code >= 0)
		to->code = -EIO;
	take_text(from, "id", to->id, sizeof(to->id));
	take_text(from, "what", to->what, sizeof(to->what));
	take_text(from, "found", to->found, sizeof(to->found));
	take_text(from, "fix", to->fix, sizeof(to->fix));
}

static void take_now(const json_t *from, struct pw_outcome_now *to)
{
	const json_t *stun = json_object_get(from, "predicted_stun_s");

	to->round = (uint32_t)count_of(from, "round");
	to->remaining_bytes = count_of(from, "remaining_bytes");
	to->rate_bytes_per_s = seconds_of(from, "rate_bytes_per_s");
	to->predicted_stun_s = json_is_number(stun) ? json_number_value(stun)
						    : PW_OUTCOME_NO_PREDICTION;
	take_text(from, "verdict", to->verdict, sizeof(to->verdict));
	take_text(from, "reason", to->reason, sizeof(to->reason));
}

static void take_round(const json_t *from, struct pw_outcome_round *to)
{
	*to = (struct pw_outcome_round){
		.round = (uint32_t)count_of(from, "round"),
		.stun = json_is_true(json_object_get(from, "stun")),
		.dirty_bytes = count_of(from, "dirty_bytes"),
		.sent_bytes = count_of(from, "sent_bytes"),
		.zero_pages = count_of(from, "zero_pages"),
		.seconds = seconds_of(from, "seconds"),
		.rate_bytes_per_s = seconds_of(from, "rate_bytes_per_s"),
	};
}

static int take_rounds(struct pw_outcome *o, const json_t *from)
{
	size_t rounds = json_array_size(from);
	struct pw_outcome_round *grown;

	o->rounds = 0;
	if (!rounds)
		return 0;
	grown = reallocarray(o->round, rounds, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	o->round = grown;
	for (; o->rounds < rounds; o->rounds++)
		take_round(json_array_get(from, o->rounds), &grown[o->rounds]);
	return 0;
}

static void take_stun(struct pw_outcome *o, const json_t *from)
{
	char key[24];

	for (unsigned i = 0; i < PW_NUM_PHASES; i++) {
		snprintf(key, sizeof(key), "%s_s", phase_names[i]);
		o->phase_s[i] = seconds_of(from, key);
	}
}

int pw_outcome_parse(struct pw_outcome *o, const json_t *m)
{
	if (!json_is_string(json_object_get(m, "result")))
		return -EPROTO;
	take_text(m, "migration", o->id, sizeof(o->id));
	take_text(m, "guest", o->guest, sizeof(o->guest));
	take_text(m, "peer", o->peer, sizeof(o->peer));
	take_text(m, "mode", o->mode, sizeof(o->mode));
	take_text(m, "verify", o->verify, sizeof(o->verify));
	take_text(m, "stage", o->stage, sizeof(o->stage));
	take_text(m, "result", o->result, sizeof(o->result));
	take_text(m, "guest_is", o->guest_is, sizeof(o->guest_is));
	take_error(json_object_get(m, "error"), &o->error);
	take_stun(o, json_object_get(m, "stun"));
	take_now(json_object_get(m, "now"), &o->now);
	o->total_s = seconds_of(m, "total_s");
	o->stun_s = seconds_of(m, "stun_s");
	o->memory_bytes = count_of(m, "memory_bytes");
	o->device_bytes = count_of(m, "device_bytes");
	o->device_stun_bytes = count_of(m, "device_stun_bytes");
	o->rate_bytes_per_s = seconds_of(m, "rate_bytes_per_s");
	o->retransmitted = count_of(m, "retransmitted");
	o->dataplane_restarts = (uint32_t)count_of(m, "dataplane_restarts");
	o->verified = json_is_true(json_object_get(m, "verified"));
	o->verified_pages = count_of(m, "verified_pages");
	return take_rounds(o, json_object_get(m, "rounds"));
}

void pw_outcome_fini(struct pw_outcome *o)
{
	free(o->round);
	*o = (struct pw_outcome){ 0 };
}

bool pw_outcome_is_running(const struct pw_outcome *o)
{
	return !strcmp(o->result, "running");
}

double pw_outcome_phases_s(const struct pw_outcome *o)
{
	double sum = 0;

	for (unsigned i = 0; i < PW_NUM_PHASES; i++)
		sum += o->phase_s[i];
	return sum;
}

bool pw_outcome_newly_dirty(const struct pw_outcome *o, size_t i, uint64_t *bytes)
{
	if (i + 1 >= o->rounds)
		return false;
	*bytes = o->round[i + 1].dirty_bytes;
	return true;
}

static void print_round(const struct pw_outcome *o, size_t i, FILE *out)
{
	const struct pw_outcome_round *r = &o->round[i];
	char number[16];
	uint64_t next;

	snprintf(number, sizeof(number), r->stun ? "stun" : "%u", r->round);
	fprintf(out, " %5s  %10s  %10s  %9s  %11s", number, pw_units_bytes(r->dirty_bytes).text,
		pw_units_bytes(r->sent_bytes).text, pw_units_seconds(r->seconds).text,
		pw_units_bits_per_s(r->rate_bytes_per_s).text);
	if (pw_outcome_newly_dirty(o, i, &next))
		fprintf(out, "  %11s  %6.2f", pw_units_bytes(next).text,
			r->dirty_bytes ? (double)next / (double)r->dirty_bytes : 0.0);
	fputc('\n', out);
}

void pw_outcome_print_rounds(const struct pw_outcome *o, FILE *out)
{
	fprintf(out, " %5s  %10s  %10s  %9s  %11s  %11s  %6s\n", "round", "to send", "sent", "in",
		"rate", "newly dirty", "shrink");
	for (size_t i = 0; i < o->rounds; i++)
		print_round(o, i, out);
}

void pw_outcome_print_stun(const struct pw_outcome *o, double stun_s, FILE *out)
{
	fprintf(out, " stun      %s =", pw_units_seconds(stun_s).text);
	for (unsigned i = 0; i < PW_NUM_PHASES; i++)
		fprintf(out, "%s %s %s", i ? " +" : "", phase_names[i],
			pw_units_seconds(o->phase_s[i]).text);
	fputc('\n', out);
}
