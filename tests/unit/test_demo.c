/* SPDX-License-Identifier: BSD-3-Clause */
/* test_demo.c - what the demo makes of two migrations: table, document, page */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "demo_place.h"
#include "demo_show.h"
#include "pagewire/check.h"
#include "run.h"

static const struct pw_demo_options options = {
	.memory_bytes = 64ull << 20,
	.device_bytes = 32ull << 20,
	.dirty_bytes_per_s = 16ull << 20,
	.seed = 7,
	.paths = 2,
	.modes = 2,
	.mode = { PW_MODE_LEGACY, PW_MODE_ENHANCED },
	.verify = PW_VERIFY_STUN,
};

static struct pw_demo_runs runs;

static const char done[] =
	"{\"migration\":\"00ff\",\"guest\":\"demo\",\"peer\":\"host-b\",\"mode\":\"legacy\","
	"\"stage\":\"done\",\"result\":\"done\",\"guest_is\":\"running at the target\","
	"\"total_s\":2.5,\"stun_s\":0.5,\"stun\":{\"quiesce_s\":0.001,\"sync_s\":0.009,"
	"\"wire_s\":0.4,\"verify_s\":0.03,\"load_s\":0.05,\"resume_s\":0.01},"
	"\"rounds\":[{\"round\":0,\"dirty_bytes\":67108864,\"sent_bytes\":60000000,"
	"\"zero_pages\":1640,\"seconds\":0.5,\"rate_bytes_per_s\":120000000.0},"
	"{\"round\":1,\"stun\":true,\"dirty_bytes\":8388608,\"sent_bytes\":8388608,"
	"\"zero_pages\":0,\"seconds\":0.1,\"rate_bytes_per_s\":83886080}],"
	"\"now\":{\"round\":1,\"remaining_bytes\":0,\"predicted_stun_s\":null},"
	"\"memory_bytes\":67108864,\"device_bytes\":33554432,\"device_stun_bytes\":33554432,"
	"\"rate_bytes_per_s\":1.2e8,\"retransmitted\":3,\"verified\":true,\"verified_pages\":2048}";

static void given_migration(struct pw_demo_run *r, const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	CU_ASSERT_EQUAL(pw_outcome_parse(&r->outcome, j), 0);
	json_decref(j);
}

static void given_runs(void)
{
	runs = (struct pw_demo_runs){ .count = 2 };
	for (unsigned i = 0; i < 2; i++) {
		struct pw_demo_run *r = &runs.run[i];

		r->mode = options.mode[i];
		r->verify = options.verify;
		r->stun_s = i ? 0.05 : 0.5;
		r->check = (struct pw_demo_check){ .done = true, .pages = 24576, .step = 321,
						   .last_source_step = 300, .dirtied_pages = 42,
						   .continued = true };
		given_migration(r, done);
	}
}

static void runs_go(void)
{
	for (unsigned i = 0; i < runs.count; i++)
		pw_demo_run_fini(&runs.run[i]);
}

/* What a printer writes, as a string that the caller frees. */
static char *text_of(void (*print)(FILE *out))
{
	size_t bytes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &bytes);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	print(out);
	fclose(out);
	return text;
}

static void print_table(FILE *out)
{
	pw_demo_table_begin(&options, out);
	for (unsigned i = 0; i < runs.count; i++)
		pw_demo_table_run(&options, &runs.run[i], out);
	pw_demo_table_end(&runs, out);
}

static void print_html(FILE *out)
{
	CU_ASSERT_EQUAL(pw_demo_html(&options, &runs, out), 0);
}

static void print_hostile(FILE *out)
{
	pw_demo_html_text("<script>a && \"b\" 'c'</script>", out);
}

#define CU_ASSERT_HAS(text, part) CU_ASSERT_PTR_NOT_NULL(strstr(text, part))
#define CU_ASSERT_HAS_NOT(text, part) CU_ASSERT_PTR_NULL(strstr(text, part))

static void test_table_tells_rounds_stun_and_what_was_verified(void)
{
	char *text;

	given_runs();
	text = text_of(print_table);
	CU_ASSERT_HAS(text, "simulated: two hosts on this machine");
	CU_ASSERT_HAS(text, "guest 64.0 MiB + vGPU 32.0 MiB, writes 16.0 MiB/s, 2 paths, verify "
			    "stun, seed 7\n");
	CU_ASSERT_HAS(text, "     0    64.0 MiB    57.2 MiB     500 ms   960 Mbit/s     8.00 MiB    "
			    "0.12\n");
	CU_ASSERT_HAS(text, "  stun    8.00 MiB    8.00 MiB     100 ms   671 Mbit/s\n");
	CU_ASSERT_HAS(text, " stun      500 ms = quiesce 1.00 ms + sync 9.00 ms + wire 400 ms + "
			    "verify 30.0 ms + load 50.0 ms + resume 10.0 ms\n");
	CU_ASSERT_HAS(text, " verified  24,576 pages of memory and vGPU, by the guest itself: 0 bad\n");
	CU_ASSERT_HAS(text, "from step 300 at the source to step 321 at the target");
	CU_ASSERT_HAS(text, "stun 500 ms -> 50.0 ms (10.0 times shorter)\n");
	free(text);
	runs_go();
}

