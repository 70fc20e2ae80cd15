/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.c - JSON-RPC 2.0 on a unix socket, one request a line
 *
 * A connection is held by its socket, by each reply that is owed on it, and by
 * the loop over its lines; it is freed when the last lets go. So a method may
 * answer when the caller is long gone, and may end the server.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "log.h"
#include "pagewire/check.h"
#include "rpc_check.h"

#define CONNS_MAX 64u
#define BACKLOG	  16
/* Of answers that a caller does not read; then it is dropped. */
#define UNREAD_MAX (16u << 20)

struct conn {
	struct pw_rpc *rpc;	/* NULL: the server is gone */
	struct bufferevent *bev;	/* NULL: the caller is gone */
	unsigned holders;
	unsigned owed;		/* replies */
	bool is_ending;		/* no more lines; goes when all is answered and read */
	LIST_ENTRY(conn) others;
};

struct pw_rpc {
	struct pw_rpc_opts opts;
	struct pw_rpc_table table;
	struct evconnlistener *socket;
	unsigned num_conns;
	LIST_HEAD(, conn) conns;
};

struct pw_rpc_reply {
	struct conn *conn;
	json_t *id;		/* NULL: no answer is wanted */
};

/* --- connections --- */

static void release(struct conn *conn)
{
	PW_CHECK(conn->holders > 0);
	if (--conn->holders == 0)
		free(conn);
}

/* The caller is gone, or has to go. */
static void drop(struct conn *conn)
{
	struct pw_rpc *rpc = conn->rpc;

	if (!conn->bev)
		return;
	bufferevent_free(conn->bev);
	conn->bev = NULL;
	LIST_REMOVE(conn, others);
	if (rpc->num_conns-- == CONNS_MAX)
		evconnlistener_enable(rpc->socket);
	release(conn);
}

static void drop_if_over(struct conn *conn)
{
	if (conn->is_ending && !conn->owed && conn->bev &&
	    evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0)
		drop(conn);
}

static void send_line(struct conn *conn, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	struct evbuffer *out = conn->bev ? bufferevent_get_output(conn->bev) : NULL;

	if (text && out) {
		evbuffer_add(out, text, strlen(text));
		evbuffer_add(out, "\n", 1);
		if (evbuffer_get_length(out) > UNREAD_MAX)
			drop(conn);
	}
	free(text);
	json_decref(answer);
}

/* --- answers --- */

static void send_result(struct conn *conn, json_t *id, json_t *result)
{
	send_line(conn, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result));
}

static void send_error(struct conn *conn, json_t *id, int code, const struct pw_error *err)
{
	json_t *data = json_pack("{s:s, s:i, s:s, s:s}", "id", err->id, "errno", -err->code,
				 "found", err->found, "fix", err->fix);

	send_line(conn, json_pack("{s:s, s:O?, s:{s:i, s:s, s:o}}", "jsonrpc", "2.0", "id", id,
				  "error", "code", code, "message", err->what, "data", data));
}

/* A request that could not be read has the id null. */
static void send_error_to_any(struct conn *conn, json_t *id, int code, const struct pw_error *err)
{
	send_error(conn, id ? id : json_null(), code, err);
}

static void end_reply(struct pw_rpc_reply *reply)
{
	struct conn *conn = reply->conn;

	PW_CHECK(conn->owed > 0);
	conn->owed--;
	drop_if_over(conn);
	release(conn);
	json_decref(reply->id);
	free(reply);
}

void pw_rpc_reply_result(struct pw_rpc_reply *reply, json_t *result)
{
	if (!result)
		result = json_true();
	if (reply->id)
		send_result(reply->conn, reply->id, result);
	else
		json_decref(result);
	end_reply(reply);
}

void pw_rpc_reply_error(struct pw_rpc_reply *reply, const struct pw_error *err)
{
	PW_CHECK(err->code < 0);
	if (reply->id)
		send_error(reply->conn, reply->id, PW_RPC_FAILED, err);
	end_reply(reply);
}

