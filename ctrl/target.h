/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.h - the target's side of a migration
 *
 * Happy path:
 *	target.c          what the source says; end
 *	target_open.c     OPEN: guest, transfer, regions; OPENED
 *	target_device.c   devices take their state
 *	target_verify.c   digests of memory compared
 *	target_reopen.c   a dataplane died: the transfer anew
 *	target_handover.c VERIFIED, LOADED, GIVE, RUNNING
 *
 * Everything that goes wrong before the guest was told to run is a REFUSE: what
 * was loaded is discarded and the source takes the guest back. A link that is
 * lost before GIVE came is the same. After RUN nothing is refused any more.
 */
#ifndef PW_TARGET_H
#define PW_TARGET_H

#include "host.h"

/* What a link that another host opened is to be given: it becomes a migration
 * when it says OPEN. user is the host. */
extern const struct pw_peer_calls pw_target_peer_calls;

/* At the end of the process. */
void pw_targets_destroy(struct pw_host *host);

#endif /* PW_TARGET_H */
