/* SPDX-License-Identifier: BSD-3-Clause */
/* api.h - the methods of pagewired's JSON-RPC socket */
#ifndef PW_API_H
#define PW_API_H

#include "host.h"
#include "rpc.h"

/* Serve at host->conf->rpc_socket. */
int pw_api_create(struct pw_rpc **rpc, struct pw_host *host, struct pw_error *err);

#endif /* PW_API_H */
