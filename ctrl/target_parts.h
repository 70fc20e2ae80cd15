/* SPDX-License-Identifier: BSD-3-Clause */
/* target_parts.h - what the files of the target share; see target.h */
#ifndef PW_TARGET_PARTS_H
#define PW_TARGET_PARTS_H

#include "target.h"

enum pw_target_state {
	PW_TARGET_OPENING,	/* memory is being mapped */
	PW_TARGET_OPEN,	/* data may come */
	PW_TARGET_SEALED,	/* no data comes any more; verifying, loading */
	PW_TARGET_OWNED,	/* GIVE came: the guest was told to run */
	PW_TARGET_STARTED,	/* it runs */
	PW_TARGET_REFUSED,	/* never again in this migration */
};

/* How far the transfer is opened. */
enum pw_target_lane {
	PW_TARGET_LANE_OPENING,	/* our dataplane is being told of it, or started for it */
	PW_TARGET_LANE_OPEN,
	PW_TARGET_LANE_LOST,	/* our dataplane died, RESET was sent: REOPEN will come */
};

struct pw_target_device {
	int fd;	/* legacy: data_fd to write to */
	bool asked;	/* to resume */
	bool resumed;	/* it was asked for an earlier stream: back to STOP first */
	uint32_t asks;	/* of its state, to the agent, not answered */
	uint32_t stale;	/* of those: the answers belong to a stream that was given up */
	bool opened;
	bool drained;	/* everything that came is written, data_fd is closed */
	bool ended;	/* STREAM_END came */
	bool loading;	/* LOADED was asked for */
	bool loaded;
	uint64_t bytes;	/* written here */
	uint64_t digest[2];
	uint64_t want_bytes;	/* as STREAM_END says */
	uint64_t want_digest[2];
};

struct pw_target {
	LIST_ENTRY(pw_target) next;
	struct pw_host *host;
	struct pw_peer_link *link;
	enum pw_target_state state;
	uint8_t id[16];
	uint32_t epoch;
	char peer[PW_GUEST_NAME_MAX];
	enum pw_mode mode;
	enum pw_verify verify;
	uint32_t slice_shift;
	uint32_t source_cids[PW_PATHS_MAX];
	uint16_t source_ports[PW_PATHS_MAX];	/* that the source wants us to send from */
	uint32_t own_cids[PW_PATHS_MAX];
	uint16_t own_ports[PW_PATHS_MAX];	/* and we it */
	uint32_t payload_bytes;	/* that both lanes carry */
	enum pw_target_lane lane;
	uint32_t attempt;	/* of the last REOPEN */
	uint32_t paths;
	struct pw_guest *guest;
	struct pw_transfer_board board;
	bool has_board;
	bool prepared;	/* the agent has our permit: DISCARD at the end */
	bool ready;	/* the agent has taken it */
	uint32_t regions_added;
	struct pw_target_device device[PW_DEVICES_MAX];
	bool sealing;	/* SEAL came */
	uint32_t legacy_device;	/* whose bytes DEVICE_DATA are */
	struct evbuffer *legacy_queue;	/* came, not yet written to the device */
	struct event *legacy_writable;
	struct XXH3_state_s *legacy_digest;

	struct pw_ctl_digest *late;	/* rows to be hashed after SEAL */
	size_t lates, lates_room;
	uint64_t blocks_seen;
	uint64_t blocks_hashed;
	uint64_t blocks_wanted;	/* as SEAL says */
	uint64_t pages_hashed;
	struct pw_verify_job *jobs;	/* that are being hashed now */
	bool verified;
	uint64_t given_ns;
};

/* target.c */
int pw_target_refuse(struct pw_target *t, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int pw_target_tell(struct pw_target *t, struct pw_ctl *msg);
int pw_target_ask(struct pw_target *t, const struct pw_agent_msg *request, pw_guest_fn fn);
int pw_target_order(struct pw_target *t, struct pw_seam_msg *msg, int fd);
void pw_target_end(struct pw_target *t);

/* target_reopen.c */
void pw_target_on_death(struct pw_target *t, int status);
void pw_target_on_reopen(struct pw_target *t, const struct pw_ctl_host_reopen *far);
void pw_target_send_reopened(struct pw_target *t);
bool pw_target_is_stale(const struct pw_target *t, enum pw_ctl_type type);

/* target_open.c */
void pw_target_open(struct pw_target *t, const struct pw_ctl *msg);
void pw_target_add_transfer(struct pw_target *t);
void pw_target_on_sealed(struct pw_target *t);

/* target_device.c */
void pw_target_open_stream(struct pw_target *t, uint32_t device);
void pw_target_on_stream_added(struct pw_target *t, uint32_t device);
void pw_target_on_stream_ended(struct pw_target *t, const struct pw_seam_msg *msg);
void pw_target_on_stream_end(struct pw_target *t, const struct pw_ctl_host_stream *end);
void pw_target_on_device_data(struct pw_target *t, const uint8_t *bytes, uint32_t n);
bool pw_target_streams_ended(const struct pw_target *t);
bool pw_target_streams_equal(const struct pw_target *t);
uint32_t pw_target_devices_done(const struct pw_target *t);
void pw_target_forget_streams(struct pw_target *t);
void pw_target_close_devices(struct pw_target *t);

/* target_verify.c */
void pw_target_on_digests(struct pw_target *t, const struct pw_ctl *msg);
void pw_target_verify_late(struct pw_target *t);
void pw_target_try_verified(struct pw_target *t);
void pw_target_stop_verify(struct pw_target *t);

/* target_handover.c */
void pw_target_on_give(struct pw_target *t);

#endif /* PW_TARGET_PARTS_H */
