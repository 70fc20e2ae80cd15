/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_host.c - see demo_host.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../ca.h"
#include "../rpc_client.h"
#include "demo_host.h"

#define ANSWER_MS 5000u	/* so that Ctrl-C is heard even if pagewired is stuck */

/* Longest name in the folder, with room: "/host-b.agent". */
static_assert(PW_DEMO_DIR_MAX + 20 <= PW_DEMO_SOCKET_MAX, "paths of sockets fit");

int pw_demo_host_make_authority(const char *dir, struct pw_error *e)
{
	return pw_ca_create(dir, e);
}

static void write_cpus(FILE *f, const struct pw_demo_cpus *cpus)
{
	for (uint32_t i = 0; i < cpus->count; i++)
		fprintf(f, "%s%u", i ? ", " : "", cpus->cpu[i]);
}

/* Workers rest when there is nothing to do: both hosts share this machine with
 * each other, and with the guest. */
static void write_conf(const struct pw_demo_host *h, const char *dir, FILE *f)
{
	fprintf(f, "version: 1\n");
	fprintf(f, "host: {name: %s}\n", h->name);
	fprintf(f, "sockets:\n  rpc: \"%s\"\n  agent: \"%s\"\n", h->rpc, h->agent);
	fprintf(f, "control: {address: 127.0.0.1, port: %u}\n", h->port);
	fprintf(f, "tls:\n  ca: \"%s/ca.crt\"\n  cert: \"%s/%s.crt\"\n  key: \"%s/%s.key\"\n", dir,
		dir, h->name, dir, h->name);
	fprintf(f, "peers:\n  - {name: %s, address: 127.0.0.1, port: %u}\n", h->peer, h->peer_port);
	fprintf(f, "lane:\n  driver: memif\n  socket: \"%s/lane\"\n  role: %s\n  paths: %u\n", dir,
		h->serves_lane ? "server" : "client", h->paths);
	fprintf(f, "workers:\n  cpus: [");
	write_cpus(f, &h->cpus);
	fprintf(f, "]\n  idle: backoff\n");
	fprintf(f, "memory: {hugepages: none}\n");
}

int pw_demo_host_prepare(struct pw_demo_host *h, const char *dir, struct pw_error *e)
{
	const struct pw_ca_cert cert = { .name = h->name, .valid_s = PW_CA_DAY_S };
	char path[PW_PROC_PATH_MAX];
	int err = pw_ca_issue(dir, &cert, e);
	FILE *f;

	if (err)
		return err;
	snprintf(h->rpc, sizeof(h->rpc), "%s/%s.rpc", dir, h->name);
	snprintf(h->agent, sizeof(h->agent), "%s/%s.agent", dir, h->name);
	snprintf(path, sizeof(path), "%s/%s.yaml", dir, h->name);
	f = fopen(path, "we");
	if (!f)
		return pw_fail(e, -errno, "PW-9005", "cannot write %s\n%s", path,
			       strerror(errno));
	write_conf(h, dir, f);
	if (fclose(f))
		return pw_fail(e, -errno, "PW-9005", "cannot write %s\n%s", path,
			       strerror(errno));
	return 0;
}

int pw_demo_host_start(struct pw_demo_host *h, const char *dir, struct pw_error *e)
{
	char program[PW_PROC_PATH_MAX], conf[PW_PROC_PATH_MAX], log[PW_PROC_PATH_MAX], name[48];
	const char *const argv[] = { program, "--config", conf, NULL };
	const struct pw_proc_plan plan = { .name = name, .log = log, .argv = argv };
	int err = pw_proc_sibling("pagewired", program, sizeof(program), e);

	if (err)
		return err;
	snprintf(name, sizeof(name), "pagewired of %s", h->name);
	snprintf(conf, sizeof(conf), "%s/%s.yaml", dir, h->name);
	snprintf(log, sizeof(log), "%s/%s.log", dir, h->name);
	return pw_proc_start(&h->proc, &plan, e);
}

int pw_demo_host_call(const struct pw_demo_host *h, const char *method, json_t *params,
		      json_t **result, struct pw_error *e)
{
	struct pw_rpc_client *client;
	int err = pw_rpc_client_open(&client, h->rpc, e);

	if (err) {
		json_decref(params);
		return err;
	}
	pw_rpc_client_limit(client, ANSWER_MS);
	err = pw_rpc_client_call(client, method, params, result, e);
	pw_rpc_client_close(client);
	return err;
}

bool pw_demo_host_answers(const struct pw_demo_host *h)
{
	json_t *result;

	if (pw_demo_host_call(h, "pagewire_get_version", NULL, &result, NULL))
		return false;
	json_decref(result);
	return true;
}
