/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpc.c - requests and answers, good and bad */

#include "near.h"
#include "rpc_world.h"

/* --- requests --- */

static void test_request_is_answered_with_its_id(void)
{
	json_t *answer;

	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"echo_text\",\"params\":{\"text\":\"hi\"}}\n");
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 7);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_object_get(answer, "result"),
								 "text")), "hi");
	CU_ASSERT_PTR_NULL(json_object_get(answer, "error"));
	json_decref(answer);
	end_world();
}

static void test_requests_in_pieces_and_in_heaps_are_answered(void)
{
	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":0,\"met");
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(world.loop, EVLOOP_NONBLOCK);
	say("hod\":\"echo_text\",\"params\":{\"text\":\"0\"}}\r\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo_text\",\"params\":{\"text\":\"1\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo_text\",\"params\":{\"text\":\"2\"}}\n");
	for (json_int_t i = 0; i < 3; i++) {
		json_t *answer = hear();

		CU_ASSERT_EQUAL(id_of(answer), i);
		json_decref(answer);
	}
	end_world();
}

static void test_notification_is_done_and_not_answered(void)
{
	json_t *answer;

	given_server();
	say("{\"jsonrpc\":\"2.0\",\"method\":\"echo_text\",\"params\":{\"text\":\"hi\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"no_such_thing\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo_text\",\"params\":{\"text\":\"\"}}\n");
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 3);
	CU_ASSERT_EQUAL(world.calls, 2);
	json_decref(answer);
	end_world();
}

static void test_methods_describe_themselves(void)
{
	json_t *answer, *list, *first, *param;

	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc_get_methods\"}\n");
	answer = hear();
	list = json_object_get(answer, "result");
	CU_ASSERT_EQUAL(json_array_size(list), PW_ARRAY_SIZE(methods) + 1);
	first = json_array_get(list, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "name")), "echo_text");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(first, "params")), 6);
	param = json_array_get(json_object_get(first, "params"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(param, "type")), "string");
	CU_ASSERT(json_is_true(json_object_get(param, "required")));
	json_decref(answer);
	end_world();
}

/* --- answers that come later --- */

static void test_answers_may_come_later_and_in_any_order(void)
{
	json_t *answer;

	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"answer_later\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"answer_later\"}\n");
	RUN_UNTIL(world.num_owed == 2);
	pw_rpc_reply_result(world.owed[1], json_string("two"));
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 2);
	json_decref(answer);
	pw_rpc_reply_result(world.owed[0], NULL);
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 1);
	CU_ASSERT(json_is_true(json_object_get(answer, "result")));
	json_decref(answer);
	end_world();
}

static void test_answer_to_a_caller_that_left_does_no_harm(void)
{
	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"answer_later\"}\n");
	RUN_UNTIL(world.num_owed == 1);
	bufferevent_free(world.caller);
	world.caller = given_caller();
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(world.loop, EVLOOP_NONBLOCK);
	pw_rpc_reply_result(world.owed[0], NULL);
	say("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"rpc_get_methods\"}\n");
	json_decref(hear());
	end_world();
}

static void test_answer_after_the_end_of_the_server_does_no_harm(void)
{
	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"answer_later\"}\n");
	RUN_UNTIL(world.num_owed == 1);
	pw_rpc_destroy(world.rpc);
	world.rpc = NULL;
	pw_rpc_reply_result(world.owed[0], NULL);
	RUN_UNTIL(world.is_cut);
	end_world();
}

static void test_method_may_end_the_server(void)
{
	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server_quit\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo_text\"}\n");
	RUN_UNTIL(world.is_cut);
	CU_ASSERT_PTR_NULL(world.rpc);
	CU_ASSERT_EQUAL(world.calls, 0);
	end_world();
}

static void test_caller_that_closes_its_half_is_still_answered(void)
{
	json_t *answer;

	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"answer_later\"}\n");
	RUN_UNTIL(world.num_owed == 1);
	shutdown(bufferevent_getfd(world.caller), SHUT_WR);
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(world.loop, EVLOOP_NONBLOCK);
	pw_rpc_reply_result(world.owed[0], NULL);
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 1);
	json_decref(answer);
	RUN_UNTIL(world.is_cut);
	end_world();
}

