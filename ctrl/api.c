/* SPDX-License-Identifier: BSD-3-Clause */
/* api.c - see api.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "pagewire/check.h"
#include "report.h"
#include "source.h"

#define NS_PER_S 1e9

static void get_version(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	(void)user;
	(void)params;
	pw_rpc_reply_result(reply, json_pack("{s:s}", "version", PW_VERSION));
}

static json_t *one_guest(const struct pw_guest *g)
{
	json_t *devices = json_array();

	for (uint32_t i = 0; i < g->devices; i++)
		json_array_append_new(devices, json_string(g->device[i].name));
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:b}", "guest", g->name, "role",
			 g->role == PW_AGENT_INCOMING ? "incoming" : "running", "memory_bytes",
			 (json_int_t)pw_guest_memory_bytes(g), "device_bytes",
			 (json_int_t)pw_guest_device_bytes(g), "devices", devices, "busy", g->busy);
}

static void guest_list(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_host *host = user;
	json_t *all = json_array();

	(void)params;
	for (struct pw_guest *g = pw_guests_first(host->guests); g; g = LIST_NEXT(g, next))
		if (g->name[0] && g->fd >= 0 && !g->left)
			json_array_append_new(all, one_guest(g));
	pw_rpc_reply_result(reply, all);
}

static void peer_list(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	const struct pw_host *host = user;
	json_t *all = json_array();

	(void)params;
	for (uint32_t i = 0; i < host->conf->peers; i++)
		json_array_append_new(all, json_pack("{s:s, s:s, s:i}", "peer",
						     host->conf->peer[i].name, "address",
						     host->conf->peer[i].address, "port",
						     (int)host->conf->peer[i].port));
	pw_rpc_reply_result(reply, all);
}

struct word {
	const char *word;
	int value;
};

static const struct word modes[] = {
	{ "enhanced", PW_MODE_ENHANCED },
	{ "legacy", PW_MODE_LEGACY },
	{ NULL, 0 },
};

static const struct word verifies[] = {
	{ "none", PW_VERIFY_NONE },
	{ "stun", PW_VERIFY_STUN },
	{ "full", PW_VERIFY_FULL },
	{ NULL, 0 },
};

/* The value of a word, or fallback if it is not given; -EINVAL with err. */
static int take_word(json_t *params, const char *name, const struct word *words, int fallback,
		     struct pw_error *err)
{
	const char *given = json_string_value(json_object_get(params, name));
	char allowed[80] = "";

	if (!given)
		return fallback;
	for (const struct word *w = words; w->word; w++) {
		size_t n = strlen(allowed);

		if (!strcmp(w->word, given))
			return w->value;
		snprintf(allowed + n, sizeof(allowed) - n, "%s%s", n ? ", " : "", w->word);
	}
	return pw_fail(err, -EINVAL, "PW-1201",
		       "%s cannot be %s\nthere is no such word\nit is one of: %s", name, given, allowed);
}

/* Seconds, or fallback_ns; must be above 0 and below a day. */
static int take_seconds(json_t *params, const char *name, double scale, uint64_t *ns,
			struct pw_error *err)
{
	const json_t *given = json_object_get(params, name);
	double s;

	if (!given)
		return 0;
	s = json_number_value(given) * scale;
	if (!(s > 0 && s < 86400))
		return pw_fail(err, -EINVAL, "PW-1202",
			       "%s is out of range\nit is %g\nit must be above 0 and below a day", name,
			       json_number_value(given));
	*ns = (uint64_t)(s * NS_PER_S);
	return 0;
}

static int read_request(struct pw_host *host, json_t *params, struct pw_source_request *r,
			struct pw_error *err)
{
	const struct pw_conf_policy *policy = &host->conf->policy;
	int mode = take_word(params, "mode", modes, (int)policy->mode, err);
	int verify = take_word(params, "verify", verifies, (int)policy->verify, err);
	int rc;

	if (mode < 0 || verify < 0)
		return -EINVAL;
	*r = (struct pw_source_request){
		.guest = json_string_value(json_object_get(params, "guest")),
		.peer = json_string_value(json_object_get(params, "peer")),
		.mode = (enum pw_mode)mode,
		.verify = (enum pw_verify)verify,
		.stun_goal_ns = policy->stun_goal_ms * 1000000ull,
		.stun_limit_ns = policy->stun_limit_s * 1000000000ull,
	};
	rc = take_seconds(params, "stun_limit_s", 1, &r->stun_limit_ns, err);
	return rc ? rc : take_seconds(params, "stun_goal_ms", 1e-3, &r->stun_goal_ns, err);
}

