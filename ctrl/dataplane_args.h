/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane_args.h - the command line of pagewire-dp, made of the configuration */
#ifndef PW_DATAPLANE_ARGS_H
#define PW_DATAPLANE_ARGS_H

#include "conf.h"
#include "dataplane.h"

#define PW_DATAPLANE_ARG_BYTES 512u

struct pw_dataplane_args {
	struct pw_dataplane_config config;	/* points into text */
	char text[PW_DATAPLANE_ARGS_MAX][PW_DATAPLANE_ARG_BYTES];
	unsigned n;
};

/* pagewire-dp stands beside this program. */
int pw_dataplane_args_make(struct pw_dataplane_args *a, const struct pw_conf *conf,
			   struct pw_error *err);

#endif /* PW_DATAPLANE_ARGS_H */
