/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev.h - devices as DPDK writes them: "name,key=value,key=value" */
#ifndef PW_VDEV_H
#define PW_VDEV_H

#include <stdbool.h>
#include <stddef.h>

#define PW_VDEV_BYTES 512u

/* It is one of that driver: the name begins with it. */
bool pw_vdev_is(const char *vdev, const char *driver);

/* What comes after the name: "key=value,key=value", or "". */
const char *pw_vdev_args(const char *vdev);

/* The value of key in args, or NULL; *bytes is its length. */
const char *pw_vdev_value(const char *args, const char *key, size_t *bytes);

/* Append key=value to args unless they have that key. False: no room. */
bool pw_vdev_default(char args[PW_VDEV_BYTES], const char *key, const char *value);
bool pw_vdev_default_number(char args[PW_VDEV_BYTES], const char *key, unsigned value);

#endif /* PW_VDEV_H */
