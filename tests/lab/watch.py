"""The routes and addresses of a namespace as they change: read from the kernel's own announcements (rtnetlink),
not polled. Times are those of time.monotonic()."""

import collections
import ipaddress
import select
import socket
import struct
import threading
import time

from netns import Timeout

_NEWLINK, _DELLINK, _NEWADDR, _DELADDR, _NEWROUTE, _DELROUTE = 16, 17, 20, 21, 24, 25
_LINK_GROUP = 0x1               # RTMGRP_LINK
_ADDRESS_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_ROUTE_GROUPS = 0x40 | 0x400    # RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFLA_IFNAME, _IFF_UP = 3, 1
_RTA_DST, _RTA_OIF, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 9, 15
_MAIN_TABLE = 254
_RTN_UNICAST = 1
_SO_RCVBUFFORCE = 33

Change = collections.namedtuple("Change", "at prefix interfaces")
NOWHERE = frozenset()


def _attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


def _messages(data):
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3:]


def _next_hops(data):
    while len(data) >= 8:
        length, _, _, index = struct.unpack_from("=HBBi", data)
        yield index
        data = data[(length + 3) & ~3:]


def _route(body):
    """(prefix, interface numbers) of a unicast route of the main table, None of any other."""
    family, bits, _, _, table, _, _, type_, _ = struct.unpack_from("=BBBBBBBBI", body)
    destination, indices = bytes(4 if family == socket.AF_INET else 16), []
    for attribute, value in _attributes(body[12:]):
        if attribute == _RTA_DST:
            destination = value
        elif attribute == _RTA_OIF:
            indices.append(struct.unpack("=i", value)[0])
        elif attribute == _RTA_MULTIPATH:
            indices.extend(_next_hops(value))
        elif attribute == _RTA_TABLE:
            table = struct.unpack("=I", value)[0]
    if table != _MAIN_TABLE or type_ != _RTN_UNICAST:
        return None
    return f"{ipaddress.ip_address(destination)}/{bits}", indices


def _address(body):
    bits, index = body[1], struct.unpack_from("=I", body, 4)[0]
    found = dict(_attributes(body[8:]))
    return f"{ipaddress.ip_address(found.get(_IFA_LOCAL) or found[_IFA_ADDRESS])}/{bits}", [index]


class _Watch:
    """What is there now by prefix, and the history of it. `on_change` is called with each Change, from a thread
    of the watch's own."""

    _groups = 0

    def __init__(self, namespace, on_change=None):
        self.changes = []
        self._now = {}
        self._changed = threading.Condition()
        self._namespace = namespace
        self._on_change = on_change
        with namespace.entered():
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._names = dict(socket.if_nameindex())
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 << 20)
        self._socket.bind((0, self._groups))
        self._wake, self._stop = socket.socketpair()
        self._load()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        while True:
            ready, _, _ = select.select([self._socket, self._wake], [], [])
            if self._wake in ready:
                return
            data = self._socket.recv(1 << 16)
            now = time.monotonic()
            with self._changed:
                before = len(self.changes)
                for kind, body in _messages(data):
                    self._take(now, kind, body)
                self._changed.notify_all()
                news = self.changes[before:]
            if self._on_change:
                for change in news:
                    self._on_change(change)

    def _interfaces(self, indices):
        return frozenset(self._names.get(index, str(index)) for index in indices)

    def _set(self, now, prefix, interfaces):
        if self._now.get(prefix, NOWHERE) != interfaces:
            self._now[prefix] = interfaces
            self.changes.append(Change(now, prefix, interfaces))

    def now(self, prefix):
        """The interfaces it is on or leaves by; empty when it is not there."""
        with self._changed:
            return self._now.get(prefix, NOWHERE)

    def prefixes(self):
        with self._changed:
            return {prefix for prefix, interfaces in self._now.items() if interfaces}

    def wait(self, prefix, interfaces, timeout):
        """Until it is on or leaves by exactly these; returns when it began to."""
        wanted = frozenset(interfaces)
        with self._changed:
            if not self._changed.wait_for(lambda: self._now.get(prefix, NOWHERE) == wanted, timeout):
                raise Timeout(f"{self._namespace.name}: {prefix} by {sorted(wanted) or 'nothing'} not within "
                              f"{timeout} s, it is {sorted(self._now.get(prefix, NOWHERE)) or 'nothing'}")
            return max((change.at for change in self.changes if change.prefix == prefix), default=time.monotonic())

    def wait_seen(self, prefix, interfaces, since, timeout):
        """Until a change to exactly these after `since` was seen, even if another followed; returns when."""
        wanted = frozenset(interfaces)

        def seen():
            return next((change.at for change in self.changes if change.at >= since
                         and change.prefix == prefix and change.interfaces == wanted), None)
        with self._changed:
            if not self._changed.wait_for(seen, timeout):
                raise Timeout(f"{self._namespace.name}: {prefix} never went to {sorted(wanted) or 'nothing'} "
                              f"within {timeout} s")
            return seen()

    def close(self):
        self._stop.send(b"x")
        self._thread.join(2)
        for one in (self._socket, self._wake, self._stop):
            one.close()


