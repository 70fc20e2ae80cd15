/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpc.c - requests and answers on the unix socket, good and bad */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "near.h"
#include "pagewire/check.h"
#include "rpc.h"
#include "rpc_client.h"
#include "run.h"

#define SAYS(text, part) CU_ASSERT_PTR_NOT_NULL(strstr(text, part))

static struct {
	char dir[64], path[100];
	struct event_base *loop;
	struct event *guard;
	bool is_late;
	struct pw_rpc *rpc;
	struct bufferevent *caller;
	bool is_cut;		/* the caller's connection ended */
	struct pw_rpc_reply *owed[4];
	unsigned num_owed, calls;
} world;

#define RUN_UNTIL(condition)					\
	do {							\
		while (!(condition) && !world.is_late)		\
			event_base_loop(world.loop, EVLOOP_ONCE);	\
		CU_ASSERT_TRUE_FATAL((condition) != 0);		\
	} while (0)

/* --- methods --- */

static void handle_echo(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	CU_ASSERT_PTR_EQUAL(user, &world);
	world.calls++;
	pw_rpc_reply_result(reply, json_incref(params));
}

static void handle_fail(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_error err = { 0 };

	(void)user;
	(void)params;
	pw_fail(&err, -ENOMEM, "PW-1203", "cannot do it\nno room\nmake room");
	pw_rpc_reply_error(reply, &err);
}

static void handle_later(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	(void)user;
	(void)params;
	world.owed[world.num_owed++] = reply;
}

static void handle_quit(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	(void)user;
	(void)params;
	pw_rpc_destroy(world.rpc);
	world.rpc = NULL;
	pw_rpc_reply_result(reply, NULL);
}

static void handle_large(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	char *text = malloc(1u << 20);

	(void)user;
	(void)params;
	world.calls++;
	memset(text, 'x', 1u << 20);
	pw_rpc_reply_result(reply, json_stringn(text, 1u << 20));
	free(text);
}

static const struct pw_rpc_param echo_params[] = {
	{ "text", PW_RPC_STRING, true, "what to say" },
	{ "times", PW_RPC_INTEGER, false, NULL },
	{ "scale", PW_RPC_NUMBER, false, NULL },
	{ "loud", PW_RPC_BOOLEAN, false, NULL },
	{ "extra", PW_RPC_OBJECT, false, NULL },
	{ "list", PW_RPC_ARRAY, false, NULL },
	{ 0 },
};

static const struct pw_rpc_method methods[] = {
	{ "echo_text", handle_echo, echo_params, "answers what was asked" },
	{ "always_fail", handle_fail, NULL, NULL },
	{ "answer_later", handle_later, NULL, NULL },
	{ "server_quit", handle_quit, NULL, NULL },
	{ "large_get", handle_large, NULL, NULL },
};

/* --- the world --- */

static void on_guard(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
	world.is_late = true;
}

static int serve(struct pw_rpc **rpc, struct pw_error *err)
{
	const struct pw_rpc_opts opts = { world.loop, world.path, methods,
					  PW_ARRAY_SIZE(methods), &world };

	return pw_rpc_create(rpc, &opts, err);
}

