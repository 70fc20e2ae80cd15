/* SPDX-License-Identifier: BSD-3-Clause */
/* leg.c - see leg.h */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leg.h"

#define QUEUE_BYTES (64 << 20)	/* the kernel's, each way: 5000 frames of 9 KB, 70 ms at 5 Gbit/s */

static int fail(char why[LEG_WHY_BYTES], const char *name, const char *found, int status)
{
	snprintf(why, LEG_WHY_BYTES, "%s: %s: %s", name, found, strerror(-status));
	return status;
}

static int set(int fd, int level, int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, level, option, value, bytes) ? -errno : 0;
}

static int set_number(int fd, int level, int option, int value)
{
	return set(fd, level, option, &value, sizeof(value));
}

/* Deaf until it is bound: no frame of another interface is heard. */
static int bind_to(int fd, const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };

	at.sll_ifindex = all.mr_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
}

static int fill_buffers(struct leg *leg, struct depot *depot)
{
	for (unsigned i = 0; i < LEG_BURST; i++)
		if (!leg->buffer[i] && !(leg->buffer[i] = depot_take(depot)))
			return -ENOMEM;
	return 0;
}

int leg_open(struct leg *leg, const char *name, struct depot *depot, char why[LEG_WHY_BYTES])
{
	int status;

	memset(leg, 0, sizeof(*leg));
	leg->name = name;
	leg->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (leg->fd < 0)
		return fail(why, name, "no packet socket; run as root", -errno);
	if ((status = set_number(leg->fd, SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES)) ||
	    (status = set_number(leg->fd, SOL_SOCKET, SO_SNDBUFFORCE, QUEUE_BYTES)) ||
	    (status = set_number(leg->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) ||
	    (status = set_number(leg->fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1)))
		return fail(why, name, "a packet socket without what is needed, run as root on "
				       "Linux 4.20 or later", status);
	status = bind_to(leg->fd, name);
	if (status)
		return fail(why, name, "name an interface of this namespace that is up", status);
	status = fill_buffers(leg, depot);
	return status ? fail(why, name, "fewer buffers than one burst", status) : 0;
}

void leg_close(struct leg *leg)
{
	if (leg->fd >= 0)
		close(leg->fd);
}

unsigned leg_receive(struct leg *leg, struct depot *depot, uint8_t **frames, uint32_t *counts)
{
	struct mmsghdr messages[LEG_BURST] = { 0 };
	struct iovec pieces[LEG_BURST];
	unsigned kept = 0;
	int n;

	if (fill_buffers(leg, depot))
		return 0;
	for (unsigned i = 0; i < LEG_BURST; i++) {
		pieces[i] = (struct iovec){ leg->buffer[i], ETHER_BYTES_MAX };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(leg->fd, messages, LEG_BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		leg->stats.received++;
		if (messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
			leg->stats.too_long++;
			continue;
		}
		frames[kept] = leg->buffer[i];
		counts[kept++] = messages[i].msg_len;
		leg->buffer[i] = NULL;
	}
	return kept;
}

void leg_send(struct leg *leg, const struct departure *frames, unsigned n)
{
	struct mmsghdr messages[LEG_BURST] = { 0 };
	struct iovec pieces[LEG_BURST];
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++) {
		pieces[i] = (struct iovec){ frames[i].bytes, frames[i].count };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (at < n) {
		int sent = sendmmsg(leg->fd, messages + at, n - at, 0);

		if (sent > 0) {
			at += (unsigned)sent;
			leg->stats.sent += (unsigned)sent;
		} else if (errno != EINTR) {
			at++;
			leg->stats.not_sent++;
		}
	}
}

/* The kernel's counter starts again each time it is read. */
void leg_count(struct leg *leg)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	if (!getsockopt(leg->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes))
		leg->stats.overrun += stats.tp_drops;
}
