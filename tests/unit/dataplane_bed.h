/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dataplane_bed.h - two pagewire-dp processes joined by a memif, and a test that
 * plays pagewired to both
 *
 * A side is a process with its seam, its board and one region of guest memory,
 * all mapped here too.
 */
#ifndef PW_TESTS_DATAPLANE_BED_H
#define PW_TESTS_DATAPLANE_BED_H

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pagewire/seam.h"

#ifndef PAGEWIRE_DP	/* the program under test: the build knows its path */
#define PAGEWIRE_DP "./pagewire-dp"
#endif

#define BED_PATHS      2u
#define BED_SHIFT      24u	/* slices of 16 MiB */
#define BED_TIMEOUT_MS 20000
#define BED_NEWS_MAX   64u

struct side {
	enum pw_role role;
	pid_t pid;
	int seam;
	int board_fd;
	int region_fd;
	uint64_t bytes;	/* of the region */
	uint64_t board_bytes;
	uint8_t *board;
	uint64_t *bitmap;
	uint8_t *memory;
	uint32_t cids[PW_PATHS_MAX];
	struct pw_seam_msg ready;
	unsigned news_count;	/* messages that were not waited for when they came */
	struct pw_seam_msg news[BED_NEWS_MAX];
};

static char bed_folder[] = "/tmp/pagewire-test-XXXXXX";
static char bed_socket[sizeof(bed_folder) + 16];

static inline void bed_open(void)
{
	if (!mkdtemp(bed_folder))
		abort();
	snprintf(bed_socket, sizeof(bed_socket), "%s/lane", bed_folder);
}

static inline void bed_close(void)
{
	unlink(bed_socket);
	rmdir(bed_folder);
}

static inline double bed_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- messages ---- */

static inline void side_send(const struct side *s, const struct pw_seam_msg *msg, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &fd, sizeof(fd));
	}
	CU_ASSERT_EQUAL(sendmsg(s->seam, &header, MSG_NOSIGNAL), (ssize_t)sizeof(*msg));
}

/* False: nothing came in time, or the process has ended. */
static inline bool side_receive(const struct side *s, struct pw_seam_msg *msg)
{
	struct pollfd fd = { .fd = s->seam, .events = POLLIN };

	return poll(&fd, 1, BED_TIMEOUT_MS) == 1 && recv(s->seam, msg, sizeof(*msg), 0) ==
						    (ssize_t)sizeof(*msg);
}

/* The next message of this type; others wait in news. Its status is -ETIME if
 * none comes. */
static inline struct pw_seam_msg side_expect(struct side *s, enum pw_seam_type type)
{
	struct pw_seam_msg msg;

	for (unsigned i = 0; i < s->news_count; i++)
		if (s->news[i].type == type) {
			msg = s->news[i];
			s->news[i] = s->news[--s->news_count];
			return msg;
		}
	while (side_receive(s, &msg)) {
		if (msg.type == type)
			return msg;
		if (s->news_count < BED_NEWS_MAX)
			s->news[s->news_count++] = msg;
	}
	return (struct pw_seam_msg){ .type = type, .status = -ETIME };
}

static inline struct pw_seam_msg side_ask(struct side *s, const struct pw_seam_msg *msg, int fd)
{
	side_send(s, msg, fd);
	return side_expect(s, (enum pw_seam_type)msg->type);
}

static inline int side_ask_plain(struct side *s, enum pw_seam_type type)
{
	return side_ask(s, &(struct pw_seam_msg){ .type = type }, -1).status;
}

/* ---- processes ---- */

/* Start a process with one more argument, or NULL, and take its READY. */
static inline void side_spawn(struct side *s, enum pw_role role, const char *vdev, const char *more)
{
	char seam[16], paths[16];
	int pair[2];

	*s = (struct side){ .role = role, .seam = -1, .board_fd = -1, .region_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		abort();
	s->pid = fork();
	if (s->pid == 0) {
		snprintf(seam, sizeof(seam), "%d", pair[1]);
		snprintf(paths, sizeof(paths), "%u", BED_PATHS);
		fcntl(pair[1], F_SETFD, 0);
		if (!freopen("/dev/null", "w", stderr))
			_exit(126);
		execl(PAGEWIRE_DP, "pagewire-dp", "--seam-fd", seam, "--paths", paths, "--vdev",
		      vdev, more, NULL);
		_exit(127);
	}
	close(pair[1]);
	s->seam = pair[0];
	s->ready = side_expect(s, PW_SEAM_READY);
}

static inline void side_spawn_memif(struct side *s, enum pw_role role, const char *more)
{
	char vdev[256];

	snprintf(vdev, sizeof(vdev), "net_memif0,role=%s,socket=%s",
		 role == PW_TARGET ? "server" : "client", bed_socket);
	side_spawn(s, role, vdev, more);
}

static inline int memory_of(const char *name, uint64_t bytes, uint8_t **at)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		abort();
	*at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*at == MAP_FAILED)
		abort();
	return fd;
}