static void test_caller_that_never_reads_is_dropped(void)
{
	given_server();
	bufferevent_disable(world.caller, EV_READ);
	for (unsigned i = 0; i < 64; i++)
		say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"large_get\"}\n");
	RUN_UNTIL(world.calls >= 16);
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(world.loop, EVLOOP_NONBLOCK);
	CU_ASSERT(world.calls < 20);
	end_world();
}

/* --- requests that are none --- */

static void test_bad_requests_are_told_what_is_wrong(void)
{
	static const struct {
		const char *line;
		int code;
		const char *id, *says;
	} rows[] = {
		/*  1 */ { "nonsense", PW_RPC_BAD_JSON, "PW-1401", "column" },
		/*  2 */ { "", PW_RPC_BAD_JSON, "PW-1401", "one JSON object a line" },
		/*  3 */ { "{\"a\":1,\"a\":2}", PW_RPC_BAD_JSON, "PW-1401", "duplicate" },
		/*  4 */ { "[]", PW_RPC_BAD_REQUEST, "PW-1402", "batch" },
		/*  5 */ { "{}", PW_RPC_BAD_REQUEST, "PW-1402", "jsonrpc is not" },
		/*  6 */ { "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", PW_RPC_BAD_REQUEST,
			   "PW-1402", "jsonrpc is not" },
		/*  7 */ { "{\"jsonrpc\":\"2.0\",\"id\":1}", PW_RPC_BAD_REQUEST, "PW-1402",
			   "method is not a string" },
		/*  8 */ { "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}", PW_RPC_BAD_REQUEST,
			   "PW-1402", "id is neither" },
		/*  9 */ { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ecoh_text\"}",
			   PW_RPC_BAD_METHOD, "PW-1403", "did you mean echo_text?" },
		/* 10 */ { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc_get_method\"}",
			   PW_RPC_BAD_METHOD, "PW-1403", "did you mean rpc_get_methods?" },
		/* 11 */ { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zzz\"}", PW_RPC_BAD_METHOD,
			   "PW-1403", "call rpc_get_methods" },
	};

	given_server();
	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		say(rows[i].line);
		say("\n");
		expect_error(rows[i].code, rows[i].id, rows[i].says);
	}
	CU_ASSERT_FALSE(world.is_cut);
	end_world();
}

static void test_bad_params_are_told_what_is_wrong(void)
{
	static const struct {
		const char *params, *says;
	} rows[] = {
		/*  1 */ { "{}", "params.text is missing" },
		/*  2 */ { "[1]", "params is of type array" },
		/*  3 */ { "{\"text\":1}", "params.text is of type integer" },
		/*  4 */ { "{\"text\":null}", "params.text is of type null" },
		/*  5 */ { "{\"text\":\"\",\"times\":1.5}", "give it as integer" },
		/*  6 */ { "{\"text\":\"\",\"scale\":\"1\"}", "give it as number" },
		/*  7 */ { "{\"text\":\"\",\"loud\":0}", "give it as boolean" },
		/*  8 */ { "{\"text\":\"\",\"extra\":[]}", "give it as object" },
		/*  9 */ { "{\"text\":\"\",\"list\":{}}", "give it as array" },
		/* 10 */ { "{\"text\":\"\",\"tmies\":2}", "did you mean times?" },
		/* 11 */ { "{\"text\":\"\",\"qqqqqq\":2}", "there is no params.qqqqqq" },
	};
	char line[200];

	given_server();
	for (size_t i = 0; i < PW_ARRAY_SIZE(rows); i++) {
		snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo_text\",\"params\":%s}\n",
			 rows[i].params);
		say(line);
		expect_error(PW_RPC_BAD_PARAMS, "PW-1404", rows[i].says);
	}
	CU_ASSERT_EQUAL(world.calls, 0);
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"always_fail\",\"params\":{\"x\":1}}\n");
	expect_error(PW_RPC_BAD_PARAMS, "PW-1404", "there is no params.x");
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo_text\",\"params\":"
	    "{\"text\":\"\",\"times\":1,\"scale\":1,\"loud\":true,\"extra\":{},\"list\":[]}}\n");
	json_decref(hear());
	end_world();
}

