/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev.c - see vdev.h */

#include <stdio.h>
#include <string.h>

#include "vdev.h"

bool pw_vdev_is(const char *vdev, const char *driver)
{
	return strncmp(vdev, driver, strlen(driver)) == 0;
}

const char *pw_vdev_args(const char *vdev)
{
	size_t name_bytes = strcspn(vdev, ",");

	return vdev + name_bytes + (vdev[name_bytes] == ',');
}

const char *pw_vdev_value(const char *args, const char *key, size_t *bytes)
{
	size_t n = strlen(key);

	for (const char *at = args; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, key, n) == 0 && at[n] == '=') {
			*bytes = strcspn(at + n + 1, ",");
			return at + n + 1;
		}
	return NULL;
}

bool pw_vdev_default(char args[PW_VDEV_BYTES], const char *key, const char *value)
{
	size_t n, used = strlen(args);
	int added;

	if (pw_vdev_value(args, key, &n))
		return true;
	added = snprintf(args + used, PW_VDEV_BYTES - used, "%s%s=%s", used ? "," : "", key, value);
	return added >= 0 && (size_t)added < PW_VDEV_BYTES - used;
}

bool pw_vdev_default_number(char args[PW_VDEV_BYTES], const char *key, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return pw_vdev_default(args, key, text);
}
