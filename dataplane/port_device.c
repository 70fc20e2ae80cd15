/* SPDX-License-Identifier: BSD-3-Clause */
/* port_device.c - which devices a lane is made of: see port.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "port_parts.h"

static int create_vdev(struct pw_port *p, const char *vdev, struct pw_device *d,
		       char why[PW_WHY_BYTES])
{
	const char *comma = strchr(vdev, ',');
	int name_bytes = comma ? (int)(comma - vdev) : (int)strlen(vdev);
	char name[RTE_ETH_NAME_MAX_LEN], full[PW_MEMIF_VDEV_BYTES];
	int status;

	if (name_bytes >= (int)sizeof(name))
		return pw_why(why, -EINVAL, "--vdev: the name is too long");
	snprintf(name, sizeof(name), "%.*s", name_bytes, vdev);
	snprintf(full, sizeof(full), "%s", comma ? comma + 1 : "");
	if (p->is_memif) {
		status = pw_memif_prepare(comma ? comma + 1 : "", full, why);
		if (status)
			return status;
		p->far_end = pw_memif_serves(full);
		if (p->far_end)
			pw_memif_socket(full, p->socket);
	}
	status = rte_vdev_init(name, full);
	if (status)
		return pw_why(why, status, "--vdev %s: no such device, or not so: %s", name,
			      pw_eal_error()[0] ? pw_eal_error() : "no driver is called that");
	status = rte_eth_dev_get_port_by_name(name, &d->id);
	if (status)
		return pw_why(why, status, "--vdev %s is not a network port", name);
	return 0;
}

int pw_port_create(struct pw_port *p, const struct pw_args *args, char why[PW_WHY_BYTES])
{
	if (args->pci)
		return pw_port_find_nic(p, args, why);
	if (args->vdevs != 1 && args->vdevs != args->paths)
		return pw_why(why, -EINVAL, "%u --vdev for %u paths: one for all, or one each",
			      args->vdevs, args->paths);
	for (unsigned i = 0; i < args->vdevs; i++) {
		struct pw_device *d = &p->device[i];
		int status;

		d->first_path = (uint16_t)i;
		d->queues = (uint16_t)(args->paths / args->vdevs);
		status = create_vdev(p, args->vdev[i], d, why);
		if (status)
			return status;
		p->devices++;
	}
	return 0;
}
