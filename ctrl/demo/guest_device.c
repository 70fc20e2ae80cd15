/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_device.c - see guest_device.h */

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest_device.h"
#include "pagewire/check.h"

#define NUM_STATES (PW_DEVICE_PRE_COPY_P2P + 1)
#define TO(s)	   (1u << PW_DEVICE_##s)

/* ERROR is left by a reset only; the P2P states are for devices with peers. */
static const unsigned next_states[NUM_STATES] = {
	[PW_DEVICE_STOP] = TO(RUNNING) | TO(STOP_COPY) | TO(RESUMING),
	[PW_DEVICE_RUNNING] = TO(STOP) | TO(PRE_COPY) | TO(STOP_COPY),
	[PW_DEVICE_STOP_COPY] = TO(STOP) | TO(RUNNING),
	[PW_DEVICE_RESUMING] = TO(STOP),
	[PW_DEVICE_PRE_COPY] = TO(STOP_COPY) | TO(RUNNING),
};

int pw_guest_device_init(struct pw_guest_device *d, enum pw_device_state state)
{
	d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->stop_fd < 0)
		return -errno;
	pthread_mutex_init(&d->lock, NULL);
	d->fd = -1;
	d->state = state;
	return 0;
}

/* The end of our end is what the reader waits for: at once, before the join. */
static void finish(struct pw_guest_device *d, int result)
{
	pthread_mutex_lock(&d->lock);
	close(d->fd);
	d->fd = -1;
	d->done = true;
	d->result = result;
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->done_fd, 1);
}

static void *device_main(void *arg)
{
	struct pw_guest_device *d = arg;
	const struct pw_guest_pipe p = { .fd = d->fd, .stop_fd = d->stop_fd };

	finish(d, d->saving ? d->ops->save(d->device, &p) : d->ops->load(d->device, &p));
	return NULL;
}

static int start_thread(struct pw_guest_device *d, bool saving, int *data_fd)
{
	int fds[2], err;

	PW_CHECK(!d->has_thread);
	err = pw_guest_pipe_open(fds, saving ? 1 : 0);
	if (err)
		return err;
	d->fd = fds[saving ? 1 : 0];
	d->saving = saving;
	d->done = false;
	err = pthread_create(&d->thread, NULL, device_main, d);
	if (err) {
		close(fds[0]);
		close(fds[1]);
		d->fd = -1;
		return -err;
	}
	d->has_thread = true;
	*data_fd = fds[saving ? 0 : 1];
	return 0;
}

/* Join the thread, if there is one; one that is not done is told to give up. */
static void end_thread(struct pw_guest_device *d)
{
	eventfd_t count;

	if (!d->has_thread)
		return;
	if (d->saving)
		d->ops->abort_save(d->device);
	eventfd_write(d->stop_fd, 1);
	pthread_join(d->thread, NULL);
	eventfd_read(d->stop_fd, &count);
	d->has_thread = false;
}

void pw_guest_device_fini(struct pw_guest_device *d)
{
	end_thread(d);
	pthread_mutex_destroy(&d->lock);
	close(d->stop_fd);
}

static bool is_done(struct pw_guest_device *d, int *result)
{
	bool done;

	pthread_mutex_lock(&d->lock);
	done = d->done;
	*result = d->result;
	pthread_mutex_unlock(&d->lock);
	return done;
}

static int begin_save(struct pw_guest_device *d, bool stopped, int *data_fd)
{
	d->ops->begin_save(d->device, stopped);
	return start_thread(d, true, data_fd);
}

static int begin_load(struct pw_guest_device *d, int *data_fd)
{
	d->loaded = false;
	return start_thread(d, false, data_fd);
}

static bool may_enter(const struct pw_guest_device *d, enum pw_device_state state)
{
	if ((unsigned)state >= NUM_STATES || !(next_states[d->state] & (1u << state)))
		return false;
	return state != PW_DEVICE_PRE_COPY || (d->about.flags & PW_DEVICE_CAN_PRE_COPY);
}

int pw_guest_device_enter(struct pw_guest_device *d, enum pw_device_state state, bool stopped,
			  int *data_fd)
{
	int err = 0;

	*data_fd = -1;
	if (state == d->state && (next_states[state] & TO(STOP_COPY)) && !d->has_thread)
		return 0;	/* at rest, asked twice */
	if (!may_enter(d, state))
		return -EINVAL;
	if (!stopped && (state == PW_DEVICE_STOP || state == PW_DEVICE_STOP_COPY))
		return -EBUSY;

	if (state == PW_DEVICE_PRE_COPY)
		err = begin_save(d, false, data_fd);
	else if (state == PW_DEVICE_STOP_COPY && d->state == PW_DEVICE_PRE_COPY)
		d->ops->finish_save(d->device);	/* in vain if the reader has gone */
	else if (state == PW_DEVICE_STOP_COPY)
		err = begin_save(d, true, data_fd);
	else if (state == PW_DEVICE_RESUMING)
		err = begin_load(d, data_fd);
	else
		end_thread(d);
	if (!err)
		d->state = state;
	return err;
}

void pw_guest_device_reset(struct pw_guest_device *d, enum pw_device_state state)
{
	end_thread(d);
	d->state = state;
	d->loaded = false;
}

int pw_guest_device_await_load(struct pw_guest_device *d)
{
	int result;

	if (d->loaded)
		return 0;
	if (d->state != PW_DEVICE_RESUMING)
		return -EINVAL;
	if (!is_done(d, &result))
		return -EAGAIN;
	end_thread(d);
	d->loaded = result == 0;
	d->state = d->loaded ? PW_DEVICE_STOP : PW_DEVICE_ERROR;
	return result;
}

/* What is in the pipe has not been read either. */
static void add_unread(struct pw_guest_device *d, struct pw_agent_device_info *info)
{
	int unread = 0;

	pthread_mutex_lock(&d->lock);
	if (d->fd < 0 || ioctl(d->fd, FIONREAD, &unread) || unread < 0)
		unread = 0;
	pthread_mutex_unlock(&d->lock);
	if (info->initial_bytes)
		info->initial_bytes += (uint64_t)unread;
	else
		info->dirty_bytes += (uint64_t)unread;
}

void pw_guest_device_info(struct pw_guest_device *d, struct pw_agent_device_info *info)
{
	d->ops->info(d->device, info);
	if (d->has_thread && d->saving)
		add_unread(d, info);
}
