/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_round.c - harvest, plan, send, close; again and again
 *
 * A round is a harvest of all slices, slice by slice so that the loop stays
 * awake, and then the sending of those that are dirty. A slice that was sent
 * is closed at the target before its next epoch may be sent. The plan is made
 * between harvest and sending, because only then it is known what is dirty.
 *
 * The last harvest, with the guest paused, ORs into what the harvest before it
 * found: see source_stun.c.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hole.h"
#include "log.h"
#include "pagewire/check.h"
#include "source_parts.h"

#define ROUND_PAUSE_US	   50000	/* between rounds that only wait for a device's initial bytes */
#define SAMPLE_BYTES_MIN   (1u << 20)	/* less says more about latency than about rate */
#define QUIESCE_NS	   2000000ull	/* what a stun costs without a byte: measured on the demo */
#define LOAD_NS		   5000000ull
#define LEGACY_BYTES_PER_S 125000000ull	/* of a control link, before one was measured: 1 Gbit/s */

struct pw_round_record *pw_source_round(struct pw_source *s)
{
	uint32_t last = s->m.rounds ? s->m.rounds - 1 : 0;

	return &s->m.round[last < PW_ROUNDS_RECORDED ? last : PW_ROUNDS_RECORDED - 1];
}

static uint64_t *words_of(const struct pw_source *s, const struct pw_source_slice *slice)
{
	uint64_t first = (uint64_t)slice->number << (PW_SOURCE_SLICE_SHIFT - PW_PAGE_SHIFT);

	return pw_transfer_bitmap(&s->board, slice->region, first);
}

static struct pw_area area_of(const struct pw_source_slice *slice)
{
	return (struct pw_area){
		.region = slice->region,
		.page = (uint64_t)slice->number << (PW_SOURCE_SLICE_SHIFT - PW_PAGE_SHIFT),
		.pages = slice->pages,
	};
}

/* Whole chunks, as the dataplane reads them. */
static uint64_t num_words(const struct pw_source_slice *slice)
{
	return (slice->pages + PW_CHUNK_PAGES - 1) / PW_CHUNK_PAGES * PW_CHUNK_WORDS;
}

static uint64_t count_dirty(const struct pw_source *s, const struct pw_source_slice *slice)
{
	const uint64_t *words = words_of(s, slice);
	uint64_t pages = 0;

	for (uint64_t i = 0; i < num_words(slice); i++)
		pages += (unsigned)__builtin_popcountll(words[i]);
	return pages << PW_PAGE_SHIFT;
}

static uint64_t dirty_bytes(const struct pw_source *s)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->slices; i++)
		bytes += s->slice[i].dirty_bytes;
	return bytes;
}

static void begin_round(struct pw_source *s, bool stun)
{
	struct pw_round_record *r;

	s->m.rounds++;
	r = pw_source_round(s);
	*r = (struct pw_round_record){
		.dirty_bytes = dirty_bytes(s),
		.start_ns = pw_now_ns(),
		.stun = stun,
	};
	s->rate_from = (struct pw_source_mark){ .ns = r->start_ns };
	pw_info("guest %s -> %s: round %u: %llu MiB%s", s->m.guest, s->m.peer, s->m.rounds - 1,
		(unsigned long long)r->dirty_bytes >> 20, stun ? ", paused" : "");
}

static void send_slice(struct pw_source *s, struct pw_source_slice *slice)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_SLICE_SEND };

	msg.slice.region = slice->region;
	msg.slice.slice = slice->number;
	msg.slice.epoch = slice->epoch;
	msg.slice.stun = pw_migration_is_stunned(s->m.stage);
	slice->state = PW_SLICE_SENDING;
	s->open++;
	pw_source_order(s, &msg, -1);
}

/* A lane that is not open leaves slices waiting though none is sending. */
bool pw_source_round_is_over(const struct pw_source *s)
{
	for (uint32_t i = 0; !s->open && i < s->slices; i++)
		if (s->slice[i].state == PW_SLICE_WAITS)
			return false;
	return !s->open;
}

/* Keep the dataplane busy. */
void pw_source_send_slices(struct pw_source *s)
{
	if (s->lane != PW_LANE_OPEN)
		return;
	for (uint32_t i = 0; i < s->slices && s->open < PW_SOURCE_OPEN_MAX && !s->ending; i++)
		if (s->slice[i].state == PW_SLICE_WAITS)
			send_slice(s, &s->slice[i]);
}

