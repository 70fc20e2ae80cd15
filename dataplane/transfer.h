/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transfer.h - one migration's share of the dataplane, seen by all its paths
 *
 * Regions and slice tables are set up by the control thread before the first
 * path of the transfer polls; so are the senders. Streams come later: their pointers are published
 * with release and read with acquire.
 */
#ifndef PW_TRANSFER_H
#define PW_TRANSFER_H

#include <stdatomic.h>

#include "pagewire/seam.h"
#include "region.h"
#include "slice.h"
#include "spill.h"
#include "stream.h"
#include "zero_map.h"

/* What a poll moved that somebody waits for: the worker rings a bell. */
#define PW_EVENT_SLICE	 0x1u	/* a slice is settled: control thread */
#define PW_EVENT_STREAM	 0x2u	/* a stream was placed or got credit: its pump */
#define PW_EVENT_DOWN	 0x4u	/* a path went down: control thread */
#define PW_EVENT_UP	 0x8u	/* and hears again */

struct pw_transfer {
	enum pw_role role;
	unsigned slice_shift;
	struct pw_region region[PW_REGIONS_MAX];
	struct pw_slices_out slices;	/* source */
	unsigned paths;	/* source: senders that were set up */
	struct pw_spill *spill[PW_PATHS_MAX];	/* source: of each path, in its sender */
	struct pw_zero_maps *zero_maps[PW_PATHS_MAX];	/* likewise */
	_Atomic uint32_t spilled;	/* extents in all spills: nobody looks while it is 0 */
	_Atomic bool stun;	/* source: the guest is paused */
	struct pw_slice_in *slice_in[PW_REGIONS_MAX];	/* target; one per slice */
	_Atomic(struct pw_stream_out *) stream_out[PW_STREAMS_MAX];
	_Atomic(struct pw_stream_in *) stream_in[PW_STREAMS_MAX];
	_Atomic bool sealed;	/* target: nothing is placed any more */
};

#endif /* PW_TRANSFER_H */
