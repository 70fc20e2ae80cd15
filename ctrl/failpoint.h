/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * failpoint.h - places where a test can make this process die or stumble
 *
 *	PW_FP=NAME:ACTION[:NTH]		in the environment, one per process
 *
 * At the NTH passage (1) of the place called NAME: "kill" is SIGKILL to
 * ourselves, "stop" is SIGSTOP. Without PW_FP a passage is one comparison.
 *
 * Places: "got TYPE" before a control message is handled, "sent TYPE" after
 * one was queued (OPEN, CLOSED, GIVE, ...), "stage NAME" when a source enters it.
 */
#ifndef PW_FAILPOINT_H
#define PW_FAILPOINT_H

/* Name is made of both parts, with a space between. */
void pw_failpoint(const char *kind, const char *name);

#endif /* PW_FAILPOINT_H */
