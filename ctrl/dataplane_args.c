/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane_args.c - see dataplane_args.h */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_args.h"
#include "pagewire/check.h"

static void add(struct pw_dataplane_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct pw_dataplane_args *a, const char *fmt, ...)
{
	va_list ap;
	int n;

	PW_CHECK(a->n < PW_DATAPLANE_ARGS_MAX - 1);
	va_start(ap, fmt);
	n = vsnprintf(a->text[a->n], PW_DATAPLANE_ARG_BYTES, fmt, ap);
	va_end(ap);
	PW_CHECK(n >= 0 && (unsigned)n < PW_DATAPLANE_ARG_BYTES);	/* conf bounds all texts */
	a->config.argv[a->n] = a->text[a->n];
	a->n++;
}

static int add_program(struct pw_dataplane_args *a, struct pw_error *err)
{
	char self[PW_DATAPLANE_ARG_BYTES - 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return pw_fail(err, -errno, "PW-1305", "cannot find pagewire-dp\n%s",
			       strerror(errno));
	self[n] = 0;
	slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	add(a, "%s/pagewire-dp", self);
	if (access(a->text[0], X_OK))
		return pw_fail(err, -errno, "PW-1305",
			       "cannot start pagewire-dp\n%s: %s\ninstall it beside pagewired",
			       a->text[0], strerror(errno));
	return 0;
}

/* The devices that a lane is made of, as DPDK names them. */
static void add_devices(struct pw_dataplane_args *a, const struct pw_conf_lane *lane)
{
	switch (lane->driver) {
	case PW_LANE_MEMIF:
		add(a, "--vdev=net_memif0,role=%s,socket=%s,socket-abstract=no,id=0",
		    lane->role == PW_LANE_SERVER ? "server" : "client", lane->socket);
		break;
	case PW_LANE_AF_PACKET:
		add(a, "--vdev=net_af_packet0,iface=%s", lane->interface);
		break;
	case PW_LANE_AF_XDP:	/* its driver has one queue per device */
		for (uint32_t i = 0; i < lane->paths; i++)
			add(a, "--vdev=net_af_xdp%u,iface=%s,start_queue=%u,queue_count=1,"
			    "busy_budget=0", i, lane->interface, i);
		break;
	case PW_LANE_PCI:
		add(a, "--pci=%s", lane->device);
		break;
	default:
		add(a, "--vdev=%s", lane->vdev);
		break;
	}
}

static void add_lane(struct pw_dataplane_args *a, const struct pw_conf_lane *lane)
{
	add_devices(a, lane);
	add(a, "--paths=%u", lane->paths);
	if (lane->interface[0])
		add(a, "--interface=%s", lane->interface);
	if (lane->address[0])
		add(a, "--address=%s", lane->address);
	if (lane->gateway[0])
		add(a, "--gateway=%s", lane->gateway);
	if (lane->vlan)
		add(a, "--vlan=%u", lane->vlan);
	if (lane->driver != PW_LANE_MEMIF)
		add(a, "--udp-port=%u", lane->port);
	if (lane->mtu)
		add(a, "--mtu=%u", lane->mtu);
	if (lane->delay_target_us)
		add(a, "--delay-target=%u", lane->delay_target_us);
}

static void add_cpus(struct pw_dataplane_args *a, const struct pw_conf_workers *workers)
{
	char list[PW_PATHS_MAX * 6] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < workers->cpus; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u", i ? "," : "",
				      workers->cpu[i]);
	add(a, "--cpus=%s", workers->cpus ? list : "auto");
	add(a, "--idle=%s", workers->idle == PW_IDLE_POLL ? "poll" : "backoff");
}

int pw_dataplane_args_make(struct pw_dataplane_args *a, const struct pw_conf *conf,
			   struct pw_error *err)
{
	int rc = add_program(a, err);

	if (rc)
		return rc;
	add_lane(a, &conf->lane);
	add_cpus(a, &conf->workers);
	add(a, "--memory=%u", conf->memory_limit_mib);
	if (conf->hugepages == PW_HUGEPAGES_AUTO)
		add(a, "--hugepages");
	add(a, "--file-prefix=pagewire-%d", (int)getpid());
	return 0;
}
