# SPDX-License-Identifier: BSD-3-Clause
"""steer.py - what the XDP program of an interface has counted, asked of the kernel"""

import ctypes
import json
import os
import struct

from .case import Failure

libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
MAPS_MAX = 16


def program(end):
    """{"id": number, "name": text} of the one that runs there, or None."""
    link = json.loads(end.ip("-j", "-d", "link", "show", "dev", end.interface))[0]
    return (link.get("xdp") or {}).get("prog")


def _info(fd, size):
    info, bytes_ = ctypes.create_string_buffer(size), ctypes.c_uint32(size)
    return info, lambda: libbpf.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(bytes_))


def _map_ids(program_id):
    """struct bpf_prog_info: nr_map_ids at byte 52, map_ids at 56."""
    fd = libbpf.bpf_prog_get_fd_by_id(program_id)
    if fd < 0:
        return []
    ids = (ctypes.c_uint32 * MAPS_MAX)()
    info, ask = _info(fd, 128)
    struct.pack_into("=IQ", info, 52, MAPS_MAX, ctypes.addressof(ids))
    failed = ask()
    os.close(fd)
    return [] if failed else ids[:struct.unpack_from("=I", info, 52)[0]]


def _map_fd(program_id, name):
    """struct bpf_map_info: the name at byte 24."""
    for map_id in _map_ids(program_id):
        fd = libbpf.bpf_map_get_fd_by_id(map_id)
        info, ask = _info(fd, 128)
        if fd >= 0 and not ask() and info.raw[24:40].rstrip(b"\0") == name.encode():
            return fd
        if fd >= 0:
            os.close(fd)
    raise Failure(f"program {program_id} has no map {name}")


def count(end, queue=0):
    """{"redirected", "passed", "unserved"} of a queue."""
    running = program(end)
    if not running:
        raise Failure(f"no XDP program on {end.interface}")
    fd = _map_fd(running["id"], "steer_counts")
    cpus = libbpf.libbpf_num_possible_cpus()
    each = (ctypes.c_uint64 * (3 * cpus))()
    failed = libbpf.bpf_map_lookup_elem(fd, ctypes.byref(ctypes.c_uint32(queue)), each)
    os.close(fd)
    if failed:
        raise Failure(f"no counts of queue {queue}")
    return {name: sum(each[i::3]) for i, name in enumerate(("redirected", "passed", "unserved"))}
