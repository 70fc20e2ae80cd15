/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * share.h - the dataplane's share of a migration, as the control thread holds it
 *
 *	free -> add -> regions -> start -> streams, slices -> leave -> free
 *
 * What workers see of it is its struct pw_transfer; what they run are its
 * connections, one per path; each stream has a pump. All functions are the
 * control thread's, return 0 or a negative errno, and change nothing if they
 * fail. What ctrl says is checked here: a request can be refused, not crash.
 */
#ifndef PW_SHARE_H
#define PW_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"
#include "port_dma.h"
#include "pump.h"
#include "transfer.h"
#include "worker.h"

/* What all shares run on. */
struct pw_lane {
	struct pw_port port;
	struct pw_workers workers;
	struct pw_bells control;	/* one: the control thread's */
};

struct pw_share {
	bool used;
	bool started;
	bool leaving;
	uint32_t number;
	uint32_t prefaulting;	/* regions that are made ready; counted by serve.c */
	uint64_t rate_bytes_per_s;
	uint64_t board_bytes;
	struct pw_board *board;
	uint64_t bitmap_offset[PW_REGIONS_MAX];
	uint32_t cids[PW_PATHS_MAX];	/* ours */
	struct pw_bells pumps;
	struct pw_pump *pump[PW_STREAMS_MAX];
	struct pw_connection *connection[PW_PATHS_MAX];
	struct pw_dma dma;	/* source: what the NIC may read */
	uint64_t page_bytes[PW_REGIONS_MAX];	/* of the memory behind a region */
	struct pw_transfer transfer;
};

/* Map the board, choose our cids and write them to add. */
int pw_share_add(struct pw_share *s, const struct pw_lane *lane, uint32_t number,
		 struct pw_seam_transfer *add, int fd);
int pw_share_add_region(struct pw_share *s, const struct pw_seam_region *region, int fd);
void pw_share_drop_region(struct pw_share *s, uint32_t region);	/* it could not be made ready */

/* Source, on any thread: map a region for the lane's NIC. why as in port_dma.h. */
int pw_share_map_region(struct pw_share *s, uint32_t region, char why[PW_WHY_BYTES]);

/* Make connections to the peer's cids and post them to the workers. */
int pw_share_start(struct pw_share *s, struct pw_lane *lane, const uint32_t *cids);

/* Takes fd if it succeeds. */
int pw_share_add_stream(struct pw_share *s, struct pw_lane *lane, uint32_t stream, int fd);

/* Source: what a request to send a slice means. */
int pw_share_order(const struct pw_share *s, const struct pw_seam_slice *slice,
		   struct pw_slice_order *order);

/* Target: nobody begins to place epoch from now on. */
int pw_share_close_slice(struct pw_share *s, const struct pw_seam_slice *slice);
int pw_share_seal(struct pw_share *s);

/* Take it from the workers and its pumps; go on until it has left. */
void pw_share_leave(struct pw_share *s, struct pw_lane *lane);
void pw_share_hurry(struct pw_share *s);	/* again, after a while */
bool pw_share_has_left(const struct pw_share *s);

/* Has left. */
void pw_share_free(struct pw_share *s);

#endif /* PW_SHARE_H */