static void given_world(void)
{
	const struct timeval in = { .tv_sec = 20 };

	memset(&world, 0, sizeof(world));
	snprintf(world.dir, sizeof(world.dir), "/tmp/pagewire-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world.dir));
	snprintf(world.path, sizeof(world.path), "%s/rpc.sock", world.dir);
	world.loop = event_base_new();
	world.guard = evtimer_new(world.loop, on_guard, NULL);
	event_add(world.guard, &in);
}

static void on_cut(struct bufferevent *bev, short what, void *user)
{
	(void)bev;
	(void)user;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		world.is_cut = true;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static struct bufferevent *given_caller(void)
{
	struct sockaddr_un address = address_of(world.path);
	struct bufferevent *bev = bufferevent_socket_new(world.loop, -1, BEV_OPT_CLOSE_ON_FREE);

	CU_ASSERT_EQUAL_FATAL(bufferevent_socket_connect(bev, (struct sockaddr *)&address,
							 sizeof(address)), 0);
	bufferevent_setcb(bev, NULL, NULL, on_cut, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return bev;
}

static void given_server(void)
{
	given_world();
	CU_ASSERT_EQUAL_FATAL(serve(&world.rpc, NULL), 0);
	world.caller = given_caller();
}

static void end_world(void)
{
	if (world.caller)
		bufferevent_free(world.caller);
	pw_rpc_destroy(world.rpc);
	event_free(world.guard);
	event_base_dispatch(world.loop);
	event_base_free(world.loop);
	CU_ASSERT_NOT_EQUAL(access(world.path, F_OK), 0);
	rmdir(world.dir);
}

static void say(const char *text)
{
	bufferevent_write(world.caller, text, strlen(text));
}

/* The next line that came, as JSON; the caller owns it. */
static json_t *hear(void)
{
	struct evbuffer *in = bufferevent_get_input(world.caller);
	json_t *answer;
	char *line;

	RUN_UNTIL(evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF).pos >= 0 || world.is_cut);
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	answer = json_loads(line, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
	free(line);
	return answer;
}

static json_int_t id_of(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "id"));
}

static void expect_error(int code, const char *id, const char *says)
{
	json_t *answer = hear(), *error = json_object_get(answer, "error");
	json_t *data = json_object_get(error, "data");
	char *text = json_dumps(error, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(error, "code")), code);
	CU_ASSERT(json_is_string(json_object_get(error, "message")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(data, "id")), id);
	SAYS(text, says);
	free(text);
	json_decref(answer);
}

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

/* --- the socket --- */

static void given_stale_socket(void)
{
	struct sockaddr_un address = address_of(world.path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	close(fd);
}

static void test_socket_of_a_dead_process_is_replaced(void)
{
	json_t *answer;

	given_world();
	given_stale_socket();
	CU_ASSERT_EQUAL_FATAL(serve(&world.rpc, NULL), 0);
	world.caller = given_caller();
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc_get_methods\"}\n");
	answer = hear();
	CU_ASSERT_PTR_NOT_NULL(json_object_get(answer, "result"));
	json_decref(answer);
	end_world();
}

static void test_socket_in_use_is_left_alone(void)
{
	struct pw_rpc *second = NULL;
	struct pw_error err = { 0 };

	given_server();
	CU_ASSERT_EQUAL(serve(&second, &err), -EADDRINUSE);
	CU_ASSERT_PTR_NULL(second);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-1141");
	SAYS(err.found, "another pagewired");
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc_get_methods\"}\n");
	json_decref(hear());
	end_world();
}

static void test_file_that_is_no_socket_is_left_alone(void)
{
	struct pw_error err = { 0 };
	struct stat st;

	given_world();
	close(open(world.path, O_CREAT | O_WRONLY, 0600));
	CU_ASSERT_EQUAL(serve(&world.rpc, &err), -EEXIST);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-1142");
	CU_ASSERT_EQUAL(stat(world.path, &st), 0);
	unlink(world.path);
	end_world();
}

static void test_socket_is_for_owner_and_group(void)
{
	mode_t before = umask(0077);
	struct stat st;

	given_server();
	CU_ASSERT(stat(world.path, &st) == 0 && (st.st_mode & 0777) == 0660);
	umask(0);
	pw_rpc_destroy(world.rpc);
	CU_ASSERT_EQUAL_FATAL(serve(&world.rpc, NULL), 0);
	CU_ASSERT(stat(world.path, &st) == 0 && (st.st_mode & 0777) == 0660);
	umask(before);
	end_world();
}

