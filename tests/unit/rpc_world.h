/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_world.h - a server with a few methods, and a caller, in one event loop
 *
 *	given_server()		it serves, a caller is connected
 *	say("..."), hear()	of the caller: bytes, and the next answer
 *	RUN_UNTIL(condition)	the loop turns until it holds, 20 s at most
 *	end_world()		all is closed, and the loop runs dry
 */
#ifndef PW_TESTS_RPC_WORLD_H
#define PW_TESTS_RPC_WORLD_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "pagewire/check.h"
#include "rpc.h"
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

static inline void handle_echo(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	CU_ASSERT_PTR_EQUAL(user, &world);
	world.calls++;
	pw_rpc_reply_result(reply, json_incref(params));
}

static inline void handle_fail(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_error err = { 0 };

	(void)user;
	(void)params;
	pw_fail(&err, -ENOMEM, "PW-1203", "cannot do it\nno room\nmake room");
	pw_rpc_reply_error(reply, &err);
}

static inline void handle_later(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	(void)user;
	(void)params;
	world.owed[world.num_owed++] = reply;
}

static inline void handle_quit(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	(void)user;
	(void)params;
	pw_rpc_destroy(world.rpc);
	world.rpc = NULL;
	pw_rpc_reply_result(reply, NULL);
}

static inline void handle_large(void *user, json_t *params, struct pw_rpc_reply *reply)
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

static inline void on_guard(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
	world.is_late = true;
}

static inline int serve(struct pw_rpc **rpc, struct pw_error *err)
{
	const struct pw_rpc_opts opts = { world.loop, world.path, methods,
					  PW_ARRAY_SIZE(methods), &world };

	return pw_rpc_create(rpc, &opts, err);
}

static inline void given_world(void)
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

static inline void on_cut(struct bufferevent *bev, short what, void *user)
{
	(void)bev;
	(void)user;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		world.is_cut = true;
}

static inline struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static inline struct bufferevent *given_caller(void)
{
	struct sockaddr_un address = address_of(world.path);
	struct bufferevent *bev = bufferevent_socket_new(world.loop, -1, BEV_OPT_CLOSE_ON_FREE);

	CU_ASSERT_EQUAL_FATAL(bufferevent_socket_connect(bev, (struct sockaddr *)&address,
							 sizeof(address)), 0);
	bufferevent_setcb(bev, NULL, NULL, on_cut, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return bev;
}

static inline void given_server(void)
{
	given_world();
	CU_ASSERT_EQUAL_FATAL(serve(&world.rpc, NULL), 0);
	world.caller = given_caller();
}

static inline void end_world(void)
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

static inline void say(const char *text)
{
	bufferevent_write(world.caller, text, strlen(text));
}

/* The next line that came, as JSON; the caller owns it. */
static inline json_t *hear(void)
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

static inline json_int_t id_of(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "id"));
}

static inline void expect_error(int code, const char *id, const char *says)
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

#endif /* PW_TESTS_RPC_WORLD_H */
