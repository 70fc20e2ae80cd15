/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_schema.h - the shape of pagewire.yaml, for libcyaml
 *
 * What the file says, word for word: a pointer is NULL where it says nothing.
 * Numbers are words too: libcyaml would read "300ms" as 300 without a word. A
 * list of CPUs and the word auto are two shapes of one key, hence two schemas.
 */
#ifndef PW_CONF_SCHEMA_H
#define PW_CONF_SCHEMA_H

#include <cyaml/cyaml.h>
#include <stddef.h>

struct pw_conf_text;

struct pw_said_peer {
	char *name;
	char *address;
	char *port;
};

struct pw_said_lane {
	char *driver;
	char *socket;
	char *role;
	char *vdev;
	char *interface;
	char *device;
	char *address;
	char *gateway;
	char *vlan;
	char *port;
	char *mtu;
	char *paths;
	char *delay_target_us;
};

struct pw_said_policy {
	char *verify;
	char *mode;
	char *stun_goal_ms;
	char *stun_limit_s;
	char *deadline_s;
	char *rounds_max;
	char *rate_limit_mbps;
	char *silence_s;
};

struct pw_said_host {
	char *name;
};

struct pw_said_sockets {
	char *rpc;
	char *agent;
};

struct pw_said_control {
	char *address;
	char *port;
};

struct pw_said_tls {
	char *ca;
	char *cert;
	char *key;
};

struct pw_said_workers {
	char *cpus_word;	/* one of these two */
	char **cpu;
	unsigned cpus;
	char *idle;
};

struct pw_said_memory {
	char *hugepages;
	char *limit_mib;
};

struct pw_said {
	char *version;
	struct pw_said_host host;
	struct pw_said_sockets sockets;
	struct pw_said_control control;
	struct pw_said_tls tls;
	struct pw_said_peer *peer;
	unsigned peers;
	struct pw_said_lane lane;
	struct pw_said_workers workers;
	struct pw_said_memory memory;
	struct pw_said_policy policy;
};

/* Of a struct pw_said: workers.cpus is a list, or a word. */
extern const struct cyaml_schema_value pw_conf_schema_list;
extern const struct cyaml_schema_value pw_conf_schema_word;

/* What the text says, to be freed; NULL, with the error in the text's place, if
 * a value has the wrong shape or a key is given twice. */
struct pw_said *pw_conf_schema_load(struct pw_conf_text *t, const struct cyaml_schema_value *schema,
				    const char *text, size_t bytes);
void pw_conf_schema_free(const struct cyaml_schema_value *schema, struct pw_said *said);

#endif /* PW_CONF_SCHEMA_H */
