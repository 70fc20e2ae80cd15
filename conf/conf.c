/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.c - see conf.h
 *
 *	text -> shape (libcyaml: every value a word) -> values -> contradictions
 *
 * The first error wins; after it the other rows are still read, and nothing of
 * them is kept.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "conf_lane.h"
#include "conf_schema.h"
#include "conf_values.h"
#include "pagewire/check.h"

static const char *const idle_names[] = { [PW_IDLE_POLL] = "poll", [PW_IDLE_BACKOFF] = "backoff" };
static const char *const hugepages_names[] = { [PW_HUGEPAGES_NONE] = "none",
					       [PW_HUGEPAGES_AUTO] = "auto" };
static const char *const verify_names[] = { [PW_VERIFY_NONE] = "none",
					    [PW_VERIFY_STUN] = "stun",
					    [PW_VERIFY_FULL] = "full" };
static const char *const mode_names[] = { "enhanced", "legacy" };	/* from PW_MODE_ENHANCED on */

/* ---- values ---- */

#define WORD(key, said, to, kind, fallback) { key, said, to, sizeof(to), PW_CONF_##kind, fallback }
#define CHOOSE(t, key, said, names, fallback) \
	pw_conf_take_choice(t, &(struct pw_conf_choice){ key, said, names, PW_ARRAY_SIZE(names), fallback })

#define TAKE_NUMBERS(t, rows) pw_conf_take_numbers(t, rows, PW_ARRAY_SIZE(rows))
#define TAKE_WORDS(t, rows)   pw_conf_take_words(t, rows, PW_ARRAY_SIZE(rows))

static void take_host(struct pw_conf_text *t, const struct pw_said *s, struct pw_conf *c)
{
	char host[PW_GUEST_NAME_MAX] = "";
	uint32_t version;
	const struct pw_conf_number numbers[] = {
		{ "version", s->version, &version, "", 0, PW_CONF_VERSION, PW_CONF_VERSION, false },
		{ "control.port", s->control.port, &c->control_port, "", PW_CONF_PORT, 1, 65535,
		  false },
	};
	const struct pw_conf_word words[] = {
		WORD("host.name", s->host.name, c->host, NAME, host),
		WORD("sockets.rpc", s->sockets.rpc, c->rpc_socket, PATH,
		     "/run/pagewire/pagewire.sock"),
		WORD("sockets.agent", s->sockets.agent, c->agent_socket, PATH,
		     "/run/pagewire/agent.sock"),
		WORD("control.address", s->control.address, c->control_address, ADDRESS, "0.0.0.0"),
		WORD("tls.ca", s->tls.ca, c->tls_ca, PATH, NULL),
		WORD("tls.cert", s->tls.cert, c->tls_cert, PATH, NULL),
		WORD("tls.key", s->tls.key, c->tls_key, PATH, NULL),
	};

	if (gethostname(host, sizeof(host) - 1))
		host[0] = '\0';
	if (!s->version)
		pw_conf_text_fail(t, "version", "is missing\nthe file does not say it\nadd: version: %u",
				  PW_CONF_VERSION);
	TAKE_NUMBERS(t, numbers);
	TAKE_WORDS(t, words);
}

static void take_peer(struct pw_conf_text *t, const struct pw_said_peer *s, unsigned i,
		      struct pw_conf_peer *p)
{
	char name[PW_CONF_KEY_MAX], address[PW_CONF_KEY_MAX], port[PW_CONF_KEY_MAX];
	const struct pw_conf_number number = { port, s->port, &p->port, "", PW_CONF_PORT, 1, 65535, false };
	const struct pw_conf_word words[] = {
		WORD(name, s->name, p->name, NAME, NULL),
		WORD(address, s->address, p->address, ADDRESS, NULL),
	};

	snprintf(name, sizeof(name), "peers[%u].name", i);
	snprintf(address, sizeof(address), "peers[%u].address", i);
	snprintf(port, sizeof(port), "peers[%u].port", i);
	TAKE_WORDS(t, words);
	pw_conf_take_numbers(t, &number, 1);
}

static void take_peers(struct pw_conf_text *t, const struct pw_said *s, struct pw_conf *c)
{
	if (s->peers > PW_CONF_PEERS_MAX) {
		pw_conf_text_fail(t, "peers", "are too many\n%u\nuse at most %u", s->peers,
				  PW_CONF_PEERS_MAX);
		return;
	}
	c->peers = s->peers;
	for (unsigned i = 0; i < s->peers; i++)
		take_peer(t, &s->peer[i], i, &c->peer[i]);
}

static void take_cpus(struct pw_conf_text *t, const struct pw_said_workers *s,
		      struct pw_conf_workers *w)
{
	char key[PW_CONF_KEY_MAX], quoted[PW_CONF_WORD_MAX];

