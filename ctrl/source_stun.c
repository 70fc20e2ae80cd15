/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_stun.c - from the guest's last step here to its first step there
 *
 *	QUIESCE   PAUSE; devices to STOP_COPY, their streams run from here on
 *	SYNC      the last harvest, ORed into the one that the plan was made of
 *	WIRE      the last slices; meanwhile their digests are computed and sent;
 *	          SEAL when all is placed and every stream has ended; SEALED
 *	VERIFY    VERIFIED
 *	LOAD      LOADED from every device
 *	HANDOVER  GIVE; RUNNING
 *
 * Messages of the target may come early (a small device is loaded while pages
 * still travel): they are noted, and advance() takes the stages in order.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "source_parts.h"

static void on_released(void *user, const struct pw_agent_msg *answer, int fd)
{
	(void)user;
	(void)answer;
	if (fd >= 0)
		close(fd);
}

static bool all_loaded(const struct pw_source *s)
{
	for (uint32_t i = 0; i < s->guest->devices; i++)
		if (!s->device[i].loaded)
			return false;
	return true;
}

static void give(struct pw_source *s)
{
	struct pw_ctl msg = { .type = PW_CTL_GIVE };
	int rc;

	pw_source_enter(s, PW_STAGE_HANDOVER);	/* before: what is sent may arrive */
	rc = pw_source_tell(s, &msg);
	if (rc)
		pw_source_fail(s, rc, "PW-3401", "cannot hand guest %s over\n%s", s->m.guest,
			       strerror(-rc));
}

/* Enter every stage whose time has come. */
static void advance(struct pw_source *s)
{
	if (s->m.stage == PW_STAGE_WIRE && s->sealed)
		pw_source_enter(s, PW_STAGE_VERIFY);
	if (s->m.stage == PW_STAGE_VERIFY && s->m.verified)
		pw_source_enter(s, PW_STAGE_LOAD);
	if (s->m.stage == PW_STAGE_LOAD && all_loaded(s))
		give(s);
}

uint64_t pw_source_payload_bytes(const struct pw_source *s)
{
	return pw_transfer_stat(&s->board, PW_STAT_tx_payload_bytes) -
	       pw_transfer_stat(&s->board, PW_STAT_tx_again_bytes);
}

static void on_paused(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;

	if (fd >= 0)
		close(fd);
	if (s->ending)
		return;
	if (answer->status) {
		pw_source_fail(s, answer->status, "PW-3402", "guest %s does not pause\n%s",
			       s->m.guest, strerror(-answer->status));
		return;
	}
	s->m.stun_start_ns = answer->times.last_step_ns;
	s->stun_payload_bytes = pw_source_payload_bytes(s);
	pw_source_stop_devices(s);
	if (s->ending)
		return;
	pw_source_enter(s, PW_STAGE_SYNC);
	pw_source_harvest(s);
}

void pw_source_stun(struct pw_source *s)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_PAUSE };

	pw_source_enter(s, PW_STAGE_QUIESCE);
	s->paused = true;
	if (pw_source_ask(s, &msg, on_paused))
		pw_source_fail(s, -ECONNRESET, "PW-3003", "guest %s has gone", s->m.guest);
}

/* Digests of a batch of blocks, to the target. */
static void on_digests(void *arg, const struct pw_hash_batch *batch)
{
	struct pw_source *s = arg;
	struct pw_ctl_digest rows[PW_HASHER_BATCH];
	struct pw_ctl msg = { .type = PW_CTL_DIGESTS, .rows = batch->blocks, .digests = rows };
	int rc;

	for (uint32_t i = 0; i < batch->blocks; i++) {
		rows[i] = (struct pw_ctl_digest){
			.region = batch->region,
			.flags = batch->block[i].flags,
			.block = batch->block[i].block,
		};
		memcpy(rows[i].mask, batch->block[i].mask, sizeof(rows[i].mask));
		memcpy(rows[i].digest, batch->block[i].digest, sizeof(rows[i].digest));
	}
	if (batch->last)
		s->hash_job[batch->region] = 0;
	rc = batch->blocks ? pw_source_tell(s, &msg) : 0;
	if (rc)
		pw_source_fail(s, rc, "PW-3103", "cannot send to %s\n%s", s->m.peer, strerror(-rc));
}

/* What the target has to hold of one region: the pages that the stun moves, or
 * all of them. Returns the number of blocks. */
