# SPDX-License-Identifier: BSD-3-Clause
"""lane.py - two hosts in the namespaces of a net, with nothing but that between them

    with lane_net(AF_XDP_2) as net, LanePair(net, AF_XDP_2) as pair:
        pair.start()

Lane and control link cross the same wire or link.
"""

from dataclasses import dataclass

from .link import LINK_SLACK, Net
from .pair import Pair


@dataclass(frozen=True)
class Lane:
    """What both hosts say of it in their configuration."""

    name: str
    driver: str
    mtu: int
    paths: int = 1
    ipv6: bool = False

    def text(self, end):
        address = f"{end.address6}/64" if self.ipv6 else f"{end.address}/24"
        return f"lane: {{driver: {self.driver}, interface: {end.interface}, " \
               f"address: '{address}', paths: {self.paths}}}"


AF_PACKET = Lane("af_packet", "af_packet", 9000)
AF_XDP = Lane("af_xdp", "af_xdp", 3498)
AF_XDP_2 = Lane("af_xdp, two paths", "af_xdp", 3498, paths=2)
AF_PACKET_6 = Lane("af_packet, IPv6", "af_packet", 9000, ipv6=True)
AF_XDP_6 = Lane("af_xdp, IPv6", "af_xdp", 3498, ipv6=True)


def lane_net(lane, **more):
    """A net with a link that has no faults yet, for that lane. 3498 is the most that
    XDP takes, at both ends of a veth."""
    slack = min(LINK_SLACK, 3498 - lane.mtu) if lane.driver == "af_xdp" else LINK_SLACK
    return Net(link="", mtu=lane.mtu, queues=lane.paths, slack=slack, **more)


class LanePair(Pair):
    def __init__(self, net, lane, **more):
        self.net = net
        super().__init__(paths=lane.paths, **more)
        self.a.lane = None
        for host, end in zip(self.hosts, net.ends):
            host.privileges, host.end_of_net = end.prefix, end
        for host, peer in ((self.a, self.b), (self.b, self.a)):
            own, far = (h.end_of_net.address6 if lane.ipv6 else h.end_of_net.address
                        for h in (host, peer))
            self.write_conf(
                host, peer, "client",
                control=f"control: {{address: '{own}', port: {host.port}}}",
                peers=f"peers: [{{name: {peer.name}, address: '{far}', port: {peer.port}}}]",
                lane=lane.text(host.end_of_net))
