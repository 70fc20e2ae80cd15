/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - pagewire-dp: seam, EAL, port, workers, control loop; and back
 *
 * Started by pagewired, ends when the seam does. What cannot be brought up is
 * said in READY: a negative status and one line.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "eal.h"
#include "own_end.h"
#include "serve.h"

static struct pw_seam seam;
static struct pw_lane lane;
static struct pw_serve serve;	/* the tables of all transfers: too large for a stack */

static void say_why(int status, const char *why)
{
	struct pw_seam_msg msg = { .type = PW_SEAM_READY, .status = status,
				   .ready.version = PW_SEAM_VERSION };

	snprintf(msg.ready.why, sizeof(msg.ready.why), "%s", why);
	pw_seam_send(&seam, &msg);
	fprintf(stderr, "pagewire-dp: %s\n", why);
}

/* Everything between EAL and the loop, taken back in reverse. */
static int run(const struct pw_args *args, char why[PW_WHY_BYTES])
{
	int status = pw_bells_init(&lane.control, 1);

	if (status)
		return pw_why(why, status, "eventfd: %s", strerror(-status));
	status = pw_port_open(&lane.port, args, why);
	if (status)
		goto out_port;
	if (lane.port.trouble[0])
		fprintf(stderr, "pagewire-dp: %s\n", lane.port.trouble);
	status = pw_neighbours_open(&lane.neighbours, args, lane.port.mac, why);
	if (status)
		goto out_neighbours;
	if (lane.neighbours.arp.family)
		lane.port.arp = &lane.neighbours.arp;
	status = pw_workers_start(&lane.workers, &lane.port, &lane.control, args->poll_always);
	if (status) {
		pw_why(why, status, "%u workers do not start: %s", args->paths, strerror(-status));
		goto out_neighbours;
	}
	pw_serve_run(&serve, &lane, &seam);
	pw_workers_stop(&lane.workers);
out_neighbours:
	pw_neighbours_close(&lane.neighbours);
out_port:
	pw_port_close(&lane.port);
	pw_bells_fini(&lane.control);
	return status;
}

int main(int argc, char **argv)
{
	char why[PW_WHY_BYTES] = "";
	struct pw_args args;
	int status;

	pw_args_parse(&args, argc, argv);
	status = pw_seam_init(&seam, args.seam_fd);
	if (status) {
		fprintf(stderr, "pagewire-dp: --seam-fd %d: %s; pagewired starts this program\n",
			args.seam_fd, strerror(-status));
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);	/* a reader that is gone is an error code */
	pw_pump_init_process();
	status = pw_own_end_complete(&args, why);
	if (!status)
		status = pw_eal_init(&args, why);
	if (!status) {
		status = run(&args, why);
		pw_eal_fini(!args.vdevs || !pw_memif_is(args.vdev[0]));
	}
	if (status)
		say_why(status, why);
	pw_seam_fini(&seam);
	/* Threads of DPDK may still run: nothing is torn down under them. */
	_exit(status ? EXIT_FAILURE : EXIT_SUCCESS);
}
