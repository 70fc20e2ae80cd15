/* SPDX-License-Identifier: BSD-3-Clause */
/* source_parts.h - what the files of the source share; see source.h */
#ifndef PW_SOURCE_PARTS_H
#define PW_SOURCE_PARTS_H

#include <event2/event.h>

#include "planner.h"
#include "source.h"
#include "tracker_pagemap.h"

/* Slices of a migration are 128 MiB: a round closes piece by piece, and a guest
 * of 1 TiB still has only 8192. */
#define PW_SOURCE_SLICE_SHIFT 27u
#define PW_SOURCE_EPOCH_FIRST 1u	/* of a slice, as the target's dataplane expects it */
#define PW_SOURCE_OPEN_MAX    32u	/* slices at the dataplane at once */

enum pw_source_slice_state { PW_SLICE_CLEAN, PW_SLICE_WAITS, PW_SLICE_SENDING, PW_SLICE_CLOSING };

/* How far the transfer is opened; back to the start when a dataplane dies. */
enum pw_source_lane {
	PW_LANE_ADDING,	/* our dataplane is being told of it, or started for it */
	PW_LANE_ADDED,	/* OPEN or REOPEN cannot be sent yet */
	PW_LANE_ASKING,	/* it was sent */
	PW_LANE_STARTING,	/* and answered; our dataplane is told to start */
	PW_LANE_OPEN,	/* slices and streams may be sent */
};

struct pw_source_slice {
	uint32_t region;
	uint32_t number;	/* in its region */
	uint16_t epoch;
	uint8_t state;	/* enum pw_source_slice_state */
	uint64_t dirty_bytes;
	uint64_t pages;
};

/* How far a round was when its lane was opened. */
struct pw_source_mark {
	uint64_t ns;
	uint64_t sent_bytes;
	uint64_t zero_pages;
};

struct pw_source_device {
	int fd;	/* data_fd; -1: none yet, or given away */
	bool told_pre_copy;	/* it is, or will be when it answers, in PRE_COPY */
	bool pre_copy;	/* it is in PRE_COPY */
	bool stop_copy;	/* STOP_COPY was asked for */
	bool opened;	/* the target waits for it */
	bool streaming;	/* the dataplane reads it */
	bool ended;
	bool loaded;
	uint64_t initial_bytes;
	uint64_t dirty_bytes;
	uint64_t stop_bytes;
	uint64_t bytes;	/* of its stream, at the end */
	uint64_t digest[2];
	uint32_t asks;	/* of its state, to the agent, not answered */
	uint32_t stale;	/* of those: the answers belong to a stream that was given up */
};

struct pw_source {
	LIST_ENTRY(pw_source) next;
	struct pw_host *host;
	struct pw_migration m;
	struct pw_peer_name peer_name;
	struct pw_guest *guest;
	struct pw_peer_link *link;
	struct pw_ctl_host_reopen own;	/* how to reach our dataplane; attempt: REOPENs sent */
	struct pw_ctl_host_reopen far;	/* the target's */
	uint32_t payload_bytes;	/* that both lanes carry */
	enum pw_source_lane lane;
	bool armed;	/* the agent is ready for OPEN */
	bool open_sent;
	bool is_opened;	/* OPENED came */
	bool plan_waits;	/* a harvest ended while the lane was not open */
	struct event *patience;	/* with a target that does not answer REOPEN */
	uint32_t again;	/* slices that the lane's end took back */
	uint8_t peer_boot[16];
	struct pw_transfer_board board;
	bool has_board;
	uint64_t repeated_bytes;	/* once the board is gone */
	uint32_t track;	/* PW_TRACK_... that the agent was asked for last */
	struct pw_tracker_pagemap pagemap;
	struct pw_tracker *tracker;	/* NULL until armed */
	struct pw_planner planner;
	struct pw_plan plan;
	unsigned waiting;	/* answers of the dataplane that ADDED still lacks */

	struct pw_source_slice *slice;
	uint32_t slices;
	uint32_t first_slice[PW_REGIONS_MAX];	/* of each region */
	uint32_t harvested;	/* slices of the harvest that is going on */
	uint32_t open;	/* slices sending or closing */
	uint64_t harvest_ns;	/* when the last harvest began */
	uint64_t dirty_rate;
	struct pw_source_mark rate_from;
	uint64_t device_poll_ns;
	struct event *step;	/* goes on with a harvest, or ends a pause between rounds */
	struct event *tick;	/* source_watch.c */
	uint64_t acks_seen;
	uint64_t heard_ns;	/* when they last changed */
	bool stopping;	/* the plan said stop */

