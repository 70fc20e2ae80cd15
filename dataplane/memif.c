/* SPDX-License-Identifier: BSD-3-Clause */
/* memif.c - see memif.h */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memif.h"

bool pw_memif_is(const char *vdev)
{
	return strncmp(vdev, "net_memif", strlen("net_memif")) == 0;
}

/* The value of key in "key=value,key=value", or NULL; *bytes is its length. */
static const char *value_of(const char *args, const char *key, size_t *bytes)
{
	size_t n = strlen(key);

	for (const char *at = args; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, key, n) == 0 && at[n] == '=') {
			*bytes = strcspn(at + n + 1, ",");
			return at + n + 1;
		}
	return NULL;
}

static bool is_value(const char *args, const char *key, const char *value)
{
	size_t n;
	const char *found = value_of(args, key, &n);

	return found && n == strlen(value) && memcmp(found, value, n) == 0;
}

/* Somebody serves address: 1; it is left over: 0; else a negative errno. */
static int is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int status = -errno;

	if (fd < 0)
		return status;
	status = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 1;
	close(fd);
	return status == -ECONNREFUSED ? 0 : status;
}

static int free_socket(const char *path, char why[PW_WHY_BYTES])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int served;

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (access(path, F_OK))
		return 0;
	served = is_served(&address);
	if (served > 0)
		return pw_why(why, -EADDRINUSE,
			      "socket %s is in use by a running process: end it or name another",
			      path);
	if (served < 0)
		return pw_why(why, -EEXIST, "%s exists and is no socket of ours (%s): remove it",
			      path, strerror(-served));
	if (unlink(path))
		return pw_why(why, -errno, "left-over socket %s cannot be removed: %s", path,
			      strerror(errno));
	return 0;
}

/* The folder must be there and ours to write: the driver only says "invalid". */
static int check_folder(const char *path, char why[PW_WHY_BYTES])
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (path[0] != '/' || !slash)
		return pw_why(why, -EINVAL, "socket '%s' is not an absolute path", path);
	slash[slash == folder] = '\0';
	if (access(folder, R_OK | W_OK | X_OK))
		return pw_why(why, -errno, "folder of socket %s: %s", path, strerror(errno));
	return 0;
}

static int prepare_socket(const char *args, char why[PW_WHY_BYTES])
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	size_t n;
	const char *socket_path = value_of(args, "socket", &n);
	int status;

	if (!socket_path || is_value(args, "socket-abstract", "yes"))
		return 0;
	if (n >= sizeof(path))
		return pw_why(why, -ENAMETOOLONG, "socket path of %zu bytes: at most %zu are possible",
			      n, sizeof(path) - 1);
	memcpy(path, socket_path, n);
	path[n] = '\0';
	status = check_folder(path, why);
	if (status || !is_value(args, "role", "server"))
		return status;
	return free_socket(path, why);
}

int pw_memif_prepare(const char *args, char full[PW_MEMIF_VDEV_BYTES], char why[PW_WHY_BYTES])
{
	size_t n;
	int bytes;

	bytes = snprintf(full, PW_MEMIF_VDEV_BYTES, "%s", args);
	if (!value_of(args, "bsize", &n) && bytes < (int)PW_MEMIF_VDEV_BYTES)
		bytes += snprintf(full + bytes, PW_MEMIF_VDEV_BYTES - (size_t)bytes, ",bsize=%u",
				  PW_MEMIF_BUFFER_BYTES);
	if (!value_of(args, "rsize", &n) && bytes < (int)PW_MEMIF_VDEV_BYTES)
		bytes += snprintf(full + bytes, PW_MEMIF_VDEV_BYTES - (size_t)bytes, ",rsize=%u",
				  PW_MEMIF_RING_SHIFT);
	if (value_of(args, "socket", &n) && !value_of(args, "socket-abstract", &n) &&
	    bytes < (int)PW_MEMIF_VDEV_BYTES)
		bytes += snprintf(full + bytes, PW_MEMIF_VDEV_BYTES - (size_t)bytes,
				  ",socket-abstract=no");
	if (bytes >= (int)PW_MEMIF_VDEV_BYTES)
		return pw_why(why, -E2BIG, "--vdev is too long");
	return prepare_socket(full, why);
}