static void test_table_does_not_hide_a_bad_page(void)
{
	char *text;

	given_runs();
	runs.run[1].check.bad = 1;
	snprintf(runs.run[1].check.first_bad, sizeof(runs.run[1].check.first_bad), "page 77");
	text = text_of(print_table);
	CU_ASSERT_HAS(text, "NOT EQUAL 1 of 24,576 pages are not what the guest wrote; the first: "
			    "page 77\n");
	free(text);
	runs_go();
}

static json_t *run_of(json_t *document, size_t i)
{
	return json_array_get(json_object_get(document, "runs"), i);
}

static void test_document_has_every_field(void)
{
	static const char *const fields[] = {
		"mode", "result", "total_s", "stun_s", "stun", "rounds", "memory_bytes",
		"device_bytes", "rate_bytes_per_s", "retransmitted", "verified", "pages_checked",
		"pages_bad",
	};
	json_t *j, *round;

	given_runs();
	j = pw_demo_json(&options, &runs);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "schema")), "pagewire.demo/1");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "badge")), "simulated");
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(j, "stun_ratio")), 10.0, 1e-6);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "runs")), 2);
	for (size_t i = 0; i < PW_ARRAY_SIZE(fields); i++)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(run_of(j, 0), fields[i]));
	CU_ASSERT_EQUAL(json_object_size(json_object_get(run_of(j, 0), "stun")), 6);
	CU_ASSERT_TRUE(json_is_true(json_object_get(run_of(j, 1), "verified")));
	round = json_array_get(json_object_get(run_of(j, 0), "rounds"), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(round, "dirty_bytes")), 67108864);
	CU_ASSERT_TRUE(json_is_real(json_object_get(round, "seconds")));
	CU_ASSERT_PTR_NULL(json_object_get(run_of(j, 0), "error"));
	json_decref(j);
	runs_go();
}

static void test_ratio_takes_two_runs_that_are_done(void)
{
	json_t *j;

	given_runs();
	runs.run[1].error.code = -EIO;
	j = pw_demo_json(&options, &runs);
	CU_ASSERT_TRUE(json_is_null(json_object_get(j, "stun_ratio")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run_of(j, 1), "result")), "failed");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(run_of(j, 1), "error"));
	json_decref(j);
	runs_go();
}

static void test_a_document_without_runs_says_why(void)
{
	json_t *j, *why;

	runs = (struct pw_demo_runs){ .count = 0 };
	pw_fail(&runs.error, -ENOMEM, "PW-9003", "not enough memory\nfound\nfix");
	j = pw_demo_json(&options, &runs);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "runs")), 0);
	CU_ASSERT_TRUE(json_is_null(json_object_get(j, "stun_ratio")));
	why = json_object_get(j, "error");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(why, "id")), "PW-9003");
	json_decref(j);
}

static void test_verified_means_everything_was_proved(void)
{
	struct pw_demo_run *r = &runs.run[0];

	given_runs();
	/* 1 */ CU_ASSERT_TRUE(pw_demo_run_is_verified(r));
	r->outcome.verified = false;
	/* 2 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	r->verify = PW_VERIFY_NONE;
	/* 3 */ CU_ASSERT_TRUE(pw_demo_run_is_verified(r));
	r->check.bad = 1;
	/* 4 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	r->check.bad = 0;
	r->check.continued = false;
	/* 5 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	r->check.continued = true;
	r->check.dirtied_pages = 0;
	/* 6 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	r->check.dirtied_pages = 1;
	r->check.pages = 0;
	/* 7 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	r->check.pages = 1;
	r->check.done = false;
	/* 8 */ CU_ASSERT_FALSE(pw_demo_run_is_verified(r));
	runs_go();
}

static void test_phases_may_miss_a_twentieth(void)
{
	CU_ASSERT_TRUE(pw_demo_run_adds_up(0.5, 0.5));
	CU_ASSERT_TRUE(pw_demo_run_adds_up(0.96, 1.0));
	CU_ASSERT_TRUE(pw_demo_run_adds_up(1.0, 0.96));
	CU_ASSERT_FALSE(pw_demo_run_adds_up(0.94, 1.0));
	CU_ASSERT_FALSE(pw_demo_run_adds_up(1.0, 0.94));
	CU_ASSERT_FALSE(pw_demo_run_adds_up(0, 1.0));
}

static void test_page_is_whole_and_fetches_nothing(void)
{
	static const char *const nowhere[] = { "<script", "http:", "https:", "src=", "href=",
					       "@import", "url(" };
	char *text;

	given_runs();
	text = text_of(print_html);
	CU_ASSERT_EQUAL(strncmp(text, "<!doctype html>", 15), 0);
	CU_ASSERT_HAS(text, "SIMULATED");
	CU_ASSERT_HAS(text, "prefers-color-scheme: dark");
	CU_ASSERT_HAS(text, "class=\"phase2\"");
	CU_ASSERT_HAS(text, "&quot;schema&quot;: &quot;pagewire.demo/1&quot;");
	CU_ASSERT_HAS(text, "</html>");
	for (size_t i = 0; i < PW_ARRAY_SIZE(nowhere); i++)
		CU_ASSERT_HAS_NOT(text, nowhere[i]);
	free(text);
	runs_go();
}

