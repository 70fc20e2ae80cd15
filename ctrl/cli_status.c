/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_status.c - pagewire status and pagewire rpc: what pagewired says */

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "outcome.h"
#include "rpc_client.h"
#include "units.h"

#define OPT_JSON 256

struct status {
	const char *socket;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "print one JSON document", 0 },
	{ 0 },
};

static const struct argp_child with_socket[] = { { &pw_cli_socket_argp, 0, NULL, 0 }, { 0 } };

static error_t parse_status(int key, char *arg, struct argp_state *state)
{
	struct status *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &s->socket; return 0;
	case OPT_JSON: s->json = true; return 0;
	case ARGP_KEY_ARG: argp_error(state, "\"%s\": there are options only", arg); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* Ask for the migrations that list names, into an array of what migration_get says. */
static int collect_migrations(struct pw_rpc_client *client, json_t *list, json_t *to,
			      struct pw_error *e)
{
	json_t *id, *migration;
	size_t i;

	json_array_foreach(list, i, id) {
		int err = pw_rpc_client_call(client, "migration_get",
					     json_pack("{s:O}", "migration", id), &migration, e);

		if (err)
			return err;
		json_array_append_new(to, migration);
	}
	return 0;
}

/* One document of everything; the caller owns it. */
static int collect(struct pw_rpc_client *client, json_t *document, struct pw_error *e)
{
	static const struct {
		const char *key;
		const char *method;
	} parts[] = {
		{ "daemon", "pagewire_get_version" },
		{ "guests", "guest_list" },
		{ "peers", "peer_list" },
		{ "migrations", "migration_list" },
	};
	json_t *result, *migrations = json_array();
	int err = 0;

	json_object_set_new(document, "schema", json_string("pagewire.status/1"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++) {
		err = pw_rpc_client_call(client, parts[i].method, NULL, &result, e);
		if (!err)
			json_object_set_new(document, parts[i].key, result);
	}
	if (!err)
		err = collect_migrations(client, json_object_get(document, "migrations"),
					 migrations, e);
	json_object_set_new(document, "migrations", migrations);
	return err;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static struct pw_units_text bytes_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return pw_units_bytes(n > 0 ? (uint64_t)n : 0);
}

static void print_guests(const json_t *guests)
{
	json_t *g;
	size_t i;

	printf("guests\n");
	json_array_foreach(guests, i, g)
		printf("  %-20s %-9s memory %s, devices %s%s\n", text_of(g, "guest"),
		       text_of(g, "role"), bytes_of(g, "memory_bytes").text,
		       bytes_of(g, "device_bytes").text,
		       json_is_true(json_object_get(g, "busy")) ? ", on the move" : "");
}

static void print_peers(const json_t *peers)
{
	json_t *p;
	size_t i;

	printf("peers\n");
	json_array_foreach(peers, i, p)
		printf("  %-20s %s\n", text_of(p, "peer"), text_of(p, "address"));
}

static void print_migrations(const json_t *migrations)
{
	struct pw_outcome o = { .id = "" };
	json_t *m;
	size_t i;

	printf("migrations\n");
	json_array_foreach(migrations, i, m) {
		if (pw_outcome_parse(&o, m))
			continue;
		printf("  %s  %s -> %s  %s  %s  %s%s%s\n", o.id, o.guest, o.peer, o.mode,
		       pw_outcome_is_running(&o) ? o.stage : o.result,
		       pw_units_seconds(o.total_s).text, o.stun_s > 0 ? ", stun " : "",
		       o.stun_s > 0 ? pw_units_seconds(o.stun_s).text : "");
	}
	pw_outcome_fini(&o);
}

static void print_status(const json_t *document)
{
	printf("pagewired %s\n", text_of(json_object_get(document, "daemon"), "version"));
	print_guests(json_object_get(document, "guests"));
	print_peers(json_object_get(document, "peers"));
	print_migrations(json_object_get(document, "migrations"));
}

static int print_json(const json_t *j)
{
	int err = json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	putchar('\n');
	return err || fflush(stdout) ? PW_EXIT_FAILED : PW_EXIT_DONE;
}

int pw_cli_status(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_status,
		.doc = "Guests, peers and migrations of this host.",
		.children = with_socket,
	};
	struct status s = { .socket = PW_CLI_SOCKET };
	struct pw_rpc_client *client = NULL;
	struct pw_error e = { 0 };
	json_t *document;
	int err, code = PW_EXIT_DONE;

	argp_parse(&argp, argc, argv, 0, NULL, &s);
	document = json_object();
	err = pw_rpc_client_open(&client, s.socket, &e);
	if (!err)
		err = collect(client, document, &e);
	if (err)
		code = (int)pw_cli_fail(&e);
	else if (s.json)
		code = print_json(document);
	else
		print_status(document);
	pw_rpc_client_close(client);
	json_decref(document);
	return code;
}

/* ---- rpc ---- */

struct rpc {
	const char *socket;
	const char *method;
	json_t *params;
};

static void take_arg(struct rpc *r, struct argp_state *state, const char *arg)
{
	json_error_t why;

	if (!r->method) {
		r->method = arg;
		return;
	}
	if (r->params)
		argp_error(state, "\"%s\": give one method and one object", arg);
	r->params = json_loads(arg, 0, &why);
	if (!json_is_object(r->params))
		argp_error(state, "%s: give the parameters as a JSON object%s%s", arg,
			   r->params ? "" : ": ", r->params ? "" : why.text);
}

static error_t parse_rpc(int key, char *arg, struct argp_state *state)
{
	struct rpc *r = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &r->socket; return 0;
	case ARGP_KEY_ARG: take_arg(r, state, arg); return 0;
	case ARGP_KEY_END:
		if (!r->method)
			argp_error(state, "say which method: rpc_get_methods lists them");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

int pw_cli_rpc(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_rpc,
		.args_doc = "METHOD [JSON]",
		.doc = "Call a method of pagewired and print what it returns.",
		.children = with_socket,
	};
	struct rpc r = { .socket = PW_CLI_SOCKET };
	struct pw_error e = { 0 };
	json_t *result;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &r);
	if (pw_cli_call(r.socket, r.method, r.params, &result, &e))
		return (int)pw_cli_fail(&e);
	code = print_json(result);
	json_decref(result);
	return code;
}
