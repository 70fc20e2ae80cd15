/* SPDX-License-Identifier: BSD-3-Clause */
/* memif.c - see memif.h */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memif.h"

#define GREETING_MS 2000

static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == PW_MEMIF_PATH_BYTES,
	      "a socket's path");

bool pw_memif_is(const char *vdev)
{
	return pw_vdev_is(vdev, "net_memif");
}

static bool is_value(const char *args, const char *key, const char *value)
{
	size_t n;
	const char *found = pw_vdev_value(args, key, &n);

	return found && n == strlen(value) && memcmp(found, value, n) == 0;
}

bool pw_memif_serves(const char *args)
{
	return is_value(args, "role", "server");
}

bool pw_memif_socket(const char *args, char path[PW_MEMIF_PATH_BYTES])
{
	size_t n;
	const char *found = pw_vdev_value(args, "socket", &n);

	if (!found || n >= PW_MEMIF_PATH_BYTES || is_value(args, "socket-abstract", "yes"))
		return false;
	memcpy(path, found, n);
	path[n] = '\0';
	return true;
}

/* Somebody serves address: 1; it is left over: 0; else a negative errno. A
 * serving driver greets whoever connects, and does not survive one that is gone
 * by then: so wait for the greeting. */
static int is_served(const struct sockaddr_un *address)
{
	struct pollfd fd = { .events = POLLIN };
	int status;

	fd.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd.fd < 0)
		return -errno;
	status = connect(fd.fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 1;
	if (status > 0)
		poll(&fd, 1, GREETING_MS);
	close(fd.fd);
	if (status == -EAGAIN)	/* others are being greeted */
		return 1;
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
	char folder[PW_MEMIF_PATH_BYTES];
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
	char path[PW_MEMIF_PATH_BYTES];
	size_t n;
	int status;

	if (pw_vdev_value(args, "socket", &n) && n >= sizeof(path))
		return pw_why(why, -ENAMETOOLONG, "socket path of %zu bytes: at most %zu can be", n,
			      sizeof(path) - 1);
	if (!pw_memif_socket(args, path))
		return 0;
	status = check_folder(path, why);
	if (status || !pw_memif_serves(args))
		return status;
	return free_socket(path, why);
}

int pw_memif_prepare(const char *args, char full[PW_VDEV_BYTES], char why[PW_WHY_BYTES])
{
	size_t n;
	bool fits = snprintf(full, PW_VDEV_BYTES, "%s", args) < (int)PW_VDEV_BYTES &&
		    pw_vdev_default_number(full, "bsize", PW_MEMIF_BUFFER_BYTES) &&
		    pw_vdev_default_number(full, "rsize", PW_MEMIF_RING_SHIFT);

	if (fits && pw_vdev_value(args, "socket", &n))
		fits = pw_vdev_default(full, "socket-abstract", "no");
	if (!fits)
		return pw_why(why, -E2BIG, "--vdev is too long");
	return prepare_socket(full, why);
}
