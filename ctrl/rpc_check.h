/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_check.h - is that a request, and one that can be met? For rpc.c only. */
#ifndef PW_RPC_CHECK_H
#define PW_RPC_CHECK_H

#include "rpc.h"

/* What was asked; id and params are borrowed from the request. */
struct pw_rpc_request {
	json_t *id;		/* NULL: wants no answer */
	const char *method;
	json_t *params;		/* NULL: none */
};

/* rpc_get_methods and those of the user. */
struct pw_rpc_table {
	const struct pw_rpc_method *methods;
	size_t num_methods;
};

/* Each returns 0, or the code of JSON-RPC with err filled. */
int pw_rpc_check_request(json_t *root, struct pw_rpc_request *request, struct pw_error *err);
int pw_rpc_check_method(const struct pw_rpc_table *table, const char *name,
			const struct pw_rpc_method **method, struct pw_error *err);
int pw_rpc_check_params(const struct pw_rpc_method *method, json_t *params,
			struct pw_error *err);

/* What rpc_get_methods answers. */
json_t *pw_rpc_check_describe(const struct pw_rpc_table *table);

extern const struct pw_rpc_method pw_rpc_check_builtin;

#endif /* PW_RPC_CHECK_H */
