/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_run.h - one migration of the demo: what was done, seen and proved */
#ifndef PW_DEMO_RUN_H
#define PW_DEMO_RUN_H

#include <stdbool.h>

#include "../outcome.h"
#include "../progress.h"
#include "demo_guest.h"
#include "demo_options.h"

struct pw_demo_scene;

struct pw_demo_run {
	enum pw_mode mode;
	enum pw_verify verify;
	struct pw_outcome outcome;	/* as pagewired tells it */
	double stun_s;	/* as the guest saw it: its first step there - its last step here */
	struct pw_demo_check check;	/* as the guest found itself at the target */
	struct pw_error error;	/* code is 0: the run came to its end */
	char guest_is[96];	/* where the guest is, if it did not */
};

struct pw_demo_runs {
	struct pw_demo_run run[PW_DEMO_MODES_MAX];
	unsigned count;
	struct pw_error error;	/* that no run belongs to: there are none then */
	char last_words[800];	/* lines from the log of the process that died, if one did */
};

/* A guest is started, warmed up, moved, checked and stopped. Returns 0, or the
 * code of r->error. r->mode is set; the rest is overwritten. */
int pw_demo_run(struct pw_demo_run *r, struct pw_demo_scene *s, struct pw_progress *p);
void pw_demo_run_fini(struct pw_demo_run *r);

/* "done", "failed", "cancelled" or "uncertain". */
const char *pw_demo_run_result(const struct pw_demo_run *r);

/* Everything that was to be proved is: the guest found every page as it should
 * be, went on from its very last step and still writes, and pagewired's own
 * comparison, if there was to be one, was made. */
bool pw_demo_run_is_verified(const struct pw_demo_run *r);

/* What speaks against it, as a clause; "" for a run that is verified. */
const char *pw_demo_run_doubt(const struct pw_demo_run *r);

/* Legacy stun over enhanced stun; 0 unless both runs are done. */
double pw_demo_runs_stun_ratio(const struct pw_demo_runs *runs);

/* 5 %: two clocks would differ by less, a phase that is missing by more. */
bool pw_demo_run_adds_up(double phases_s, double stun_s);

#endif /* PW_DEMO_RUN_H */
