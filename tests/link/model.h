/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model.h - what one direction of a link does to the frames that cross it
 *
 *	offer() -> cut? first ones? too long? -> queue -> wire -> copies, later
 *	           nothing of it comes out       full     lost, corrupted,
 *	                                         or CE    delayed, repeated
 *
 * The simulator asks it in virtual time, the forwarder between two interfaces in
 * real time: what is found by one can be looked for with the other. The model
 * holds no frame. It answers, for each, how many copies come out, when, and
 * what is wrong with them; whoever holds the bytes does it to them.
 *
 * A copy goes its own way: it may arrive although the frame itself is lost on
 * the wire, which is a frame that comes very late.
 *
 * Pure: the same seed, configuration and frames give the same answers.
 */
#ifndef PW_LINK_MODEL_H
#define PW_LINK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_COPIES_MAX 2u
#define LINK_FLIPS_MAX	3u	/* bytes of a frame */

/* What happens to frames, each counted: name, and what it is called. */
#define LINK_COUNTERS(X)                                                                           \
	X(frames, "frames")                                                                        \
	X(bytes, "bytes")                                                                          \
	X(delivered, "delivered")                                                                  \
	X(lost_alone, "lost alone")                                                                \
	X(lost_burst, "lost in a burst")                                                           \
	X(lost_silence, "lost in a silence")                                                       \
	X(lost_cut, "lost in a cut")                                                               \
	X(lost_first, "lost as first of its class")                                                \
	X(lost_port, "lost for its port")                                                          \
	X(lost_long, "lost for its length")                                                        \
	X(lost_queue, "lost at a full queue")                                                      \
	X(bursts, "bursts")                                                                        \
	X(silences, "silences")                                                                    \
	X(repeated_soon, "repeated soon")                                                          \
	X(repeated_late, "repeated late")                                                          \
	X(delayed, "delayed")                                                                      \
	X(flipped, "bytes flipped")                                                                \
	X(shortened, "shortened")                                                                  \
	X(lengthened, "lengthened")                                                                \
	X(marked, "marked CE")

struct link_stats {
#define X(name, words) uint64_t name;
	LINK_COUNTERS(X)
#undef X
};

enum link_class {
	LINK_UDP,
	LINK_TCP,
	LINK_OTHER,
	LINK_CLASSES,
};

/*
 * All zero is a perfect wire without delay. Chances are of a million, and each
 * frame's own. Times are on the clock that offer() is given.
 */
struct link_config {
	uint32_t lose;
	uint32_t burst;	/* of a run of lost frames to begin */
	uint32_t burst_frames;	/* mean length; geometric, as in Gilbert's model */
	uint32_t silence;	/* of a time to begin in which all frames are lost */
	uint32_t reorder;	/* of being held back while others pass */
	uint32_t repeat_soon;	/* of a copy within the jitter */
	uint32_t repeat_late;
	uint32_t corrupt;	/* 85 % flips, 10 % shortened, 5 % lengthened */
	uint32_t faulty_classes;	/* bit per class that all this, cut and hole befall; 0: all */
	uint64_t silence_ns_max;
	uint64_t reorder_ns_max;
	uint64_t late_ns_max;	/* of a late copy */
	uint64_t delay_ns;
	uint64_t jitter_ns;	/* on top, uniform; reorders too */
	uint64_t bytes_per_s;	/* up to 18e9; 0: no limit, no queue */
	uint64_t queue_bytes;	/* what does not fit is lost; 0: no end */
	uint64_t mark_bytes;	/* queue longer than this: CE; 0: never */
	uint32_t hole_bytes;	/* longer frames vanish; 0: none */
	uint64_t hole_from_ns;
	uint64_t cut_from_ns;
	uint64_t cut_until_ns;
	uint32_t first_frames[LINK_CLASSES];	/* that many more are lost; counts down */
	uint32_t first_lose;	/* or each of those with this chance; 0: all of them */
	uint32_t dead_port;	/* frames from it and to it vanish; 0: none */
};

struct link_frame {
	uint32_t bytes;
	uint32_t from;	/* bytes that corruption may touch: from..until-1 */
	uint32_t until;
	uint16_t ports[2];	/* of UDP: from and to; 0: it has none */
	enum link_class class;
	bool can_mark;	/* ECN-capable transport */
	bool fixed_length;	/* corruption flips only */
};

enum link_damage {
	LINK_INTACT,
	LINK_FLIPPED,	/* flips bytes: at[i] ^= by[i] */
	LINK_RESIZED,	/* it has length bytes */
};

struct link_copy {
	uint64_t at_ns;	/* it comes out */
	enum link_damage damage;
	uint32_t flips;
	uint32_t length;
	uint32_t at[LINK_FLIPS_MAX];
	uint8_t by[LINK_FLIPS_MAX];	/* never 0 */
	bool repeat;	/* not the frame itself */
	bool late;	/* of a repeat */
	bool ce;
};

struct link_verdict {
	unsigned copies;	/* 0: nothing comes out */
	struct link_copy copy[LINK_COPIES_MAX];
};

struct link_model {
	struct link_config config;	/* may be changed at any time */
	struct link_stats stats;
	uint64_t random;
	uint64_t busy_until_ns;	/* the queue is empty then */
	uint64_t silent_until_ns;
	bool in_burst;
};

void link_model_init(struct link_model *m, const struct link_config *config, uint64_t seed);

/* A frame goes in at now_ns, which never goes back. */
void link_model_offer(struct link_model *m, const struct link_frame *frame, uint64_t now_ns,
		      struct link_verdict *verdict);

/* Lose everything until then. */
void link_model_cut(struct link_model *m, uint64_t now_ns, uint64_t until_ns);

/* Bytes that wait for the rate limit. */
uint64_t link_model_queue(const struct link_model *m, uint64_t now_ns);

void link_stats_add(struct link_stats *to, const struct link_stats *from);

#endif /* PW_LINK_MODEL_H */
