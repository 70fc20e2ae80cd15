/* SPDX-License-Identifier: BSD-3-Clause */
/* serve.c - see serve.h */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapping.h"
#include "serve.h"

#define PENDING 1	/* instead of a status: the answer comes later */

#define TEND_DOWN_MS  50	/* how often the port is looked after: until it has its carrier */
#define TEND_UP_MS    250	/* and then */
#define HURRY_MS      10	/* how often pumps that are to end are interrupted */
#define FIND_MS	      20	/* how often the MAC of a peer is looked for */
#define FIND_NS	      3000000000ull	/* and how long: three questions of the kernel */
#define DROP_ROUNDS   500	/* 5 s: then what still hangs ends with the process */

/* ---- requests; *fd is taken by setting it to -1 ---- */

static struct pw_share *share_of(struct pw_serve *s, const struct pw_seam_msg *msg)
{
	struct pw_share *share;

	if (msg->transfer >= PW_TRANSFERS_MAX)
		return NULL;
	share = &s->share[msg->transfer];
	return share->used && !share->leaving ? share : NULL;
}

static int handle_transfer_add(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	if (msg->transfer >= PW_TRANSFERS_MAX)
		return -EINVAL;
	if (s->share[msg->transfer].used)
		return -EEXIST;
	return pw_share_add(&s->share[msg->transfer], s->lane, msg->transfer, &msg->add, *fd);
}

static int handle_region_add(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	int status;

	if (!share)
		return -EINVAL;
	msg->region.why[0] = '\0';
	status = pw_share_add_region(share, &msg->region, *fd);
	if (status || (share->transfer.role == PW_SOURCE ? !share->dma.device : msg->region.populated))
		return status;
	if (pw_pending_add_region(s, share, msg))
		return PENDING;
	pw_share_drop_region(share, msg->region.region);
	return -ENOMEM;
}

/* Answer once all workers have passed a point behind this one. */
static int answer_behind_barrier(struct pw_serve *s, struct pw_share *share,
				 const struct pw_seam_msg *msg)
{
	struct pw_pending *p = pw_pending_add(s, share, msg);

	p->barrier = pw_workers_ask(&s->lane->workers);
	return PENDING;
}

static int handle_transfer_start(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	int status = share ? pw_share_may_start(share, s->lane, &msg->add) : -EINVAL;

	(void)fd;
	if (status)
		return status;
	share->starting = true;
	pw_pending_add(s, share, msg)->deadline_ns = pw_clock_ns(&s->lane->workers.clock) + FIND_NS;
	return PENDING;
}

static int handle_stream_add(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	int status = share ? pw_share_add_stream(share, s->lane, msg->stream.stream, *fd) : -EINVAL;

	if (!status)
		*fd = -1;
	return status;
}

static int handle_slice_send(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	struct pw_slice_order order;
	int status = share ? pw_share_order(share, &msg->slice, &order) : -EINVAL;

	(void)fd;
	if (status)
		return status;
	if (pw_pending_has_slice(s, share, &msg->slice))
		return -EBUSY;
	if (order.stun)
		atomic_store_explicit(&share->transfer.stun, true, memory_order_relaxed);
	pw_pending_add(s, share, msg)->order = order;
	return PENDING;
}

static int handle_slice_close(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	int status = share ? pw_share_close_slice(share, &msg->slice) : -EINVAL;

	(void)fd;
	return status ? status : answer_behind_barrier(s, share, msg);
}

static int handle_seal(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);
	int status = share ? pw_share_seal(share) : -EINVAL;

	(void)fd;
	return status ? status : answer_behind_barrier(s, share, msg);
}

static int handle_transfer_del(struct pw_serve *s, struct pw_seam_msg *msg, int *fd)
{
	struct pw_share *share = share_of(s, msg);

	(void)fd;
	if (!share)
		return -EINVAL;
	pw_pending_cancel(s, share);
	pw_share_leave(share, s->lane);
	pw_pending_add(s, share, msg);
	return PENDING;
}

