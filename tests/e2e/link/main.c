/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - pw-link: joins two interfaces by a link that has faults
 *
 *	interface A -> leg -> model forth -> depot -> leg -> interface B
 *	interface A <- leg <- depot <- model back <- leg <- interface B
 *
 * One thread. Everything that is said goes to standard output, one object a line:
 * ready, set (a line of settings was read and holds from now on), refused (it was
 * not), counters.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "leg.h"

#define BUFFERS	   32768u	/* 320 MiB if all are used: 100 ms at 25 Gbit/s */
#define LINE_BYTES 512u

struct forwarder {
	struct depot depot;
	struct leg leg[LINK_WAYS];	/* forth comes from the first, back from the second */
	struct link_model model[LINK_WAYS];
	uint64_t no_buffer;	/* copies that could not be made */
	int signals;
	bool deaf;	/* standard input has ended */
	bool done;
	char line[LINE_BYTES];
	size_t line_bytes;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- frames ---- */

static void depart_later(struct forwarder *f, struct ether_frame *frame, enum link_way way,
			 const struct link_copy *copy)
{
	ether_spoil(frame, copy);
	if (copy->ce)
		ether_mark(frame);
	depot_add(&f->depot, &(struct departure){ .at_ns = copy->at_ns, .bytes = frame->bytes,
						  .count = frame->count, .way = way });
}

static void copy_departs_later(struct forwarder *f, const struct ether_frame *frame,
			       enum link_way way, const struct link_copy *copy)
{
	struct ether_frame own = *frame;