/* End of the seam: the process is to exit with 0. Returns its wait status. */
static inline int side_end(struct side *s)
{
	int status = -1;

	close(s->seam);
	waitpid(s->pid, &status, 0);
	if (s->memory)
		munmap(s->memory, s->bytes);
	if (s->board)
		munmap(s->board, s->board_bytes);
	close(s->region_fd);
	close(s->board_fd);
	return status;
}

/* ---- requests ---- */

static inline int side_add(struct side *s, uint64_t bytes)
{
	uint64_t chunks = (bytes + (1u << 23) - 1) >> 23;
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_ADD };

	s->bytes = bytes;
	s->board_bytes = sizeof(struct pw_board) + chunks * PW_CHUNK_WORDS * 8;
	s->board_fd = memory_of("board", s->board_bytes, &s->board);
	s->region_fd = memory_of("region", bytes, &s->memory);
	s->bitmap = (uint64_t *)(void *)(s->board + sizeof(struct pw_board));
	msg.add = (struct pw_seam_transfer){ .role = s->role, .slice_shift = BED_SHIFT,
					     .board_bytes = s->board_bytes };
	msg = side_ask(s, &msg, s->board_fd);
	if (msg.status)
		return msg.status;
	memcpy(s->cids, msg.add.cids, sizeof(s->cids));
	msg = (struct pw_seam_msg){ .type = PW_SEAM_REGION_ADD };
	msg.region = (struct pw_seam_region){ .bytes = bytes,
					      .bitmap_offset = sizeof(struct pw_board) };
	return side_ask(s, &msg, s->region_fd).status;
}

static inline int side_start(struct side *s, const struct side *peer)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_TRANSFER_START };

	memcpy(msg.add.cids, peer->cids, sizeof(msg.add.cids));
	return side_ask(s, &msg, -1).status;
}

static inline int side_add_stream(struct side *s, uint32_t stream, int fd)
{
	return side_ask(s, &(struct pw_seam_msg){ .type = PW_SEAM_STREAM_ADD,
						  .stream.stream = stream }, fd).status;
}

static inline uint32_t side_slices(const struct side *s)
{
	return (uint32_t)((s->bytes + (1u << BED_SHIFT) - 1) >> BED_SHIFT);
}

static inline void side_send_slice(struct side *s, enum pw_seam_type type, uint32_t slice,
				   uint16_t epoch)
{
	const struct pw_seam_msg msg = { .type = type,
					 .slice = { .slice = slice, .epoch = epoch } };

	side_send(s, &msg, -1);
}

/* One request per slice, all at once; the sum of the answers. Any error is in status. */
static inline struct pw_seam_msg side_ask_slices(struct side *s, enum pw_seam_type type,
						 uint16_t epoch)
{
	struct pw_seam_msg sum = { .type = type };

	for (uint32_t i = 0; i < side_slices(s); i++)
		side_send_slice(s, type, i, epoch);
	for (uint32_t i = 0; i < side_slices(s) && !sum.status; i++) {
		struct pw_seam_msg msg = side_expect(s, type);

		sum.status = msg.status;
		sum.slice.sent_bytes += msg.slice.sent_bytes;
		sum.slice.zero_pages += msg.slice.zero_pages;
	}
	return sum;
}

static inline void mark_dirty(struct side *s, uint64_t page)
{
	s->bitmap[page / 64] |= 1ull << page % 64;
}

static inline struct pw_path_stats *side_stats(const struct side *s, unsigned path)
{
	return &((struct pw_board *)(void *)s->board)->path[path];
}

#endif /* PW_TESTS_DATAPLANE_BED_H */