/* The rate that a round saw, since its lane was opened last: less than the truth
 * if it was too short to fill the pipe, never more. Zero pages say little about
 * the wire, but a guest that is all zero must be predictable too. */
static uint64_t rate_sample(const struct pw_round_record *r, const struct pw_source_mark *from)
{
	uint64_t ns = r->end_ns - from->ns + 1;
	uint64_t bytes = r->sent_bytes - from->sent_bytes;

	if (bytes < SAMPLE_BYTES_MIN)
		bytes = (r->zero_pages - from->zero_pages) << PW_PAGE_SHIFT;
	if (bytes < SAMPLE_BYTES_MIN)
		return 0;
	return (uint64_t)((double)bytes * 1e9 / (double)ns);
}

static struct pw_planner_input plan_input(struct pw_source *s)
{
	const struct pw_round_record *r = pw_source_round(s);
	struct pw_planner_input in = {
		.now_ns = pw_now_ns(),
		.dirty_bytes = dirty_bytes(s),
		.memory_bytes = s->m.memory_bytes,
		.rate_sample = rate_sample(r, &s->rate_from),
		.link_rate = LEGACY_BYTES_PER_S,
		.dirty_rate = s->dirty_rate,
		.quiesce_ns = QUIESCE_NS,
		.load_ns = LOAD_NS,
		.rounds = s->m.rounds,
	};

	for (uint32_t i = 0; i < s->guest->devices; i++) {
		in.device_initial_bytes += s->device[i].initial_bytes;
		in.device_stop_bytes += s->device[i].dirty_bytes + s->device[i].stop_bytes;
	}
	return in;
}

static void end_round(struct pw_source *s);

static void plan(struct pw_source *s)
{
	const struct pw_planner_input in = plan_input(s);

	s->plan = pw_planner_decide(&s->planner, &in);
	switch (s->plan.verdict) {
	case PW_PLAN_STOP:
		pw_info("guest %s -> %s: stop: %s, stun predicted %.3f s", s->m.guest, s->m.peer,
			pw_planner_reason_name(s->plan.reason), (double)s->plan.stun_ns * 1e-9);
		pw_source_stun(s);
		break;
	case PW_PLAN_ABORT:
		pw_source_fail(s, -ETIME, "PW-3301",
			       "guest %s would be stunned for too long\n"
			       "%s; predicted %.0f ms, limit %.0f ms\n"
			       "raise the stun limit, calm the guest, or give it a faster lane",
			       s->m.guest, pw_planner_reason_name(s->plan.reason),
			       s->plan.stun_ns == PW_PLANNER_UNKNOWN ? 0 : (double)s->plan.stun_ns * 1e-6,
			       (double)s->planner.policy.stun_limit_ns * 1e-6);
		break;
	default:
		begin_round(s, false);
		pw_source_send_slices(s);
		if (pw_source_round_is_over(s) && !s->ending)	/* nothing was dirty */
			end_round(s);
	}
}

/* Everything is sent, but for the holes: they are zero at the target too. */
static uint64_t mark_all_dirty(struct pw_source *s)
{
	uint64_t holes = 0;

	for (uint32_t i = 0; i < s->slices; i++) {
		struct pw_source_slice *slice = &s->slice[i];
		const struct pw_area area = area_of(slice);

		pw_tracker_set(words_of(s, slice), 0, slice->pages);
		holes += pw_hole_clear(s->guest->region[slice->region].memfd, &area,
				       words_of(s, slice));
		slice->dirty_bytes = count_dirty(s, slice);
		slice->state = slice->dirty_bytes ? PW_SLICE_WAITS : PW_SLICE_CLEAN;
	}
	return holes;
}

static void first_round(struct pw_source *s)
{
	uint64_t holes = mark_all_dirty(s);
	struct pw_round_record *r;

	begin_round(s, false);
	r = pw_source_round(s);
	r->dirty_bytes += holes << PW_PAGE_SHIFT;
	r->zero_pages += holes;
	pw_source_send_slices(s);
	if (pw_source_round_is_over(s) && !s->ending)
		end_round(s);
}

static void on_harvested(struct pw_source *s)
{
	bool first = s->m.rounds == 0;
	uint64_t since_ns = s->harvest_ns;

	s->harvest_ns = pw_now_ns();
	if (pw_migration_is_stunned(s->m.stage)) {
		begin_round(s, true);
		pw_source_on_last_harvest(s);
	} else if (first) {
		first_round(s);
	} else {
		s->dirty_rate = (uint64_t)((double)dirty_bytes(s) * 1e9 /
					   (double)(s->harvest_ns - since_ns + 1));
		s->plan_waits = s->lane != PW_LANE_OPEN;	/* no stun without a lane */
		if (!s->plan_waits)
			plan(s);
	}
}