	if (s->cpus_word && strcmp(s->cpus_word, "auto") != 0)
		pw_conf_text_fail(t, "workers.cpus", "is none of its words\n%s\n"
				  "use auto or a list: [2, 3]",
				  pw_conf_text_quote(s->cpus_word, quoted));
	if (pw_conf_text_is_list(t, "workers.cpus") && (s->cpus == 0 || s->cpus > PW_PATHS_MAX)) {
		pw_conf_text_fail(t, "workers.cpus", "has too many or too few\n%u CPUs\n"
				  "list 1 to %u, or use auto", s->cpus, PW_PATHS_MAX);
		return;
	}
	w->cpus = s->cpus;
	for (unsigned i = 0; i < s->cpus; i++) {
		const struct pw_conf_number cpu = { key, s->cpu[i], &w->cpu[i], "", 0, 0, PW_CONF_CPU_MAX,
					    false };

		snprintf(key, sizeof(key), "workers.cpus[%u]", i);
		pw_conf_take_numbers(t, &cpu, 1);
	}
}

static void take_policy(struct pw_conf_text *t, const struct pw_said_policy *s,
			struct pw_conf_policy *p)
{
	const struct pw_conf_number numbers[] = {
		{ "policy.stun_goal_ms", s->stun_goal_ms, &p->stun_goal_ms, "ms", 300, 1, 100000,
		  false },
		{ "policy.stun_limit_s", s->stun_limit_s, &p->stun_limit_s, "s", 100, 1, 3600,
		  false },
		{ "policy.deadline_s", s->deadline_s, &p->deadline_s, "s", 0, 0, 604800, false },
		{ "policy.rounds_max", s->rounds_max, &p->rounds_max, "", 30, 1, 1000, false },
		{ "policy.rate_limit_mbps", s->rate_limit_mbps, &p->rate_limit_mbps, "Mbit/s", 0, 0,
		  400000, false },
		{ "policy.silence_s", s->silence_s, &p->silence_s, "s", 30, 1, 3600, false },
	};

	TAKE_NUMBERS(t, numbers);
	p->verify = (enum pw_verify)CHOOSE(t, "policy.verify", s->verify, verify_names,
					   PW_VERIFY_STUN);
	p->mode = (enum pw_mode)(PW_MODE_ENHANCED +
				 CHOOSE(t, "policy.mode", s->mode, mode_names, 0));
}

static void take_values(struct pw_conf_text *t, const struct pw_said *s, struct pw_conf *c)
{
	const struct pw_conf_number limit = { "memory.limit_mib", s->memory.limit_mib, &c->memory_limit_mib,
				      "MiB", 256, 64, 65536, false };

	take_host(t, s, c);
	take_peers(t, s, c);
	pw_conf_take_lane(t, &s->lane, &c->lane);
	take_cpus(t, &s->workers, &c->workers);
	c->workers.idle = (enum pw_idle)CHOOSE(t, "workers.idle", s->workers.idle, idle_names,
					       PW_IDLE_BACKOFF);
	c->hugepages = (enum pw_hugepages)CHOOSE(t, "memory.hugepages", s->memory.hugepages,
						 hugepages_names, PW_HUGEPAGES_NONE);
	pw_conf_take_numbers(t, &limit, 1);
	take_policy(t, &s->policy, &c->policy);
}

/* ---- contradictions ---- */

static void check_sockets(struct pw_conf_text *t, const struct pw_conf *c)
{
	if (strcmp(c->rpc_socket, c->agent_socket) == 0)
		pw_conf_text_fail(t, "sockets.agent", "contradicts sockets.rpc\n%.100s for both\n"
				  "give each a path of its own", c->agent_socket);
	if (c->lane.driver == PW_LANE_MEMIF && (strcmp(c->lane.socket, c->rpc_socket) == 0 ||
						strcmp(c->lane.socket, c->agent_socket) == 0))
		pw_conf_text_fail(t, "lane.socket", "contradicts sockets\n%.100s for both\n"
				  "give each a path of its own", c->lane.socket);
}

static void check_peers(struct pw_conf_text *t, const struct pw_conf *c)
{
	char key[PW_CONF_KEY_MAX];

	for (unsigned i = 0; i < c->peers; i++) {
		const char *name = c->peer[i].name;

		snprintf(key, sizeof(key), "peers[%u].name", i);
		if (strcmp(name, c->host) == 0)
			pw_conf_text_fail(t, key, "contradicts host.name\n%s is this host\n"
					  "leave it out of its own peers", name);
		if (pw_conf_find_peer(c, name) != &c->peer[i])
			pw_conf_text_fail(t, key, "is given twice\n%s\ngive each peer a name of its own",
					  name);
	}
}

