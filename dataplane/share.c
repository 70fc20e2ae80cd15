/* SPDX-License-Identifier: BSD-3-Clause */
/* share.c - see share.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mapping.h"
#include "pagewire/check.h"
#include "share.h"

/* A slice is whole chunks: workers claim chunks. */
#define SLICE_SHIFT_MIN 23u
#define CHUNK_BYTES	((uint64_t)PW_CHUNK_PAGES * PW_PAGE_BYTES)
static_assert(CHUNK_BYTES == 1ull << SLICE_SHIFT_MIN, "the least slice is one chunk");

/* How many pieces of size to it takes to hold n. */
static uint64_t pieces(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to;
}

/* ---- add ---- */

/* Where on this host they are found; others than those of the same transfer
 * before, of which datagrams may still come. */
static int choose_cids(struct pw_share *s, const struct pw_lane *lane,
		       struct pw_seam_transfer *answer)
{
	uint16_t random[PW_PATHS_MAX];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EAGAIN;
	memset(answer->ports, 0, sizeof(answer->ports));
	for (uint32_t i = 0; i < lane->port.paths; i++) {
		s->cids[i] = PW_CID(s->number, i, random[i]);
		if (s->cids[i] == answer->cids[i])
			s->cids[i] = PW_CID(s->number, i, random[i] ^ 1u);
		answer->ports[i] = pw_port_source_port(&lane->port, i, &s->peer);
	}
	memcpy(answer->cids, s->cids, sizeof(s->cids));
	return 0;
}

int pw_share_add(struct pw_share *s, const struct pw_lane *lane, uint32_t number,
		 struct pw_seam_transfer *add, int fd)
{
	uint8_t *board;
	int status;

	if ((add->role != PW_SOURCE && add->role != PW_TARGET) || fd < 0 ||
	    add->slice_shift < SLICE_SHIFT_MIN || add->slice_shift > PW_SLICE_SHIFT ||
	    add->board_bytes < sizeof(struct pw_board))
		return -EINVAL;
	if (add->peer.family != lane->port.own.family)
		return -EAFNOSUPPORT;
	memset(s, 0, sizeof(*s));
	s->number = number;
	s->peer = add->peer;
	status = choose_cids(s, lane, add);
	if (status)
		return status;
	status = pw_bells_init(&s->pumps, PW_STREAMS_MAX);
	if (status)
		return status;
	status = pw_mapping_open(fd, add->board_bytes, true, &board);
	if (status) {
		pw_bells_fini(&s->pumps);
		return status;
	}
	s->board = (struct pw_board *)(void *)board;
	s->board_bytes = add->board_bytes;
	s->rate_bytes_per_s = add->rate_bytes_per_s;
	s->transfer.role = (enum pw_role)add->role;
	s->transfer.slice_shift = add->slice_shift;
	pw_slices_init(&s->transfer.slices, add->slice_shift);
	pw_dma_init(&s->dma, &lane->port);
	s->used = true;
	return 0;
}

/* ---- regions ---- */

static bool bitmap_ok(const struct pw_share *s, const struct pw_seam_region *region)
{
	uint64_t bytes = pieces(region->bytes, CHUNK_BYTES) * PW_CHUNK_WORDS * sizeof(uint64_t);

	return region->bitmap_offset % sizeof(uint64_t) == 0 &&
	       region->bitmap_offset >= sizeof(struct pw_board) && bytes <= s->board_bytes &&
	       region->bitmap_offset <= s->board_bytes - bytes;
}

static struct pw_slice_in *make_slices(uint64_t slices)
{
	struct pw_slice_in *in = calloc(slices, sizeof(*in));

	for (uint64_t i = 0; in && i < slices; i++)
		atomic_init(&in[i].open_epoch, PW_EPOCH_FIRST);
	return in;
}

int pw_share_add_region(struct pw_share *s, const struct pw_seam_region *region, int fd)
{
	bool target = s->transfer.role == PW_TARGET;
	uint32_t i = region->region;
	uint8_t *base;
	int status;

	if (fd < 0 || i >= PW_REGIONS_MAX || !region->bytes || region->bytes % PW_PAGE_BYTES ||
	    region->bytes > PW_REGION_BYTES_MAX || (!target && !bitmap_ok(s, region)))
		return -EINVAL;
	if (s->starting || s->started)
		return -EBUSY;
	if (s->transfer.region[i].base)
		return -EEXIST;
	/* What a NIC gets mapped it may write too, so that this process must be
	 * allowed to; pw_share_map_region() takes that back. */
	status = pw_mapping_open(fd, region->bytes, target || s->dma.device, &base);
	if (status)
		return status;
	if (target) {
		s->transfer.slice_in[i] =
			make_slices(pieces(region->bytes, 1ull << s->transfer.slice_shift));
		if (!s->transfer.slice_in[i]) {
			pw_mapping_close(base, region->bytes);
			return -ENOMEM;
		}
	}
	s->bitmap_offset[i] = region->bitmap_offset;
	s->page_bytes[i] = pw_mapping_page_bytes(fd);
	s->transfer.region[i] = (struct pw_region){ .base = base, .bytes = region->bytes };
	return 0;
}

