/* SPDX-License-Identifier: BSD-3-Clause */
/* pump.c - a pump's life; see pump.h */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "mapping.h"
#include "pump.h"

#define STOP_SIGNAL SIGUSR2
#define STACK_BYTES (256u << 10)	/* an array of iovecs is the largest thing on it */

static void on_stop_signal(int number)
{
	(void)number;	/* the system call it interrupted returns, that is all */
}

void pw_pump_init_process(void)
{
	struct sigaction action = { .sa_handler = on_stop_signal };	/* no SA_RESTART */

	sigaction(STOP_SIGNAL, &action, NULL);
}

static void *run(void *arg)
{
	struct pw_pump *p = arg;
	XXH128_hash_t digest;

	p->status = p->role == PW_SOURCE ? pw_pump_run_out(p) : pw_pump_run_in(p);
	digest = XXH3_128bits_digest(p->digester);
	p->digest[0] = digest.low64;
	p->digest[1] = digest.high64;
	close(p->fd);	/* before pagewired hears: the reader behind it sees the end */
	/* release; pairs with the acquire in pw_pump_has_ended() */
	atomic_store_explicit(&p->ended, true, memory_order_release);
	pw_bells_ring(p->control, PW_BELLS_ALL);
	return NULL;
}

static int start(struct pw_pump *p)
{
	pthread_attr_t attr;
	int status = pthread_attr_init(&attr);

	if (status)
		return -status;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	status = pthread_create(&p->thread, &attr, run, p);
	pthread_attr_destroy(&attr);
	return -status;
}

static void release(struct pw_pump *p)
{
	if (p->ring)
		pw_mapping_close(p->ring, PW_STREAM_RING_BYTES);
	XXH3_freeState(p->digester);
	free(p);
}

struct pw_pump *pw_pump_create(const struct pw_pump *wanted)
{
	struct pw_pump *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	*p = *wanted;
	p->digester = XXH3_createState();
	p->ring = pw_mapping_create(PW_STREAM_RING_BYTES);
	if (!p->digester || !p->ring) {
		release(p);
		return NULL;
	}
	XXH3_128bits_reset(p->digester);
	if (p->role == PW_SOURCE)
		pw_stream_out_init(&p->out, p->ring);
	else
		pw_stream_in_init(&p->in, p->ring);
	if (start(p)) {
		release(p);
		return NULL;
	}
	return p;
}

void pw_pump_stop(struct pw_pump *p)
{
	atomic_store_explicit(&p->stop, true, memory_order_release);
	pw_bells_toll(p->bells, 1u << p->stream);
	if (!pw_pump_has_ended(p))
		pthread_kill(p->thread, STOP_SIGNAL);
}

void pw_pump_destroy(struct pw_pump *p)
{
	pthread_join(p->thread, NULL);
	release(p);
}