static void check_cpus(struct pw_conf_text *t, const struct pw_conf *c)
{
	const struct pw_conf_workers *w = &c->workers;

	if (w->cpus > c->lane.paths)
		pw_conf_text_fail(t, "workers.cpus", "contradicts lane.paths\n%u CPUs for %u paths\n"
				  "each path has one worker: list as many or fewer, or use auto",
				  w->cpus, c->lane.paths);
	for (unsigned i = 0; i < w->cpus; i++)
		for (unsigned j = 0; j < i; j++)
			if (w->cpu[i] == w->cpu[j])
				pw_conf_text_fail(t, "workers.cpus", "names a CPU twice\n%u\n"
						  "give each worker a CPU of its own", w->cpu[i]);
}

static void check_policy(struct pw_conf_text *t, const struct pw_conf_policy *p)
{
	if (p->stun_goal_ms > (uint64_t)p->stun_limit_s * 1000)
		pw_conf_text_fail(t, "policy.stun_goal_ms", "contradicts policy.stun_limit_s\n"
				  "a goal of %u ms beyond a limit of %u s\n"
				  "use a goal within the limit", p->stun_goal_ms, p->stun_limit_s);
	if (p->deadline_s && (uint64_t)p->deadline_s * 1000 < p->stun_goal_ms)
		pw_conf_text_fail(t, "policy.deadline_s", "contradicts policy.stun_goal_ms\n"
				  "%u s for all of it, %u ms for its stun\n"
				  "use a later deadline, or 0 for none", p->deadline_s,
				  p->stun_goal_ms);
}

static int read_values(struct pw_conf_text *t, const char *text, size_t bytes, struct pw_conf *c)
{
	const struct cyaml_schema_value *schema = pw_conf_text_is_list(t, "workers.cpus") ?
						  &pw_conf_schema_list : &pw_conf_schema_word;
	struct pw_said *said;

	if (pw_conf_text_check_keys(t, schema))
		return t->e->code;
	said = pw_conf_schema_load(t, schema, text, bytes);
	if (!said)
		return t->e->code;
	take_values(t, said, c);
	pw_conf_schema_free(schema, said);
	if (t->e->code)	/* else each value is in its range, and they can be compared */
		return t->e->code;
	check_sockets(t, c);
	check_peers(t, c);
	pw_conf_check_lane(t, &c->lane);
	check_cpus(t, c);
	check_policy(t, &c->policy);
	return t->e->code;
}

int pw_conf_parse(struct pw_conf *c, const char *name, const char *text, size_t bytes,
		  struct pw_conf_error *e)
{
	struct pw_conf_error unheard;
	struct pw_conf_text t = { .name = name, .e = e ? e : &unheard };
	struct pw_conf read = { 0 };
	int err;

	memset(t.e, 0, sizeof(*t.e));
	err = pw_conf_text_open(&t, text, bytes);
	if (err)
		return err;
	err = read_values(&t, text, bytes, &read);
	pw_conf_text_close(&t);
	if (!err)
		*c = read;
	return err;
}

/* ---- files ---- */

static int fail_to_read(struct pw_conf_error *e, const char *path, int err)
{
	if (!e)
		return err;
	memset(e, 0, sizeof(*e));
	e->code = err;
	snprintf(e->what, sizeof(e->what), "cannot read the configuration %.100s", path);
	snprintf(e->found, sizeof(e->found), "%s", strerror(-err));
	snprintf(e->fix, sizeof(e->fix), "%s", err == -EFBIG ?
		 "a configuration has at most 1 MiB: is this the right file?" :
		 "check the path and who may read it");
	return err;
}

/* Read all of fd; the number of bytes or a negative errno. */
static ssize_t read_all(int fd, char *text, size_t bytes)
{
	size_t at = 0;
	ssize_t n;

	do {
		n = read(fd, text + at, bytes - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	} while (n != 0 && at < bytes);
	return (ssize_t)at;
}

int pw_conf_load(struct pw_conf *c, const char *path, struct pw_conf_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? -errno : 0;
	char *text = NULL;
	int err;

	if (fd >= 0) {
		text = malloc(PW_CONF_TEXT_MAX + 1);
		bytes = text ? read_all(fd, text, PW_CONF_TEXT_MAX + 1) : -ENOMEM;
		close(fd);
	}
	if (bytes > (ssize_t)PW_CONF_TEXT_MAX)
		bytes = -EFBIG;
	if (bytes < 0)
		err = fail_to_read(e, path, (int)bytes);
	else
		err = pw_conf_parse(c, path, text, (size_t)bytes, e);
	free(text);
	return err;
}

const struct pw_conf_peer *pw_conf_find_peer(const struct pw_conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->peers; i++)
		if (strcmp(c->peer[i].name, name) == 0)
			return &c->peer[i];
	return NULL;
}
