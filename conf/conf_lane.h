/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_lane.h - what the file says of the lane: which keys its driver takes, and what they mean */
#ifndef PW_CONF_LANE_H
#define PW_CONF_LANE_H

#include "conf.h"
#include "conf_schema.h"
#include "conf_text.h"

void pw_conf_take_lane(struct pw_conf_text *t, const struct pw_said_lane *s, struct pw_conf_lane *l);

/* Every value is in its range: do they go together? */
void pw_conf_check_lane(struct pw_conf_text *t, const struct pw_conf_lane *l);

#endif /* PW_CONF_LANE_H */
