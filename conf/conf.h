/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.h - pagewired's configuration, from pagewire.yaml
 *
 * conf/pagewire.yaml is the commented example and names every key. What a file
 * leaves out has the default written there. Unknown keys, keys given twice,
 * values out of range and values that contradict each other are errors that
 * say where and what is allowed: nothing is adjusted silently.
 *
 * A struct pw_conf is plain memory: copy it, keep it, drop it.
 */
#ifndef PW_CONF_H
#define PW_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "pagewire/control.h"
#include "pagewire/limits.h"

#define PW_CONF_VERSION	 1u
#define PW_CONF_PORT	 7420u	/* of the control link */
#define PW_CONF_PEERS_MAX 64u
#define PW_CONF_CPU_MAX	 4095u
#define PW_CONF_PATH_MAX 256u	/* bytes, NUL included */
#define PW_CONF_SOCKET_MAX 108u	/* sun_path, NUL included */
#define PW_CONF_ADDRESS_MAX 64u
#define PW_CONF_INTERFACE_MAX 16u	/* IFNAMSIZ */
#define PW_CONF_PCI_MAX	 16u	/* 0000:3b:00.0 */
#define PW_CONF_TEXT_MAX (1u << 20)	/* bytes of a file */

enum pw_lane_driver {
	PW_LANE_VDEV,	/* lane.vdev names the device as DPDK does */
	PW_LANE_MEMIF,	/* two processes of one host, through a unix socket */
	PW_LANE_AF_PACKET,	/* a kernel's interface, shared with it */
	PW_LANE_AF_XDP,
	PW_LANE_PCI,	/* a NIC that the kernel does not see */
};

enum pw_lane_role { PW_LANE_CLIENT, PW_LANE_SERVER };
enum pw_idle { PW_IDLE_POLL, PW_IDLE_BACKOFF };
enum pw_hugepages { PW_HUGEPAGES_NONE, PW_HUGEPAGES_AUTO };

struct pw_conf_peer {
	char name[PW_GUEST_NAME_MAX];
	char address[PW_CONF_ADDRESS_MAX];
	uint32_t port;
};

struct pw_conf_lane {
	enum pw_lane_driver driver;
	enum pw_lane_role role;	/* of the memif socket */
	char socket[PW_CONF_SOCKET_MAX];
	char vdev[PW_CONF_PATH_MAX];
	char interface[PW_CONF_INTERFACE_MAX];
	char device[PW_CONF_PCI_MAX];
	char address[PW_CONF_ADDRESS_MAX];	/* "192.0.2.1/24"; "": the interface's, or none */
	char gateway[PW_CONF_ADDRESS_MAX];	/* "": none */
	uint32_t vlan;	/* 0: none */
	uint32_t port;	/* UDP, of path 0; the others follow */
	uint32_t mtu;	/* bytes; 0: auto */
	uint32_t paths;
	uint32_t delay_target_us;	/* 0: auto */
};

struct pw_conf_workers {
	uint32_t cpus;	/* 0: auto */
	uint32_t cpu[PW_PATHS_MAX];	/* no more than lane.paths; paths share them if fewer */
	enum pw_idle idle;
};

struct pw_conf_policy {
	enum pw_verify verify;
	enum pw_mode mode;
	uint32_t stun_goal_ms;
	uint32_t stun_limit_s;
	uint32_t deadline_s;	/* 0: none */
	uint32_t rounds_max;
	uint32_t rate_limit_mbps;	/* 0: none */
	uint32_t silence_s;	/* of lane or control link, that a migration bears */
};

struct pw_conf {
	char host[PW_GUEST_NAME_MAX];
	char rpc_socket[PW_CONF_SOCKET_MAX];
	char agent_socket[PW_CONF_SOCKET_MAX];
	char control_address[PW_CONF_ADDRESS_MAX];
	uint32_t control_port;
	char tls_ca[PW_CONF_PATH_MAX];
	char tls_cert[PW_CONF_PATH_MAX];
	char tls_key[PW_CONF_PATH_MAX];
	uint32_t peers;
	struct pw_conf_peer peer[PW_CONF_PEERS_MAX];
	struct pw_conf_lane lane;
	struct pw_conf_workers workers;
	enum pw_hugepages hugepages;
	uint32_t memory_limit_mib;
	struct pw_conf_policy policy;
};

/* The three lines of struct pw_error in ctrl/error.h, for pw_fail(). */
struct pw_conf_error {
	int code;	/* negative errno; 0: none */
	unsigned line;	/* from 1 on; 0: the error has no place */
	unsigned column;
	char what[160];	/* names file, line and column */
	char found[240];
	char fix[240];
};

/* Fill c from the file at path. On error c is unchanged and *e, if e is not
 * NULL, says why: -EINVAL for its content, else what open or read said. */
int pw_conf_load(struct pw_conf *c, const char *path, struct pw_conf_error *e);

/* The same from memory; name stands for the path in errors. */
int pw_conf_parse(struct pw_conf *c, const char *name, const char *text, size_t bytes,
		  struct pw_conf_error *e);

/* NULL if there is no such peer. */
const struct pw_conf_peer *pw_conf_find_peer(const struct pw_conf *c, const char *name);

#endif /* PW_CONF_H */