static void test_failure_of_a_method_is_passed_on_whole(void)
{
	given_server();
	say("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"always_fail\"}\n");
	expect_error(PW_RPC_FAILED, "PW-1203", "make room");
	end_world();
}

static void test_longest_line_is_read_and_a_longer_one_refused(void)
{
	char *line = malloc(PW_RPC_LINE_MAX + 1);
	json_t *answer;

	given_server();
	memset(line, ' ', PW_RPC_LINE_MAX);
	strcpy(line + PW_RPC_LINE_MAX - 100,
	       "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"echo_text\",\"params\":{\"text\":\"hi\"}}");
	memset(line + strlen(line), ' ', PW_RPC_LINE_MAX - strlen(line));
	line[PW_RPC_LINE_MAX - 1] = '\n';
	bufferevent_write(world.caller, line, PW_RPC_LINE_MAX);
	answer = hear();
	CU_ASSERT_EQUAL(id_of(answer), 5);
	json_decref(answer);

	line[PW_RPC_LINE_MAX - 1] = ' ';
	bufferevent_write(world.caller, line, PW_RPC_LINE_MAX);
	expect_error(PW_RPC_BAD_REQUEST, "PW-1405", "longer than 1048576 bytes");
	RUN_UNTIL(world.is_cut);
	free(line);
	end_world();
}

/* --- words --- */

static void test_near_words_are_counted_by_what_a_finger_does(void)
{
	CU_ASSERT_EQUAL(pw_near_distance("status", "status"), 0);
	CU_ASSERT_EQUAL(pw_near_distance("status", "sttaus"), 1);
	CU_ASSERT_EQUAL(pw_near_distance("status", "statu"), 1);
	CU_ASSERT_EQUAL(pw_near_distance("status", "stattus"), 1);
	CU_ASSERT_EQUAL(pw_near_distance("status", "statux"), 1);
	CU_ASSERT_EQUAL(pw_near_distance("", "abc"), 3);
	CU_ASSERT_EQUAL(pw_near_distance("abc", ""), 3);
	CU_ASSERT_EQUAL(pw_near_distance("kitten", "sitting"), 3);
	CU_ASSERT_PTR_NULL(pw_near_pick("zzz", NULL, "status"));
	CU_ASSERT_STRING_EQUAL(pw_near_pick("peer_lsit", "peer_get", "peer_list"), "peer_list");
	CU_ASSERT_STRING_EQUAL(pw_near_pick("peer_lsit", "peer_list", "peer_get"), "peer_list");
}

static const struct pw_test tests[] = {
	PW_TEST(test_request_is_answered_with_its_id),
	PW_TEST(test_requests_in_pieces_and_in_heaps_are_answered),
	PW_TEST(test_notification_is_done_and_not_answered),
	PW_TEST(test_methods_describe_themselves),
	PW_TEST(test_answers_may_come_later_and_in_any_order),
	PW_TEST(test_answer_to_a_caller_that_left_does_no_harm),
	PW_TEST(test_answer_after_the_end_of_the_server_does_no_harm),
	PW_TEST(test_method_may_end_the_server),
	PW_TEST(test_caller_that_closes_its_half_is_still_answered),
	PW_TEST(test_caller_that_never_reads_is_dropped),
	PW_TEST(test_bad_requests_are_told_what_is_wrong),
	PW_TEST(test_bad_params_are_told_what_is_wrong),
	PW_TEST(test_failure_of_a_method_is_passed_on_whole),
	PW_TEST(test_longest_line_is_read_and_a_longer_one_refused),
	PW_TEST(test_near_words_are_counted_by_what_a_finger_does),
};

int main(void)
{
	return PW_RUN_SUITE("rpc", tests);
}
