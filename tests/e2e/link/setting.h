/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * setting.h - what is asked of a link, in words
 *
 *	lose=2% burst=0.5% burst_frames=3	both directions
 *	forth.rate=1G back.delay=2ms		one of them
 *	cut=3s cut_after=500ms			times are from now
 *	perfect					nothing of what was said before
 */
#ifndef PW_E2E_LINK_SETTING_H
#define PW_E2E_LINK_SETTING_H

#include <stdint.h>

#include "model.h"

#define SETTING_WHY_BYTES 160u

enum link_way {
	LINK_FORTH,	/* from the interface named first to the second */
	LINK_BACK,
	LINK_WAYS,
};

/* Change config by the words of line, all of them or none. Returns 0 or -EINVAL, and
 * then why says what was found and what is allowed. */
int setting_apply(struct link_config config[LINK_WAYS], const char *line, uint64_t now_ns,
		  char why[SETTING_WHY_BYTES]);

/* A line for each key, with an example. */
void setting_show(void);

#endif /* PW_E2E_LINK_SETTING_H */
