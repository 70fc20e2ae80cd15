/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_register.c - see guest_register.h */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../error.h"
#include "guest_register.h"
#include "pagewire/check.h"

static int connect_failed(const char *path, int err, struct pw_error *e)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		return pw_fail(e, err, "PW-8004",
			       "cannot reach pagewired\nno pagewired listens at %s\n"
			       "start it, or name its agent socket with --agent", path);
	return pw_fail(e, err, "PW-8004",
		       "cannot reach pagewired\n%s: %s\n"
		       "name its agent socket with --agent, as a user who may connect to it",
		       path, strerror(-err));
}

int pw_guest_register_connect(const char *path, int *fd, struct pw_error *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int err = 0;

	if (strlen(path) >= sizeof(to.sun_path))
		return connect_failed(path, -ENAMETOOLONG, e);
	memcpy(to.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return connect_failed(path, -errno, e);
	if (connect(*fd, (struct sockaddr *)&to, sizeof(to)))
		err = -errno;
	if (!err)
		return 0;
	close(*fd);
	*fd = -1;
	return connect_failed(path, err, e);
}

int pw_guest_register_send_packet(int fd, const struct pw_agent_msg *m, const int *fds,
				  uint32_t count)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(PW_AGENT_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	PW_CHECK(count <= PW_AGENT_FDS_MAX);
	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void fill(struct pw_agent_register *reg, const struct pw_guest_machine *m, const char *guest)
{
	bool incoming = m->state == PW_GUEST_WAITING;

	reg->version = PW_AGENT_VERSION;
	reg->role = incoming ? PW_AGENT_INCOMING : PW_AGENT_RUNNING;
	snprintf(reg->guest, sizeof(reg->guest), "%s", guest);
	reg->regions = m->body.memory.regions;
	reg->devices = m->devices;
	for (uint32_t r = 0; r < reg->regions; r++)
		reg->region[r] = (struct pw_agent_region){
			.bytes = m->body.memory.region_bytes,
			.address = (uintptr_t)m->body.memory.region[r].base,
		};
	for (uint32_t d = 0; d < reg->devices; d++)
		reg->device[d] = m->device[d].about;
}

static int open_proc(const char *path, int flags, struct pw_error *e)
{
	int fd = open(path, flags | O_CLOEXEC), err = fd < 0 ? -errno : 0;

	if (!err)
		return fd;
	return pw_fail(e, err, "PW-8005",
		       "cannot let pagewired see which pages are written\n%s: %s\n"
		       "mount /proc, in a kernel with CONFIG_PROC_PAGE_MONITOR", path,
		       strerror(-err));
}

int pw_guest_register_send(int fd, const struct pw_guest_machine *m, const char *guest,
			   struct pw_error *e)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_REGISTER };
	int fds[PW_AGENT_FDS_MAX], err = 0;
	uint32_t n = m->body.memory.regions;

	fill(&msg.reg, m, guest);
	for (uint32_t r = 0; r < n; r++)
		fds[r] = m->body.memory.region[r].fd;
	fds[n] = open_proc("/proc/self/pagemap", O_RDONLY, e);
	fds[n + 1] = open_proc("/proc/self/clear_refs", O_WRONLY, e);
	if (fds[n] < 0 || fds[n + 1] < 0)
		err = fds[n] < 0 ? fds[n] : fds[n + 1];
	if (!err)
		err = pw_guest_register_send_packet(fd, &msg, fds, n + 2);
	if (fds[n] >= 0)
		close(fds[n]);
	if (fds[n + 1] >= 0)
		close(fds[n + 1]);
	if (err)
		pw_fail(e, err, "PW-8004", "cannot register with pagewired\n%s\n"
			"see its log for the reason", strerror(-err));
	return err;
}