static void migration_start(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_host *host = user;
	struct pw_source_request request;
	struct pw_source *s;
	struct pw_error err = { 0 };
	char id[33];

	if (read_request(host, params, &request, &err) ||
	    pw_source_start(host, &request, &s, &err)) {
		pw_rpc_reply_error(reply, &err);
		return;
	}
	pw_report_id(pw_source_migration(s)->id, id);
	pw_rpc_reply_result(reply, json_pack("{s:s}", "migration", id));
}

static struct pw_source *find(struct pw_host *host, json_t *params, struct pw_error *err)
{
	const char *text = json_string_value(json_object_get(params, "migration"));
	struct pw_source *s = NULL;
	uint8_t id[16];

	if (!pw_report_parse_id(text, id))
		s = pw_source_find(host, id);
	if (!s)
		pw_fail(err, -ENOENT, "PW-3021", "no migration %.40s\nit was never here, or is forgotten\n"
			"see migration_list", text);
	return s;
}

static void migration_get(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_error err = { 0 };
	struct pw_source *s = find(user, params, &err);

	if (s)
		pw_rpc_reply_result(reply, pw_report_migration(s));
	else
		pw_rpc_reply_error(reply, &err);
}

static void migration_list(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	json_t *all = json_array();
	char id[33];

	(void)params;
	for (struct pw_source *s = pw_source_first(user); s; s = pw_source_next(s)) {
		pw_report_id(pw_source_migration(s)->id, id);
		json_array_append_new(all, json_string(id));
	}
	pw_rpc_reply_result(reply, all);
}

static void migration_cancel(void *user, json_t *params, struct pw_rpc_reply *reply)
{
	struct pw_error err = { 0 };
	struct pw_source *s = find(user, params, &err);

	if (s && pw_source_cancel(s))
		pw_fail(&err, -EPERM, "PW-3022",
			"the migration cannot be cancelled any more\nit is in %s; the guest is %s\n",
			pw_stage_name(pw_source_migration(s)->stage),
			pw_migration_guest_is(pw_source_migration(s)));
	if (err.code)
		pw_rpc_reply_error(reply, &err);
	else
		pw_rpc_reply_result(reply, NULL);
}

static const struct pw_rpc_param by_id[] = {
	{ "migration", PW_RPC_STRING, true, "32 hex digits" },
	{ 0 },
};

static const struct pw_rpc_param start_params[] = {
	{ "guest", PW_RPC_STRING, true, "as its agent registered it" },
	{ "peer", PW_RPC_STRING, true, "as the configuration names it" },
	{ "mode", PW_RPC_STRING, false, "enhanced or legacy" },
	{ "verify", PW_RPC_STRING, false, "none, stun or full" },
	{ "stun_limit_s", PW_RPC_NUMBER, false, "give up rather than stun for longer" },
	{ "stun_goal_ms", PW_RPC_NUMBER, false, "short enough: stun now" },
	{ 0 },
};

static const struct pw_rpc_method methods[] = {
	{ "pagewire_get_version", get_version, NULL, "version of pagewired" },
	{ "guest_list", guest_list, NULL, "guests whose agents are connected" },
	{ "peer_list", peer_list, NULL, "hosts that guests may move to" },
	{ "migration_start", migration_start, start_params, "move a guest" },
	{ "migration_get", migration_get, by_id, "all that is known of a migration" },
	{ "migration_list", migration_list, NULL, "ids, newest first" },
	{ "migration_cancel", migration_cancel, by_id, "stop it; the guest goes on here" },
};

int pw_api_create(struct pw_rpc **rpc, struct pw_host *host, struct pw_error *err)
{
	const struct pw_rpc_opts opts = {
		.loop = host->loop,
		.path = host->conf->rpc_socket,
		.methods = methods,
		.num_methods = PW_ARRAY_SIZE(methods),
		.user = host,
	};

	return pw_rpc_create(rpc, &opts, err);
}
