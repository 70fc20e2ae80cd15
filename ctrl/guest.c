/* SPDX-License-Identifier: BSD-3-Clause */
/* guest.c - see guest.h */

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "log.h"
#include "packet.h"

/* Linux has no errno above this. */
#define ERRNO_MAX 4095

struct pw_guests {
	struct event_base *loop;
	struct event *acceptable;
	int sock;
	char *path;
	LIST_HEAD(, pw_guest) all;
};

static const char *role_name(const struct pw_guest *g)
{
	return g->role == PW_AGENT_INCOMING ? "incoming" : "running";
}

static void forget_calls(struct pw_guest *g)
{
	while (!STAILQ_EMPTY(&g->calls)) {
		struct pw_guest_call *call = STAILQ_FIRST(&g->calls);

		STAILQ_REMOVE_HEAD(&g->calls, next);
		free(call);
	}
	g->waiting = false;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void destroy_guest(struct pw_guest *g)
{
	LIST_REMOVE(g, next);
	forget_calls(g);
	if (g->readable)
		event_free(g->readable);
	for (unsigned i = 0; i < g->regions; i++) {
		if (g->region[i].map)
			munmap((void *)(uintptr_t)g->region[i].map, g->region[i].bytes);
		close_fd(&g->region[i].memfd);
	}
	close_fd(&g->pagemap_fd);
	close_fd(&g->clear_refs_fd);
	close_fd(&g->fd);
	free(g);
}

/* Did whoever was called let go of it, and so end it? */
static bool is_alive(struct pw_guests *guests, const struct pw_guest *g)
{
	const struct pw_guest *other;

	LIST_FOREACH(other, &guests->all, next)
		if (other == g)
			return true;
	return false;
}

/* Calls that were not answered are answered by us. False: whoever was called
 * let go of the guest. */
static bool answer_gone(struct pw_guests *guests, struct pw_guest *g)
{
	struct pw_agent_msg answer = { .status = -ECONNRESET };
	struct pw_guest_call *call;

	while (is_alive(guests, g) && (call = STAILQ_FIRST(&g->calls))) {
		STAILQ_REMOVE_HEAD(&g->calls, next);
		answer.type = call->request.type;
		call->fn(call->user, &answer, -1);
		free(call);
	}
	return is_alive(guests, g);
}

/* The agent has gone. A migration that has the guest hears it and keeps the
 * memory until it lets go. */
static void on_hangup(struct pw_guest *g)
{
	struct pw_guests *guests = g->guests;

	if (g->name[0])
		pw_info("guest %s (%s): its agent has gone", g->name, role_name(g));
	event_free(g->readable);
	g->readable = NULL;
	close_fd(&g->fd);
	if (!g->busy) {
		destroy_guest(g);
		return;
	}
	if (answer_gone(guests, g) && g->on_gone)
		g->on_gone(g->user);
}

static int check_region(const struct pw_agent_region *r, int memfd)
{
	struct stat st;

	if (!r->bytes || r->bytes % PW_PAGE_BYTES || r->bytes > PW_REGION_BYTES_MAX)
		return -EINVAL;
	if (memfd < 0 || fstat(memfd, &st))
		return -EBADF;
	return (uint64_t)st.st_size == r->bytes ? 0 : -EINVAL;
}

static bool is_text(const char *s, size_t bytes)
{
	size_t n = strnlen(s, bytes);

	if (!n || n == bytes)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

static int check_shape(const struct pw_agent_register *reg, const struct pw_packet_fds *fds,
		       const char **why)
{
	*why = "the agent speaks another version of the agent API: use one version of pagewire";
	if (reg->version != PW_AGENT_VERSION)
		return -EPROTONOSUPPORT;
	*why = "role, name or counts are out of range";
	if ((reg->role != PW_AGENT_RUNNING && reg->role != PW_AGENT_INCOMING) ||
	    !is_text(reg->guest, sizeof(reg->guest)) || !reg->regions ||
	    reg->regions > PW_REGIONS_MAX || reg->devices > PW_DEVICES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < reg->devices; i++)
		if (!is_text(reg->device[i].name, sizeof(reg->device[i].name)))
			return -EINVAL;
	*why = "file descriptors are missing: one per region, then pagemap and clear_refs";
	return fds->n == reg->regions + 2 ? 0 : -EINVAL;
}

static int register_guest(struct pw_guest *g, const struct pw_agent_register *reg,
			  struct pw_packet_fds *fds, const char **why)
{
	int rc = check_shape(reg, fds, why);

	if (rc)
		return rc;
	*why = "a guest of that name is registered in that role: choose another name";
	if (pw_guests_find(g->guests, reg->guest, reg->role))
		return -EEXIST;
	*why = "a region is not a memfd of the size that was said";
	for (unsigned i = 0; i < reg->regions; i++)
		if (check_region(&reg->region[i], fds->fd[i]))
			return -EINVAL;

	memcpy(g->name, reg->guest, sizeof(g->name));
	g->role = reg->role;
	g->regions = reg->regions;
	g->devices = reg->devices;
	for (unsigned i = 0; i < reg->regions; i++)
		g->region[i] = (struct pw_guest_region){
			.bytes = reg->region[i].bytes,
			.address = reg->region[i].address,
			.memfd = pw_packet_take_fd(fds, i),
		};
	memcpy(g->device, reg->device, sizeof(g->device));
	g->pagemap_fd = pw_packet_take_fd(fds, reg->regions);
	g->clear_refs_fd = pw_packet_take_fd(fds, reg->regions + 1);
	pw_info("guest %s (%s): %u regions, %llu MiB of memory, %u devices", g->name, role_name(g),
		g->regions, (unsigned long long)pw_guest_memory_bytes(g) >> 20, g->devices);
	return 0;
}

static void handle_register(struct pw_guest *g, struct pw_agent_msg *msg, struct pw_packet_fds *fds)
{
	const char *why = "this connection has registered a guest";

	msg->status = g->name[0] ? -EALREADY : register_guest(g, &msg->reg, fds, &why);
	if (msg->status) {
		strncpy(msg->reg.why, why, sizeof(msg->reg.why) - 1);
		pw_warn("agent refused: %s", why);
	}
	if (pw_packet_send(g->fd, msg, sizeof(*msg), -1) || msg->status)
		on_hangup(g);
}

static void send_next(struct pw_guest *g)
{
	struct pw_guest_call *call = STAILQ_FIRST(&g->calls);

	if (!call || g->waiting)
		return;
	g->waiting = true;
	call->request.seq = ++g->seq;
	/* A failure shows as a hang-up of the socket, which answers the call. */
	pw_packet_send(g->fd, &call->request, sizeof(call->request), -1);
}

static void handle_answer(struct pw_guest *g, const struct pw_agent_msg *msg, int fd)
{
	struct pw_guest_call *call = STAILQ_FIRST(&g->calls);

	if (!g->waiting || !call || msg->type != call->request.type ||
	    msg->seq != call->request.seq) {
		/* Of a migration that let go before it was answered. */
		if (fd >= 0)
			close(fd);
		return;
	}
	STAILQ_REMOVE_HEAD(&g->calls, next);
	g->waiting = false;
	call->fn(call->user, msg, fd);
	free(call);
	send_next(g);
}

static void on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct pw_guest *g = arg;
	struct pw_agent_msg msg;
	struct pw_packet_fds fds;
	int n = pw_packet_recv((int)sock, &msg, sizeof(msg), &fds);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (n != (int)sizeof(msg)) {
		pw_packet_close_fds(&fds);
		on_hangup(g);
		return;
	}
	if (msg.status > 0 || msg.status < -ERRNO_MAX)	/* an agent's word is no errno yet */
		msg.status = -EPROTO;
	if (msg.type == PW_AGENT_REGISTER)
		handle_register(g, &msg, &fds);
	else
		handle_answer(g, &msg, pw_packet_take_fd(&fds, 0));
	pw_packet_close_fds(&fds);
}

static void on_acceptable(evutil_socket_t sock, short what, void *arg)
{
	struct pw_guests *guests = arg;
	struct pw_guest *g;
	int fd = accept4((int)sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	g = calloc(1, sizeof(*g));
	if (!g) {
		close(fd);
		return;
	}
	g->guests = guests;
	g->fd = fd;
	g->pagemap_fd = -1;
	g->clear_refs_fd = -1;
	STAILQ_INIT(&g->calls);
	LIST_INSERT_HEAD(&guests->all, g, next);
	g->readable = event_new(guests->loop, fd, EV_READ | EV_PERSIST, on_readable, g);
	if (!g->readable || event_add(g->readable, NULL))
		destroy_guest(g);
}

int pw_guests_create(struct pw_guests **guests, struct event_base *loop, const char *path,
		     struct pw_error *err)
{
	struct pw_guests *all = calloc(1, sizeof(*all));
	int rc;

	if (!all)
		return pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	LIST_INIT(&all->all);
	all->loop = loop;
	rc = pw_packet_listen(&all->sock, path, "agent socket", err);
	if (rc) {
		free(all);
		return rc;
	}
	all->path = strdup(path);
	all->acceptable = event_new(loop, all->sock, EV_READ | EV_PERSIST, on_acceptable, all);
	if (!all->path || !all->acceptable || event_add(all->acceptable, NULL)) {
		pw_guests_destroy(all);
		return pw_fail(err, -ENOMEM, "PW-1001", "out of memory");
	}
	*guests = all;
	return 0;
}

void pw_guests_destroy(struct pw_guests *guests)
{
	while (!LIST_EMPTY(&guests->all))
		destroy_guest(LIST_FIRST(&guests->all));
	if (guests->acceptable)
		event_free(guests->acceptable);
	close(guests->sock);
	if (guests->path)
		unlink(guests->path);
	free(guests->path);
	free(guests);
}

struct pw_guest *pw_guests_find(struct pw_guests *guests, const char *name, enum pw_agent_role role)
{
	struct pw_guest *g;

	LIST_FOREACH(g, &guests->all, next)
		if (g->fd >= 0 && !g->left && g->role == role && !strcmp(g->name, name))
			return g;
	return NULL;
}

struct pw_guest *pw_guests_first(struct pw_guests *guests)
{
	return LIST_FIRST(&guests->all);
}

int pw_guest_take(struct pw_guest *g, void (*on_gone)(void *user), void *user)
{
	if (g->busy)
		return -EBUSY;
	g->busy = true;
	g->on_gone = on_gone;
	g->user = user;
	return 0;
}

void pw_guest_put(struct pw_guest *g)
{
	g->busy = false;
	g->on_gone = NULL;
	g->user = NULL;
	forget_calls(g);	/* an answer that still comes matches nothing: seq has moved */
	if (g->fd < 0)
		destroy_guest(g);
}

int pw_guest_call(struct pw_guest *g, const struct pw_agent_msg *request, pw_guest_fn fn, void *user)
{
	struct pw_guest_call *call;

	if (g->fd < 0)
		return -ECONNRESET;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->request = *request;
	call->fn = fn;
	call->user = user;
	STAILQ_INSERT_TAIL(&g->calls, call, next);
	send_next(g);
	return 0;
}

int pw_guest_map(struct pw_guest *g)
{
	for (unsigned i = 0; i < g->regions; i++) {
		struct pw_guest_region *r = &g->region[i];
		void *map;

		if (r->map)
			continue;
		map = mmap(NULL, r->bytes, PROT_READ, MAP_SHARED, r->memfd, 0);
		if (map == MAP_FAILED)
			return -errno;
		madvise(map, r->bytes, MADV_DONTDUMP);
		r->map = map;
	}
	return 0;
}

uint64_t pw_guest_memory_bytes(const struct pw_guest *g)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < g->regions; i++)
		bytes += g->region[i].bytes;
	return bytes;
}

uint64_t pw_guest_device_bytes(const struct pw_guest *g)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < g->devices; i++)
		bytes += g->device[i].memory_bytes;
	return bytes;
}
