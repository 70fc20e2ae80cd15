/* SPDX-License-Identifier: BSD-3-Clause */
/* judge.c - see judge.h */

#include <inttypes.h>
#include <string.h>

#include "judge.h"
#include "wire.h"

#define WHOLE_LOOK_EVERY 64u	/* steps: W3, W4 and R2 walk the whole window */

/* Says which datagram it is about. */
#define JUDGE(p, pn, expr, text) \
	SIM_CHECK((p)->world, expr, "path %u, pn %" PRIu64 ": %s", (p)->number, (uint64_t)(pn), text)

/* Every datagram has a pn of its own, and its span does not promise too much. */
void sim_judge_sent(struct sim_path *p, const struct pw_frame *frame)
{
	struct pw_wire_public pub;
	struct pw_wire_body body;
	struct sim_record *record;
	uint64_t pn;

	memcpy(&pub, frame->header, sizeof(pub));
	memcpy(&body, frame->header + sizeof(pub), sizeof(body));
	pn = pw_get48(pub.pn);
	JUDGE(p, pn, pn >= p->sent, "left out of turn, or twice");
	JUDGE(p, pn, pw_get16(pub.span) <= pn, "span below 0");
	JUDGE(p, pn, pn - pw_get16(pub.span) <= p->sender.window.head,
	      "gives up what is in flight");
	JUDGE(p, pn, frame->payload_bytes == pw_get16(body.length),
	      "its length is not the payload's");
	JUDGE(p, pn, frame->payload_bytes <= p->sender.config.payload_bytes, "too long for the path");

	record = sim_path_record(p, pn);
	record->offset = pw_get48(body.offset);
	record->id = pw_get16(body.id);
	record->epoch = pw_get16(body.epoch);
	record->length = pw_get16(body.length);
	record->type = pub.version_type & 0xf;
	if (record->type == PW_ZERO) {
		record->map = sim_alloc(p->world, PW_ZERO_MAP_BYTES);
		memcpy(record->map, frame->payload, PW_ZERO_MAP_BYTES);
	}
	p->sent = pn + 1;	/* a path that is down leaves some out */
}

static bool is_sealed(const struct sim_path *p)
{
	return atomic_load_explicit(&p->target->sealed, memory_order_relaxed);
}

static bool epoch_is_open(struct sim_path *p, const struct pw_datagram *d)
{
	const struct pw_slice_in *slices = p->target->slice_in[d->id];

	if (d->type != PW_DATA && d->type != PW_ZERO)
		return true;
	return pw_slice_check(&slices[d->offset >> p->target->slice_shift], d->epoch) ==
	       PW_EPOCH_OPEN;
}

static uint32_t stamp_of(const struct sim_path *p, uint16_t epoch)
{
	return sim_stamp(p->attempt, (uint16_t)(epoch - p->first_epoch));
}

static uint8_t *seen_of(struct sim_path *p, const struct sim_inlet *in, uint64_t pn)
{
	return &sim_path_record(p, pn)->seen[in->number];
}

static uint64_t placed_by(const struct sim_inlet *in)
{
	return in->stats.rx_payload_bytes + in->stats.rx_zero_pages;
}

/* What should become of it. A page that was written between checksum and wire
 * is as unsound as one that was damaged on the way. */
void sim_judge_before(struct sim_path *p, struct sim_inlet *in, struct sim_arrival *a,
		      const struct sim_bytes *bytes)
{
	struct pw_datagram *d = &a->datagram;

	a->sound = a->fresh = a->open = false;
	a->placed = placed_by(in);
	a->well_formed = pw_wire_parse(bytes->at, bytes->n, d);
	JUDGE(p, in->top, a->well_formed || !bytes->intact, "an intact datagram is malformed");
	if (!a->well_formed)
		return;
	if (pw_wire_payload_ok(d) && in->floor < d->pn - d->span)
		in->floor = d->pn - d->span;
	a->sound = bytes->intact && pw_wire_payload_ok(d);
	a->fresh = d->pn >= in->floor && !(*seen_of(p, in, d->pn) & SIM_TAKEN);
	if (!a->sound)
		return;
	a->open = epoch_is_open(p, d);
	if (d->type == PW_DATA)
		memcpy(a->before, p->target->region[d->id].base + d->offset, d->length);
	in->reordered += d->pn < in->top;
	if (in->top <= d->pn)
		in->top = d->pn + 1;
}