static size_t choose_blocks(const struct pw_source *s, uint32_t region, struct pw_hash_block *block)
{
	uint64_t bytes = s->guest->region[region].bytes;
	const uint64_t *dirty = pw_transfer_bitmap(&s->board, region, 0);
	size_t n = 0;

	for (uint64_t b = 0; b < pw_hasher_blocks(bytes); b++) {
		const uint64_t *mask = dirty + b * PW_BLOCK_WORDS;
		uint64_t any = 0;

		for (unsigned w = 0; w < PW_BLOCK_WORDS; w++)
			any |= mask[w];
		if (!any && s->m.verify != PW_VERIFY_FULL)
			continue;
		block[n] = (struct pw_hash_block){ .block = b, .flags = any ? PW_DIGEST_LATE : 0 };
		if (s->m.verify == PW_VERIFY_FULL)
			pw_hasher_mask_all(bytes, b, block[n].mask);
		else
			memcpy(block[n].mask, mask, sizeof(block[n].mask));
		n++;
	}
	return n;
}

static int hash_region(struct pw_source *s, uint32_t region)
{
	const struct pw_guest_region *r = &s->guest->region[region];
	struct pw_hash_block *block = calloc(pw_hasher_blocks(r->bytes), sizeof(*block));
	struct pw_hash_job job = {
		.base = r->map,
		.bytes = r->bytes,
		.region = region,
		.block = block,
		.fn = on_digests,
		.arg = s,
	};
	int rc;

	if (!block)
		return -ENOMEM;
	job.blocks = choose_blocks(s, region, block);
	s->digest_blocks += job.blocks;
	rc = pw_hasher_submit(s->host->hasher, &job, &s->hash_job[region]);
	free(block);
	return rc;
}

void pw_source_on_last_harvest(struct pw_source *s)
{
	int rc = 0;

	pw_source_enter(s, PW_STAGE_WIRE);
	pw_source_send_slices(s);
	for (uint32_t i = 0; !rc && !s->ending && i < s->guest->regions; i++)
		rc = s->m.verify == PW_VERIFY_NONE ? 0 : hash_region(s, i);
	if (rc)
		pw_source_fail(s, rc, "PW-3403", "cannot hash the memory of guest %s\n%s",
			       s->m.guest, strerror(-rc));
	else if (pw_source_round_is_over(s) && !s->ending)
		pw_source_on_last_slice(s);
}

void pw_source_on_last_slice(struct pw_source *s)
{
	pw_source_round(s)->end_ns = pw_now_ns();
	s->placed = true;
	pw_source_try_seal(s);
}

/* All memory is placed and every device has said its last: nothing may come
 * after this. */
void pw_source_try_seal(struct pw_source *s)
{
	struct pw_ctl msg = { .type = PW_CTL_SEAL };
	int rc;

	if (!s->placed || s->streams_sent < s->guest->devices || s->sealing ||
	    s->lane != PW_LANE_OPEN)
		return;
	s->sealing = true;
	msg.seal.blocks = s->digest_blocks;
	msg.seal.streams = s->streams_sent;
	rc = pw_source_tell(s, &msg);
	if (rc)
		pw_source_fail(s, rc, "PW-3103", "cannot send to %s\n%s", s->m.peer, strerror(-rc));
}

void pw_source_on_sealed(struct pw_source *s)
{
	uint64_t memory = pw_source_round(s)->sent_bytes - s->stun_sent_bytes;
	uint64_t sent = pw_source_payload_bytes(s) - s->stun_payload_bytes;

	if (!s->sealing || s->sealed)
		return;
	if (s->m.mode == PW_MODE_LEGACY)
		for (uint32_t i = 0; i < s->guest->devices; i++)
			s->m.device_stun_bytes += s->device[i].bytes;
	else
		s->m.device_stun_bytes = sent > memory ? sent - memory : 0;
	s->sealed = true;
	advance(s);
}

void pw_source_on_verified(struct pw_source *s, const struct pw_ctl_host_verified *v)
{
	s->m.verified = true;
	s->m.verified_pages = v->pages;
	advance(s);
}

void pw_source_on_loaded(struct pw_source *s, uint32_t device)
{
	if (device < s->guest->devices)
		s->device[device].loaded = true;
	advance(s);
}

void pw_source_on_running(struct pw_source *s, const struct pw_ctl_host_running *running)
{
	struct pw_agent_msg release = { .type = PW_AGENT_RELEASE };
	struct pw_ctl msg = { .type = PW_CTL_RELEASED };

	if (s->m.stage != PW_STAGE_HANDOVER)
		return;
	s->m.since_step_ns = running->since_step_ns;
	if (!memcmp(s->peer_boot, s->host->boot, sizeof(s->peer_boot)))
		s->m.first_step_ns = running->first_step_ns;
	pw_source_ask(s, &release, on_released);
	pw_source_tell(s, &msg);
	pw_source_done(s);
}
