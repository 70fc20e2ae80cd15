/* SPDX-License-Identifier: BSD-3-Clause */
/* setting.c - see setting.h */

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setting.h"

#define WORD_BYTES 80u

/* One direction while a line is read. */
struct asked {
	struct link_config config;
	uint64_t hole_after_ns;
	uint64_t cut_ns;
	uint64_t cut_after_ns;
};

enum kind {
	CHANCE,
	COUNT,
	TIME,
	BYTES,
	RATE,
	CLASSES,
};

struct unit {
	const char *name;
	double factor;
};

#define NO_UNIT { NULL, 0 }

static const struct unit units[][5] = {
	[CHANCE] = { { "%", 1e4 }, { "ppm", 1 }, NO_UNIT },
	[COUNT] = { { "", 1 }, NO_UNIT },
	[TIME] = { { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 }, NO_UNIT },
	[BYTES] = { { "", 1 }, { "k", 1024 }, { "M", 1 << 20 }, NO_UNIT },
	[RATE] = { { "M", 1e6 / 8 }, { "G", 1e9 / 8 }, NO_UNIT },
};

static const struct key {
	const char *name;
	const char *example;
	const char *help;
	size_t at;
	double most;
	enum kind kind;
	bool wide;	/* uint64_t, not uint32_t */
} keys[] = {
#define KEY32(name, field, kind, most, example, help) \
	{ name, example, help, offsetof(struct asked, field), most, kind, false }
#define KEY64(name, field, kind, most, example, help) \
	{ name, example, help, offsetof(struct asked, field), most, kind, true }
	KEY32("lose", config.lose, CHANCE, 1e6, "2%", "frames lost, each by itself"),
	KEY32("burst", config.burst, CHANCE, 1e6, "0.5%", "of several lost in a row to begin"),
	KEY32("burst_frames", config.burst_frames, COUNT, 1e6, "3", "how many, in the mean"),
	KEY32("silence", config.silence, CHANCE, 1e6, "100ppm", "of a time without any to begin"),
	KEY64("silence_time", config.silence_ns_max, TIME, 1e12, "5ms", "how long at most"),
	KEY32("reorder", config.reorder, CHANCE, 1e6, "10%", "held back"),
	KEY64("reorder_time", config.reorder_ns_max, TIME, 1e12, "500us", "how long at most"),
	KEY32("repeat_soon", config.repeat_soon, CHANCE, 1e6, "5%", "twice, within the jitter"),
	KEY32("repeat_late", config.repeat_late, CHANCE, 1e6, "5%", "once more, later"),
	KEY64("late_time", config.late_ns_max, TIME, 1e12, "80ms", "how much later at most"),
	KEY32("corrupt", config.corrupt, CHANCE, 1e6, "2%", "spoilt"),
	KEY32("classes", config.faulty_classes, CLASSES, 0, "udp,tcp",
	      "whom all of the above, cut and hole befall: udp, tcp, other; all"),
	KEY64("delay", config.delay_ns, TIME, 1e12, "2ms", "of every frame"),
	KEY64("jitter", config.jitter_ns, TIME, 1e12, "100us", "on top, at most"),
	KEY64("rate", config.bytes_per_s, RATE, 18e9, "1G", "bit/s"),
	KEY64("queue", config.queue_bytes, BYTES, 1e9, "512k", "room for what waits for the rate"),
	KEY64("mark", config.mark_bytes, BYTES, 1e9, "64k", "a longer queue marks CE"),
	KEY32("hole", config.hole_bytes, BYTES, 1e6, "1500", "longer frames vanish; 0: no more"),
	KEY64("hole_after", hole_after_ns, TIME, 1e12, "1s", "and when that begins"),
	KEY64("cut", cut_ns, TIME, 1e12, "3s", "nothing passes"),
	KEY64("cut_after", cut_after_ns, TIME, 1e12, "1s", "and when that begins"),
	KEY32("first_udp", config.first_frames[LINK_UDP], COUNT, 1e6, "3", "the next are lost"),
	KEY32("first_tcp", config.first_frames[LINK_TCP], COUNT, 1e6, "3", "the next are lost"),
	KEY32("first_other", config.first_frames[LINK_OTHER], COUNT, 1e6, "3", "the next are lost"),
	KEY32("first_lose", config.first_lose, CHANCE, 1e6, "30%", "or each of them by chance; 0: all"),
	KEY32("dead_port", config.dead_port, COUNT, 65535, "49601", "UDP from it and to it vanishes"),
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static bool read_classes(const char *text, double *value)
{
	static const char *const names[LINK_CLASSES] = {
		[LINK_UDP] = "udp", [LINK_TCP] = "tcp", [LINK_OTHER] = "other",
	};
	unsigned bits = 0;

	*value = 0;
	if (!strcmp(text, "all"))
		return true;
	while (*text) {
		size_t n = strcspn(text, ",");
		unsigned i = 0;

		while (i < LINK_CLASSES && (strlen(names[i]) != n || memcmp(names[i], text, n)))
			i++;
		if (i == LINK_CLASSES)
			return false;
		bits |= 1u << i;
		text += n + (text[n] == ',');
	}
	*value = bits;
	return bits != 0;
}

/* In the unit that the model uses. A bare 0 needs no unit. */
static bool read_value(const struct key *key, const char *text, double *value)
{
	double number;
	char *end;

	if (key->kind == CLASSES)
		return read_classes(text, value);
	number = strtod(text, &end);
	if (end == text || !isfinite(number) || number < 0)
		return false;
	*value = 0;
	if (number == 0 && !*end)
		return true;
	for (const struct unit *unit = units[key->kind]; unit->name; unit++) {
		if (!strcmp(unit->name, end)) {
			*value = number * unit->factor;
			return *value <= key->most;
		}
	}
	return false;
}

static void store(struct asked *asked, const struct key *key, double value)
{
	char *at = (char *)asked + key->at;
	uint64_t wide = (uint64_t)(value + 0.5);
	uint32_t narrow = (uint32_t)wide;

	if (key->wide)
		memcpy(at, &wide, sizeof(wide));
	else
		memcpy(at, &narrow, sizeof(narrow));
}

static const struct key *find_key(const char *name, size_t n)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (strlen(keys[i].name) == n && !memcmp(keys[i].name, name, n))
			return &keys[i];
	return NULL;
}

