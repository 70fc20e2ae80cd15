/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.h - JSON-RPC 2.0 on a unix socket, one request a line
 *
 *	> {"jsonrpc":"2.0","id":1,"method":"migration_get","params":{"id":"7f3a"}}
 *	< {"jsonrpc":"2.0","id":1,"result":{...}}
 *	< {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"cannot ...",
 *	    "data":{"id":"PW-1203","errno":12,"found":"...","fix":"..."}}}
 *
 * Parameters are named, and checked against the table of the method before it
 * is called: type, missing ones, unknown ones. A request is answered when its
 * method says so, which may be long after; meanwhile others are. Batches are
 * refused. rpc_get_methods is built in.
 *
 * One event loop, one thread.
 */
#ifndef PW_RPC_H
#define PW_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define PW_RPC_LINE_MAX (1u << 20)

/* JSON-RPC's own codes; what a method fails with is PW_RPC_FAILED. */
enum pw_rpc_code {
	PW_RPC_BAD_JSON = -32700,
	PW_RPC_BAD_REQUEST = -32600,
	PW_RPC_BAD_METHOD = -32601,
	PW_RPC_BAD_PARAMS = -32602,
	PW_RPC_FAILED = -32000
};

struct event_base;
struct pw_rpc;
struct pw_rpc_reply;

enum pw_rpc_type {
	PW_RPC_STRING,
	PW_RPC_INTEGER,
	PW_RPC_NUMBER,		/* with a fraction or without */
	PW_RPC_BOOLEAN,
	PW_RPC_OBJECT,
	PW_RPC_ARRAY
};

struct pw_rpc_param {
	const char *name;
	enum pw_rpc_type type;
	bool is_required;
	const char *help;	/* one line, or NULL */
};

struct pw_rpc_method {
	const char *name;	/* noun_verb */
	/* params is an object, never NULL, and lives until handle returns. reply
	 * must be answered exactly once, now or later. */
	void (*handle)(void *user, json_t *params, struct pw_rpc_reply *reply);
	const struct pw_rpc_param *params;	/* ends in one without a name; NULL: takes none */
	const char *help;	/* one line, or NULL */
};

/* All is borrowed while the server lives. */
struct pw_rpc_opts {
	struct event_base *loop;
	const char *path;
	const struct pw_rpc_method *methods;
	size_t num_methods;
	void *user;
};

/*
 * Serve at path (mode 0660). A socket that a dead process left there is
 * replaced; one that somebody listens at, or a file of another kind, is not.
 * SIGPIPE is ignored in this process from here on.
 */
int pw_rpc_create(struct pw_rpc **rpc, const struct pw_rpc_opts *opts, struct pw_error *err);

/* Remove the socket, drop connections. Replies that are still owed must be
 * answered nevertheless: to nobody. */
void pw_rpc_destroy(struct pw_rpc *rpc);

/* Answer with result (taken over; NULL: true). reply is gone. */
void pw_rpc_reply_result(struct pw_rpc_reply *reply, json_t *result);
/* Answer with err, which must be filled. reply is gone. */
void pw_rpc_reply_error(struct pw_rpc_reply *reply, const struct pw_error *err);

#endif /* PW_RPC_H */
