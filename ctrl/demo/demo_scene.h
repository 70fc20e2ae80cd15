/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demo_scene.h - two hosts on this machine, from nothing to nothing
 *
 *	DIR/ca.crt ca.key        a throw-away authority
 *	DIR/host-a.yaml .crt ..  the source: pagewired, and a guest that runs
 *	DIR/host-b.yaml .crt ..  the target: pagewired, and a guest that waits
 *	DIR/lane                 memif socket between their dataplanes
 *	DIR/ *.log               what each process wrote to standard error
 *
 * Happy path: open, (start guests, wait ..., stop guests) per migration, close.
 * close may follow an open that failed; it leaves no process and, unless it is
 * to be kept, no file.
 *
 * What can go wrong at any time: a process dies, somebody presses Ctrl-C, or
 * nothing happens. pw_demo_scene_wait returns for all three with an error that
 * says which; nothing else here waits.
 */
#ifndef PW_DEMO_SCENE_H
#define PW_DEMO_SCENE_H

#include <stdbool.h>

#include "demo_guest.h"
#include "demo_host.h"
#include "demo_options.h"

struct event;
struct event_base;

#define PW_DEMO_SOURCE 0u
#define PW_DEMO_TARGET 1u
#define PW_DEMO_SIGNALS 3u

struct pw_demo_scene {
	const struct pw_demo_options *options;
	char dir[PW_DEMO_DIR_MAX];	/* "": there is none */
	struct event_base *loop;
	struct event *tick;
	struct event *on_signal[PW_DEMO_SIGNALS];
	int signal;	/* that asked us to stop; 0: none did */
	char last_words[800];	/* of a process that died without an error of its own */
	struct pw_demo_host host[2];
	struct pw_demo_guest guest[2];
};

int pw_demo_scene_open(struct pw_demo_scene *s, const struct pw_demo_options *o,
		       struct pw_error *e);
void pw_demo_scene_close(struct pw_demo_scene *s);

/* Asked every 20 ms: 1 when it has happened, 0 when not yet, or a negative errno. */
typedef int (*pw_demo_happened)(struct pw_demo_scene *s, void *user, struct pw_error *e);

struct pw_demo_wait {
	pw_demo_happened happened;
	void *user;
	const char *what;	/* "the guests to be ready" */
	unsigned timeout_s;
};

/* 0 once it has happened; -EINTR, -ECHILD or -ETIMEDOUT, or what happened() said. */
int pw_demo_scene_wait(struct pw_demo_scene *s, const struct pw_demo_wait *w, struct pw_error *e);

/* A call to a pagewired failed with e: if that was because a process died, e
 * becomes the error that says so. */
void pw_demo_scene_explain(struct pw_demo_scene *s, struct pw_error *e);

int pw_demo_scene_start_guests(struct pw_demo_scene *s, struct pw_error *e);
void pw_demo_scene_stop_guests(struct pw_demo_scene *s);

/* Where the guest is, asked of the guest itself: for the person who has just
 * read that something went wrong. "" if it does not say. Returns buf. */
char *pw_demo_scene_find_guest(struct pw_demo_scene *s, char *buf, size_t bytes);

#endif /* PW_DEMO_SCENE_H */
