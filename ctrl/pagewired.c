/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pagewired.c - the control process: configuration, init ladder, loop
 *
 * The RPC socket is the last thing that is opened: who can connect to it finds
 * everything else working.
 */

#include <argp.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "api.h"
#include "dataplane_args.h"
#include "log.h"
#include "source.h"
#include "target.h"

struct pagewired {
	struct pw_conf conf;
	struct pw_host host;
	struct pw_dataplane_args dataplane_args;
	struct pw_peer_tls *tls;
	struct pw_peer_listener *listener;
	struct pw_peer_name name[PW_CONF_PEERS_MAX];
	struct pw_rpc *rpc;
	struct event *sigint;
	struct event *sigterm;
	const char *config_path;
	struct pw_error err;
	bool verbose;
};

const char *argp_program_version = "pagewired " PW_VERSION;

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "configuration (/etc/pagewire/pagewire.yaml)", 0 },
	{ "verbose", 'v', NULL, 0, "log more", 0 },
	{ 0 },
};

static error_t take_option(int key, char *arg, struct argp_state *state)
{
	struct pagewired *d = state->input;

	switch (key) {
	case 'c':
		d->config_path = arg;
		return 0;
	case 'v':
		d->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { options, take_option, NULL,
				  "The control process of pagewire.", NULL, NULL, NULL };

static int load_conf(struct pagewired *d)
{
	struct pw_conf_error e = { 0 };
	int rc = pw_conf_load(&d->conf, d->config_path, &e);

	return rc ? pw_fail(&d->err, rc, "PW-1203", "%s\n%s\n%s", e.what, e.found, e.fix) : 0;
}

static void read_boot(uint8_t boot[16])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[40] = "";
	unsigned n = 0;

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	for (const char *p = text; *p && n < 16; p++) {
		unsigned byte;

		if (*p != '-' && sscanf(p, "%2x", &byte) == 1) {
			boot[n++] = (uint8_t)byte;
			p++;
		}
	}
}

/* The dataplane is up: open the doors. */
static void on_dataplane_ready(void *user, const struct pw_error *err)
{
	struct pagewired *d = user;
	const struct pw_peer_listen_opts listen = {
		.address = d->conf.control_address,
		.port = (uint16_t)d->conf.control_port,
		.names = d->name,
		.num_names = d->conf.peers,
		.calls = &pw_target_peer_calls,
		.user = &d->host,
	};

	char text[800];

	if (d->rpc && err)
		pw_err("%s", pw_error_text(err, text, sizeof(text)));
	if (d->rpc || d->err.code)
		return;	/* it was started again, or had said why it ended before it did */
	d->host.self.lane = &pw_dataplane_facts(d->host.dataplane)->end;
	if (err)
		d->err = *err;
	if (err || pw_peer_listen(&d->listener, &d->host.self, &listen, &d->err) ||
	    pw_api_create(&d->rpc, &d->host, &d->err)) {
		event_base_loopbreak(d->host.loop);
		return;
	}
	pw_info("host %s: control link at %s:%u, %u paths of %u bytes, ready", d->conf.host,
		d->conf.control_address, pw_peer_listener_port(d->listener),
		pw_dataplane_facts(d->host.dataplane)->paths,
		pw_dataplane_facts(d->host.dataplane)->payload_bytes);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct pagewired *d = arg;

	(void)what;
	pw_info("ends on signal %d", (int)sig);
	event_base_loopbreak(d->host.loop);
}

static int open_loop(struct pagewired *d)
{
	d->host.loop = event_base_new();
	if (!d->host.loop)
		return pw_fail(&d->err, -ENOMEM, "PW-1001", "out of memory");
	d->sigint = evsignal_new(d->host.loop, SIGINT, on_signal, d);
	d->sigterm = evsignal_new(d->host.loop, SIGTERM, on_signal, d);
	if (!d->sigint || !d->sigterm || event_add(d->sigint, NULL) || event_add(d->sigterm, NULL))
		return pw_fail(&d->err, -ENOMEM, "PW-1001", "out of memory");
	return 0;
}

static int open_peers(struct pagewired *d)
{
	const struct pw_peer_files files = {
		.ca = d->conf.tls_ca,
		.cert = d->conf.tls_cert,
		.key = d->conf.tls_key,
	};
	int rc = pw_peer_tls_create(&d->tls, &files, &d->err);

	if (rc)
		return rc;
	d->host.self = (struct pw_peer_self){
		.loop = d->host.loop,
		.tls = d->tls,
		.name = d->conf.host,
		.timing.dead_ms = d->conf.policy.silence_s * 1000,
	};
	for (uint32_t i = 0; i < d->conf.peers; i++)
		d->name[i].name = d->conf.peer[i].name;
	return 0;
}

static int open_dataplane(struct pagewired *d)
{
	const struct pw_dataplane_calls calls = { .on_ready = on_dataplane_ready, .user = d };
	int rc = pw_dataplane_args_make(&d->dataplane_args, &d->conf, &d->err);

	if (rc)
		return rc;
	return pw_dataplane_create(&d->host.dataplane, d->host.loop, &d->dataplane_args.config,
				   &calls, &d->err);
}

static int open_all(struct pagewired *d)
{
	int rc = load_conf(d);

	if (!rc)
		rc = open_loop(d);
	if (!rc)
		rc = open_peers(d);
	if (!rc)
		rc = pw_guests_create(&d->host.guests, d->host.loop, d->conf.agent_socket, &d->err);
	if (!rc && pw_hasher_create(&d->host.hasher, d->host.loop))
		rc = pw_fail(&d->err, -ENOMEM, "PW-1001", "out of memory");
	return rc ? rc : open_dataplane(d);
}

static void close_all(struct pagewired *d)
{
	if (d->rpc)
		pw_rpc_destroy(d->rpc);
	pw_sources_destroy(&d->host);
	pw_targets_destroy(&d->host);
	if (d->listener)
		pw_peer_listener_close(d->listener);
	if (d->host.loop)	/* what was left to the loop: last messages, frees */
		event_base_loop(d->host.loop, EVLOOP_NONBLOCK);
	if (d->host.dataplane)
		pw_dataplane_destroy(d->host.dataplane);
	pw_hasher_destroy(d->host.hasher);
	if (d->host.guests)
		pw_guests_destroy(d->host.guests);
	if (d->tls)
		pw_peer_tls_destroy(d->tls);
	if (d->sigint)
		event_free(d->sigint);
	if (d->sigterm)
		event_free(d->sigterm);
	if (d->host.loop)
		event_base_free(d->host.loop);
}

int main(int argc, char **argv)
{
	static struct pagewired d = { .config_path = "/etc/pagewire/pagewire.yaml" };
	char text[800];

	argp_parse(&argp, argc, argv, 0, NULL, &d);
	pw_log_init("pagewired", d.verbose ? PW_LOG_DEBUG : PW_LOG_INFO);
	LIST_INIT(&d.host.sources);
	LIST_INIT(&d.host.targets);
	d.host.conf = &d.conf;
	read_boot(d.host.boot);
	if (!open_all(&d))
		event_base_dispatch(d.host.loop);
	close_all(&d);
	if (!d.err.code)
		return 0;
	fprintf(stderr, "pagewired: %s\n", pw_error_text(&d.err, text, sizeof(text)));
	return 1;
}
