/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_client.c - ask a pagewired, and wait for its answer */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc_client.h"
#include "pagewire/check.h"

struct pw_rpc_client {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;
	FILE *answers;
	json_int_t id;
};

static int fail_connect(struct pw_error *err, int code, const char *path)
{
	if (code == -EACCES)
		return pw_fail(err, code, "PW-1412", "cannot ask pagewired at %.90s\n"
			       "this user may not use its socket\n"
			       "join the group of the socket (ls -l shows it), or use sudo", path);
	return pw_fail(err, code, "PW-1411", "cannot ask pagewired at %.90s\n%s\n"
		       "start it (systemctl start pagewired), or name its socket with --socket", path,
		       code == -ENOENT ? "there is no socket" :
		       code == -ECONNREFUSED ? "nobody listens there" : strerror(-code));
}

static int connect_to(const char *path, struct pw_rpc_client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t bytes = strlen(path);

	if (bytes >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, bytes);
	memcpy(client->path, address.sun_path, sizeof(client->path));
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	client->answers = fdopen(client->fd, "r");
	return client->answers ? 0 : -errno;
}

int pw_rpc_client_open(struct pw_rpc_client **client, const char *path, struct pw_error *err)
{
	struct pw_rpc_client *made = calloc(1, sizeof(*made));
	int rc;

	if (!made)
		return fail_connect(err, -ENOMEM, path);
	made->fd = -1;
	rc = connect_to(path, made);
	if (rc) {
		pw_rpc_client_close(made);
		return fail_connect(err, rc, path);
	}
	*client = made;
	return 0;
}

void pw_rpc_client_close(struct pw_rpc_client *client)
{
	if (!client)
		return;
	if (client->answers)
		fclose(client->answers);
	else if (client->fd >= 0)
		close(client->fd);
	free(client);
}

void pw_rpc_client_limit(struct pw_rpc_client *client, unsigned limit_ms)
{
	struct timeval limit = { .tv_sec = limit_ms / 1000,
				 .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000 };

	/* Refused for a socket that is none, which this is not. */
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int fail_lost(struct pw_rpc_client *client, struct pw_error *err)
{
	if (errno == EAGAIN)
		return pw_fail(err, -ETIMEDOUT, "PW-1413", "pagewired at %.90s did not answer\n"
			       "it is there, and silent\nlook into its log (journalctl -u pagewired)",
			       client->path);
	return pw_fail(err, -ECONNRESET, "PW-1413", "pagewired at %.90s did not answer\n"
		       "it closed the connection\nlook into its log (journalctl -u pagewired)",
		       client->path);
}

static int fail_nonsense(struct pw_rpc_client *client, const char *found, struct pw_error *err)
{
	return pw_fail(err, -EPROTO, "PW-1414", "cannot read what came from %.90s\n%.120s\n"
		       "check that it is the socket of pagewired, in a version like this one",
		       client->path, found);
}

static int send_all(int fd, const char *bytes, size_t num_bytes)
{
	ssize_t n;

	while (num_bytes) {
		n = send(fd, bytes, num_bytes, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			num_bytes -= (size_t)n;
		}
	}
	return 0;
}

static int send_request(struct pw_rpc_client *client, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", ++client->id,
				    "method", method, "params", params);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int rc = text ? send_all(client->fd, text, strlen(text)) : -ENOMEM;

	if (!rc)
		rc = send_all(client->fd, "\n", 1);
	free(text);
	json_decref(request);
	return rc;
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The error that pagewired had, as it had it. */
static int take_error(const json_t *error, struct pw_error *err)
{
	const json_t *data = json_object_get(error, "data");
	json_int_t code = json_integer_value(json_object_get(data, "errno"));
	const char *id = text_in(data, "id");

	if (code <= 0 || code > 4095)
		code = EREMOTEIO;
	return pw_fail(err, -(int)code, id[0] ? id : "PW-1415", "%s\n%s\n%s",
		       text_in(error, "message"), text_in(data, "found"), text_in(data, "fix"));
}

static int take_answer(struct pw_rpc_client *client, json_t *answer, json_t **result,
		       struct pw_error *err)
{
	json_t *id = json_object_get(answer, "id"), *error = json_object_get(answer, "error");

	if (error)
		return take_error(error, err);
	if (!json_is_integer(id) || json_integer_value(id) != client->id)
		return fail_nonsense(client, "it answers another request", err);
	*result = json_incref(json_object_get(answer, "result"));
	return *result ? 0 : fail_nonsense(client, "it has neither a result nor an error", err);
}

int pw_rpc_client_call(struct pw_rpc_client *client, const char *method, json_t *params,
		       json_t **result, struct pw_error *err)
{
	int rc = send_request(client, method, params);
	size_t room = 0;
	char *line = NULL;
	json_error_t why;
	json_t *answer;
	ssize_t n;

	if (rc == -ENOMEM)
		return pw_fail(err, rc, "PW-1414", "cannot call %s\nout of memory", method);
	/* Even if not all could be sent: it may have said why. */
	errno = 0;
	n = getline(&line, &room, client->answers);
	if (n <= 0) {
		free(line);
		return fail_lost(client, err);
	}
	answer = json_loadb(line, (size_t)n, 0, &why);
	free(line);
	if (!answer)
		return fail_nonsense(client, why.text, err);
	rc = take_answer(client, answer, result, err);
	json_decref(answer);
	return rc;
}