static void test_path_that_cannot_be_served_is_a_clear_error(void)
{
	struct pw_rpc_opts opts = { .path = "/nowhere/at/all.sock" };
	struct pw_error err = { 0 };
	struct pw_rpc *rpc = NULL;
	char path[200];

	given_world();
	opts.loop = world.loop;
	CU_ASSERT_EQUAL(pw_rpc_create(&rpc, &opts, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-1142");
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	opts.path = path;
	err = (struct pw_error){ 0 };
	CU_ASSERT_EQUAL(pw_rpc_create(&rpc, &opts, &err), -ENAMETOOLONG);
	SAYS(err.found, "107");
	end_world();
}

/* --- the client --- */

struct asker {
	const char *method;
	json_t *params;
	json_t *result;
	struct pw_error err;
	int rc;
	pthread_t thread;
	int done[2];
};

static void *ask(void *user)
{
	struct asker *asker = user;
	struct pw_rpc_client *client = NULL;

	asker->rc = pw_rpc_client_open(&client, world.path, &asker->err);
	if (!asker->rc)
		asker->rc = pw_rpc_client_call(client, asker->method, asker->params,
					       &asker->result, &asker->err);
	pw_rpc_client_close(client);
	close(asker->done[1]);
	return NULL;
}

static void on_asked(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	*(bool *)user = true;
}

/* A thread asks, the loop serves until it is through. */
static void run_asker(struct asker *asker)
{
	bool is_done = false;
	struct event *done;

	CU_ASSERT_EQUAL_FATAL(pipe(asker->done), 0);
	done = event_new(world.loop, asker->done[0], EV_READ, on_asked, &is_done);
	event_add(done, NULL);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&asker->thread, NULL, ask, asker), 0);
	RUN_UNTIL(is_done);
	pthread_join(asker->thread, NULL);
	event_free(done);
	close(asker->done[0]);
}

static void test_client_gets_a_result(void)
{
	struct asker asker = { .method = "echo_text", .params = json_pack("{s:s}", "text", "hi") };

	given_server();
	run_asker(&asker);
	CU_ASSERT_EQUAL(asker.rc, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(asker.result, "text")), "hi");
	json_decref(asker.result);
	end_world();
}

static void test_client_gets_the_error_that_the_server_had(void)
{
	struct asker asker = { .method = "always_fail" };

	given_server();
	run_asker(&asker);
	CU_ASSERT_EQUAL(asker.rc, -ENOMEM);
	CU_ASSERT_STRING_EQUAL(asker.err.id, "PW-1203");
	CU_ASSERT_STRING_EQUAL(asker.err.what, "cannot do it");
	CU_ASSERT_STRING_EQUAL(asker.err.found, "no room");
	CU_ASSERT_STRING_EQUAL(asker.err.fix, "make room");
	end_world();
}

static void test_client_gets_a_large_result(void)
{
	struct asker asker = { .method = "large_get" };

	given_server();
	run_asker(&asker);
	CU_ASSERT_EQUAL(json_string_length(asker.result), 1u << 20);
	json_decref(asker.result);
	end_world();
}

static void test_client_hears_that_the_server_ended(void)
{
	struct asker asker = { .method = "server_quit" };

	given_server();
	run_asker(&asker);
	CU_ASSERT_EQUAL(asker.rc, -ECONNRESET);
	CU_ASSERT_STRING_EQUAL(asker.err.id, "PW-1413");
	end_world();
}

static void test_client_hears_that_nobody_listens(void)
{
	struct pw_rpc_client *client = NULL;
	struct pw_error err = { 0 };

	given_world();
	CU_ASSERT_EQUAL(pw_rpc_client_open(&client, world.path, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-1411");
	SAYS(err.fix, "systemctl start pagewired");
	given_stale_socket();
	err = (struct pw_error){ 0 };
	CU_ASSERT_EQUAL(pw_rpc_client_open(&client, world.path, &err), -ECONNREFUSED);
	SAYS(err.found, "nobody listens");
	CU_ASSERT_PTR_NULL(client);
	unlink(world.path);
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
	PW_TEST(test_socket_of_a_dead_process_is_replaced),
	PW_TEST(test_socket_in_use_is_left_alone),
	PW_TEST(test_file_that_is_no_socket_is_left_alone),
	PW_TEST(test_socket_is_for_owner_and_group),
	PW_TEST(test_path_that_cannot_be_served_is_a_clear_error),
	PW_TEST(test_client_gets_a_result),
	PW_TEST(test_client_gets_the_error_that_the_server_had),
	PW_TEST(test_client_gets_a_large_result),
	PW_TEST(test_client_hears_that_the_server_ended),
	PW_TEST(test_client_hears_that_nobody_listens),
	PW_TEST(test_near_words_are_counted_by_what_a_finger_does),
};

int main(void)
{
	return PW_RUN_SUITE("rpc", tests);
}