static void handle(struct pw_serve *s, struct pw_seam_msg *msg, int fd)
{
	static int (*const handlers[PW_NUM_SEAM_TYPES])(struct pw_serve *, struct pw_seam_msg *,
							int *) = {
		[PW_SEAM_TRANSFER_ADD] = handle_transfer_add,
		[PW_SEAM_REGION_ADD] = handle_region_add,
		[PW_SEAM_TRANSFER_START] = handle_transfer_start,
		[PW_SEAM_STREAM_ADD] = handle_stream_add,
		[PW_SEAM_SLICE_SEND] = handle_slice_send,
		[PW_SEAM_SLICE_CLOSE] = handle_slice_close,
		[PW_SEAM_SEAL] = handle_seal,
		[PW_SEAM_TRANSFER_DEL] = handle_transfer_del,
	};
	int status = -EINVAL;

	msg->status = 0;
	if (msg->type < PW_NUM_SEAM_TYPES && handlers[msg->type])
		status = handlers[msg->type](s, msg, &fd);
	if (fd >= 0)
		close(fd);
	if (status == PENDING)
		return;
	msg->status = status;
	pw_seam_send(s->seam, msg);
}

/* False: pagewired is gone. */
static bool receive_all(struct pw_serve *s)
{
	struct pw_seam_msg msg;
	int fd, status;

	while ((status = pw_seam_receive(s->seam, &msg, &fd)) != 0) {
		if (status == -EPIPE) {
			if (fd >= 0)
				close(fd);
			return false;
		}
		if (status == -EBADMSG)
			msg.type = 0;	/* which no handler has */
		handle(s, &msg, fd);
	}
	return true;
}

/* ---- what nobody asked for ---- */

static void tell_stream_ended(struct pw_serve *s, const struct pw_share *share, struct pw_pump *p)
{
	struct pw_seam_msg msg = {
		.type = PW_SEAM_STREAM_ENDED,
		.status = p->status,
		.transfer = share->number,
		.stream = { .stream = p->stream, .bytes = p->bytes,
			    .digest = { p->digest[0], p->digest[1] } },
	};

	p->told = true;
	pw_seam_send(s->seam, &msg);
}

/* A path that went down and came up again between two looks is up. */
static void tell_path(struct pw_serve *s, const struct pw_share *share, uint32_t path,
		      unsigned news)
{
	struct pw_seam_msg msg = {
		.type = news & PW_EVENT_UP ? PW_SEAM_PATH_UP : PW_SEAM_PATH_DOWN,
		.transfer = share->number,
		.path = path,
	};

	pw_seam_send(s->seam, &msg);
}

static void tell_news(struct pw_serve *s, struct pw_share *share)
{
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++)
		if (share->pump[i] && !share->pump[i]->told && pw_pump_has_ended(share->pump[i]))
			tell_stream_ended(s, share, share->pump[i]);
	for (uint32_t i = 0; i < PW_PATHS_MAX; i++) {
		unsigned news = 0;

		if (share->connection[i])
			news = atomic_exchange_explicit(&share->connection[i]->news, 0,
							memory_order_relaxed);
		if (news)
			tell_path(s, share, i, news);
		if (news & PW_EVENT_DOWN)
			share->asked_ns = 0;	/* perhaps its MAC is another one now */
	}
	if (share->started)
		pw_share_follow_peer(share, s->lane);
}

/* What costs speed and nothing else, so that nobody would look at the counter. */
static const struct {
	enum pw_stat stat;
	const char *text;
} losses[] = {
	{ PW_STAT_rx_wrong_queue,
	  "the NIC brings datagrams to queues of other paths; they are passed on, which takes time: "
	  "set lane.paths to 1, or use a NIC that steers" },
	{ PW_STAT_tx_unmapped,
	  "what is not mapped for the NIC is copied, which takes time: more room to lock memory "
	  "(ulimit -l), or fewer migrations at once" },
};

/* Once for each. */
static void tell_losses(struct pw_port *port, const struct pw_share *share)
{
	for (unsigned i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		uint64_t count = 0;

		for (uint32_t path = 0; path < port->paths; path++)
			count += pw_stat_get((const uint64_t *)&share->board->path[path] +
					     losses[i].stat);
		if (!count || port->told & 1u << i)
			continue;
		port->told |= 1u << i;
		fprintf(stderr, "pagewire-dp: %s\n", losses[i].text);
	}
}