/* --- requests --- */

static void call(struct conn *conn, const struct pw_rpc_method *method,
		 const struct pw_rpc_request *request)
{
	struct pw_rpc_reply *reply = calloc(1, sizeof(*reply));
	json_t *params = request->params ? json_incref(request->params) : json_object();

	if (!reply || !params) {
		pw_err("no memory to answer a request");
		drop(conn);
		json_decref(params);
		free(reply);
		return;
	}
	reply->conn = conn;
	reply->id = json_incref(request->id);
	conn->holders++;
	conn->owed++;
	if (method == &pw_rpc_check_builtin)
		pw_rpc_reply_result(reply, pw_rpc_check_describe(&conn->rpc->table));
	else
		method->handle(conn->rpc->opts.user, params, reply);
	json_decref(params);
}

static void handle_request(struct conn *conn, json_t *root)
{
	const struct pw_rpc_method *method = NULL;
	struct pw_rpc_request request;
	struct pw_error err = { 0 };
	int code = pw_rpc_check_request(root, &request, &err);

	if (code) {
		send_error_to_any(conn, request.id, code, &err);
		return;
	}
	code = pw_rpc_check_method(&conn->rpc->table, request.method, &method, &err);
	if (!code)
		code = pw_rpc_check_params(method, request.params, &err);
	if (!code)
		call(conn, method, &request);
	else if (request.id)
		send_error(conn, request.id, code, &err);
}

static void handle_line(struct conn *conn, const char *line, size_t bytes)
{
	struct pw_error err = { 0 };
	json_error_t why;
	json_t *root = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &why);

	if (root) {
		handle_request(conn, root);
		json_decref(root);
		return;
	}
	pw_fail(&err, -EINVAL, "PW-1401", "cannot read the request\n%s, at column %d\n"
		"send one JSON object a line", why.text, why.column);
	send_error_to_any(conn, NULL, PW_RPC_BAD_JSON, &err);
}

static void refuse_long_line(struct conn *conn)
{
	struct pw_error err = { 0 };

	pw_fail(&err, -EMSGSIZE, "PW-1405", "cannot read the request\n"
		"it is longer than %u bytes\nend each request with a newline, and keep it shorter",
		PW_RPC_LINE_MAX);
	conn->is_ending = true;
	bufferevent_disable(conn->bev, EV_READ);
	send_error_to_any(conn, NULL, PW_RPC_BAD_REQUEST, &err);
}

static void on_read(struct bufferevent *bev, void *user)
{
	struct conn *conn = user;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t bytes;
	char *line;

	conn->holders++;
	while (conn->bev && !conn->is_ending &&
	       (line = evbuffer_readln(in, &bytes, EVBUFFER_EOL_LF))) {
		handle_line(conn, line, bytes);
		free(line);
	}
	if (conn->bev && !conn->is_ending && evbuffer_get_length(in) >= PW_RPC_LINE_MAX)
		refuse_long_line(conn);
	release(conn);
}

static void on_write(struct bufferevent *bev, void *user)
{
	(void)bev;
	drop_if_over(user);
}