/* Both directions, unless the word names one. */
static bool is_for(enum link_way way, const char *word)
{
	bool forth = !strncmp(word, "forth.", 6), back = !strncmp(word, "back.", 5);

	return way == LINK_FORTH ? !back : !forth;
}

static int take_word(struct asked asked[LINK_WAYS], const char *word, char why[SETTING_WHY_BYTES])
{
	const char *dot = strchr(word, '.'), *equals = strchr(word, '='), *name = word;
	const struct key *key;
	double value;

	if (!strcmp(word, "perfect")) {
		memset(asked, 0, LINK_WAYS * sizeof(*asked));
		return 0;
	}
	if (equals && dot && dot < equals &&
	    (is_for(LINK_FORTH, word) != is_for(LINK_BACK, word)))
		name = dot + 1;
	key = equals ? find_key(name, (size_t)(equals - name)) : NULL;
	if (!key) {
		snprintf(why, SETTING_WHY_BYTES, "'%s' is not KEY=VALUE: --help names the keys", word);
		return -EINVAL;
	}
	if (!read_value(key, equals + 1, &value)) {
		snprintf(why, SETTING_WHY_BYTES, "'%s' is too much or not understood: say %s=%s, for example",
			 word, key->name, key->example);
		return -EINVAL;
	}
	for (enum link_way way = 0; way < LINK_WAYS; way++)
		if (is_for(way, word))
			store(&asked[way], key, value);
	return 0;
}

/* What is about time counts from now. */
static void settle(struct link_config *config, const struct asked *asked, uint64_t now_ns)
{
	bool new_hole = asked->config.hole_bytes != config->hole_bytes || asked->hole_after_ns;

	*config = asked->config;
	if (new_hole)
		config->hole_from_ns = now_ns + asked->hole_after_ns;
	if (asked->cut_ns) {
		config->cut_from_ns = now_ns + asked->cut_after_ns;
		config->cut_until_ns = config->cut_from_ns + asked->cut_ns;
	}
}

int setting_apply(struct link_config config[LINK_WAYS], const char *line, uint64_t now_ns,
		  char why[SETTING_WHY_BYTES])
{
	struct asked asked[LINK_WAYS] = { 0 };
	char word[WORD_BYTES];

	for (enum link_way way = 0; way < LINK_WAYS; way++)
		asked[way].config = config[way];
	while (*(line += strspn(line, " \t\n"))) {
		size_t n = strcspn(line, " \t\n");

		snprintf(word, sizeof(word), "%.*s", (int)n, line);
		line += n;
		if (take_word(asked, word, why))
			return -EINVAL;
	}
	for (enum link_way way = 0; way < LINK_WAYS; way++)
		settle(&config[way], &asked[way], now_ns);
	return 0;
}

void setting_show(void)
{
	for (unsigned i = 0; i < KEYS; i++)
		printf("  %s=%-*s  %s\n", keys[i].name, 24 - (int)strlen(keys[i].name),
		       keys[i].example, keys[i].help);
}
