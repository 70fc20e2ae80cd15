/* SPDX-License-Identifier: BSD-3-Clause */
/* interface.c - see interface.h */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interface.h"
#include "packet_filter.h"

#define FDS_LOOKED_AT 1024	/* the lowest free numbers are given out, and few files are open */

/* What the ring of a packet socket holds besides a frame without its tag, in
 * front: 52 bytes, rounded up to 16 with Ethernet at its end. And how the rings
 * are cut: blocks of 64 KiB of frames that are powers of two, so that the frames
 * lie evenly, as the driver presumes; 512 of 16 KiB are 8 MiB each way. */
#define RING_HEAD_BYTES	 80u
#define RING_BLOCK_BYTES 65536u
#define RING_FRAMES	 512u
#define RING_FRAME_MIN	 2048u
#define RING_FRAME_MAX	 16384u

/* ---- what the kernel says of it ---- */

static int look_at(struct pw_interface *f, int fd, char why[PW_WHY_BYTES])
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", f->name);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return pw_why(why, -errno,
			      "there is no interface %s: ip link shows those there are", f->name);
	if (!(request.ifr_flags & IFF_UP))
		return pw_why(why, -ENETDOWN, "interface %s is down: ip link set dev %s up",
			      f->name, f->name);
	if (ioctl(fd, SIOCGIFMTU, &request))
		return pw_why(why, -errno, "MTU of interface %s: %s", f->name, strerror(errno));
	f->mtu = (unsigned)request.ifr_mtu;
	request.ifr_data = (void *)&channels;
	if (!ioctl(fd, SIOCETHTOOL, &request))
		f->queues = channels.rx_count + channels.combined_count;
	return 0;
}

static int find_name(struct pw_interface *f, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	size_t n;
	const char *name = pw_vdev_value(pw_vdev_args(args->vdev[0]), "iface", &n);

	if (!name && args->interface) {
		name = args->interface;
		n = strlen(name);
	}
	if (!name || !n || n >= sizeof(f->name))
		return pw_why(why, -EINVAL, "no interface is named, or too long a name: --interface");
	memcpy(f->name, name, n);
	f->name[n] = '\0';
	return 0;
}

static int check_paths(const struct pw_interface *f, const struct pw_args *args,
		       char why[PW_WHY_BYTES])
{
	size_t n;
	const char *given = pw_vdev_args(args->vdev[0]);

	if (f->kind == PW_INTERFACE_PACKET &&
	    (args->paths > 1 || pw_vdev_value(given, "qpairs", &n)))
		return pw_why(why, -EINVAL, "af_packet has one path, without qpairs: the kernel spreads "
			      "frames over its sockets as it likes; paths: 1, or af_xdp");
	if (args->vdevs < args->paths && (pw_vdev_value(given, "start_queue", &n) ||
					  pw_vdev_value(given, "queue_count", &n)))
		return pw_why(why, -EINVAL, "one --vdev stands for %u paths: leave start_queue and "
			      "queue_count out of it", args->paths);
	if (f->kind == PW_INTERFACE_XDP && f->is_unseen)
		return pw_why(why, -EINVAL, "af_xdp leaves ARP to the kernel, which does not have our "
			      "address: lane.driver af_xdp with lane.interface %s", f->name);
	if (f->kind == PW_INTERFACE_XDP && f->queues && args->paths > f->queues)
		return pw_why(why, -EINVAL, "%u paths asked, %s has %u receive queues: fewer paths, or "
			      "ethtool -L %s combined %u", args->paths, f->name, f->queues, f->name,
			      args->paths);
	return 0;
}

/* ---- ports ---- */

/* Bound, and everything that comes is dropped before it is queued. */
static int take_port(const struct pw_interface *f, const struct pw_lane_end *own, uint16_t port)
{
	static struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	static const struct sock_fprog drop = { .len = 1, .filter = nothing };
	static const int yes = 1;
	bool is_ipv6 = own->family == PW_LANE_IPV6;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				   .sin6_scope_id = if_nametoindex(f->name) };
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;

	if (fd < 0)
		return -errno;
	memcpy(&a.sin_addr, own->ip, sizeof(a.sin_addr));
	memcpy(&a6.sin6_addr, own->ip, sizeof(a6.sin6_addr));
	/* Whoever gives the interface its address may do so later. */
	status = is_ipv6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes)) :
			   setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
	if (!status)
		status = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &drop, sizeof(drop));
	if (!status)
		status = is_ipv6 ? bind(fd, (const struct sockaddr *)&a6, sizeof(a6)) :
				   bind(fd, (const struct sockaddr *)&a, sizeof(a));
	if (!status)
		return fd;
	status = -errno;
	close(fd);
	return status;
}

static int take_ports(struct pw_interface *f, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	/* The fixed addresses of a lane without one are no interface's. */
	for (unsigned i = 0; i < args->paths && args->own.family && !f->is_unseen; i++) {
		uint16_t port = (uint16_t)(args->own.udp_port + i);
		int fd = take_port(f, &args->own, port);

		if (fd == -EADDRINUSE)
			return pw_why(why, fd, "UDP port %u of our address is in use by another "
				      "program: ss -ulnp names it; or another --udp-port", port);
		if (fd < 0)
			return pw_why(why, fd, "UDP port %u of our address: %s", port,
				      strerror(-fd));
		f->port_fd[f->ports++] = fd;
	}
	return 0;
}