static void on_resumed_from_harvest(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;

	if (fd >= 0)
		close(fd);
	if (s->ending)
		return;
	s->paused = false;
	if (answer->status)
		pw_source_fail(s, answer->status, "PW-3003", "guest %s does not resume\n%s",
			       s->m.guest, strerror(-answer->status));
	else
		on_harvested(s);
}

/* An error of a tracker loses nothing: what it could not say is dirty. */
static void end_harvest(struct pw_source *s)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_RESUME };
	int rc = pw_tracker_end(s->tracker);

	if (rc)
		pw_warn("guest %s: harvest: %s: pages are sent once more", s->m.guest,
			strerror(-rc));
	if (s->tracker->needs_pause && !pw_migration_is_stunned(s->m.stage)) {
		if (pw_source_ask(s, &msg, on_resumed_from_harvest))
			pw_source_fail(s, -ECONNRESET, "PW-3003", "guest %s has gone", s->m.guest);
		return;
	}
	on_harvested(s);
}

static void harvest_slice(struct pw_source *s, struct pw_source_slice *slice)
{
	const struct pw_area area = area_of(slice);
	uint64_t *words = words_of(s, slice);
	int rc;

	PW_CHECK(slice->state == PW_SLICE_CLEAN || slice->state == PW_SLICE_WAITS);
	if (!pw_migration_is_stunned(s->m.stage))
		memset(words, 0, num_words(slice) * sizeof(*words));
	rc = pw_tracker_collect(s->tracker, &area, words);
	if (rc)
		pw_warn("guest %s: harvest: %s: all of region %u slice %u is dirty", s->m.guest,
			strerror(-rc), slice->region, slice->number);
	slice->dirty_bytes = count_dirty(s, slice);
	slice->state = slice->dirty_bytes ? PW_SLICE_WAITS : PW_SLICE_CLEAN;
}

static void begin_harvest(struct pw_source *s)
{
	int rc = pw_tracker_begin(s->tracker);

	if (rc) {
		pw_source_fail(s, rc, "PW-3111", "cannot read what guest %s wrote\n%s", s->m.guest,
			       strerror(-rc));
		return;
	}
	s->harvested = 0;
	event_active(s->step, 0, 0);
}

static void on_paused_for_harvest(void *user, const struct pw_agent_msg *answer, int fd)
{
	struct pw_source *s = user;

	if (fd >= 0)
		close(fd);
	if (s->ending)
		return;
	if (answer->status)
		pw_source_fail(s, answer->status, "PW-3003", "guest %s does not pause\n%s",
			       s->m.guest, strerror(-answer->status));
	else
		begin_harvest(s);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct pw_source *s = arg;

	(void)fd;
	if (what & EV_TIMEOUT)	/* the pause between two rounds is over */
		pw_source_harvest(s);
	else if (s->harvested == s->slices)
		end_harvest(s);
	else {
		harvest_slice(s, &s->slice[s->harvested++]);
		event_active(s->step, 0, 0);
	}
}

void pw_source_harvest(struct pw_source *s)
{
	struct pw_agent_msg msg = { .type = PW_AGENT_PAUSE };

	if (!s->tracker->needs_pause || pw_migration_is_stunned(s->m.stage)) {
		begin_harvest(s);
		return;
	}
	s->paused = true;
	if (pw_source_ask(s, &msg, on_paused_for_harvest))
		pw_source_fail(s, -ECONNRESET, "PW-3003", "guest %s has gone", s->m.guest);
}

void pw_source_first_round(struct pw_source *s)
{
	s->step = event_new(s->host->loop, -1, 0, on_step, s);
	if (!s->step || pw_source_watch(s))
		pw_source_fail(s, -ENOMEM, "PW-1001", "out of memory");
	else
		pw_source_harvest(s);
}

static void end_round(struct pw_source *s)
{
	const struct timeval pause = { .tv_usec = ROUND_PAUSE_US };
	struct pw_round_record *r = pw_source_round(s);

	r->end_ns = pw_now_ns();
	if (r->end_ns - r->start_ns < ROUND_PAUSE_US * 1000ull &&
	    s->plan.reason == PW_REASON_INITIAL)
		event_add(s->step, &pause);
	else
		pw_source_harvest(s);
}

