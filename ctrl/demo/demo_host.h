/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_host.h - one of the two hosts: its configuration, certificate and pagewired */
#ifndef PW_DEMO_HOST_H
#define PW_DEMO_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../proc.h"
#include "demo_place.h"

#define PW_DEMO_SOCKET_MAX 108u

struct pw_demo_host {
	struct pw_proc proc;
	const char *name;	/* "host-a" */
	const char *peer;	/* the other's name */
	bool serves_lane;	/* its end of the lane is the one that listens */
	uint16_t port;	/* of its control link */
	uint16_t peer_port;
	uint32_t paths;
	struct pw_demo_cpus cpus;
	char rpc[PW_DEMO_SOCKET_MAX];
	char agent[PW_DEMO_SOCKET_MAX];
};

/* Make the authority that both hosts trust, in dir. */
int pw_demo_host_make_authority(const char *dir, struct pw_error *e);

/* Write what h's pagewired needs to dir. Its name, peer, ports and CPUs are set. */
int pw_demo_host_prepare(struct pw_demo_host *h, const char *dir, struct pw_error *e);

int pw_demo_host_start(struct pw_demo_host *h, const char *dir, struct pw_error *e);

/* Whether its pagewired answers: it is ready then. */
bool pw_demo_host_answers(const struct pw_demo_host *h);

/* Call method of its pagewired; params (or NULL) are taken over, the caller owns
 * *result. One that does not answer within seconds is an error. */
int pw_demo_host_call(const struct pw_demo_host *h, const char *method, json_t *params,
		      json_t **result, struct pw_error *e);

#endif /* PW_DEMO_HOST_H */