int pw_share_map_region(struct pw_share *s, uint32_t region, char why[PW_WHY_BYTES])
{
	const struct pw_region *r = &s->transfer.region[region];
	int status = pw_dma_add_region(&s->dma, region,
				       &(struct pw_dma_range){
					       .base = r->base, .bytes = r->bytes,
					       .page_bytes = s->page_bytes[region] },
				       why);

	if (!status)
		pw_mapping_only_read(r->base, r->bytes);
	return status;
}

void pw_share_drop_region(struct pw_share *s, uint32_t region)
{
	struct pw_region *r = &s->transfer.region[region];

	pw_dma_drop_region(&s->dma, region);	/* while it is still mapped here */
	if (r->base)
		pw_mapping_close(r->base, r->bytes);
	*r = (struct pw_region){ 0 };
	free(s->transfer.slice_in[region]);
	s->transfer.slice_in[region] = NULL;
}

/* ---- start ---- */

static uint16_t agreed_payload(const struct pw_lane *lane, const struct pw_seam_transfer *start)
{
	uint16_t own = lane->port.payload_bytes;

	if (!start->payload_bytes || start->payload_bytes >= own)
		return own;
	return pw_port_fit_payload(start->payload_bytes);
}

static struct pw_connection *make_connection(struct pw_share *s, struct pw_lane *lane,
					     uint32_t path, const struct pw_seam_transfer *start)
{
	struct pw_path_stats *stats = &s->board->path[path];
	uint32_t peer_cid = start->cids[path];
	struct pw_encap_ends ends = pw_port_ends(&lane->port, path, &s->peer, start->ports[path]);
	struct pw_sender_config config = {
		.congestion = pw_port_congestion(&lane->port),
		.rate_bytes_per_s = s->rate_bytes_per_s / lane->port.paths,
		.peer_cid = peer_cid,
		.path = (uint16_t)path,
		.payload_bytes = agreed_payload(lane, start),
		.payload_crc = lane->port.payload_crc,
	};
	struct pw_connection *c = aligned_alloc(64, pieces(sizeof(*c), 64) * 64);

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->cid = s->cids[path];
	c->role = s->transfer.role;
	c->stats = stats;
	c->pumps = &s->pumps;
	ends.has_data = c->role == PW_SOURCE;
	if (s->peer.family)
		memcpy(ends.next_hop, s->next_hop, sizeof(ends.next_hop));
	pw_link_ethdev_init(&c->link, &lane->port.queue[path], stats, &s->dma, &ends);
	if (c->role == PW_SOURCE)
		pw_sender_init(&c->sender, &s->transfer, &c->link.link, stats, &config,
			       pw_clock_ns(&lane->workers.clock));
	else
		pw_receiver_init(&c->receiver, &s->transfer, &c->link.link, stats, peer_cid,
				 (uint16_t)path);
	return c;
}

static void free_connections(struct pw_share *s)
{
	for (unsigned i = 0; i < PW_PATHS_MAX; i++) {
		free(s->connection[i]);
		s->connection[i] = NULL;
		s->transfer.spill[i] = NULL;	/* they were in it */
		s->transfer.zero_maps[i] = NULL;
	}
	s->transfer.paths = 0;
}

int pw_share_may_start(const struct pw_share *s, const struct pw_lane *lane,
		       const struct pw_seam_transfer *start)
{
	if (s->starting || s->started || s->prefaulting)
		return -EBUSY;
	if (start->payload_bytes && start->payload_bytes < PW_PAYLOAD_MIN)
		return -EINVAL;
	for (uint32_t i = lane->port.paths; i < PW_PATHS_MAX; i++)
		if (start->cids[i] || start->ports[i])
			return -EINVAL;
	return 0;
}

int pw_share_start(struct pw_share *s, struct pw_lane *lane, const struct pw_seam_transfer *start)
{
	int status = pw_share_find_peer(s, lane);

	s->starting = status == -EAGAIN;
	if (status)
		return status;
	for (uint32_t i = 0; i < lane->port.paths; i++) {
		s->connection[i] = make_connection(s, lane, i, start);
		if (!s->connection[i]) {
			free_connections(s);
			return -ENOMEM;
		}
	}
	for (uint32_t i = 0; i < lane->port.paths; i++)
		pw_workers_post(&lane->workers, i, PW_ERRAND_ATTACH, s->connection[i]);
	s->started = true;
	return 0;
}

/* ---- streams ---- */