static struct pw_source_slice *find_slice(struct pw_source *s, uint32_t region, uint32_t number)
{
	uint64_t i;

	if (!s->slice || region >= s->guest->regions)
		return NULL;
	i = (uint64_t)s->first_slice[region] + number;
	return i < s->slices && s->slice[i].region == region ? &s->slice[i] : NULL;
}

static void close_slice(struct pw_source *s, struct pw_source_slice *slice)
{
	const struct pw_ctl_slice row = {
		.region = slice->region,
		.slice = slice->number,
		.epoch = slice->epoch,
	};
	struct pw_ctl msg = { .type = PW_CTL_CLOSE, .rows = 1, .slices = &row };
	int rc = pw_source_tell(s, &msg);

	slice->state = PW_SLICE_CLOSING;
	if (rc)
		pw_source_fail(s, rc, "PW-3103", "cannot send to %s\n%s", s->m.peer, strerror(-rc));
}

void pw_source_on_slice_sent(struct pw_source *s, const struct pw_seam_slice *done)
{
	struct pw_source_slice *slice = find_slice(s, done->region, done->slice);
	struct pw_round_record *r = pw_source_round(s);

	if (!slice || slice->state != PW_SLICE_SENDING)
		return;
	r->sent_bytes += done->sent_bytes;
	r->zero_pages += done->zero_pages;
	slice->dirty_bytes = 0;
	if (!pw_migration_is_stunned(s->m.stage)) {
		close_slice(s, slice);
		return;
	}
	slice->state = PW_SLICE_CLEAN;	/* SEAL closes it */
	s->open--;
	pw_source_send_slices(s);
	if (!s->open)
		pw_source_on_last_slice(s);
}

void pw_source_on_closed(struct pw_source *s, const struct pw_ctl *msg)
{
	uint32_t open = s->open;

	for (uint32_t i = 0; i < msg->rows; i++) {
		const struct pw_ctl_slice *row = &msg->slices[i];
		struct pw_source_slice *slice = find_slice(s, row->region, row->slice);

		if (!slice || slice->state != PW_SLICE_CLOSING || slice->epoch != row->epoch)
			continue;
		slice->epoch++;
		slice->state = PW_SLICE_CLEAN;
		s->open--;
	}
	if (s->m.stage != PW_STAGE_PRECOPY || s->open == open)
		return;	/* it names nothing that waits for it: no step of a round */
	pw_source_send_slices(s);
	if (!s->open && !s->ending)
		end_round(s);
}

/* What the dataplane was sending is to be sent again, on another transfer: the
 * bitmaps still say what it was. Until the target has opened that, no slice is
 * closing: CLOSED messages that were on their way name nothing. Their number. */
uint32_t pw_source_take_slices_back(struct pw_source *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->slices; i++) {
		struct pw_source_slice *slice = &s->slice[i];

		slice->epoch = PW_SOURCE_EPOCH_FIRST;
		if (slice->state != PW_SLICE_SENDING && slice->state != PW_SLICE_CLOSING)
			continue;
		slice->state = PW_SLICE_WAITS;
		slice->dirty_bytes = count_dirty(s, slice);
		n++;
	}
	s->open = 0;
	return n;
}

/* The lane is open again. A harvest that goes on needs nothing of it. */
void pw_source_go_on(struct pw_source *s)
{
	const struct pw_round_record *r = pw_source_round(s);

	if (s->plan_waits) {
		s->plan_waits = false;
		plan(s);
	} else if (s->m.rounds && !r->end_ns) {
		s->rate_from = (struct pw_source_mark){ pw_now_ns(), r->sent_bytes, r->zero_pages };
		pw_source_send_slices(s);
	}
}

struct pw_source_now pw_source_now(const struct pw_source *s)
{
	const struct pw_round_record *r = pw_source_round((struct pw_source *)(uintptr_t)s);
	struct pw_source_now now = {
		.remaining_bytes = s->slice ? dirty_bytes(s) : 0,
		.predicted_stun_ns = s->plan.stun_ns,
		.verdict = pw_planner_verdict_name(s->plan.verdict),
		.reason = pw_planner_reason_name(s->plan.reason),
	};

	if (s->m.rounds)
		now.rate_bytes_per_s =
			(uint64_t)((double)r->sent_bytes * 1e9 /
				   (double)((r->end_ns ? r->end_ns : pw_now_ns()) - r->start_ns + 1));
	return now;
}