/* A caller that has asked and closed its half still gets its answers. */
static void on_event(struct bufferevent *bev, short what, void *user)
{
	struct conn *conn = user;

	(void)bev;
	conn->is_ending = true;
	if (what & BEV_EVENT_EOF)
		drop_if_over(conn);
	else
		drop(conn);
}

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *sa,
		      int sa_bytes, void *user)
{
	struct pw_rpc *rpc = user;
	struct conn *conn = calloc(1, sizeof(*conn));

	(void)sa;
	(void)sa_bytes;
	if (conn)
		conn->bev = bufferevent_socket_new(rpc->opts.loop, fd,
						   BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!conn || !conn->bev) {
		pw_err("no memory for a caller");
		free(conn);
		close(fd);
		return;
	}
	conn->rpc = rpc;
	conn->holders = 1;
	LIST_INSERT_HEAD(&rpc->conns, conn, others);
	if (++rpc->num_conns == CONNS_MAX)
		evconnlistener_disable(socket);
	bufferevent_setcb(conn->bev, on_read, on_write, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, PW_RPC_LINE_MAX);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

/* --- the socket --- */

static int fail_path(struct pw_error *err, int code, const char *path, const char *found)
{
	return pw_fail(err, code, "PW-1142", "cannot serve requests at %.90s\n%s\n"
		       "check the folder and who may write to it, or set another path for the socket",
		       path, found);
}

static int fail_in_use(struct pw_error *err, const char *path)
{
	return pw_fail(err, -EADDRINUSE, "PW-1141", "cannot serve requests at %.90s\n"
		       "the socket is in use: another pagewired serves there\n"
		       "stop that one (systemctl stop pagewired), or set another path for the socket",
		       path);
}

/* Does a process listen at address? -errno if nobody can tell. */
static int is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 1;
	close(fd);
	if (rc == -EAGAIN)	/* its queue is full */
		return 1;
	return rc == -ECONNREFUSED || rc == -ENOENT ? 0 : rc;
}

static int remove_stale(const struct sockaddr_un *address, struct pw_error *err)
{
	struct stat file;
	int rc;

	if (lstat(address->sun_path, &file))
		return errno == ENOENT ? 0 : fail_path(err, -errno, address->sun_path, strerror(errno));
	if (!S_ISSOCK(file.st_mode))
		return fail_path(err, -EEXIST, address->sun_path, "a file that is no socket is there");
	rc = is_served(address);
	if (rc < 0)
		return fail_path(err, rc, address->sun_path, strerror(-rc));
	if (rc)
		return fail_in_use(err, address->sun_path);
	pw_info("%s was left by a process that has ended: replaced", address->sun_path);
	return unlink(address->sun_path) ? fail_path(err, -errno, address->sun_path, strerror(errno)) : 0;
}

static int bind_socket(struct pw_rpc *rpc, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	/* First the mode of the socket itself: at no time may others connect. */
	if (fchmod(fd, 0660) || bind(fd, (const struct sockaddr *)address, sizeof(*address))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (chmod(address->sun_path, 0660)) {	/* the umask took part of it */
		rc = -errno;
		goto out_unlink;
	}
	rpc->socket = evconnlistener_new(rpc->opts.loop, on_accept, rpc,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (rpc->socket)
		return 0;
	rc = -ENOMEM;
out_unlink:
	unlink(address->sun_path);
	close(fd);
	return rc;
}

int pw_rpc_create(struct pw_rpc **rpc, const struct pw_rpc_opts *opts, struct pw_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pw_rpc *made;
	int rc;

	if (strlen(opts->path) >= sizeof(address.sun_path))
		return fail_path(err, -ENAMETOOLONG, opts->path,
				 "a socket's path has 107 characters at most");
	strcpy(address.sun_path, opts->path);
	rc = remove_stale(&address, err);
	if (rc)
		return rc;
	made = calloc(1, sizeof(*made));
	if (!made)
		return fail_path(err, -ENOMEM, opts->path, strerror(ENOMEM));
	made->opts = *opts;
	made->table = (struct pw_rpc_table){ opts->methods, opts->num_methods };
	LIST_INIT(&made->conns);
	rc = bind_socket(made, &address);
	if (rc) {
		free(made);
		return rc == -EADDRINUSE ? fail_in_use(err, opts->path) :
		       fail_path(err, rc, opts->path, strerror(-rc));
	}
	signal(SIGPIPE, SIG_IGN);
	*rpc = made;
	return 0;
}

void pw_rpc_destroy(struct pw_rpc *rpc)
{
	struct conn *conn;

	if (!rpc)
		return;
	while ((conn = LIST_FIRST(&rpc->conns)))
		drop(conn);
	evconnlistener_free(rpc->socket);
	unlink(rpc->opts.path);
	free(rpc);
}
