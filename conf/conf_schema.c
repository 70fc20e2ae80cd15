/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_schema.c - see conf_schema.h */

#include <stdio.h>
#include <string.h>

#include "conf_schema.h"
#include "conf_text.h"

#define MAYBE (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)

#define TEXT(part, key) CYAML_FIELD_STRING_PTR(#key, MAYBE, struct pw_said_##part, key, 0, \
					       CYAML_UNLIMITED)
#define PART(key, fields) \
	CYAML_FIELD_MAPPING(#key, CYAML_FLAG_OPTIONAL, struct pw_said, key, fields)

static const struct cyaml_schema_field host_fields[] = {
	TEXT(host, name),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field sockets_fields[] = {
	TEXT(sockets, rpc),
	TEXT(sockets, agent),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field control_fields[] = {
	TEXT(control, address),
	TEXT(control, port),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field tls_fields[] = {
	TEXT(tls, ca),
	TEXT(tls, cert),
	TEXT(tls, key),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field peer_fields[] = {
	TEXT(peer, name),
	TEXT(peer, address),
	TEXT(peer, port),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_value peer_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pw_said_peer, peer_fields),
};

static const struct cyaml_schema_field lane_fields[] = {
	TEXT(lane, driver),
	TEXT(lane, socket),
	TEXT(lane, role),
	TEXT(lane, vdev),
	TEXT(lane, interface),
	TEXT(lane, device),
	TEXT(lane, address),
	TEXT(lane, gateway),
	TEXT(lane, vlan),
	TEXT(lane, port),
	TEXT(lane, mtu),
	TEXT(lane, paths),
	TEXT(lane, delay_target_us),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_value cpu_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const struct cyaml_schema_field workers_list_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("cpus", MAYBE, struct pw_said_workers, cpu, cpus, &cpu_schema,
				   0, CYAML_UNLIMITED),
	TEXT(workers, idle),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field workers_word_fields[] = {
	CYAML_FIELD_STRING_PTR("cpus", MAYBE, struct pw_said_workers, cpus_word, 0,
			       CYAML_UNLIMITED),
	TEXT(workers, idle),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field memory_fields[] = {
	TEXT(memory, hugepages),
	TEXT(memory, limit_mib),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field policy_fields[] = {
	TEXT(policy, verify),
	TEXT(policy, mode),
	TEXT(policy, stun_goal_ms),
	TEXT(policy, stun_limit_s),
	TEXT(policy, deadline_s),
	TEXT(policy, rounds_max),
	TEXT(policy, rate_limit_mbps),
	TEXT(policy, silence_s),
	CYAML_FIELD_END,
};

#define ALL_FIELDS(workers_fields)                                                          \
	CYAML_FIELD_STRING_PTR("version", MAYBE, struct pw_said, version, 0,                \
			       CYAML_UNLIMITED),                                            \
	PART(host, host_fields),                                                            \
	PART(sockets, sockets_fields),                                                      \
	PART(control, control_fields),                                                      \
	PART(tls, tls_fields),                                                              \
	CYAML_FIELD_SEQUENCE_COUNT("peers", MAYBE, struct pw_said, peer, peers,             \
				   &peer_schema, 0, CYAML_UNLIMITED),                       \
	PART(lane, lane_fields),                                                            \
	PART(workers, workers_fields),                                                      \
	PART(memory, memory_fields),                                                        \
	PART(policy, policy_fields),                                                        \
	CYAML_FIELD_END

static const struct cyaml_schema_field list_fields[] = { ALL_FIELDS(workers_list_fields) };
static const struct cyaml_schema_field word_fields[] = { ALL_FIELDS(workers_word_fields) };

const struct cyaml_schema_value pw_conf_schema_list = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct pw_said, list_fields),
};

const struct cyaml_schema_value pw_conf_schema_word = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct pw_said, word_fields),
};

/* libcyaml says what is wrong in one message and where in those that follow. */
struct complaint {
	char what[160];
	unsigned line;
	unsigned column;
};

static void hear(cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
	struct complaint *said = arg;
	char text[200];
	const char *at;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	at = strstr(text, "(line: ");
	if (at && !said->line)
		(void)sscanf(at, "(line: %u, column: %u)", &said->line, &said->column);
	else if (!at && !said->what[0] && !strstr(text, "Backtrace"))
		snprintf(said->what, sizeof(said->what), "%.*s", (int)sizeof(said->what) - 1,
			 strncmp(text, "Load: ", 6) == 0 ? text + 6 : text);
}

struct pw_said *pw_conf_schema_load(struct pw_conf_text *t, const struct cyaml_schema_value *schema,
				    const char *text, size_t bytes)
{
	struct complaint said = { 0 };
	const cyaml_config_t config = { .log_fn = hear, .log_ctx = &said, .mem_fn = cyaml_mem,
					.log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS };
	cyaml_data_t *loaded = NULL;
	cyaml_err_t err = cyaml_load_data((const uint8_t *)text, bytes, &config, schema, &loaded,
					  NULL);

	if (err == CYAML_OK && loaded)
		return loaded;
	pw_conf_text_fail_at(t, said.line, said.column, "not as it should be\n%s\n"
			     "see the example pagewire.yaml",
			     said.what[0] ? said.what : cyaml_strerror(err));
	return NULL;
}

void pw_conf_schema_free(const struct cyaml_schema_value *schema, struct pw_said *said)
{
	const cyaml_config_t config = { .mem_fn = cyaml_mem };

	cyaml_free(&config, schema, said, 0);
}
