/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dataplane_seam.c - pagewire-dp as pagewired sees it: two processes, a memif between */

#include <pthread.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "dataplane_bed.h"
#include "run.h"

#define MIB 1048576ull

static struct side source, target;

/* ---- fixtures ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill_page(uint8_t *memory, uint64_t page, uint64_t *state)
{
	uint64_t *words = (uint64_t *)(void *)(memory + page * PW_PAGE_BYTES);

	for (unsigned i = 0; i < PW_PAGE_BYTES / 8; i++)
		words[i] = next_random(state);
}

static void given_two_processes(void)
{
	side_spawn_memif(&target, PW_TARGET, NULL);
	side_spawn_memif(&source, PW_SOURCE, NULL);
	CU_ASSERT_EQUAL(target.ready.status, 0);
	CU_ASSERT_EQUAL(source.ready.status, 0);
}

static void given_transfer(uint64_t bytes)
{
	given_two_processes();
	CU_ASSERT_EQUAL(side_add(&target, bytes), 0);
	CU_ASSERT_EQUAL(side_add(&source, bytes), 0);
	CU_ASSERT_EQUAL(side_start(&target, &source), 0);
	CU_ASSERT_EQUAL(side_start(&source, &target), 0);
}

static void both_end(void)
{
	CU_ASSERT_EQUAL(side_end(&source), 0);
	CU_ASSERT_EQUAL(side_end(&target), 0);
}

/* A quarter of the pages is zero, in stretches; at the target all are garbage. */
static void given_guest_memory(uint64_t seed)
{
	uint64_t state = seed;

	for (uint64_t page = 0; page < source.bytes / PW_PAGE_BYTES; page++) {
		if (page / 100 % 4)
			fill_page(source.memory, page, &state);
		mark_dirty(&source, page);
	}
	memset(target.memory, 0xa5, target.bytes);
}

static void dirty_some(uint64_t seed, unsigned one_in)
{
	uint64_t state = seed;

	memset(source.bitmap, 0, source.board_bytes - sizeof(struct pw_board));
	for (uint64_t page = 0; page < source.bytes / PW_PAGE_BYTES; page++)
		if (next_random(&state) % one_in == 0) {
			fill_page(source.memory, page, &state);
			mark_dirty(&source, page);
		}
}

/* ---- memory ---- */

static void test_two_rounds_make_the_target_equal(void)
{
	uint64_t pages = 96 * MIB / PW_PAGE_BYTES;
	struct pw_seam_msg sum;

	given_transfer(96 * MIB);
	given_guest_memory(1);
	sum = side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1);
	CU_ASSERT_EQUAL(sum.status, 0);
	CU_ASSERT_EQUAL(sum.slice.sent_bytes / PW_PAGE_BYTES + sum.slice.zero_pages, pages);
	CU_ASSERT_TRUE(sum.slice.zero_pages > pages / 5);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);

	CU_ASSERT_EQUAL(side_ask_slices(&target, PW_SEAM_SLICE_CLOSE, 1).status, 0);
	dirty_some(2, 8);
	sum = side_ask_slices(&source, PW_SEAM_SLICE_SEND, 2);
	CU_ASSERT_EQUAL(sum.status, 0);
	CU_ASSERT_TRUE(sum.slice.sent_bytes < source.bytes / 4);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);

	CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_SEAL), 0);
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_TRANSFER_DEL), 0);
	both_end();
}

static void test_region_that_is_no_whole_slice_arrives(void)
{
	given_transfer(16 * MIB + 3 * PW_PAGE_BYTES);
	given_guest_memory(3);
	CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	both_end();
}

static void test_transfer_can_be_made_again_after_del(void)
{
	given_two_processes();
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
		CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
		CU_ASSERT_EQUAL(side_start(&target, &source), 0);
		CU_ASSERT_EQUAL(side_start(&source, &target), 0);
		given_guest_memory(10 + i);
		CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
		CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
		CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
		CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_TRANSFER_DEL), 0);
		munmap(source.memory, source.bytes);
		munmap(target.memory, target.bytes);
		munmap(source.board, source.board_bytes);
		munmap(target.board, target.board_bytes);
		close(source.region_fd);
		close(target.region_fd);
		close(source.board_fd);
		close(target.board_fd);
		source.memory = target.memory = source.board = target.board = NULL;
		source.region_fd = target.region_fd = source.board_fd = target.board_fd = -1;
	}
	both_end();
}

