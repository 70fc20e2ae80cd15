/* SPDX-License-Identifier: BSD-3-Clause */
/* pump_run.c - what the thread of a pump does; see pump.h */

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "pump.h"

/* At once: enough for one system call to be cheap, little enough to still be in
 * the cache when it is digested and sent. */
#define READ_SLOTS_MAX	32u
#define WRITE_SLOTS_MAX 32u

static bool is_stopped(const struct pw_pump *p)
{
	return atomic_load_explicit(&p->stop, memory_order_acquire);
}

/* Wait until ready says so. False: stopped meanwhile. */
static bool wait_until(struct pw_pump *p, bool (*ready)(struct pw_pump *p))
{
	while (!is_stopped(p)) {
		if (ready(p))
			return true;
		pw_bells_arm(p->bells, p->stream);
		if (ready(p) || is_stopped(p))
			pw_bells_disarm(p->bells, p->stream);
		else
			pw_bells_wait(p->bells, p->stream, PW_BELL_FOREVER);
	}
	return false;
}

/* A descriptor that does not block by itself is waited for. */
static void wait_for_fd(const struct pw_pump *p, short events)
{
	struct pollfd fd = { .fd = p->fd, .events = events };

	poll(&fd, 1, -1);	/* the stop signal ends this too */
}

/* ---- source ---- */

static bool has_room(struct pw_pump *p)
{
	uint8_t *room;

	return pw_stream_out_room(&p->out, &room) > 0;
}

static bool is_settled(struct pw_pump *p)
{
	return pw_stream_out_settled(&p->out);
}

/* n bytes stand at the start of the room: make slots of them. */
static void fill(struct pw_pump *p, const uint8_t *room, size_t n)
{
	XXH3_128bits_update(p->digester, room, n);
	p->bytes += n;
	while (n > 0) {
		uint16_t bytes = (uint16_t)(n < PW_STREAM_SLOT_BYTES ? n : PW_STREAM_SLOT_BYTES);

		pw_stream_out_fill(&p->out, bytes, false);
		n -= bytes;
	}
	pw_bells_ring(p->workers, PW_BELLS_ALL);
}

static int finish(struct pw_pump *p)
{
	if (!wait_until(p, has_room))
		return -ECANCELED;
	pw_stream_out_fill(&p->out, 0, true);
	pw_bells_ring(p->workers, PW_BELLS_ALL);
	return wait_until(p, is_settled) ? 0 : -ECANCELED;
}

int pw_pump_run_out(struct pw_pump *p)
{
	for (;;) {
		uint8_t *room;
		uint32_t slots;
		ssize_t n;

		if (!wait_until(p, has_room))
			return -ECANCELED;
		slots = pw_stream_out_room(&p->out, &room);
		if (slots > READ_SLOTS_MAX)
			slots = READ_SLOTS_MAX;
		n = read(p->fd, room, (size_t)slots * PW_STREAM_SLOT_BYTES);
		if (n == 0)
			return finish(p);
		if (n > 0)
			fill(p, room, (size_t)n);
		else if (errno == EAGAIN)
			wait_for_fd(p, POLLIN);
		else if (errno != EINTR)
			return -errno;
	}
}

/* ---- target ---- */

struct gathered {
	struct iovec part[WRITE_SLOTS_MAX];
	int count;
	unsigned slots;
	bool last;
};

static bool has_slot(struct pw_pump *p)
{
	const uint8_t *from;
	uint16_t bytes;
	bool last;

	return pw_stream_in_peek(&p->in, &from, &bytes, &last);
}

/* The slots that are complete, in order. */
static void gather(struct pw_pump *p, struct gathered *g)
{
	const uint8_t *from;
	uint16_t bytes;
	bool last;

	*g = (struct gathered){ 0 };
	while (g->slots < WRITE_SLOTS_MAX && !g->last &&
	       pw_stream_in_peek_at(&p->in, g->slots, &from, &bytes, &last)) {
		g->last = last;
		g->slots++;
		if (!bytes)
			continue;
		g->part[g->count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)from,
						      .iov_len = bytes };
		XXH3_128bits_update(p->digester, from, bytes);
		p->bytes += bytes;
	}
}

/* n bytes of it are written: what remains starts where? */
static void advance(struct iovec **part, int *count, size_t n)
{
	while (*count > 0 && n >= (*part)->iov_len) {
		n -= (*part)->iov_len;
		(*part)++;
		(*count)--;
	}
	if (n) {
		(*part)->iov_base = (uint8_t *)(*part)->iov_base + n;
		(*part)->iov_len -= n;
	}
}

static int write_all(struct pw_pump *p, struct iovec *part, int count)
{
	while (count > 0) {
		ssize_t n = writev(p->fd, part, count);

		if (is_stopped(p))
			return -ECANCELED;
		if (n > 0)
			advance(&part, &count, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			wait_for_fd(p, POLLOUT);
		else if (n < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

int pw_pump_run_in(struct pw_pump *p)
{
	struct gathered g = { 0 };

	while (!g.last) {
		int status;

		if (!wait_until(p, has_slot))
			return -ECANCELED;
		gather(p, &g);
		status = write_all(p, g.part, g.count);
		if (status)
			return status;
		while (g.slots-- > 0)
			pw_stream_in_drain(&p->in);
		pw_bells_ring(p->workers, PW_BELLS_ALL);	/* there is credit */
	}
	return 0;
}
