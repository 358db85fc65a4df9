# SPDX-License-Identifier: GPL-2.0
"""What the guest reported, pair by pair: the route that the kernel names and
what became of the data.

Directions are those of the peer memory. "write" is the client writing it, so
the data come from the client's drive; "read" is the client reading it.
"""

import errno
from dataclasses import asdict, dataclass

from lib.machine import Outcome

DIRECTIONS = ("write", "read")
SUPPORTED = ("bus-address", "through-host-bridge")
REFUSED = "not-supported"


@dataclass
class Route:
    """One direction of one line of p2pdma_routes."""
    verdict: str
    reason: str
    distance: str
    bridge: str


@dataclass
class Moved:
    """What became of the data in one direction."""
    asked: int
    moved: int
    bad: int            # bytes that differ after an I/O that succeeded
    changed: int        # bytes that an I/O that failed has changed
    first: int          # offset of the first of them, or -1
    error: int
    error_text: str
    requests: int       # that the client's driver has completed

    @property
    def equal(self) -> bool:
        """All that was asked for arrived, and arrived right."""
        return not (self.error or self.bad) and self.moved == self.asked > 0

    @property
    def refused(self) -> bool:
        """The I/O failed as a refused route must, and touched nothing."""
        return (self.error == errno.EREMOTEIO
                and not (self.moved or self.changed or self.bad))

    def text(self) -> str:
        """The result as a person reads it."""
        if self.equal:
            return "every byte equal"
        if self.refused:
            return f"refused ({self.error_text})"
        if self.bad:
            return f"WRONG DATA: {self.bad} bytes, from {self.first:#x} on"
        if self.changed:
            return (f"I/O ERROR ({self.error_text}) AND DATA CHANGED: "
                    f"{self.changed} bytes, from {self.first:#x} on")
        return f"I/O ERROR: {self.error_text or 'nothing moved'}"


@dataclass
class Pair:
    """One direction of one (client, provider)."""
    client: str
    provider: str
    direction: str
    route: Route | None     # None: the kernel named none
    data: Moved | None      # None: not tried

    def fault(self) -> str:
        """Why route and data do not agree, or ""."""
        if self.data is None:
            return "nothing was moved"
        if self.route is None:
            return f"no route is named; data: {self.data.text()}"
        if self.route.verdict in SUPPORTED and self.data.equal:
            return ""
        if self.route.verdict == REFUSED and self.data.refused:
            return ""
        return f"the verdict is {self.route.verdict}, but {self.data.text()}"

    def record(self) -> dict:
        """For a program to read."""
        return {"client": self.client, "provider": self.provider,
                "direction": self.direction,
                "route": asdict(self.route) if self.route else None,
                "data": asdict(self.data) if self.data else None,
                "fault": self.fault()}


def addresses(outcome: Outcome) -> dict[str, str]:
    """Drive -> PCI address."""
    return {e["serial"]: e["pci"] for e in outcome.of("drive")}


def routes(outcome: Outcome, step: int) -> tuple[
        dict[tuple[str, str, str], Route], list[str]]:
    """(client, provider, direction) -> route, as reported in that step, and
    what is wrong with the files."""
    name_of = {pci: name for name, pci in addresses(outcome).items()}
    found: dict[tuple[str, str, str], Route] = {}
    wrong = []
    for event in outcome.of("route", step):
        client = event["client"]
        if event["errno"]:
            wrong.append(f"{client}: p2pdma_routes: {event['error']}")
            continue
        fields = event["line"].split(" ")
        provider = name_of.get(fields[0])
        if len(fields) != 8 or provider is None or "" in fields:
            wrong.append(f"{client}: p2pdma_routes has the line "
                         f"'{event['line']}'")
            continue
        _, _, write, read, distance, write_why, read_why, bridge = fields
        for direction, verdict, reason in (("write", write, write_why),
                                           ("read", read, read_why)):
            key = (client, provider, direction)
            if key in found:
                wrong.append(f"{client}: p2pdma_routes names {provider} twice")
            if verdict not in SUPPORTED + (REFUSED,):
                wrong.append(f"{client}: p2pdma_routes has the verdict "
                             f"'{verdict}' for {provider}")
            found[key] = Route(verdict, reason, distance, bridge)
    return found, wrong


def moved(outcome: Outcome, step: int) -> dict[str, Moved]:
    """Direction -> data, of one order to move."""
    return {e["direction"]: Moved(e["asked"], e["moved"], e["bad"],
                                  e["changed"], e["first"], e["errno"],
                                  e["error"], e["requests"])
            for e in outcome.of("move", step)}
