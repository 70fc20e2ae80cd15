/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "report.h"

static json_t *seconds(uint64_t ns)
{
	return json_real((double)ns * 1e-9);
}

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

void pw_report_id(const uint8_t id[16], char text[33])
{
	for (unsigned i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

int pw_report_parse_id(const char *text, uint8_t id[16])
{
	if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
		return -EINVAL;
	for (unsigned i = 0; i < 16; i++) {
		unsigned byte;

		sscanf(text + 2 * i, "%2x", &byte);
		id[i] = (uint8_t)byte;
	}
	return 0;
}

const char *pw_report_mode(enum pw_mode mode)
{
	return mode == PW_MODE_LEGACY ? "legacy" : "enhanced";
}

const char *pw_report_verify(enum pw_verify verify)
{
	return verify == PW_VERIFY_FULL ? "full" : verify == PW_VERIFY_STUN ? "stun" : "none";
}

static json_t *stun(const struct pw_migration *m)
{
	const struct pw_stun_phases p = pw_migration_phases(m);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "quiesce_s", seconds(p.quiesce_ns),
			 "sync_s", seconds(p.sync_ns), "wire_s", seconds(p.wire_ns), "verify_s",
			 seconds(p.verify_ns), "load_s", seconds(p.load_ns), "resume_s",
			 seconds(p.resume_ns));
}

static json_t *one_round(const struct pw_round_record *r, uint32_t number)
{
	uint64_t ns = r->end_ns - r->start_ns;
	double rate = ns ? (double)r->sent_bytes * 1e9 / (double)ns : 0;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:b}", "round", integer(number),
			 "dirty_bytes", integer(r->dirty_bytes), "sent_bytes",
			 integer(r->sent_bytes), "zero_pages", integer(r->zero_pages), "seconds",
			 seconds(ns), "rate_bytes_per_s", rate, "stun", r->stun);
}

static json_t *rounds(const struct pw_migration *m)
{
	json_t *all = json_array();
	uint32_t n = m->rounds < PW_ROUNDS_RECORDED ? m->rounds : PW_ROUNDS_RECORDED;

	for (uint32_t i = 0; all && i < n; i++)
		if (m->round[i].end_ns)
			json_array_append_new(all, one_round(&m->round[i], i));
	return all;
}

/* Payload of memory over the time that rounds took. */
static double mean_rate(const struct pw_migration *m)
{
	uint32_t n = m->rounds < PW_ROUNDS_RECORDED ? m->rounds : PW_ROUNDS_RECORDED;
	uint64_t bytes = 0, ns = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct pw_round_record *r = &m->round[i];

		if (!r->end_ns)
			continue;
		bytes += r->sent_bytes;
		ns += r->end_ns - r->start_ns;
	}
	return ns ? (double)bytes * 1e9 / (double)ns : 0;
}

static json_t *now(const struct pw_source *s, const struct pw_migration *m)
{
	const struct pw_source_now n = pw_source_now(s);

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "round",
			 integer(m->rounds ? m->rounds - 1 : 0), "remaining_bytes",
			 integer(n.remaining_bytes), "rate_bytes_per_s",
			 json_real((double)n.rate_bytes_per_s), "predicted_stun_s",
			 n.predicted_stun_ns == PW_PLANNER_UNKNOWN ? json_null()
								   : seconds(n.predicted_stun_ns),
			 "verdict", n.verdict, "reason", n.reason);
}

static json_t *error(const struct pw_error *e)
{
	if (!e->code)
		return json_null();
	return json_pack("{s:s, s:i, s:s, s:s, s:s}", "id", e->id, "errno", -e->code, "what", e->what,
			 "found", e->found, "fix", e->fix);
}

json_t *pw_report_migration(const struct pw_source *s)
{
	const struct pw_migration *m = pw_source_migration(s);
	uint64_t start_ns = m->entered_ns[PW_STAGE_SETUP];
	uint64_t end_ns = m->end_ns ? m->end_ns : pw_now_ns();
	json_t *report;
	char id[33];

	pw_report_id(m->id, id);
	report = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "migration", id, "guest",
			   m->guest, "peer", m->peer, "mode", pw_report_mode(m->mode), "verify",
			   pw_report_verify(m->verify), "stage", pw_stage_name(m->stage), "result",
			   pw_migration_result(m), "guest_is", pw_migration_guest_is(m));
	if (!report)
		return NULL;
	json_object_set_new(report, "error", error(&m->error));
	json_object_set_new(report, "total_s", seconds(end_ns - start_ns));
	json_object_set_new(report, "stun_s", seconds(pw_migration_stun_ns(m)));
	json_object_set_new(report, "stun", stun(m));
	json_object_set_new(report, "rounds", rounds(m));
	json_object_set_new(report, "now", now(s, m));
	json_object_set_new(report, "memory_bytes", integer(m->memory_bytes));
	json_object_set_new(report, "device_bytes", integer(m->device_bytes));
	json_object_set_new(report, "device_stun_bytes", integer(m->device_stun_bytes));
	json_object_set_new(report, "rate_bytes_per_s", json_real(mean_rate(m)));
	json_object_set_new(report, "retransmitted", integer(pw_source_repeated_bytes(s)));
	json_object_set_new(report, "dataplane_restarts", integer(m->dataplane_restarts));
	json_object_set_new(report, "verified",
			    json_boolean(m->verified && m->verify != PW_VERIFY_NONE));
	json_object_set_new(report, "verified_pages", integer(m->verified_pages));
	return report;
}
