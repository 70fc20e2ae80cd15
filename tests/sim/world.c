/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - see world.h */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pagewire/check.h"
#include "world.h"

#define ALIGNMENT 64u	/* of cache lines: some of the core's structures ask for it */

struct sim_block {
	struct sim_block *next;
};

static struct sim_world *running;

/* A broken promise inside the core fails the seed instead of the program: this
 * one is linked in place of the core's own, which aborts. */
_Noreturn void pw_check_failed(const char *expr, const char *file, int line)
{
	if (!running) {
		fprintf(stderr, "%s:%d: %s\n", file, line, expr);
		abort();
	}
	sim_fail(running, "%s:%d: %s", file, line, expr);
}

void sim_world_init(struct sim_world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->random = seed;
	w->now_ns = SIM_S;	/* so that "0: never" and "some time ago" mean what they say */
	running = w;
}

void sim_world_fini(struct sim_world *w)
{
	while (w->blocks) {
		struct sim_block *next = w->blocks->next;

		free(w->blocks);
		w->blocks = next;
	}
	free(w->heap);
	w->heap = NULL;
	running = NULL;
}

void *sim_alloc(struct sim_world *w, size_t bytes)
{
	/* calloc() knows which pages are fresh, aligned_alloc() does not. */
	struct sim_block *block = calloc(1, sizeof(*block) + ALIGNMENT + bytes);
	char *after = (char *)(block + 1);

	if (!block)
		sim_fail(w, "no memory for %zu bytes", bytes);
	block->next = w->blocks;
	w->blocks = block;
	return after + (-(uintptr_t)after & (ALIGNMENT - 1));
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void make_room(struct sim_world *w)
{
	size_t room = w->room ? 2 * w->room : 1024;
	struct sim_event *heap = realloc(w->heap, room * sizeof(*heap));

	if (!heap)
		sim_fail(w, "no memory for %zu events", room);
	w->heap = heap;
	w->room = room;
}

void sim_after(struct sim_world *w, uint64_t in_ns, sim_fire fire, void *who, uint64_t what)
{
	struct sim_event event = { w->now_ns + in_ns, w->order++, fire, who, what };
	size_t at;

	if (w->waiting == w->room)
		make_room(w);
	for (at = w->waiting++; at > 0 && before(&event, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
		w->heap[at] = w->heap[(at - 1) / 2];
	w->heap[at] = event;
}

/* Put event where the hole at the root sinks to. */
static void sift_down(struct sim_world *w, const struct sim_event *event)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < w->waiting) {
		if (child + 1 < w->waiting && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], event))
			break;
		w->heap[at] = w->heap[child];
		at = child;
	}
	w->heap[at] = *event;
}

bool sim_step(struct sim_world *w)
{
	struct sim_event first;

	if (!w->waiting)
		return false;
	first = w->heap[0];
	if (--w->waiting)
		sift_down(w, &w->heap[w->waiting]);
	w->now_ns = first.at_ns;
	w->events++;
	first.fire(first.who, first.what);
	return true;
}

/* splitmix64: any seed will do, 0 included. */
uint64_t sim_random(struct sim_world *w)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t sim_below(struct sim_world *w, uint64_t n)
{
	return n ? sim_random(w) % n : 0;
}

uint64_t sim_between(struct sim_world *w, uint64_t low, uint64_t high)
{
	return low + sim_below(w, high - low + 1);
}

bool sim_chance(struct sim_world *w, unsigned of_10000)
{
	return of_10000 && sim_random(w) % 10000 < of_10000;
}

void sim_note(struct sim_world *w, uint64_t what)
{
	w->trace = (w->trace ^ what ^ w->now_ns) * 0x100000001b3ull;
	w->trace ^= w->trace >> 29;
}

_Noreturn void sim_fail(struct sim_world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
	longjmp(w->out, 1);
}

void sim_say(const struct sim_world *w, const char *format, ...)
{
	va_list args;

	if (!w->verbose)
		return;
	va_start(args, format);
	printf("%12.3f us  ", (double)(w->now_ns - SIM_S) / 1000);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}
