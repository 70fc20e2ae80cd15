/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_check.c - is that a request, and one that can be met? */

#include <errno.h>
#include <string.h>

#include "near.h"
#include "pagewire/check.h"
#include "rpc_check.h"

const struct pw_rpc_method pw_rpc_check_builtin = {
	.name = "rpc_get_methods",
	.help = "every method, with its parameters",
};

static const char *const type_names[] = {
	[PW_RPC_STRING] = "string",   [PW_RPC_INTEGER] = "integer", [PW_RPC_NUMBER] = "number",
	[PW_RPC_BOOLEAN] = "boolean", [PW_RPC_OBJECT] = "object",   [PW_RPC_ARRAY] = "array",
};

static bool is_of_type(const json_t *value, enum pw_rpc_type type)
{
	switch (type) {
	case PW_RPC_STRING:
		return json_is_string(value);
	case PW_RPC_INTEGER:
		return json_is_integer(value);
	case PW_RPC_NUMBER:
		return json_is_number(value);
	case PW_RPC_BOOLEAN:
		return json_is_boolean(value);
	case PW_RPC_OBJECT:
		return json_is_object(value);
	case PW_RPC_ARRAY:
		return json_is_array(value);
	}
	return false;
}

static const char *name_of_type(const json_t *value)
{
	for (enum pw_rpc_type type = PW_RPC_STRING; type <= PW_RPC_ARRAY; type++)
		if (is_of_type(value, type))
			return type_names[type];
	return "null";
}

/* --- the request --- */

static int bad_request(struct pw_error *err, const char *found)
{
	pw_fail(err, -EINVAL, "PW-1402", "not a JSON-RPC 2.0 request\n%s\n"
		"send {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc_get_methods\"}", found);
	return PW_RPC_BAD_REQUEST;
}

static bool is_version_2(const json_t *root)
{
	const char *version = json_string_value(json_object_get(root, "jsonrpc"));

	return version && !strcmp(version, "2.0");
}

int pw_rpc_check_request(json_t *root, struct pw_rpc_request *request, struct pw_error *err)
{
	json_t *id = json_object_get(root, "id");

	*request = (struct pw_rpc_request){ 0 };
	if (json_is_array(root))
		return bad_request(err, "it is a batch, which this server does not take");
	if (!json_is_object(root))
		return bad_request(err, "it is no object");
	if (id && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
		return bad_request(err, "id is neither a string nor an integer");
	request->id = id;
	if (!is_version_2(root))
		return bad_request(err, "jsonrpc is not \"2.0\"");
	request->method = json_string_value(json_object_get(root, "method"));
	if (!request->method)
		return bad_request(err, "method is not a string");
	request->params = json_object_get(root, "params");
	return 0;
}

/* --- its method --- */

/* The built in one comes last. */
static const struct pw_rpc_method *method_at(const struct pw_rpc_table *table, size_t i)
{
	return i < table->num_methods ? &table->methods[i] : &pw_rpc_check_builtin;
}

int pw_rpc_check_method(const struct pw_rpc_table *table, const char *name,
			const struct pw_rpc_method **method, struct pw_error *err)
{
	const char *near = NULL;

	for (size_t i = 0; i <= table->num_methods; i++) {
		*method = method_at(table, i);
		if (!strcmp((*method)->name, name))
			return 0;
		near = pw_near_pick(name, near, (*method)->name);
	}
	if (near)
		pw_fail(err, -ENOSYS, "PW-1403", "there is no method \"%.64s\"\n"
			"there is one with a name like it\ndid you mean %s?", name, near);
	else
		pw_fail(err, -ENOSYS, "PW-1403", "there is no method \"%.64s\"\n"
			"nor one with a name like it\ncall rpc_get_methods to see all", name);
	return PW_RPC_BAD_METHOD;
}

/* --- its parameters --- */

__attribute__((format(printf, 3, 4)))
static int bad_params(struct pw_error *err, const struct pw_rpc_method *method,
		      const char *fmt, ...)
{
	char found_and_fix[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found_and_fix, sizeof(found_and_fix), fmt, ap);
	va_end(ap);
	pw_fail(err, -EINVAL, "PW-1404", "cannot call %s\n%s", method->name, found_and_fix);
	return PW_RPC_BAD_PARAMS;
}

static int check_param(const struct pw_rpc_method *method, const struct pw_rpc_param *param,
		       const json_t *value, struct pw_error *err)
{
	if (!value && param->is_required)
		return bad_params(err, method, "params.%s is missing\ngive it as %s", param->name,
				  type_names[param->type]);
	if (!value || is_of_type(value, param->type))
		return 0;
	return bad_params(err, method, "params.%s is of type %s\ngive it as %s", param->name,
			  name_of_type(value), type_names[param->type]);
}

static const struct pw_rpc_param none = { 0 };

static const struct pw_rpc_param *params_of(const struct pw_rpc_method *method)
{
	return method->params ? method->params : &none;
}

static int check_known(const struct pw_rpc_method *method, const char *key, struct pw_error *err)
{
	const char *near = NULL;

	for (const struct pw_rpc_param *param = params_of(method); param->name; param++) {
		if (!strcmp(param->name, key))
			return 0;
		near = pw_near_pick(key, near, param->name);
	}
	if (near)
		return bad_params(err, method, "there is no params.%.64s\ndid you mean %s?", key, near);
	return bad_params(err, method,
			  "there is no params.%.64s\ncall rpc_get_methods to see those that are", key);
}

int pw_rpc_check_params(const struct pw_rpc_method *method, json_t *params,
			struct pw_error *err)
{
	const char *key;
	json_t *value;
	int code = 0;

	if (params && !json_is_object(params))
		return bad_params(err, method, "params is of type %s\n"
				  "give parameters by name: {\"name\": value}", name_of_type(params));
	json_object_foreach(params, key, value) {
		code = check_known(method, key, err);
		if (code)
			return code;
	}
	for (const struct pw_rpc_param *param = params_of(method); param->name && !code; param++)
		code = check_param(method, param, json_object_get(params, param->name), err);
	return code;
}

/* --- rpc_get_methods --- */

static json_t *describe_params(const struct pw_rpc_method *method)
{
	json_t *list = json_array();

	for (const struct pw_rpc_param *param = params_of(method); param->name; param++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s*}",
						      "name", param->name,
						      "type", type_names[param->type],
						      "required", param->is_required,
						      "help", param->help));
	return list;
}

json_t *pw_rpc_check_describe(const struct pw_rpc_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; i <= table->num_methods; i++) {
		const struct pw_rpc_method *method = method_at(table, i);

		json_array_append_new(list, json_pack("{s:s, s:s*, s:o}", "name", method->name,
						      "help", method->help,
						      "params", describe_params(method)));
	}
	return list;
}