/* Every page of the map is zero now, and the map is the one that was sent. */
static void judge_zero(struct sim_path *p, const struct pw_datagram *d)
{
	static const uint8_t zeros[PW_PAGE_BYTES];
	const uint64_t *map = sim_path_record(p, d->pn)->map;

	JUDGE(p, d->pn, memcmp(map, d->payload, PW_ZERO_MAP_BYTES) == 0,
	      "arrived with the zero map of another");
	for (uint64_t page = 0; page < PW_CHUNK_PAGES; page++) {
		struct sim_span span = { d->offset + page * PW_PAGE_BYTES, PW_PAGE_BYTES, d->id };

		if (!(map[page / 64] >> page % 64 & 1))
			continue;
		JUDGE(p, d->pn,
		      memcmp(p->shadow->region[d->id].base + span.offset, zeros, PW_PAGE_BYTES) == 0,
		      "a zero page is not zero");
		sim_shadow_placed(p->shadow, &span, stamp_of(p, d->epoch));
	}
}

static void judge_data(struct sim_path *p, const struct pw_datagram *d)
{
	struct sim_span span = { d->offset, d->length, d->id };

	JUDGE(p, d->pn,
	      memcmp(p->shadow->region[d->id].base + d->offset, d->payload, d->length) == 0,
	      "placed elsewhere or not whole");
	sim_shadow_placed(p->shadow, &span, stamp_of(p, d->epoch));
}

static void judge_placed(struct sim_path *p, const struct pw_datagram *d)
{
	if (d->type == PW_DATA)
		judge_data(p, d);
	else if (d->type == PW_ZERO)
		judge_zero(p, d);
}

static void judge_replay(struct sim_path *p, const struct pw_replay *r)
{
	JUDGE(p, r->next, !(r->bits[r->next / 64 % (PW_WINDOW_SLOTS / 64)] >> r->next % 64 & 1),
	      "R1: the bit of next is set");
	JUDGE(p, r->next, r->next <= r->top && r->top <= r->next + PW_WINDOW_SLOTS, "R2: top");
	if (p->steps++ % WHOLE_LOOK_EVERY)
		return;
	for (uint64_t pn = r->top; pn < r->next + PW_WINDOW_SLOTS; pn++)
		JUDGE(p, pn, !(r->bits[pn / 64 % (PW_WINDOW_SLOTS / 64)] >> pn % 64 & 1),
		      "R2: a bit above top is set");
}

void sim_judge_after(struct sim_path *p, struct sim_inlet *in, const struct sim_arrival *a)
{
	const struct pw_datagram *d = &a->datagram;
	bool placed = placed_by(in) != a->placed, marked;

	judge_replay(p, &in->receiver.replay);
	marked = a->fresh && pw_replay_check(&in->receiver.replay, d->pn) != PW_REPLAY_NEW;
	JUDGE(p, in->top, !placed || a->sound, "placed, though damaged or forged");
	JUDGE(p, in->top, !marked || a->sound, "marked, though damaged or forged");
	if (!a->sound)
		return;
	JUDGE(p, d->pn, !placed || a->fresh, "placed again");
	JUDGE(p, d->pn, !placed || a->open, "placed though its epoch is not open");
	JUDGE(p, d->pn, !placed || !is_sealed(p), "placed after SEAL");
	if (!placed && d->type == PW_DATA)
		JUDGE(p, d->pn,
		      memcmp(a->before, p->shadow->region[d->id].base + d->offset, d->length) == 0,
		      "not placed and yet memory changed");
	if (placed)
		judge_placed(p, d);
	if (marked)
		*seen_of(p, in, d->pn) |= SIM_TAKEN;
}

