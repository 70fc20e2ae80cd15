/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * agent.h - the hypervisor's side: what pagewired and the agent of a guest say
 *
 * A unix SOCK_SEQPACKET carries struct pw_agent_msg, one per packet, with up to
 * PW_AGENT_FDS_MAX file descriptors (SCM_RIGHTS). The agent connects, registers
 * one guest, and then answers. Every request of pagewired has one answer of the
 * same type and seq, with a status: 0 or a negative errno. Requests are sent
 * one at a time.
 *
 * A guest registers as running (it can be a source) or as incoming (it waits
 * to be a target; its memory reads as zero until data comes, and again after
 * DISCARD). Memory is memfds, owned by the agent; pagewired holds the
 * descriptors too, so that neither pagewire process can lose a byte.
 *
 * Devices speak the states of VFIO migration v2. A device in PRE_COPY or
 * STOP_COPY is read from data_fd until "nothing now" (EAGAIN) or the end of
 * file; one in RESUMING is written to data_fd, and closing it ends the state.
 * PRE_COPY -> STOP_COPY keeps the same data_fd. A stream that was cut off begins
 * again, with another data_fd and the whole state from its start:
 * PRE_COPY -> RUNNING -> PRE_COPY, STOP_COPY -> STOP -> STOP_COPY, RESUMING -> STOP ->
 * RESUMING. That the reader or writer of a data_fd has gone is no reason to refuse
 * any of these, nor PRE_COPY -> STOP_COPY.
 *
 * The source, in order: REGISTER, ARM, DEVICE_STATE (PRE_COPY), DEVICE_INFO ...,
 * PAUSE, DEVICE_STATE (STOP_COPY), then RELEASE (it runs at the target) or
 * RESUME (it stays). With soft-dirty bits PAUSE and RESUME also surround each
 * reading of them before that. The target: REGISTER, PREPARE, DEVICE_STATE
 * (RESUMING), LOADED per device, RUN or DISCARD.
 *
 * Only RUN starts a guest, only with the permit of the migration that loaded
 * it. When the agent loses pagewired, a running guest goes on running, a
 * paused source stays paused, a target that was never told RUN stays paused.
 */
#ifndef PW_AGENT_H
#define PW_AGENT_H

#include <assert.h>
#include <stdint.h>

#include "pagewire/limits.h"

#define PW_AGENT_VERSION 1u
#define PW_AGENT_FDS_MAX (PW_REGIONS_MAX + 2u)

enum pw_agent_type {
	PW_AGENT_REGISTER = 1,	/* agent's request; fds: regions in order, pagemap, clear_refs */
	PW_AGENT_ARM,	/* start to track writes of the guest's CPUs */
	PW_AGENT_DISARM,
	PW_AGENT_PAUSE,	/* stop CPUs and devices; answer when nothing is written any more */
	PW_AGENT_RESUME,	/* source: it runs on; so do devices, but PRE_COPY stays PRE_COPY */
	PW_AGENT_RELEASE,	/* the guest runs elsewhere: let go of it for good */
	PW_AGENT_PREPARE,	/* target: permit of the migration that is coming */
	PW_AGENT_RUN,	/* target: run under this permit */
	PW_AGENT_DISCARD,	/* target: forget what was loaded */
	PW_AGENT_DEVICE_STATE,	/* answer's fd: data_fd, where the state has one */
	PW_AGENT_DEVICE_INFO,
	PW_AGENT_DEVICE_LOADED,	/* target: answer when all of data_fd is loaded */
	PW_AGENT_QUERY,
	PW_NUM_AGENT_TYPES
};

enum pw_agent_role { PW_AGENT_RUNNING = 1, PW_AGENT_INCOMING = 2 };

/* Numbers of VFIO migration v2 (linux/vfio.h, enum vfio_device_mig_state). */
enum pw_device_state {
	PW_DEVICE_ERROR = 0,
	PW_DEVICE_STOP = 1,
	PW_DEVICE_RUNNING = 2,
	PW_DEVICE_STOP_COPY = 3,
	PW_DEVICE_RESUMING = 4,
	PW_DEVICE_RUNNING_P2P = 5,
	PW_DEVICE_PRE_COPY = 6,
	PW_DEVICE_PRE_COPY_P2P = 7,
};

#define PW_DEVICE_CAN_PRE_COPY 0x1u

#define PW_TRACK_UFFD_WP    1u	/* userfaultfd-wp async, read with PAGEMAP_SCAN on the pagemap fd */
#define PW_TRACK_SOFT_DIRTY 2u	/* soft-dirty bits; reset through the clear_refs fd */

struct pw_agent_region {
	uint64_t bytes;	/* of the memfd; a multiple of PW_PAGE_BYTES */
	uint64_t address;	/* where the guest's process maps it: what its pagemap is read at */
};

struct pw_agent_device {
	char name[24];
	uint32_t flags;	/* PW_DEVICE_CAN_... */
	uint32_t unused;
	uint64_t memory_bytes;	/* of device memory, for reports; 0 for none */
};

struct pw_agent_register {
	uint32_t version;
	uint32_t role;	/* enum pw_agent_role */
	char guest[PW_GUEST_NAME_MAX];
	uint32_t regions;
	uint32_t devices;
	struct pw_agent_region region[PW_REGIONS_MAX];
	struct pw_agent_device device[PW_DEVICES_MAX];
	char why[120];	/* answer with status != 0: what was found and what to do */
};

struct pw_agent_permit {
	uint8_t migration[16];
	uint32_t epoch;
	uint32_t unused;
};

/* CLOCK_MONOTONIC of the agent's host, in ns; 0: has not happened. */
struct pw_agent_times {
	uint64_t last_step_ns;	/* PAUSE, RUN: the guest's last step at the source (from its registers) */
	uint64_t first_step_ns;	/* RUN: its first step here */
};

struct pw_agent_device_state {
	uint32_t device;
	uint32_t state;	/* enum pw_device_state */
};

struct pw_agent_device_info {
	uint32_t device;
	uint32_t unused;
	uint64_t initial_bytes;	/* PRE_COPY: to be read before a stop makes sense */
	uint64_t dirty_bytes;	/* PRE_COPY: more to read now */
	uint64_t stop_bytes;	/* estimate: what STOP_COPY would hold, once PRE_COPY is read dry */
};

struct pw_agent_arm {
	uint32_t how;	/* request: PW_TRACK_... wanted; answer: in force */
	uint32_t unused;
};

struct pw_agent_query {
	uint32_t running;
	uint32_t unused;
	uint64_t steps;	/* the guest has taken in its life, moves included */
};

struct pw_agent_msg {
	uint32_t type;	/* enum pw_agent_type */
	int32_t status;
	uint32_t seq;	/* of the request */
	uint32_t unused;
	union {
		struct pw_agent_register reg;
		struct pw_agent_permit permit;	/* PREPARE, RUN, DISCARD */
		struct pw_agent_times times;	/* answers of PAUSE and RUN */
		struct pw_agent_device_state state;
		struct pw_agent_device_info info;	/* DEVICE_INFO */
		uint32_t device;	/* DEVICE_LOADED */
		struct pw_agent_arm arm;
		struct pw_agent_query query;
	};
};
static_assert(sizeof(struct pw_agent_msg) < 2048, "one small packet");

#endif /* PW_AGENT_H */