	own.bytes = depot_take(&f->depot);
	if (!own.bytes) {
		f->no_buffer++;
		return;
	}
	memcpy(own.bytes, frame->bytes, frame->count);
	depart_later(f, &own, way, copy);
}

/* All copies but the last have a buffer of their own, and are made first: the
 * last may be spoilt. */
static void forward(struct forwarder *f, enum link_way way, uint8_t *bytes, uint32_t count,
		    uint64_t now_ns)
{
	struct link_verdict verdict;
	struct ether_frame frame;

	ether_look(&frame, bytes, count);
	link_model_offer(&f->model[way], &frame.link, now_ns, &verdict);
	for (unsigned i = verdict.copies; i > 1; i--)
		copy_departs_later(f, &frame, way, &verdict.copy[i - 1]);
	if (verdict.copies)
		depart_later(f, &frame, way, &verdict.copy[0]);
	else
		depot_put(&f->depot, bytes);
}

static unsigned receive(struct forwarder *f, enum link_way way)
{
	uint8_t *frames[LEG_BURST];
	uint32_t counts[LEG_BURST];
	unsigned n = leg_receive(&f->leg[way], &f->depot, frames, counts);
	uint64_t now_ns = clock_ns();

	for (unsigned i = 0; i < n; i++)
		forward(f, way, frames[i], counts[i], now_ns);
	return n;
}

static void flush(struct forwarder *f, enum link_way way, const struct departure *frames,
		  unsigned n)
{
	leg_send(&f->leg[!way], frames, n);
	for (unsigned i = 0; i < n; i++)
		depot_put(&f->depot, frames[i].bytes);
}

static unsigned send_due(struct forwarder *f)
{
	struct departure due[LINK_WAYS][LEG_BURST];
	unsigned n[LINK_WAYS] = { 0 }, sent = 0;
	uint64_t now_ns = clock_ns();
	struct departure next;

	while (sent < 2 * LEG_BURST && depot_pop(&f->depot, now_ns, &next)) {
		due[next.way][n[next.way]++] = next;
		sent++;
		if (n[next.way] == LEG_BURST) {
			flush(f, next.way, due[next.way], LEG_BURST);
			n[next.way] = 0;
		}
	}
	for (enum link_way way = 0; way < LINK_WAYS; way++)
		if (n[way])
			flush(f, way, due[way], n[way]);
	return sent;
}

/* ---- words ---- */

static void show_way(struct forwarder *f, enum link_way way)
{
	const struct link_stats *s = &f->model[way].stats;
	struct leg *in = &f->leg[way], *out = &f->leg[!way];

	leg_count(in);
	printf("\"%s\": {\"received\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"too_long\": %" PRIu64
	       ", \"overrun\": %" PRIu64 ", \"not_sent\": %" PRIu64,
	       way == LINK_FORTH ? "forth" : "back", in->stats.received, out->stats.sent,
	       in->stats.too_long, in->stats.overrun, out->stats.not_sent);
#define X(name, words) printf(", \"" #name "\": %" PRIu64, s->name);
	LINK_COUNTERS(X)
#undef X
	printf("}, ");
}

static void show_counters(struct forwarder *f)
{
	printf("{\"event\": \"counters\", ");
	show_way(f, LINK_FORTH);
	show_way(f, LINK_BACK);
	printf("\"no_buffer\": %" PRIu64 "}\n", f->no_buffer);
}

static int apply(struct forwarder *f, const char *line, char why[SETTING_WHY_BYTES])
{
	struct link_config config[LINK_WAYS] = { f->model[LINK_FORTH].config,
						 f->model[LINK_BACK].config };
	int status = setting_apply(config, line, clock_ns(), why);

	for (enum link_way way = 0; way < LINK_WAYS; way++)
		f->model[way].config = config[way];
	return status;
}

static void obey(struct forwarder *f)
{
	char why[SETTING_WHY_BYTES], *end;
	ssize_t n = read(STDIN_FILENO, f->line + f->line_bytes, LINE_BYTES - 1 - f->line_bytes);

	if (n <= 0) {
		f->deaf = true;
		return;
	}
	f->line_bytes += (size_t)n;
	f->line[f->line_bytes] = 0;
	while ((end = strchr(f->line, '\n'))) {
		*end = 0;
		if (apply(f, f->line, why))
			printf("{\"event\": \"refused\", \"why\": \"%s\"}\n", why);
		else
			puts("{\"event\": \"set\"}");
		f->line_bytes -= (size_t)(end + 1 - f->line);
		memmove(f->line, end + 1, f->line_bytes + 1);
	}
}

static void heed_signal(struct forwarder *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		show_counters(f);
	else
		f->done = true;
}

/* ---- the loop ---- */

/* Until something comes, or the next frame departs. */
static void wait_for_more(struct forwarder *f, bool at_once)
{
	struct pollfd fds[] = { { f->leg[LINK_FORTH].fd, POLLIN, 0 },
				{ f->leg[LINK_BACK].fd, POLLIN, 0 },
				{ f->signals, POLLIN, 0 },
				{ f->deaf ? -1 : STDIN_FILENO, POLLIN, 0 } };
	uint64_t now_ns = clock_ns(), next_ns = depot_next_ns(&f->depot);
	uint64_t wait_ns = next_ns > now_ns && !at_once ? next_ns - now_ns : 0;
	struct timespec wait = { (time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u) };

	if (ppoll(fds, 4, next_ns == UINT64_MAX && !at_once ? NULL : &wait, NULL) <= 0)
		return;
	if (fds[2].revents)
		heed_signal(f);
	if (fds[3].revents)
		obey(f);
}

/* Words and signals are looked for every 64th time around while frames flow. */
static void run(struct forwarder *f)
{
	for (unsigned turn = 1; !f->done; turn++) {
		unsigned moved = receive(f, LINK_FORTH) + receive(f, LINK_BACK);

		moved += send_due(f);
		if (!moved || turn % 64 == 0)
			wait_for_more(f, moved);
	}
}

static int open_all(struct forwarder *f, char **names, uint64_t seed)
{
	const struct link_config perfect = { 0 };
	char why[LEG_WHY_BYTES];
	sigset_t heeded;

	sigemptyset(&heeded);
	sigaddset(&heeded, SIGUSR1);
	sigaddset(&heeded, SIGTERM);
	sigaddset(&heeded, SIGINT);
	sigprocmask(SIG_BLOCK, &heeded, NULL);
	f->signals = signalfd(-1, &heeded, SFD_CLOEXEC);
	if (f->signals < 0 || depot_init(&f->depot, BUFFERS)) {
		fprintf(stderr, "pw-link: no signalfd or no memory\n");
		return -ENOMEM;
	}
	prctl(PR_SET_TIMERSLACK, 1);	/* or delays are 50 us longer than was asked for */
	for (enum link_way way = 0; way < LINK_WAYS; way++) {
		int status = leg_open(&f->leg[way], names[way], &f->depot, why);

		link_model_init(&f->model[way], &perfect, seed + way);
		if (status) {
			fprintf(stderr, "pw-link: %s\n", why);
			return status;
		}
	}
	return 0;
}

static int usage(FILE *to)
{
	fprintf(to, "usage: pw-link [--seed N] INTERFACE INTERFACE [KEY=VALUE...]\n"
		    "\n"
		    "Joins two interfaces. KEY=VALUE is about both directions; forth.KEY and back.KEY\n"
		    "about one. Lines of them may follow on standard input, \"perfect\" takes all back.\n"
		    "SIGUSR1 shows counters, SIGTERM ends.\n\n");
	if (to == stdout)
		setting_show();
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option known[] = { { "seed", required_argument, NULL, 's' },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	static struct forwarder f;
	char why[SETTING_WHY_BYTES];
	uint64_t seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c != 's')
			return usage(c == 'h' ? stdout : stderr);
		seed = strtoull(optarg, NULL, 0);
	}
	if (argc - optind < (int)LINK_WAYS)
		return usage(stderr);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (open_all(&f, argv + optind, seed))
		return 1;
	for (int i = optind + (int)LINK_WAYS; i < argc; i++) {
		if (apply(&f, argv[i], why)) {
			fprintf(stderr, "pw-link: %s\n", why);
			return 2;
		}
	}
	printf("{\"event\": \"ready\", \"seed\": %" PRIu64 "}\n", seed);
	run(&f);
	show_counters(&f);
	for (enum link_way way = 0; way < LINK_WAYS; way++)
		leg_close(&f.leg[way]);
	depot_fini(&f.depot);
	return 0;
}
