/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_filter.h - what the socket of af_packet takes: the lane's frames, as steer.bpf.c has it */
#ifndef PW_PACKET_FILTER_H
#define PW_PACKET_FILTER_H

#include "steer_rule.h"

/* From now on fd takes only frames to the first port of the rule: one path's. */
int pw_packet_filter_attach(int fd, const struct pw_steer_rule *rule);

#endif /* PW_PACKET_FILTER_H */