static void test_page_escapes_what_others_said(void)
{
	char *text = text_of(print_hostile);

	CU_ASSERT_STRING_EQUAL(text, "&lt;script&gt;a &amp;&amp; &quot;b&quot; "
				     "&#39;c&#39;&lt;/script&gt;");
	free(text);

	given_runs();
	runs.run[0].check.bad = 1;
	snprintf(runs.run[0].check.first_bad, sizeof(runs.run[0].check.first_bad),
		 "</pre><img onerror=x>");
	pw_fail(&runs.run[1].error, -EIO, "PW-1", "<b>what\n<i>found\n<u>fix");
	text = text_of(print_html);
	CU_ASSERT_HAS_NOT(text, "<img");
	CU_ASSERT_HAS_NOT(text, "<b>what");
	CU_ASSERT_HAS_NOT(text, "<i>found");
	CU_ASSERT_HAS(text, "&lt;img onerror=x&gt;");
	free(text);
	runs_go();
}

static void test_an_outcome_survives_what_is_not_there(void)
{
	static const char *const strange[] = {
		"{\"result\":\"running\"}",
		"{\"result\":\"failed\",\"rounds\":{},\"stun\":[],\"now\":7,\"error\":\"no\"}",
		"{\"result\":\"done\",\"rounds\":[1,null,{}],\"memory_bytes\":-5,\"total_s\":\"x\"}",
	};
	struct pw_outcome o = { .id = "" };
	json_t *j;

	for (size_t i = 0; i < PW_ARRAY_SIZE(strange); i++) {
		j = json_loads(strange[i], 0, NULL);
		CU_ASSERT_EQUAL(pw_outcome_parse(&o, j), 0);
		CU_ASSERT_EQUAL(o.memory_bytes, 0);
		CU_ASSERT_EQUAL(o.total_s, 0);
		CU_ASSERT_EQUAL(o.error.code, 0);
		json_decref(j);
	}
	CU_ASSERT_EQUAL(o.rounds, 3);
	j = json_loads("{\"stage\":\"done\"}", 0, NULL);
	CU_ASSERT_EQUAL(pw_outcome_parse(&o, j), -EPROTO);
	CU_ASSERT_EQUAL(o.rounds, 3);
	json_decref(j);
	pw_outcome_fini(&o);
}

static void test_memory_is_asked_for_before_it_is_used(void)
{
	struct pw_error e = { 0 };

	CU_ASSERT_EQUAL(pw_demo_place_check_memory(1ull << 30, 1ull << 29, 4ull << 30, &e), 0);
	CU_ASSERT_EQUAL(pw_demo_place_check_memory(1ull << 30, 1ull << 29, 3ull << 30, &e), -ENOMEM);
	CU_ASSERT_HAS(e.found, "3.00 GiB are available");
	CU_ASSERT_HAS(e.found, "2 x (1.00 GiB + 512 MiB)");
}

static void test_hosts_share_no_cpu_if_there_are_two(void)
{
	struct pw_demo_cpus cpus[2];

	for (uint32_t paths = 1; paths <= PW_PATHS_MAX; paths++) {
		CU_ASSERT_EQUAL_FATAL(pw_demo_place_cpus(paths, cpus, NULL), 0);
		CU_ASSERT_EQUAL(cpus[0].count, cpus[1].count);
		CU_ASSERT_TRUE(cpus[0].count >= 1 && cpus[0].count <= paths);
		if (cpus[0].cpu[0] == cpus[1].cpu[0])
			return;	/* there is one CPU */
		for (uint32_t i = 0; i < cpus[0].count; i++)
			for (uint32_t k = 0; k < cpus[1].count; k++)
				CU_ASSERT_NOT_EQUAL(cpus[0].cpu[i], cpus[1].cpu[k]);
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_table_tells_rounds_stun_and_what_was_verified),
	PW_TEST(test_table_does_not_hide_a_bad_page),
	PW_TEST(test_document_has_every_field),
	PW_TEST(test_ratio_takes_two_runs_that_are_done),
	PW_TEST(test_a_document_without_runs_says_why),
	PW_TEST(test_verified_means_everything_was_proved),
	PW_TEST(test_phases_may_miss_a_twentieth),
	PW_TEST(test_page_is_whole_and_fetches_nothing),
	PW_TEST(test_page_escapes_what_others_said),
	PW_TEST(test_an_outcome_survives_what_is_not_there),
	PW_TEST(test_memory_is_asked_for_before_it_is_used),
	PW_TEST(test_hosts_share_no_cpu_if_there_are_two),
};

int main(void)
{
	return PW_RUN_SUITE("demo", tests);
}