/* ---- open, close ---- */

static enum pw_interface_kind kind_of(const struct pw_args *args)
{
	if (args->vdevs && pw_vdev_is(args->vdev[0], "net_af_xdp"))
		return PW_INTERFACE_XDP;
	if (args->vdevs && pw_vdev_is(args->vdev[0], "net_af_packet"))
		return PW_INTERFACE_PACKET;
	return PW_INTERFACE_NONE;
}

int pw_interface_open(struct pw_interface *f, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	int fd, status;

	*f = (struct pw_interface){ .kind = kind_of(args),
				    .is_unseen = args->own.family && !args->interface };
	if (f->kind == PW_INTERFACE_NONE)
		return 0;
	status = find_name(f, args, why);
	if (status)
		return status;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pw_why(why, -errno, "a socket to look at interface %s: %s", f->name,
			      strerror(errno));
	status = look_at(f, fd, why);
	close(fd);
	if (!status)
		status = check_paths(f, args, why);
	if (!status)
		status = take_ports(f, args, why);
	if (status)
		pw_interface_close(f);
	return status;
}

void pw_interface_close(struct pw_interface *f)
{
	while (f->ports)
		close(f->port_fd[--f->ports]);
}

/* ---- devices ---- */

static unsigned ring_frame(const struct pw_interface *f)
{
	unsigned bytes = RING_FRAME_MIN;

	while (bytes < RING_FRAME_MAX && bytes < RING_HEAD_BYTES + f->mtu)
		bytes *= 2;
	return bytes;
}

unsigned pw_interface_room(const struct pw_interface *f)
{
	return ring_frame(f);
}

/* busy_budget=0: the driver's own polling of the kernel gains nothing on software
 * interfaces and takes the time of a kernel that shares our core. */
static bool add_xdp(const struct pw_interface *f, char full[PW_VDEV_BYTES], unsigned path)
{
	return pw_vdev_default(full, "iface", f->name) &&
	       pw_vdev_default_number(full, "start_queue", path) &&
	       pw_vdev_default_number(full, "queue_count", 1) &&
	       pw_vdev_default_number(full, "busy_budget", 0);
}

static bool add_packet(const struct pw_interface *f, char full[PW_VDEV_BYTES])
{
	return pw_vdev_default(full, "iface", f->name) &&
	       pw_vdev_default_number(full, "framesz", ring_frame(f)) &&
	       pw_vdev_default_number(full, "blocksz", RING_BLOCK_BYTES) &&
	       pw_vdev_default_number(full, "framecnt", RING_FRAMES) &&
	       pw_vdev_default_number(full, "qdisc_bypass", 1);
}

int pw_interface_vdev(const struct pw_interface *f, const char *args, unsigned path,
		      char full[PW_VDEV_BYTES], char why[PW_WHY_BYTES])
{
	bool fits = snprintf(full, PW_VDEV_BYTES, "%s", args) < (int)PW_VDEV_BYTES;

	if (fits)
		fits = f->kind == PW_INTERFACE_XDP ? add_xdp(f, full, path) : add_packet(f, full);
	return fits ? 0 : pw_why(why, -E2BIG, "--vdev is too long");
}

/* ---- which frames ---- */

struct pw_steer_rule pw_interface_rule(const struct pw_args *args)
{
	/* Where both ends of a lane without addresses send to: link_ethdev.c. */
	static const struct pw_lane_end fixed = { .ip = { 169, 254, 80, 2 },
						  .family = PW_LANE_IPV4 };
	const struct pw_lane_end *own = args->own.family ? &args->own : &fixed;
	struct pw_steer_rule rule = {
		.port_first = args->own.udp_port,
		.port_last = (uint16_t)(args->own.udp_port + args->paths - 1),
		.vlan = (uint16_t)args->vlan,
		.family = own->family,
	};

	memcpy(rule.ip, own->ip, sizeof(rule.ip));
	return rule;
}

/* The driver keeps its socket to itself, but it is a file of this process. */
static int find_socket(unsigned interface)
{
	for (int fd = 0; fd < FDS_LOOKED_AT; fd++) {
		struct sockaddr_ll address;
		socklen_t bytes = sizeof(address);

		memset(&address, 0, sizeof(address));
		if (!getsockname(fd, (struct sockaddr *)&address, &bytes) &&
		    address.sll_family == AF_PACKET && address.sll_ifindex == (int)interface)
			return fd;
	}
	return -ENOENT;
}

int pw_interface_filter(const struct pw_interface *f, const struct pw_steer_rule *rule,
			char why[PW_WHY_BYTES])
{
	static const int yes = 1;
	int fd = find_socket(if_nametoindex(f->name)), status;

	if (fd < 0)
		return pw_why(why, fd, "the packet socket of %s is not found", f->name);
	status = pw_packet_filter_attach(fd, rule);
	if (!status && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)))
		status = -errno;
	return status ? pw_why(why, status, "filter of the packet socket of %s: %s", f->name,
			       strerror(-status)) : 0;
}
