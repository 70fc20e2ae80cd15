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

#include "neighbour.h"
#include "port.h"
#include "port_dma.h"
#include "pump.h"
#include "transfer.h"
#include "worker.h"

/* What all shares run on. */
struct pw_lane {
	struct pw_port port;
	struct pw_neighbours neighbours;
	struct pw_workers workers;
	struct pw_bells control;	/* one: the control thread's */
};

struct pw_share {
	bool used;
	bool starting;	/* START came, the peer's MAC did not yet */
	bool started;
	bool leaving;
	uint32_t number;
	uint32_t prefaulting;	/* regions that are made ready; counted by serve.c */
	uint64_t rate_bytes_per_s;
	uint64_t board_bytes;
	struct pw_board *board;
	uint64_t bitmap_offset[PW_REGIONS_MAX];
	uint32_t cids[PW_PATHS_MAX];	/* ours */
	struct pw_lane_end peer;
	uint64_t asked_ns;	/* when its MAC was last asked for; 0: never, or ask now */
	uint64_t looked_ns;	/* and looked for */
	uint8_t next_hop[PW_MAC_BYTES];	/* where its frames go first */
	struct pw_bells pumps;
	struct pw_pump *pump[PW_STREAMS_MAX];
	struct pw_connection *connection[PW_PATHS_MAX];
	struct pw_dma dma;	/* source: what the NIC may read */
	uint64_t page_bytes[PW_REGIONS_MAX];	/* of the memory behind a region */
	struct pw_transfer transfer;
};

/* Map the board; choose our cids, and the ports that the peer is to use, and
 * write them to add. -EAFNOSUPPORT: the peer's lane is of another kind. */
int pw_share_add(struct pw_share *s, const struct pw_lane *lane, uint32_t number,
		 struct pw_seam_transfer *add, int fd);
int pw_share_add_region(struct pw_share *s, const struct pw_seam_region *region, int fd);
void pw_share_drop_region(struct pw_share *s, uint32_t region);	/* it could not be made ready */

/* Source, on any thread: map a region for the lane's NIC. why as in port_dma.h. */
int pw_share_map_region(struct pw_share *s, uint32_t region, char why[PW_WHY_BYTES]);

/* May it start so? Then try until the peer's MAC is known. */
int pw_share_may_start(const struct pw_share *s, const struct pw_lane *lane,
		       const struct pw_seam_transfer *start);
/* Make connections to the peer's cids and post them to the workers. -EAGAIN:
 * its MAC is being asked for. */
int pw_share_start(struct pw_share *s, struct pw_lane *lane, const struct pw_seam_transfer *start);

/* share_peer.c: where its frames go first, in next_hop; -EAGAIN: it is being asked for. */
int pw_share_find_peer(struct pw_share *s, struct pw_lane *lane);

/* Every now and then, while it is started: the peer may have another MAC than
 * before. asked_ns 0 hurries. */
void pw_share_follow_peer(struct pw_share *s, struct pw_lane *lane);

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
