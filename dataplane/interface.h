/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * interface.h - a lane over an interface that stays the kernel's: af_xdp, af_packet
 *
 * af_xdp: a device per path, each with one queue of the interface, its number
 * the path's. Frames come linear and leave linear, and their buffer fits a page
 * (port_parts.h). The XDP program says which frames are the lane's (steer.h).
 *
 * af_packet: one device with one path. The driver puts all its sockets into one
 * fanout group, where the kernel picks a socket by a hash that it does not tell:
 * the frames of a second path would come to the wrong worker. The socket gets a
 * filter, so that the kernel's own frames are not copied to us too.
 *
 * In both the kernel keeps the address. What is meant for us reaches it as well
 * (af_packet), or does while the socket is not there yet (af_xdp), and it would
 * answer "port unreachable": so the ports are taken by sockets that drop all.
 * An address without --interface is none of the kernel's: ARP is ours then, and
 * the socket of af_packet takes all.
 */
#ifndef PW_INTERFACE_H
#define PW_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>

#include "args.h"
#include "steer_rule.h"
#include "vdev.h"
#include "why.h"

enum pw_interface_kind { PW_INTERFACE_NONE, PW_INTERFACE_XDP, PW_INTERFACE_PACKET };

struct pw_interface {
	enum pw_interface_kind kind;
	char name[IF_NAMESIZE];
	unsigned mtu;
	unsigned queues;	/* that frames arrive at; 0: it does not say */
	bool is_unseen;	/* the address is ours alone: the kernel answers for nothing */
	unsigned ports;	/* taken */
	int port_fd[PW_PATHS_MAX];
};

/* Find the interface below the vdevs of args, if there is one, and take the
 * ports of our address. */
int pw_interface_open(struct pw_interface *f, const struct pw_args *args, char why[PW_WHY_BYTES]);
void pw_interface_close(struct pw_interface *f);

/* The device arguments of a path, with what is missing put in. */
int pw_interface_vdev(const struct pw_interface *f, const char *args, unsigned path,
		      char full[PW_VDEV_BYTES], char why[PW_WHY_BYTES]);

/* Which frames are the lane's. */
struct pw_steer_rule pw_interface_rule(const struct pw_args *args);

/* After the device of af_packet is made: let its socket take what the rule says. */
int pw_interface_filter(const struct pw_interface *f, const struct pw_steer_rule *rule,
			char why[PW_WHY_BYTES]);

/* Bytes of a buffer that a whole frame of the driver fits into, without headroom. */
unsigned pw_interface_room(const struct pw_interface *f);

#endif /* PW_INTERFACE_H */