	struct pw_source_device device[PW_DEVICES_MAX];
	uint32_t streams_sent;	/* STREAM_END went out */
	uint64_t stun_payload_bytes;	/* of all paths, as the stun began or the lane was opened in it */
	uint64_t stun_sent_bytes;	/* of the last round by then */

	uint64_t hash_job[PW_REGIONS_MAX];
	uint64_t digest_blocks;	/* to be sent in all */
	bool placed;	/* all memory of the last round */
	bool sealing;	/* SEAL was sent */
	bool sealed;

	/* legacy mode */
	struct event *legacy_readable;
	uint32_t legacy_device;
	bool legacy_busy;
	uint8_t *legacy_buffer;
	struct XXH3_state_s *legacy_digest;

	bool paused;	/* PAUSE was asked for: the guest must be resumed or released */
	enum pw_stage ending;	/* FAILED or CANCELLED while the guest is taken back; else 0 */
};

/* source.c */
int pw_source_fail(struct pw_source *s, int code, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void pw_source_enter(struct pw_source *s, enum pw_stage stage);
void pw_source_done(struct pw_source *s);
int pw_source_ask(struct pw_source *s, const struct pw_agent_msg *request, pw_guest_fn fn);
int pw_source_tell(struct pw_source *s, struct pw_ctl *msg);
int pw_source_order(struct pw_source *s, struct pw_seam_msg *msg, int fd);

/* source_setup.c */
void pw_source_setup(struct pw_source *s);
void pw_source_add_transfer(struct pw_source *s);
void pw_source_start_transfer(struct pw_source *s);
void pw_source_try_open(struct pw_source *s);
void pw_source_on_opened(struct pw_source *s, const struct pw_ctl *msg);

/* source_reopen.c */
void pw_source_on_death(struct pw_source *s, int status);
void pw_source_on_reset(struct pw_source *s);
void pw_source_send_reopen(struct pw_source *s);
void pw_source_on_reopened(struct pw_source *s, const struct pw_ctl_host_reopen *far);
void pw_source_on_lane_open(struct pw_source *s);

/* source_device.c */
void pw_source_open_streams(struct pw_source *s);
void pw_source_on_stream_opened(struct pw_source *s, uint32_t device);
void pw_source_poll_devices(struct pw_source *s);
void pw_source_stop_devices(struct pw_source *s);
void pw_source_on_stream_ended(struct pw_source *s, const struct pw_seam_msg *msg);
void pw_source_send_stream_end(struct pw_source *s, uint32_t device);
uint32_t pw_source_restart_devices(struct pw_source *s, uint32_t done);

/* source_round.c */
void pw_source_first_round(struct pw_source *s);
void pw_source_on_slice_sent(struct pw_source *s, const struct pw_seam_slice *done);
void pw_source_on_closed(struct pw_source *s, const struct pw_ctl *msg);
void pw_source_harvest(struct pw_source *s);
void pw_source_send_slices(struct pw_source *s);
uint32_t pw_source_take_slices_back(struct pw_source *s);
void pw_source_go_on(struct pw_source *s);
bool pw_source_round_is_over(const struct pw_source *s);
struct pw_round_record *pw_source_round(struct pw_source *s);	/* the one that goes on */

/* source_watch.c */
int pw_source_watch(struct pw_source *s);

/* source_stun.c */
void pw_source_stun(struct pw_source *s);
uint64_t pw_source_payload_bytes(const struct pw_source *s);	/* of all paths, repeats not counted */
void pw_source_on_last_harvest(struct pw_source *s);
void pw_source_on_last_slice(struct pw_source *s);
void pw_source_try_seal(struct pw_source *s);
void pw_source_on_sealed(struct pw_source *s);
void pw_source_on_verified(struct pw_source *s, const struct pw_ctl_host_verified *v);
void pw_source_on_loaded(struct pw_source *s, uint32_t device);
void pw_source_on_running(struct pw_source *s, const struct pw_ctl_host_running *running);

/* source_legacy.c */
void pw_source_legacy_next(struct pw_source *s);
void pw_source_legacy_fill(struct pw_source *s);
void pw_source_legacy_stop(struct pw_source *s);

#endif /* PW_SOURCE_PARTS_H */
