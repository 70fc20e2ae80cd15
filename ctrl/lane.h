/* SPDX-License-Identifier: BSD-3-Clause */
/* lane.h - the ends of lanes in words, for errors */
#ifndef PW_CTRL_LANE_H
#define PW_CTRL_LANE_H

#include "pagewire/lane.h"

#define PW_LANE_TEXT_BYTES 64u

/* "IPv4", "IPv6", "shared memory" */
const char *pw_lane_kind(const struct pw_lane_end *end);

/* "192.0.2.1, UDP port 49600". Returns text. */
const char *pw_lane_text(const struct pw_lane_end *end, char text[PW_LANE_TEXT_BYTES]);

/* Why the dataplane did not find the way to an end, or NULL if status says
 * something else. */
const char *pw_lane_why(int status);

#endif /* PW_CTRL_LANE_H */