static void test_nothing_is_placed_after_seal(void)
{
	given_transfer(16 * MIB);
	given_guest_memory(4);
	CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_SEAL), 0);
	side_send_slice(&source, PW_SEAM_SLICE_SEND, 0, 1);
	while (!pw_stat_get(&side_stats(&target, 0)->rx_sealed) &&
	       !pw_stat_get(&side_stats(&target, 1)->rx_sealed))
		sched_yield();
	for (uint64_t i = 0; i < target.bytes; i += 64)
		if (target.memory[i] != 0xa5) {
			CU_FAIL("placed");
			break;
		}
	/* The slice is not settled: the end of its transfer is its answer. */
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_EQUAL(side_expect(&source, PW_SEAM_SLICE_SEND).status, -ECANCELED);
	both_end();
}

/* ---- streams ---- */

struct feed {
	int fd;
	uint64_t bytes;
	uint64_t seed;
	XXH128_hash_t digest;
	pthread_t thread;
};

/* In pieces of all sizes, so that slots are full, short and in between. */
static void *feed(void *arg)
{
	struct feed *f = arg;
	XXH3_state_t *state = XXH3_createState();
	static _Thread_local uint64_t piece[8192];
	uint64_t seed = f->seed;

	XXH3_128bits_reset(state);
	for (uint64_t done = 0; done < f->bytes;) {
		size_t n = 1 + next_random(&seed) % sizeof(piece);

		if (n > f->bytes - done)
			n = f->bytes - done;
		for (size_t i = 0; i <= n / 8 && i < 8192; i++)
			piece[i] = next_random(&seed);
		if (write(f->fd, piece, n) != (ssize_t)n)
			break;
		XXH3_128bits_update(state, piece, n);
		done += n;
	}
	f->digest = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	close(f->fd);
	return NULL;
}

static void *drink(void *arg)
{
	struct feed *f = arg;
	XXH3_state_t *state = XXH3_createState();
	static _Thread_local uint8_t piece[65536];
	ssize_t n;

	XXH3_128bits_reset(state);
	while ((n = read(f->fd, piece, sizeof(piece))) > 0) {
		XXH3_128bits_update(state, piece, (size_t)n);
		f->bytes += (uint64_t)n;
	}
	f->digest = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	close(f->fd);
	return NULL;
}

struct tube {
	struct feed in;
	struct feed out;
};

static void given_stream(struct tube *t, uint32_t stream, uint64_t bytes)
{
	int a[2], b[2];

	if (pipe2(a, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b))
		abort();
	t->in = (struct feed){ .fd = a[1], .bytes = bytes, .seed = stream + 77 };
	t->out = (struct feed){ .fd = b[0] };
	CU_ASSERT_EQUAL(side_add_stream(&target, stream, b[1]), 0);
	CU_ASSERT_EQUAL(side_add_stream(&source, stream, a[0]), 0);
	close(a[0]);
	close(b[1]);
	pthread_create(&t->in.thread, NULL, feed, &t->in);
	pthread_create(&t->out.thread, NULL, drink, &t->out);
}

static void stream_arrives(struct tube *t)
{
	pthread_join(t->in.thread, NULL);
	pthread_join(t->out.thread, NULL);
	CU_ASSERT_EQUAL(t->in.bytes, t->out.bytes);
	CU_ASSERT_TRUE(XXH128_isEqual(t->in.digest, t->out.digest));
}

/* The ends of n streams, in any order, agree with what was fed. */
static void streams_end(struct side *s, const struct tube *tubes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pw_seam_msg msg = side_expect(s, PW_SEAM_STREAM_ENDED);
		const struct tube *t = &tubes[msg.stream.stream % n];

		CU_ASSERT_EQUAL(msg.status, 0);
		CU_ASSERT_EQUAL(msg.stream.bytes, t->in.bytes);
		CU_ASSERT_EQUAL(msg.stream.digest[0], t->in.digest.low64);
		CU_ASSERT_EQUAL(msg.stream.digest[1], t->in.digest.high64);
	}
}