/* Pages that the map names hold content of epoch or newer. */
static bool has_zeros(const struct sim_path *p, const struct sim_record *record)
{
	for (uint64_t page = 0; page < PW_CHUNK_PAGES; page++) {
		struct sim_span span = { record->offset + page * PW_PAGE_BYTES, PW_PAGE_BYTES,
					 record->id };

		if (record->map[page / 64] >> page % 64 & 1 &&
		    !sim_shadow_has(p->shadow, &span, stamp_of(p, record->epoch)))
			return false;
	}
	return true;
}

static bool is_at_target(struct sim_path *p, const struct sim_record *record)
{
	switch (record->type) {
	case PW_DATA:
		return sim_shadow_has(p->shadow,
				      &(struct sim_span){ record->offset, record->length,
							  record->id },
				      stamp_of(p, record->epoch));
	case PW_ZERO:
		return has_zeros(p, record);
	case PW_STREAM:
		return sim_tap_has(&p->taps[record->id], record->offset / PW_STREAM_SLOT_BYTES,
				   (uint32_t)(record->offset % PW_STREAM_SLOT_BYTES),
				   record->length);
	default:
		return true;
	}
}

static void judge_claim(struct sim_path *p, struct sim_inlet *in, uint64_t pn)
{
	uint8_t *seen;

	JUDGE(p, pn, pn < p->sent, "acknowledged, never sent");
	seen = seen_of(p, in, pn);
	if (*seen & SIM_JUDGED)
		return;
	*seen |= SIM_JUDGED;
	if (pn < in->floor && !(*seen & SIM_TAKEN))
		return;	/* given up by its sender */
	JUDGE(p, pn, *seen & SIM_TAKEN, "acknowledged, never arrived");
	JUDGE(p, pn, is_at_target(p, sim_path_record(p, pn)), "acknowledged, not placed");
}

/* At the moment an ack leaves, all that it names stands at the target. */
void sim_judge_ack(struct sim_path *p, const struct pw_frame *frame)
{
	struct sim_inlet *in = &p->inlet;
	struct pw_ack ack;

	JUDGE(p, in->judged, pw_wire_parse_ack(frame->header, frame->header_bytes, &ack),
	      "the ack is malformed");
	for (; in->judged < ack.next; in->judged++)
		judge_claim(p, in, in->judged);
	for (unsigned i = 0; i < ack.words; i++)
		for (uint64_t word = ack.bitmap[i]; word; word &= word - 1)
			judge_claim(p, in, ack.next + 1 + 64u * i + (unsigned)__builtin_ctzll(word));
}

static bool waits(const struct pw_window *w, uint64_t pn)
{
	return w->slot[pn & (PW_WINDOW_SLOTS - 1)].extent.kind != PW_EXTENT_NONE;
}

void sim_judge_window(struct sim_path *p)
{
	const struct pw_window *w = &p->sender.window;
	uint64_t sent_ns = 0;
	uint32_t in_flight = 0;

	JUDGE(p, w->head, w->head <= w->tail && w->tail <= w->head + PW_WINDOW_SLOTS, "W1");
	JUDGE(p, w->head, w->head == w->tail || waits(w, w->head), "W2");
	if (p->steps++ % WHOLE_LOOK_EVERY)
		return;
	for (uint64_t pn = w->head; pn < w->tail; pn++) {
		const struct pw_sent *sent = &w->slot[pn & (PW_WINDOW_SLOTS - 1)];

		in_flight += waits(w, pn);
		JUDGE(p, pn, sent->sent_ns >= sent_ns, "W4");
		sent_ns = sent->sent_ns;
	}
	JUDGE(p, w->head, in_flight == w->in_flight, "W3");
}
