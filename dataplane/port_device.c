/* SPDX-License-Identifier: BSD-3-Clause */
/* port_device.c - which devices a lane is made of: see port.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "port_parts.h"

/* The arguments as the driver gets them. */
static int complete(struct pw_port *p, const char *args, const struct pw_device *d,
		    char full[PW_VDEV_BYTES], char why[PW_WHY_BYTES])
{
	int status = 0;

	if (p->interface.kind)
		return pw_interface_vdev(&p->interface, args, d->first_path, full, why);
	if (!p->is_memif) {
		if (snprintf(full, PW_VDEV_BYTES, "%s", args) >= (int)PW_VDEV_BYTES)
			status = pw_why(why, -E2BIG, "--vdev is too long");
		return status;
	}
	status = pw_memif_prepare(args, full, why);
	if (status)
		return status;
	p->far_end = pw_memif_serves(full);
	if (p->far_end)
		pw_memif_socket(full, p->socket);
	return 0;
}

/* "net_af_xdp0", or one of several devices that one --vdev stands for: "net_af_xdp0_1" */
static int name_of(const char *vdev, const struct pw_device *d, bool is_shared,
		   char name[RTE_ETH_NAME_MAX_LEN], char why[PW_WHY_BYTES])
{
	int n = snprintf(name, RTE_ETH_NAME_MAX_LEN, "%.*s", (int)strcspn(vdev, ","), vdev);

	if (is_shared && n < (int)RTE_ETH_NAME_MAX_LEN)
		n += snprintf(name + n, RTE_ETH_NAME_MAX_LEN - (size_t)n, "_%u", d->first_path);
	return n < (int)RTE_ETH_NAME_MAX_LEN ? 0 : pw_why(why, -EINVAL,
							  "--vdev: the name is too long");
}

static int create_vdev(struct pw_port *p, const char *vdev, bool is_shared, struct pw_device *d,
		       char why[PW_WHY_BYTES])
{
	char name[RTE_ETH_NAME_MAX_LEN], full[PW_VDEV_BYTES];
	int status = name_of(vdev, d, is_shared, name, why);

	if (!status)
		status = complete(p, pw_vdev_args(vdev), d, full, why);
	if (status)
		return status;
	status = rte_vdev_init(name, full);
	if (status)
		return pw_why(why, status, "--vdev %s: no such device, or not so: %s", name,
			      pw_eal_error()[0] ? pw_eal_error() : "no driver is called that");
	status = rte_eth_dev_get_port_by_name(name, &d->id);
	if (status)
		return pw_why(why, status, "--vdev %s is not a network port", name);
	return 0;
}

static int create_all(struct pw_port *p, const struct pw_args *args, unsigned devices,
		      char why[PW_WHY_BYTES])
{
	bool is_shared = args->vdevs < devices;

	for (unsigned i = 0; i < devices; i++) {
		struct pw_device *d = &p->device[i];
		int status;

		d->first_path = (uint16_t)i;
		d->queues = (uint16_t)(args->paths / devices);
		status = create_vdev(p, args->vdev[is_shared ? 0 : i], is_shared, d, why);
		if (status)
			return status;
		p->devices++;
	}
	return 0;
}

/* Before there is a device: the driver loads a program of its own if it finds
 * none, and when a device is closed it detaches whatever program it finds. */
static int steer(struct pw_port *p, const struct pw_steer_rule *rule, char why[PW_WHY_BYTES])
{
	int status;

	if (p->interface.kind != PW_INTERFACE_XDP)
		return 0;
	status = pw_steer_load(&p->steer, rule, why);
	return status ? status : pw_steer_attach(&p->steer, p->interface.name, why);
}

int pw_port_create(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	bool is_xdp = p->interface.kind == PW_INTERFACE_XDP;
	struct pw_steer_rule rule = pw_interface_rule(args);
	int status;

	if (args->pci)
		return pw_port_find_nic(p, args, why);
	if (args->vdevs != 1 && args->vdevs != args->paths)
		return pw_why(why, -EINVAL, "%u --vdev for %u paths: one for all, or one each",
			      args->vdevs, args->paths);
	status = steer(p, &rule, why);
	if (!status)
		status = create_all(p, args, is_xdp ? args->paths : args->vdevs, why);
	if (!status && p->interface.kind == PW_INTERFACE_PACKET && !p->interface.is_unseen)
		status = pw_interface_filter(&p->interface, &rule, why);
	return status;
}
