/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rpc_socket.c - the unix socket, and the client that waits for its answer */

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "rpc_client.h"
#include "rpc_world.h"

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

static const struct pw_test tests[] = {
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
};

int main(void)
{
	return PW_RUN_SUITE("rpc_socket", tests);
}