int pw_share_add_stream(struct pw_share *s, struct pw_lane *lane, uint32_t stream, int fd)
{
	struct pw_pump wanted = { .role = s->transfer.role, .stream = stream, .fd = fd,
				  .bells = &s->pumps, .workers = &lane->workers.bells,
				  .control = &lane->control };
	struct pw_pump *p;

	if (fd < 0 || stream >= PW_STREAMS_MAX)
		return -EINVAL;
	if (s->pump[stream])
		return -EEXIST;
	p = pw_pump_create(&wanted);
	if (!p)
		return -ENOMEM;
	s->pump[stream] = p;
	if (p->role == PW_SOURCE)
		pw_dma_add_ring(&s->dma, p->ring);	/* or its bytes are copied */
	/* release; pairs with the acquires in sender.c and receiver.c */
	if (p->role == PW_SOURCE)
		atomic_store_explicit(&s->transfer.stream_out[stream], &p->out,
				      memory_order_release);
	else
		atomic_store_explicit(&s->transfer.stream_in[stream], &p->in,
				      memory_order_release);
	return 0;
}

/* ---- slices ---- */

/* The region and its slice exist; *bytes is the slice's length. */
static bool slice_ok(const struct pw_share *s, const struct pw_seam_slice *slice, uint64_t *bytes)
{
	uint64_t offset = (uint64_t)slice->slice << s->transfer.slice_shift;
	const struct pw_region *r;

	if (slice->region >= PW_REGIONS_MAX)
		return false;
	r = &s->transfer.region[slice->region];
	if (!r->base || offset >= r->bytes)
		return false;
	*bytes = 1ull << s->transfer.slice_shift;
	if (*bytes > r->bytes - offset)
		*bytes = r->bytes - offset;
	return true;
}

/* Bits behind the last page would be sent from behind the region. */
static bool tail_is_clear(const uint64_t *bitmap, uint64_t pages, uint64_t words)
{
	uint64_t w = pages / 64;

	if (pages % 64 && bitmap[w++] >> pages % 64)
		return false;
	while (w < words)
		if (bitmap[w++])
			return false;
	return true;
}

int pw_share_order(const struct pw_share *s, const struct pw_seam_slice *slice,
		   struct pw_slice_order *order)
{
	uint64_t bytes, words_per_slice = 1ull << (s->transfer.slice_shift - PW_PAGE_SHIFT - 6);
	const uint64_t *bitmap;

	if (s->transfer.role != PW_SOURCE || !slice_ok(s, slice, &bytes))
		return -EINVAL;
	if (!s->started)
		return -ENOTCONN;
	bitmap = (const uint64_t *)(const void *)((const uint8_t *)s->board +
						  s->bitmap_offset[slice->region]) +
		 slice->slice * words_per_slice;
	*order = (struct pw_slice_order){
		.bitmap = bitmap,
		.region = slice->region,
		.slice = slice->slice,
		.chunks = (uint32_t)pieces(bytes, CHUNK_BYTES),
		.epoch = slice->epoch,
		.stun = slice->stun != 0,
	};
	return tail_is_clear(bitmap, bytes >> PW_PAGE_SHIFT,
			     (uint64_t)order->chunks * PW_CHUNK_WORDS) ? 0 : -EINVAL;
}

int pw_share_close_slice(struct pw_share *s, const struct pw_seam_slice *slice)
{
	uint64_t bytes;

	if (s->transfer.role != PW_TARGET || !slice_ok(s, slice, &bytes))
		return -EINVAL;
	return pw_slice_close(&s->transfer.slice_in[slice->region][slice->slice], slice->epoch);
}

int pw_share_seal(struct pw_share *s)
{
	if (s->transfer.role != PW_TARGET)
		return -EINVAL;
	/* release; pairs with the acquire in receiver.c */
	atomic_store_explicit(&s->transfer.sealed, true, memory_order_release);
	return 0;
}

/* ---- leave ---- */

void pw_share_leave(struct pw_share *s, struct pw_lane *lane)
{
	s->leaving = true;
	for (uint32_t i = 0; i < PW_PATHS_MAX; i++)
		if (s->connection[i])
			pw_workers_post(&lane->workers, i, PW_ERRAND_DETACH, s->connection[i]);
	pw_workers_ask(&lane->workers);
	pw_share_hurry(s);
}

void pw_share_hurry(struct pw_share *s)
{
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++)
		if (s->pump[i] && !pw_pump_has_ended(s->pump[i]))
			pw_pump_stop(s->pump[i]);
}

bool pw_share_has_left(const struct pw_share *s)
{
	for (unsigned i = 0; i < PW_PATHS_MAX; i++)
		/* acquire; pairs with the release in worker.c */
		if (s->connection[i] &&
		    !atomic_load_explicit(&s->connection[i]->gone, memory_order_acquire))
			return false;
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++)
		if (s->pump[i] && !pw_pump_has_ended(s->pump[i]))
			return false;
	return s->prefaulting == 0;
}

void pw_share_free(struct pw_share *s)
{
	PW_CHECK(pw_share_has_left(s));
	pw_dma_drop_rings(&s->dma);
	for (unsigned i = 0; i < PW_STREAMS_MAX; i++)
		if (s->pump[i])
			pw_pump_destroy(s->pump[i]);
	free_connections(s);
	for (unsigned i = 0; i < PW_REGIONS_MAX; i++)
		pw_share_drop_region(s, i);
	pw_mapping_close((uint8_t *)s->board, s->board_bytes);
	pw_bells_fini(&s->pumps);
	memset(s, 0, sizeof(*s));
}
