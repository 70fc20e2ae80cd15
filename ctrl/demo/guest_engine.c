/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_engine.c - see guest_engine.h */

#include <errno.h>
#include <time.h>

#include "guest_engine.h"
#include "pagewire/check.h"

#define NS_PER_S 1000000000ull

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void publish_steps(struct pw_guest_engine *e)
{
	__atomic_store_n(&e->steps, e->workload->step, __ATOMIC_RELAXED);
}

static void take_step(struct pw_guest_engine *e)
{
	pw_guest_workload_step(e->workload, e->body);
	e->workload->last_step_ns = now_ns();
	publish_steps(e);
}

/* Sleep until deadline_ns, unless told to do something else. Under lock. */
static void pace(struct pw_guest_engine *e, uint64_t deadline_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};

	while (e->run && !e->end)
		if (pthread_cond_timedwait(&e->wake, &e->lock, &until) == ETIMEDOUT)
			break;
}

/* A guest that cannot keep up gets slower; it does not hurry afterwards. */
static uint64_t next_deadline(uint64_t deadline_ns, uint64_t period_ns)
{
	uint64_t now = now_ns();

	return deadline_ns + period_ns > now ? deadline_ns + period_ns : now;
}

/* Under lock, which is let go for each step. */
static void run_steps(struct pw_guest_engine *e)
{
	uint64_t period_ns = NS_PER_S / e->workload->rates.steps_per_s;
	uint64_t deadline_ns = now_ns();

	while (e->run && !e->end) {
		pthread_mutex_unlock(&e->lock);
		take_step(e);
		pthread_mutex_lock(&e->lock);
		if (!e->first_step) {
			e->first_step = e->workload->step;
			e->first_step_ns = e->workload->last_step_ns;
		}
		pthread_cond_broadcast(&e->changed);
		deadline_ns = next_deadline(deadline_ns, period_ns);
		pace(e, deadline_ns);
	}
}

static void *engine_main(void *arg)
{
	struct pw_guest_engine *e = arg;

	pthread_mutex_lock(&e->lock);
	while (!e->end) {
		if (e->run) {
			run_steps(e);
			continue;
		}
		e->parked = true;
		pthread_cond_broadcast(&e->changed);
		pthread_cond_wait(&e->wake, &e->lock);
		e->parked = false;
	}
	e->parked = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

int pw_guest_engine_create(struct pw_guest_engine *e, struct pw_guest_workload *w,
			   struct pw_guest_body *b)
{
	pthread_condattr_t monotonic;
	int err;

	*e = (struct pw_guest_engine){ .workload = w, .body = b };
	publish_steps(e);
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &monotonic);
	pthread_cond_init(&e->changed, NULL);
	pthread_condattr_destroy(&monotonic);
	err = pthread_create(&e->thread, NULL, engine_main, e);
	return -err;
}

void pw_guest_engine_destroy(struct pw_guest_engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->end = true;
	pthread_cond_signal(&e->wake);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	pthread_cond_destroy(&e->wake);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
}

uint64_t pw_guest_engine_run(struct pw_guest_engine *e)
{
	uint64_t first_step_ns;

	pthread_mutex_lock(&e->lock);
	PW_CHECK(!e->run && !e->end);
	e->first_step = 0;
	e->run = true;
	pthread_cond_signal(&e->wake);
	while (!e->first_step)
		pthread_cond_wait(&e->changed, &e->lock);
	first_step_ns = e->first_step_ns;
	pthread_mutex_unlock(&e->lock);
	return first_step_ns;
}

void pw_guest_engine_park(struct pw_guest_engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->run = false;
	pthread_cond_signal(&e->wake);
	while (!e->parked)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

uint64_t pw_guest_engine_steps(const struct pw_guest_engine *e)
{
	return __atomic_load_n(&e->steps, __ATOMIC_RELAXED);
}

void pw_guest_engine_await(struct pw_guest_engine *e, uint64_t steps)
{
	pthread_mutex_lock(&e->lock);
	while (pw_guest_engine_steps(e) < steps)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
}
