/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_verify.c - is the memory here what the source says it is?
 *
 * Blocks that the stun does not touch are hashed as their digests come in,
 * while the wire still carries the others; those that it does, after SEAL.
 * One block that differs refuses the migration.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "target_parts.h"

/* One message's rows of one region at the hasher, with what they should be. */
struct pw_verify_job {
	struct pw_verify_job *next;
	struct pw_target *target;
	uint64_t id;
	size_t compared;
	uint64_t want[][2];
};

static void unlink_job(struct pw_verify_job *job)
{
	struct pw_verify_job **at = &job->target->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	free(job);
}

void pw_target_try_verified(struct pw_target *t)
{
	struct pw_ctl msg = { .type = PW_CTL_VERIFIED };

	if (t->verified || t->state != PW_TARGET_SEALED || t->blocks_hashed != t->blocks_wanted ||
	    !pw_target_streams_equal(t))
		return;
	t->verified = true;
	msg.verified.pages = t->pages_hashed;
	msg.verified.blocks = t->blocks_hashed;
	if (pw_target_tell(t, &msg))
		pw_target_refuse(t, -ENOTCONN, "the control link is gone");
}

static void on_hashed(void *arg, const struct pw_hash_batch *batch)
{
	struct pw_verify_job *job = arg;
	struct pw_target *t = job->target;

	for (uint32_t i = 0; i < batch->blocks; i++, job->compared++) {
		if (!memcmp(batch->block[i].digest, job->want[job->compared], 16))
			continue;
		pw_target_refuse(t, -EBADMSG,
				 "memory differs: region %u, 2 MiB block %llu; nothing of it is used",
				 batch->region, (unsigned long long)batch->block[i].block);
		return;
	}
	t->blocks_hashed += batch->blocks;
	t->pages_hashed += batch->pages;
	if (batch->last)
		unlink_job(job);
	pw_target_try_verified(t);
}

/* Hash n rows, all of one region. */
static int submit(struct pw_target *t, const struct pw_ctl_digest *rows, size_t n)
{
	const struct pw_guest_region *r = &t->guest->region[rows[0].region];
	struct pw_hash_block *block = calloc(n, sizeof(*block));
	struct pw_verify_job *job = calloc(1, sizeof(*job) + n * sizeof(job->want[0]));
	struct pw_hash_job order = {
		.base = r->map,
		.bytes = r->bytes,
		.region = rows[0].region,
		.block = block,
		.blocks = n,
		.fn = on_hashed,
		.arg = job,
	};
	int rc = -ENOMEM;

	if (block && job) {
		for (size_t i = 0; i < n; i++) {
			block[i].block = rows[i].block;
			memcpy(block[i].mask, rows[i].mask, sizeof(block[i].mask));
			memcpy(job->want[i], rows[i].digest, sizeof(job->want[i]));
		}
		job->target = t;
		rc = pw_hasher_submit(t->host->hasher, &order, &job->id);
	}
	free(block);
	if (rc) {
		free(job);
		return rc;
	}
	job->next = t->jobs;
	t->jobs = job;
	return 0;
}

/* Hash rows now; they come region by region. */
static void hash_rows(struct pw_target *t, const struct pw_ctl_digest *rows, size_t n)
{
	while (n && t->state != PW_TARGET_REFUSED) {
		size_t same = 1;
		int rc;

		while (same < n && rows[same].region == rows[0].region)
			same++;
		rc = submit(t, rows, same);
		if (rc) {
			pw_target_refuse(t, rc, "cannot check region %u: %s", rows[0].region,
					 strerror(-rc));
			return;
		}
		rows += same;
		n -= same;
	}
}

static int keep_late(struct pw_target *t, const struct pw_ctl_digest *row)
{
	if (t->lates == t->lates_room) {
		size_t room = t->lates_room ? 2 * t->lates_room : 256;
		struct pw_ctl_digest *late = realloc(t->late, room * sizeof(*late));

		if (!late)
			return -ENOMEM;
		t->late = late;
		t->lates_room = room;
	}
	t->late[t->lates++] = *row;
	return 0;
}

/* The most rows that a guest of this size can have: one per block. */
static uint64_t blocks_max(const struct pw_target *t)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < t->guest->regions; i++)
		n += pw_hasher_blocks(t->guest->region[i].bytes);
	return n;
}

/* Rows that must wait for SEAL are kept, the others are hashed in one go. */
static int sort_rows(struct pw_target *t, const struct pw_ctl *msg)
{
	bool sealed = t->state == PW_TARGET_SEALED;
	uint32_t from = 0;

	for (uint32_t i = 0; i < msg->rows && t->state != PW_TARGET_REFUSED; i++) {
		const struct pw_ctl_digest *row = &msg->digests[i];

		if (row->region >= t->guest->regions)
			return -EPROTO;
		if (sealed || !(row->flags & PW_DIGEST_LATE))
			continue;
		if (keep_late(t, row))
			return -ENOMEM;
		hash_rows(t, msg->digests + from, i - from);
		from = i + 1;
	}
	hash_rows(t, msg->digests + from, msg->rows - from);	/* none, once refused */
	return 0;
}

void pw_target_on_digests(struct pw_target *t, const struct pw_ctl *msg)
{
	int rc;

	t->blocks_seen += msg->rows;
	if (t->blocks_seen > (t->sealing ? t->blocks_wanted : blocks_max(t))) {
		pw_target_refuse(t, -EPROTO, "more digests than %s",
				 t->sealing ? "SEAL says" : "the guest has blocks");
		return;
	}
	rc = sort_rows(t, msg);
	if (rc)
		pw_target_refuse(t, rc, "cannot take the digests: %s", strerror(-rc));
}

void pw_target_verify_late(struct pw_target *t)
{
	size_t n = t->lates;

	t->lates = 0;
	hash_rows(t, t->late, n);
	if (t->state == PW_TARGET_SEALED)
		pw_target_try_verified(t);
}

void pw_target_stop_verify(struct pw_target *t)
{
	while (t->jobs) {
		pw_hasher_cancel(t->host->hasher, t->jobs->id);
		unlink_job(t->jobs);
	}
	free(t->late);
	t->late = NULL;
	t->lates = t->lates_room = 0;
}
