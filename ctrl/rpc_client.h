/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_client.h - ask a pagewired, and wait for its answer */
#ifndef PW_RPC_CLIENT_H
#define PW_RPC_CLIENT_H

#include <jansson.h>

#include "error.h"

struct pw_rpc_client;

/* Connect to the socket at path. 0 or a negative errno; err says why nobody is there. */
int pw_rpc_client_open(struct pw_rpc_client **client, const char *path, struct pw_error *err);
void pw_rpc_client_close(struct pw_rpc_client *client);

/* From here on, an answer that takes longer than this is an error. */
void pw_rpc_client_limit(struct pw_rpc_client *client, unsigned limit_ms);

/*
 * Call method; params (an object, or NULL for none) are taken over. 0, and the
 * caller owns *result; else a negative errno, and err is what pagewired
 * answered or why it did not.
 */
int pw_rpc_client_call(struct pw_rpc_client *client, const char *method, json_t *params,
		       json_t **result, struct pw_error *err);

#endif /* PW_RPC_CLIENT_H */