static void look_around(struct pw_serve *s)
{
	for (unsigned i = 0; i < PW_TRANSFERS_MAX; i++) {
		if (!s->share[i].used || s->share[i].leaving)
			continue;
		tell_news(s, &s->share[i]);
		tell_losses(&s->lane->port, &s->share[i]);
	}
	pw_pending_advance(s);
}

/* ---- the loop ---- */

/* Look after the port. A carrier that was lost restarts it, once no worker is
 * in the driver any more. */
static void tend_port(struct pw_lane *lane)
{
	if (lane->port.state == PW_PORT_LEAVING) {
		if (pw_workers_passed(&lane->workers, lane->port.left_at))
			pw_port_restart(&lane->port);
	} else if (pw_port_tend(&lane->port)) {
		lane->port.left_at = pw_workers_ask(&lane->workers);
	}
	atomic_store_explicit(&lane->workers.path_mbps, lane->port.link_mbps / lane->port.paths,
			      memory_order_relaxed);
}

/* How long the loop may sleep, and what it does before. */
static int timeout_ms(struct pw_serve *s)
{
	int least = s->lane->port.state == PW_PORT_UP ? TEND_UP_MS : TEND_DOWN_MS;

	for (unsigned i = 0; i < PW_TRANSFERS_MAX; i++) {
		if (s->share[i].starting && least > FIND_MS)
			least = FIND_MS;
		if (s->share[i].leaving) {
			pw_share_hurry(&s->share[i]);
			least = HURRY_MS;
		}
	}
	return least;
}

static void wait_for_news(struct pw_serve *s)
{
	struct pollfd fds[] = {
		{ .fd = s->lane->control.fd[0], .events = POLLIN },
		{ .fd = s->seam->fd,
		  .events = (short)(POLLIN | (pw_seam_is_full(s->seam) ? POLLOUT : 0)) },
	};

	poll(fds, 2, timeout_ms(s));
	pw_bells_disarm(&s->lane->control, 0);
}

/* Everything is dropped: nobody is there to be answered. */
static void drop_all(struct pw_serve *s)
{
	for (unsigned i = 0; i < PW_TRANSFERS_MAX; i++) {
		if (!s->share[i].used)
			continue;
		pw_pending_cancel(s, &s->share[i]);
		if (!s->share[i].leaving)
			pw_share_leave(&s->share[i], s->lane);
	}
	for (unsigned round = 0; round < DROP_ROUNDS; round++) {
		bool any = false;

		pw_bells_arm(&s->lane->control, 0);
		pw_pending_advance(s);	/* regions that are being populated */
		for (unsigned i = 0; i < PW_TRANSFERS_MAX; i++) {
			if (s->share[i].used && pw_share_has_left(&s->share[i]))
				pw_share_free(&s->share[i]);
			any |= s->share[i].used;
			if (s->share[i].used)
				pw_share_hurry(&s->share[i]);
		}
		if (!any)
			break;
		pw_bells_wait(&s->lane->control, 0, HURRY_MS * 1000000ull);
	}
}

static void say_ready(struct pw_serve *s)
{
	struct pw_seam_msg msg = {
		.type = PW_SEAM_READY,
		.ready = { .version = PW_SEAM_VERSION, .paths = s->lane->port.paths,
			   .payload_bytes = s->lane->port.payload_bytes,
			   .end = s->lane->port.own },
	};
	struct pw_lane_end *end = &msg.ready.end;

	if (!end->family)
		end->udp_port = 0;	/* nobody needs to know */
	if (s->lane->port.link_mbps)
		end->link_mbps = s->lane->port.link_mbps;
	pw_seam_send(s->seam, &msg);
}

void pw_serve_run(struct pw_serve *s, struct pw_lane *lane, struct pw_seam *seam)
{
	memset(s, 0, sizeof(*s));
	s->lane = lane;
	s->seam = seam;
	s->end = &s->first;
	tend_port(lane);
	say_ready(s);
	while (receive_all(s)) {
		pw_bells_arm(&lane->control, 0);	/* before looking: nothing is missed */
		look_around(s);
		pw_seam_flush(seam);
		wait_for_news(s);
		tend_port(lane);
	}
	drop_all(s);
}
