/* SPDX-License-Identifier: BSD-3-Clause */
/* sender_parts.h - what the files of the sender share; see sender.h */
#ifndef PW_SENDER_PARTS_H
#define PW_SENDER_PARTS_H

#include "sender.h"

#define PW_TX_TIME_SHIFT 6	/* 64 ns units: 32 bits go round in 274 s */

/* sender_next.c: lost, it goes again. */
void pw_sender_push_retry(struct pw_sender *s, const struct pw_extent *extent);

/* What goes next. False: nothing now. */
bool pw_sender_next(struct pw_sender *s, struct pw_extent *extent, unsigned *events);

/* The path is down: all it holds goes where the others find it, if there are others. */
void pw_sender_pour_out(struct pw_sender *s);

/* sender.c: a datagram was given up. */
void pw_sender_give_up(struct pw_sender *s, const struct pw_sent *lost, uint64_t now_ns);

#endif /* PW_SENDER_PARTS_H */
