/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dataplane.h - pagewire-dp, seen from pagewired: the seam's other end
 *
 * Starts and watches the process. A migration takes a transfer, which has a
 * number on the seam and a board that both processes map, and hears of every
 * message that names it.
 *
 *	take ----> fn(TRANSFER_DEL): free, it can be added ----> TRANSFER_ADD, ...
 *	renew --^                                                   |
 *	  ^---- fn(0, -ECONNRESET): the process died <--------------+
 *
 * If the process dies every transfer hears so (a message of type 0) and the
 * process is started anew, within PW_DATAPLANE_START_S. The number and the
 * board stay: after pw_dataplane_renew() the transfer can be added again. If
 * there will be no process, type 0 comes with a status other than -ECONNRESET.
 *
 * Owned by the event loop's thread.
 */
#ifndef PW_CTRL_DATAPLANE_H
#define PW_CTRL_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "pagewire/seam.h"

struct event_base;
struct pw_dataplane;

#define PW_DATAPLANE_ARGS_MAX 40u
#define PW_DATAPLANE_START_S  10u	/* from a death to READY: 0.2 s, unless something is wrong */

struct pw_dataplane_config {
	char *argv[PW_DATAPLANE_ARGS_MAX];	/* borrowed; --seam-fd is added; NULL-terminated */
};

typedef void (*pw_transfer_fn)(void *user, const struct pw_seam_msg *msg);

struct pw_transfer_board {
	uint32_t number;	/* on the seam */
	uint64_t bytes;
	struct pw_board *board;
	uint64_t bitmap_offset[PW_REGIONS_MAX];
	int fd;
};

struct pw_dataplane_calls {
	/* The first READY, or the failure to start. */
	void (*on_ready)(void *user, const struct pw_error *err);
	void *user;
};

int pw_dataplane_create(struct pw_dataplane **dp, struct event_base *loop,
			const struct pw_dataplane_config *config,
			const struct pw_dataplane_calls *calls, struct pw_error *err);

/* Ends the process. */
void pw_dataplane_destroy(struct pw_dataplane *dp);

bool pw_dataplane_is_ready(const struct pw_dataplane *dp);

/* What READY said. */
const struct pw_seam_ready *pw_dataplane_facts(const struct pw_dataplane *dp);

/* A free transfer with a board for these regions; fn hears when it can be added.
 * -EBUSY: PW_TRANSFERS_MAX are taken; -EAGAIN: there is no process. */
int pw_dataplane_take(struct pw_dataplane *dp, struct pw_transfer_board *board,
		      const uint64_t *region_bytes, uint32_t regions, pw_transfer_fn fn, void *user);

/* What the process has of this transfer is dropped: fn hears nothing of it any
 * more, and then that it can be added again. May be said twice. */
void pw_dataplane_renew(struct pw_dataplane *dp, const struct pw_transfer_board *board);

/* Let go. The number stays taken until the process has let go, too; fn is not
 * called any more. */
void pw_dataplane_put(struct pw_dataplane *dp, struct pw_transfer_board *board);

/* Send msg for this transfer; fd -1: none, else it stays the caller's. To a
 * process that has just died it is lost without an error: fn hears of that. */
int pw_dataplane_send(struct pw_dataplane *dp, const struct pw_transfer_board *board,
		      struct pw_seam_msg *msg, int fd);

/* Words of a region's dirty bitmap in the board, for slice number slice. */
uint64_t *pw_transfer_bitmap(const struct pw_transfer_board *board, uint32_t region,
			     uint64_t first_page);

/* A counter of stats.def, added up over all paths. */
uint64_t pw_transfer_stat(const struct pw_transfer_board *board, enum pw_stat stat);

#endif /* PW_CTRL_DATAPLANE_H */