static void test_streams_and_memory_travel_together(void)
{
	struct tube tubes[3];

	given_transfer(32 * MIB);
	given_guest_memory(5);
	given_stream(&tubes[0], 0, 40 * MIB + 12345);
	given_stream(&tubes[1], 1, 100);
	given_stream(&tubes[2], 2, 0);
	CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	for (unsigned i = 0; i < 3; i++)
		stream_arrives(&tubes[i]);
	streams_end(&source, tubes, 3);
	streams_end(&target, tubes, 3);
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_TRANSFER_DEL), 0);
	both_end();
}

static void test_writer_without_reader_ends_with_its_error(void)
{
	int in[2], out[2];

	given_transfer(16 * MIB);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	CU_ASSERT_EQUAL(side_add_stream(&target, 4, out[1]), 0);
	CU_ASSERT_EQUAL(side_add_stream(&source, 4, in[0]), 0);
	close(in[0]);
	close(out[1]);
	close(out[0]);
	CU_ASSERT_EQUAL(write(in[1], "bytes", 5), 5);
	CU_ASSERT_EQUAL(side_expect(&target, PW_SEAM_STREAM_ENDED).status, -EPIPE);
	/* The source's pump sits in read(): the end of its transfer frees it. */
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_EQUAL(write(in[1], "bytes", 5), -1);
	close(in[1]);
	both_end();
}

static void test_writer_that_is_stuck_can_be_deleted(void)
{
	static const uint8_t zeros[65536];
	int in[2], out[2];

	given_transfer(16 * MIB);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	CU_ASSERT_EQUAL(side_add_stream(&target, 31, out[1]), 0);
	CU_ASSERT_EQUAL(side_add_stream(&source, 31, in[0]), 0);
	close(in[0]);
	close(out[1]);
	for (unsigned i = 0; i < 8; i++)	/* more than the pipe out holds */
		CU_ASSERT_EQUAL(write(in[1], zeros, sizeof(zeros)), (ssize_t)sizeof(zeros));
	CU_ASSERT_EQUAL(side_ask_plain(&target, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	close(in[1]);
	close(out[0]);
	both_end();
}

/* ---- requests that are wrong ---- */

static int ask_slice(struct side *s, enum pw_seam_type type, uint32_t region, uint32_t slice,
		     uint16_t epoch)
{
	return side_ask(s, &(struct pw_seam_msg){ .type = type, .slice = { .region = region,
									   .slice = slice,
									   .epoch = epoch } },
			-1).status;
}

static void test_bad_requests_are_refused(void)
{
	struct pw_seam_msg add = { .type = PW_SEAM_TRANSFER_ADD, .transfer = 5 };
	struct pw_seam_msg region = { .type = PW_SEAM_REGION_ADD };

	given_transfer(32 * MIB);
	/*  1 */ CU_ASSERT_EQUAL(side_ask(&source, &add, source.board_fd).status, -EINVAL);
	add.add = (struct pw_seam_transfer){ .role = PW_SOURCE, .slice_shift = BED_SHIFT,
					     .board_bytes = source.board_bytes + 1 };
	/*  2 */ CU_ASSERT_EQUAL(side_ask(&source, &add, source.board_fd).status, -ERANGE);
	/*  3 */ CU_ASSERT_EQUAL(side_ask(&source, &add, -1).status, -EINVAL);
	add.transfer = PW_TRANSFERS_MAX;
	/*  4 */ CU_ASSERT_EQUAL(side_ask(&source, &add, source.board_fd).status, -EINVAL);
	add.transfer = 0;
	/*  5 */ CU_ASSERT_EQUAL(side_ask(&source, &add, source.board_fd).status, -EEXIST);
	region.region = (struct pw_seam_region){ .region = 1, .bytes = PW_PAGE_BYTES };
	/*  6 */ CU_ASSERT_EQUAL(side_ask(&target, &region, target.region_fd).status, -EBUSY);
	region.transfer = 7;
	/*  7 */ CU_ASSERT_EQUAL(side_ask(&target, &region, target.region_fd).status, -EINVAL);
	/*  8 */ CU_ASSERT_EQUAL(side_start(&source, &target), -EBUSY);
	/*  9 */ CU_ASSERT_EQUAL(ask_slice(&source, PW_SEAM_SLICE_SEND, 0, 2, 1), -EINVAL);
	/* 10 */ CU_ASSERT_EQUAL(ask_slice(&source, PW_SEAM_SLICE_SEND, 1, 0, 1), -EINVAL);
	/* 11 */ CU_ASSERT_EQUAL(ask_slice(&source, PW_SEAM_SLICE_SEND, 99, 0, 1), -EINVAL);
	/* 12 */ CU_ASSERT_EQUAL(ask_slice(&target, PW_SEAM_SLICE_SEND, 0, 0, 1), -EINVAL);
	/* 13 */ CU_ASSERT_EQUAL(ask_slice(&source, PW_SEAM_SLICE_CLOSE, 0, 0, 1), -EINVAL);
	/* 14 */ CU_ASSERT_EQUAL(ask_slice(&target, PW_SEAM_SLICE_CLOSE, 0, 0, 2), -EPROTO);
	/* 15 */ CU_ASSERT_EQUAL(ask_slice(&target, PW_SEAM_SLICE_CLOSE, 0, 0, 1), 0);
	/* 16 */ CU_ASSERT_EQUAL(ask_slice(&target, PW_SEAM_SLICE_CLOSE, 0, 0, 1), 0);
	/* 17 */ CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_SEAL), -EINVAL);
	/* 18 */ CU_ASSERT_EQUAL(side_add_stream(&source, 0, -1), -EINVAL);
	/* 19 */ CU_ASSERT_EQUAL(side_add_stream(&source, PW_STREAMS_MAX, source.seam), -EINVAL);
	/* 20 */ CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_PATH_DOWN), -EINVAL);
	/* 21 */ CU_ASSERT_EQUAL(side_ask_plain(&source, (enum pw_seam_type)4711), -EINVAL);
	CU_ASSERT_EQUAL(send(source.seam, "x", 1, 0), 1);
	/* 22 */ CU_ASSERT_EQUAL(side_expect(&source, (enum pw_seam_type)0).status, -EINVAL);
	/* 23 */ CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	/* 24 */ CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), -EINVAL);
	both_end();
}

