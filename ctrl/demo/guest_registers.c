/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_registers.c - see guest_registers.h */

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "guest_registers.h"
#include "pagewire/check.h"

#define REGISTERS_MAGIC	  0x73676572u	/* "regs" */
#define REGISTERS_VERSION 1u

struct header {
	uint32_t magic;
	uint32_t version;
	uint64_t workload_bytes;
	uint64_t digest;	/* of the ledger */
	struct {
		uint64_t id;
		uint64_t pages;
	} area[PW_GUEST_AREAS_MAX];
};

static uint64_t ledger_bytes(const struct pw_guest_registers *r)
{
	return r->body->ledger.pages * sizeof(*r->body->ledger.version);
}

static void fill_header(const struct pw_guest_registers *r, struct header *h)
{
	*h = (struct header){
		.magic = REGISTERS_MAGIC,
		.version = REGISTERS_VERSION,
		.workload_bytes = sizeof(*r->workload),
		.digest = r->body->ledger.digest,
	};
	for (uint32_t a = 0; a < r->body->areas; a++) {
		h->area[a].id = r->body->area[a].id;
		h->area[a].pages = r->body->area[a].pages;
	}
}

static uint64_t checksum(const struct pw_guest_registers *r, const struct header *h,
			 const struct pw_guest_workload *w)
{
	const uint64_t parts[] = {
		XXH3_64bits(h, sizeof(*h)),
		XXH3_64bits(w, sizeof(*w)),
		XXH3_64bits(r->body->ledger.version, ledger_bytes(r)),
	};

	return XXH3_64bits(parts, sizeof(parts));
}

uint64_t pw_guest_registers_bytes(const struct pw_guest_registers *r)
{
	return sizeof(struct header) + sizeof(*r->workload) + ledger_bytes(r) + sizeof(uint64_t);
}

/* Copied into the pipe: for so few pages that is no slower than lending them. */
int pw_guest_registers_save(struct pw_guest_registers *r, const struct pw_guest_pipe *p)
{
	struct header h;
	uint64_t sum;

	fill_header(r, &h);
	sum = checksum(r, &h, r->workload);
	return pw_guest_pipe_write(p, (struct iovec[]){
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = r->workload, .iov_len = sizeof(*r->workload) },
		{ .iov_base = r->body->ledger.version, .iov_len = ledger_bytes(r) },
		{ .iov_base = &sum, .iov_len = sizeof(sum) },
	}, 4);
}

static int check_header(const struct pw_guest_registers *r, const struct header *h)
{
	struct header ours;

	fill_header(r, &ours);
	if (h->magic != ours.magic || h->version != ours.version ||
	    h->workload_bytes != ours.workload_bytes)
		return -EPROTO;
	return memcmp(h->area, ours.area, sizeof(ours.area)) ? -EINVAL : 0;
}

int pw_guest_registers_load(struct pw_guest_registers *r, const struct pw_guest_pipe *p)
{
	struct pw_guest_workload w;
	struct header h;
	uint64_t sum;
	int err = pw_guest_pipe_read_all(p, &h, sizeof(h));

	if (!err)
		err = check_header(r, &h);
	if (!err)
		err = pw_guest_pipe_read_all(p, &w, sizeof(w));
	if (!err)
		err = pw_guest_pipe_read_all(p, r->body->ledger.version, ledger_bytes(r));
	if (!err)
		err = pw_guest_pipe_read_all(p, &sum, sizeof(sum));
	if (!err)
		err = pw_guest_pipe_expect_end(p);
	if (err)
		return err;
	if (sum != checksum(r, &h, &w) || !pw_guest_workload_is_sane(&w, r->body))
		return -EPROTO;

	*r->workload = w;
	r->body->seed = w.seed;
	r->body->ledger.digest = h.digest;
	return 0;
}