class RouteWatch(_Watch):
    """The unicast routes of the main table."""

    _groups = _ROUTE_GROUPS

    def _load(self):
        for family, everything, bits in (("-4", "0.0.0.0/0", 32), ("-6", "::/0", 128)):
            for route in self._namespace.ip("-j", family, "route", "show", "table", "main"):
                prefix = everything if route["dst"] == "default" else route["dst"]
                prefix += "" if "/" in prefix else f"/{bits}"
                self._now[prefix] = frozenset(hop["dev"] for hop in route.get("nexthops", [route]))

    def _take(self, now, kind, body):
        route = _route(body) if kind in (_NEWROUTE, _DELROUTE) else None
        if route is None:
            return
        prefix, interfaces = route[0], self._interfaces(route[1])
        if kind == _NEWROUTE:
            self._set(now, prefix, interfaces)
        elif self._now.get(prefix, NOWHERE) == interfaces:  # else the end of one that was already replaced
            self._set(now, prefix, NOWHERE)


class AddressWatch(_Watch):
    """The addresses of all interfaces, and in `renewals` what was said anew of one that was there already."""

    _groups = _ADDRESS_GROUPS

    def __init__(self, namespace, on_change=None):
        self.renewals = []
        super().__init__(namespace, on_change)

    def _load(self):
        for link in self._namespace.ip("-j", "addr", "show"):
            for one in link.get("addr_info", []):
                prefix = f"{one['local']}/{one['prefixlen']}"
                self._now[prefix] = self._now.get(prefix, NOWHERE) | {link["ifname"]}

    def _take(self, now, kind, body):
        if kind not in (_NEWADDR, _DELADDR):
            return
        prefix, indices = _address(body)
        there = self._now.get(prefix, NOWHERE)
        interfaces = self._interfaces(indices)
        if kind == _NEWADDR and interfaces <= there:
            self.renewals.append(Change(now, prefix, interfaces))
        self._set(now, prefix, there | interfaces if kind == _NEWADDR else there - interfaces)


class LinkWatch(_Watch):
    """The interfaces that are set up; the name of one stands where other watches have a prefix."""

    _groups = _LINK_GROUP

    def _load(self):
        for link in self._namespace.ip("-j", "link", "show"):
            self._now[link["ifname"]] = frozenset([link["ifname"]] if "UP" in link["flags"] else [])

    def _take(self, now, kind, body):
        if kind not in (_NEWLINK, _DELLINK):
            return
        flags = struct.unpack_from("=I", body, 8)[0]
        name = dict(_attributes(body[16:]))[_IFLA_IFNAME].rstrip(b"\0").decode()
        self._set(now, name, frozenset([name] if kind == _NEWLINK and flags & _IFF_UP else []))