/* Between two processes there are no addresses. */
static void test_lane_is_told_and_must_fit_the_peers(void)
{
	struct pw_seam_msg add = { .type = PW_SEAM_TRANSFER_ADD, .transfer = 5 };
	struct pw_seam_msg start = { .type = PW_SEAM_TRANSFER_START };

	given_two_processes();
	CU_ASSERT_EQUAL(source.ready.ready.end.family, 0);
	CU_ASSERT_EQUAL(source.ready.ready.end.udp_port, 0);
	CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	add.add = (struct pw_seam_transfer){ .role = PW_SOURCE, .slice_shift = BED_SHIFT,
					     .board_bytes = source.board_bytes,
					     .peer = { .family = PW_LANE_IPV4, .udp_port = 1 } };
	/* 1 */ CU_ASSERT_EQUAL(side_ask(&source, &add, source.board_fd).status, -EAFNOSUPPORT);
	add.add.peer = (struct pw_lane_end){ 0 };
	add = side_ask(&source, &add, source.board_fd);
	/* 2 */ CU_ASSERT_EQUAL(add.status, 0);
	for (unsigned i = 0; i < PW_PATHS_MAX; i++)
		CU_ASSERT_EQUAL(add.add.ports[i], i < BED_PATHS ? PW_UDP_PORT_BASE + i : 0);
	start.add.payload_bytes = PW_PAYLOAD_MIN - 1;
	/* 3 */ CU_ASSERT_EQUAL(side_ask(&source, &start, -1).status, -EINVAL);
	start.add.payload_bytes = 0;
	start.add.ports[BED_PATHS] = 1;	/* of a path that is not there */
	/* 4 */ CU_ASSERT_EQUAL(side_ask(&source, &start, -1).status, -EINVAL);
	both_end();
}

