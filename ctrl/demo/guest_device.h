/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest_device.h - a device of the guest in the states of VFIO migration v2
 *
 * What is particular to a device is its pw_guest_device_ops. Here are the
 * states, the pipe behind data_fd, and the thread that serves it.
 *
 * Happy path: RUNNING -> PRE_COPY (thread starts, caller gets the read end) ->
 * STOP_COPY (same thread, told to finish) -> RUNNING or STOP. At the target:
 * STOP -> RESUMING (caller gets the write end) -> loaded -> RUNNING.
 *
 * What can go wrong: the other end closes early (the thread ends with an error,
 * which await_load reports; a save waits for whoever reads it to begin anew), or
 * the session is given up (the thread is told to stop and joined). A load that
 * failed leaves ERROR, and only pw_guest_device_reset leaves that.
 *
 * Anew: PRE_COPY -> RUNNING -> PRE_COPY, STOP_COPY -> STOP -> STOP_COPY, RESUMING
 * -> STOP -> RESUMING. Each gives another data_fd and the whole state from its
 * start; the one before sees its end (EOF, EPIPE) and nothing of the new.
 *
 * D1  A thread lives in PRE_COPY, STOP_COPY and RESUMING only, and is joined
 *     before the state is left.
 *
 * Calls are made by the loop only; the thread shares what is under lock.
 */
#ifndef PW_GUEST_DEVICE_H
#define PW_GUEST_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest_pipe.h"
#include "pagewire/agent.h"

/* save and load run in the device's thread, the others in the loop. */
struct pw_guest_device_ops {
	void (*begin_save)(void *device, bool stopped);
	void (*finish_save)(void *device);
	void (*abort_save)(void *device);
	int (*save)(void *device, const struct pw_guest_pipe *p);
	int (*load)(void *device, const struct pw_guest_pipe *p);
	void (*info)(void *device, struct pw_agent_device_info *info);
};

struct pw_guest_device {
	struct pw_agent_device about;	/* name, flags, bytes: as registered */
	const struct pw_guest_device_ops *ops;
	void *device;	/* of ops; borrowed */
	int done_fd;	/* eventfd, borrowed: counted up when a thread is done */

	enum pw_device_state state;
	bool loaded;	/* RESUMING ended well */
	bool saving;	/* what the thread does; it does not change while there is one */
	bool has_thread;
	pthread_t thread;
	int stop_fd;	/* eventfd: the thread is to give up */

	pthread_mutex_t lock;	/* of the rest */
	int fd;	/* our end of the pipe; -1: closed */
	bool done;
	int result;	/* of the thread, once done */
};

/* about, ops, device and done_fd are set. */
int pw_guest_device_init(struct pw_guest_device *d, enum pw_device_state state);
void pw_guest_device_fini(struct pw_guest_device *d);

/* Enter a state; stopped: the guest's engine is parked. *data_fd is the caller's
 * end if the state has one, else -1. -EINVAL: not from here; -EBUSY: not while
 * the guest runs. */
int pw_guest_device_enter(struct pw_guest_device *d, enum pw_device_state state, bool stopped,
			  int *data_fd);

/* Give up whatever is going on. */
void pw_guest_device_reset(struct pw_guest_device *d, enum pw_device_state state);

/* -EAGAIN: still loading, ask again after done_fd; 0: loaded; else what is wrong. */
int pw_guest_device_await_load(struct pw_guest_device *d);

void pw_guest_device_info(struct pw_guest_device *d, struct pw_agent_device_info *info);

#endif /* PW_GUEST_DEVICE_H */
