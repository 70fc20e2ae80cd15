# SPDX-License-Identifier: BSD-3-Clause
"""wire.py - two hosts with a network namespace each, and a lane over the cable between them"""

from .pair import Pair


class Wire(Pair):
    """vdev: of the lane, with {interface} for its name. The control link takes the
    same cable, through the kernels."""

    def __init__(self, cable, vdev, paths=1, **more):
        self.cable = cable
        super().__init__(paths=paths, **more)
        for host, end in zip(self.hosts, cable.ends):
            host.privileges, host.end_of_cable, host.lane = end.prefix, end, None
        for host, peer in ((self.a, self.b), (self.b, self.a)):
            near, far = host.end_of_cable, peer.end_of_cable
            self.write_conf(
                host, peer, "client",
                control=f"control: {{address: {near.address}, port: {host.port}}}",
                peers=f"peers: [{{name: {peer.name}, address: {far.address}, port: {peer.port}}}]",
                lane=f'lane: {{vdev: "{vdev.format(interface=near.interface)}", paths: {paths}}}')