/* The other end of the lane carries less, and wants other ports. */
static void test_memory_arrives_in_smaller_datagrams_from_chosen_ports(void)
{
	struct pw_seam_msg start = { .type = PW_SEAM_TRANSFER_START };
	const struct pw_board *board;
	uint64_t datagrams;

	given_two_processes();
	CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_start(&target, &source), 0);
	memcpy(start.add.cids, target.cids, sizeof(start.add.cids));
	start.add.ports[0] = 7;
	start.add.payload_bytes = 1500;	/* less than a page: whole grains of it */
	CU_ASSERT_EQUAL(side_ask(&source, &start, -1).status, 0);
	given_guest_memory(1);
	start = side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1);
	CU_ASSERT_EQUAL(start.status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, 16 * MIB), 0);
	board = (const struct pw_board *)(const void *)source.board;
	datagrams = pw_stat_get(&board->path[0].tx_datagrams) +
		    pw_stat_get(&board->path[1].tx_datagrams);
	CU_ASSERT_TRUE(datagrams >= start.slice.sent_bytes / 1408);
	both_end();
}

static void test_bad_regions_are_refused(void)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_REGION_ADD };

	given_two_processes();
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	msg.region = (struct pw_seam_region){ .region = 0, .bytes = PW_PAGE_BYTES,
					      .bitmap_offset = sizeof(struct pw_board) };
	/* 1 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.region_fd).status, -EEXIST);
	msg.region.region = 1;
	msg.region.bytes = 17 * MIB;
	/* 2 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.region_fd).status, -EINVAL);
	msg.region.bytes = PW_PAGE_BYTES + 1;
	/* 3 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.region_fd).status, -EINVAL);
	msg.region.bytes = PW_PAGE_BYTES;
	msg.region.bitmap_offset = source.board_bytes;
	/* 4 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.region_fd).status, -EINVAL);
	msg.region.bitmap_offset = 0;
	/* 5 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.region_fd).status, -EINVAL);
	msg.region.bitmap_offset = sizeof(struct pw_board);
	/* 6 */ CU_ASSERT_EQUAL(side_ask(&source, &msg, source.seam).status, -ERANGE);
	/* 7 */ CU_ASSERT_EQUAL(ask_slice(&source, PW_SEAM_SLICE_SEND, 0, 0, 1), -ENOTCONN);
	both_end();
}

/* ---- ends ---- */

static void test_killed_peer_takes_the_path_down_and_nothing_else(void)
{
	given_transfer(64 * MIB);
	given_guest_memory(6);
	for (uint32_t i = 0; i < side_slices(&source); i++)
		side_send_slice(&source, PW_SEAM_SLICE_SEND, i, 1);
	kill(target.pid, SIGKILL);
	CU_ASSERT_EQUAL(side_expect(&source, PW_SEAM_PATH_DOWN).status, 0);
	CU_ASSERT_EQUAL(side_ask_plain(&source, PW_SEAM_TRANSFER_DEL), 0);
	CU_ASSERT_NOT_EQUAL(side_end(&target), 0);
	CU_ASSERT_EQUAL(side_end(&source), 0);
}

static void test_peer_that_stands_still_takes_the_path_down_for_that_time(void)
{
	given_transfer(64 * MIB);
	given_guest_memory(11);
	kill(target.pid, SIGSTOP);
	for (uint32_t i = 0; i < side_slices(&source); i++)
		side_send_slice(&source, PW_SEAM_SLICE_SEND, i, 1);
	CU_ASSERT_EQUAL(side_expect(&source, PW_SEAM_PATH_DOWN).status, 0);
	kill(target.pid, SIGCONT);
	for (uint32_t i = 0; i < side_slices(&source); i++)
		CU_ASSERT_EQUAL(side_expect(&source, PW_SEAM_SLICE_SEND).status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	both_end();
}

static void test_lane_comes_up_again_with_a_new_peer(void)
{
	given_two_processes();
	kill(target.pid, SIGKILL);
	side_end(&target);
	side_spawn_memif(&target, PW_TARGET, NULL);	/* over the socket that was left behind */
	CU_ASSERT_EQUAL(target.ready.status, 0);
	CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_start(&target, &source), 0);
	CU_ASSERT_EQUAL(side_start(&source, &target), 0);
	given_guest_memory(7);
	CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	both_end();
}

static void test_source_may_start_first(void)
{
	side_spawn_memif(&source, PW_SOURCE, NULL);
	CU_ASSERT_EQUAL(source.ready.status, 0);
	CU_ASSERT_EQUAL(source.ready.ready.version, PW_SEAM_VERSION);
	CU_ASSERT_EQUAL(source.ready.ready.paths, BED_PATHS);
	CU_ASSERT_EQUAL(source.ready.ready.payload_bytes, PW_PAYLOAD_MAX);
	side_spawn_memif(&target, PW_TARGET, NULL);
	CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_start(&target, &source), 0);
	CU_ASSERT_EQUAL(side_start(&source, &target), 0);
	given_guest_memory(8);
	CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	both_end();
}

static void starts_not(struct side *s, const char *reason)
{
	CU_ASSERT_TRUE(s->ready.status < 0 && s->ready.status != -ETIME);
	if (!strstr(s->ready.ready.why, reason)) {
		printf("[why: %.*s] ", (int)sizeof(s->ready.ready.why), s->ready.ready.why);
		CU_FAIL("the reason is not given");
	}
	CU_ASSERT_NOT_EQUAL(side_end(s), 0);
}

static void test_what_cannot_start_says_why(void)
{
	struct side second;

	side_spawn_memif(&target, PW_TARGET, NULL);
	side_spawn_memif(&second, PW_TARGET, NULL);
	/* 1 */ starts_not(&second, "in use by a running process");
	side_spawn_memif(&second, PW_SOURCE, "--memory=4");
	/* 2 */ starts_not(&second, "--memory");
	side_spawn(&second, PW_SOURCE, "net_nothing0,x=y", NULL);
	/* 3 */ starts_not(&second, "net_nothing0");
	side_spawn(&second, PW_SOURCE, "net_memif0,role=client,socket=/nowhere/lane", NULL);
	/* 4 */ starts_not(&second, "/nowhere/lane");
	side_spawn(&second, PW_SOURCE, "net_memif0,role=nobody", NULL);
	/* 5 */ starts_not(&second, "role");
	/* The one that served was not disturbed. */
	side_spawn_memif(&source, PW_SOURCE, NULL);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	both_end();
}

/* ---- for the eye ---- */

static void test_throughput_is_printed(void)
{
	uint64_t state = 9;
	double began;

	given_transfer(256 * MIB);
	for (uint64_t page = 0; page < source.bytes / PW_PAGE_BYTES; page++) {
		fill_page(source.memory, page, &state);
		mark_dirty(&source, page);
	}
	began = bed_now_s();
	CU_ASSERT_EQUAL(side_ask_slices(&source, PW_SEAM_SLICE_SEND, 1).status, 0);
	printf("%.1f Gbit/s ", (double)source.bytes * 8e-9 / (bed_now_s() - began));
	CU_ASSERT_EQUAL(memcmp(source.memory, target.memory, source.bytes), 0);
	both_end();
}

static const struct pw_test tests[] = {
	PW_TEST(test_what_cannot_start_says_why),
	PW_TEST(test_source_may_start_first),
	PW_TEST(test_two_rounds_make_the_target_equal),
	PW_TEST(test_region_that_is_no_whole_slice_arrives),
	PW_TEST(test_transfer_can_be_made_again_after_del),
	PW_TEST(test_nothing_is_placed_after_seal),
	PW_TEST(test_streams_and_memory_travel_together),
	PW_TEST(test_writer_without_reader_ends_with_its_error),
	PW_TEST(test_writer_that_is_stuck_can_be_deleted),
	PW_TEST(test_bad_requests_are_refused),
	PW_TEST(test_lane_is_told_and_must_fit_the_peers),
	PW_TEST(test_memory_arrives_in_smaller_datagrams_from_chosen_ports),
	PW_TEST(test_bad_regions_are_refused),
	PW_TEST(test_killed_peer_takes_the_path_down_and_nothing_else),
	PW_TEST(test_peer_that_stands_still_takes_the_path_down_for_that_time),
	PW_TEST(test_lane_comes_up_again_with_a_new_peer),
	PW_TEST(test_throughput_is_printed),
};

int main(void)
{
	int status;

	bed_open();
	signal(SIGPIPE, SIG_IGN);
	status = PW_RUN_SUITE("dataplane_seam", tests);
	bed_close();
	return status;
}
