# SPDX-License-Identifier: GPL-2.0
"""Does the command agree with the kernel?  On each exported fabric, for each pair: what
the command works out by itself of sysfs and configuration space (hops, distance, what
ACS does and where), what follows from that by the rules of the guide, and what it takes
over of p2pdma_routes, against what the kernel has said of the pair; and whether its
remedies would by the same rules bring about what they claim."""

import dataclasses
import json
from pathlib import Path

from fixture import Exported, Facts, decide, load, names

DIRECTIONS = ("write", "read")
# How the kernel and the command call the same thing.
KINDS = {"root-port": "root port", "upstream-port": "switch upstream port",
         "downstream-port": "switch downstream port", "endpoint": "endpoint",
         "rc-endpoint": "root complex integrated endpoint",
         "pcie-to-pci": "PCI bridge", "conventional": "conventional PCI device"}
ACS = ("acs-request", "acs-completion", "multifunction")
# What a remedy changes of the facts; those not here claim no verdict, or a new slot.
REMEDIES = {
    "no-acs": {"without": ACS, "blocked": "", "stuck": "", "crosses": True},
    "no-acs-no-forwarding": {"without": ACS, "blocked": "", "stuck": "",
                             "crosses": True},
    "loopback": {"without": ("multifunction",), "blocked": "", "stuck": "",
                 "crosses": True},
    "passthrough": {"without": ("virtualised",), "translated": False},
    "trust": {"trusted": True},
    "trust-writes": {"trusted": True},
}
# What has to come up on the exported fabrics, or they show too little.
WANTED = {"same-function", "direct", "no-common-port", "conventional-pci",
          "virtualised", "acs-request", "acs-completion", "multifunction",
          "fabric-blocked", "host-bridge-untrusted", "policy-host", "denied",
          "provider-unreachable"}


class Said:
    """What the kernel says of a pair."""

    def __init__(self, lines: list[list[str]]) -> None:
        path = dict(word.split("=") for word in lines[0][3:])
        self.distance, self.meets = int(path["distance"]), path["meets"]
        self.hops = [line[1:] for line in lines if line[0] == "hop"]
        self.obstacles: dict[str, list[tuple[str, str]]] = {d: [] for d in DIRECTIONS}
        self.route: dict[str, tuple[str, str, str]] = {}
        self.mode: dict[str, str] = {}
        self.holds: dict[str, set[str]] = {}
        for word, *line in lines:
            if word == "obstacle":
                self.obstacles[line[1]].append((line[2], line[3]))
            elif word == "route":
                self.route[line[1]] = (line[2], line[3], line[4])
            elif word == "facts":
                self.mode[line[1]] = line[2]
                self.holds[line[1]] = set(line[3].split(",")) - {"-"}


class Pair:
    """What the command says of it."""

    def __init__(self, value: dict) -> None:
        self.value = value
        self.fabric = value["fabric"]
        self.hops = [h for h in value["path"] if h["role"] != "host-bridge"]
        self.roles = {h["role"]: h["address"] for h in self.hops}
        self.own = self.fabric["shape"] == "own"
        self.translated = (self.hops[0]["iommu_domain"] or "").startswith("DMA")

    def meets(self) -> str:
        """The kernel's word for where the paths meet."""
        if self.own:
            return "function"
        if not self.fabric["common"]:
            return {"bridges": "host-bridges", "bridge": "root-complex"}[
                self.fabric["shape"]]
        return "switch" if "client-side" in self.roles else "device"

    def facts(self, read: bool) -> Facts:
        """What the rules look at, as far as the command knows it."""
        fabric = self.fabric
        facts = Facts(same_function=self.own, translated=self.translated)
        if self.own:
            return facts
        switch, request = self.meets() == "switch", fabric["request"]
        up = read and fabric["completions_up"]
        acs = []
        if switch and request in ("up", "dropped"):
            acs.append(("acs-request", self.roles["client-side"]))
        if switch and up:
            acs.append(("acs-completion", self.roles["provider-side"]))
        if not switch and (fabric["redirectors"] or fabric["unproven"]):
            acs.append(("multifunction",
                        (fabric["redirectors"] or [fabric["unproven"]])[0]))
        if not fabric["common"]:
            facts.obstacles.append(("no-common-port", "-"))
        if fabric["conventional"]:
            facts.obstacles.append(("conventional-pci", fabric["conventional"]))
        if self.translated and self.value["kernel"]["guest"]:
            facts.obstacles.append(("virtualised", "-"))
        facts.obstacles += acs
        if not fabric["common"]:
            return facts
        facts.crosses = not switch or request == "across"
        lost = fabric["no_forwarding"] or ""
        if request == "dropped":
            facts.blocked = self.roles["client-side" if switch else "client"]
        elif request == "up" or up:
            facts.blocked = lost
        facts.stuck = lost if up else ""
        return facts


def hops_differ(said: Said, pair: Pair) -> str:
    """Functions on the path, in order, with their roles and kinds."""
    rename = {"client-side": "up", "provider-side": "down"}
    if pair.meets() == "switch":
        rename = {}
    elif pair.own:
        rename = {"client": "provider", "client-pf": "provider-pf"}
    theirs: dict[str, list[tuple[str, str]]] = {}
    ours: dict[str, list[tuple[str, str]]] = {}
    for role, address, kind in said.hops:
        theirs.setdefault(rename.get(role, role), []).append(
            (address, KINDS[kind]))
    for hop in pair.hops:
        ours.setdefault(hop["role"], []).append(
            (hop["address"], hop["kind"].replace("virtual function", "endpoint")))
        if hop["physical_function"]:
            ours[hop["role"] + "-pf"] = [(hop["physical_function"], "endpoint")]
    return "" if theirs == ours else f"hops: kernel {theirs}, command {ours}"


def awake(exported: Exported, address: str) -> bool:
    """The function is in D0."""
    return next(files["power_state"] == ["D0"]
                for folder, files in exported.functions.items()
                if folder.endswith("/" + address))


def all_hidden(facts: Facts, remedies: list[dict]) -> Facts:
    """What the route rests on after all remedies but those of trust=, which may be of use
    without the others."""
    gone: set[str] = set()
    for remedy in remedies:
        change = dict(REMEDIES.get(remedy["name"], {}))
        change.pop("trusted", None)
        gone |= set(change.pop("without", ()))
        facts = dataclasses.replace(facts, **change)
    return dataclasses.replace(
        facts, mode=facts.mode if facts.mode != "off" else "auto", denied=False,
        unreachable="", obstacles=[o for o in facts.obstacles if o[0] not in gone])


def wrong_remedy(facts: Facts, remedy: dict, direction: str) -> str:
    """The verdict that a remedy claims, and the one that it would bring about."""
    claimed = remedy["effect"][direction]
    if remedy["name"] not in REMEDIES or claimed not in (
            "bus-address", "through-host-bridge"):
        return ""
    change = dict(REMEDIES[remedy["name"]])
    gone = change.pop("without", ())
    changed = dataclasses.replace(
        facts, **change,
        obstacles=[o for o in facts.obstacles if o[0] not in gone])
    verdict, reason, _ = decide(changed)
    return "" if verdict == claimed else (
        f"remedy {remedy['name']} claims {claimed}, "
        f"and it would be {verdict} {reason}")


def direction_differs(said: Said, pair: Pair, direction: str,
                      asleep: bool) -> list[str]:
    """What stands in the way, and the verdict, in one direction."""
    trouble = []
    facts, holds = pair.facts(direction == "read"), said.holds[direction]
    verdict, reason, port = said.route[direction]
    if not asleep:          # the kernel does not read what is asleep
        if facts.obstacles != said.obstacles[direction]:
            trouble.append(f"in the way: kernel {said.obstacles[direction]}, "
                           f"command {facts.obstacles}")
        ours = {word for word, held in (
            ("same-function", facts.same_function), ("crosses", facts.crosses),
            ("translated", facts.translated), ("lost", facts.blocked),
            ("lost-translated", facts.stuck)) if held}
        theirs = holds - {"trusted", "denied", "unreachable"}
        if ours != theirs:
            trouble.append(f"facts: kernel {sorted(theirs)}, "
                           f"command {sorted(ours)}")
    # Facts that the command does not work out.
    facts.mode, facts.trusted = said.mode[direction], "trusted" in holds
    facts.denied = "denied" in holds
    facts.unreachable = port if "unreachable" in holds else ""
    if decide(facts) != (verdict, reason, port):
        trouble.append(f"route: kernel {verdict} {reason} {port}, "
                       f"by what the command says {' '.join(decide(facts))}")
    told = pair.value[direction]
    if (told["verdict"], told["reason"]) != (verdict, reason):
        trouble.append(f"debugfs has {verdict} {reason}, "
                       f"the command says {told['verdict']} {told['reason']}")
    hidden = all_hidden(facts, pair.value["remedies"])
    trouble += [wrong_remedy(hidden if remedy["hidden"] else facts, remedy, direction)
                for remedy in pair.value["remedies"]]
    return [f"{direction}s: {line}" for line in trouble if line]


def differences(exported: Exported, said: Said, value: dict) -> list[str]:
    """Where the two do not agree; nothing if they do."""
    pair = Pair(value)
    asleep = not awake(exported, value["provider"])
    trouble = [hops_differ(said, pair)]
    if pair.fabric["distance"] != said.distance:
        trouble.append(f"distance: kernel {said.distance}, "
                       f"command {pair.fabric['distance']}")
    if pair.meets() != said.meets:
        trouble.append(f"meets: kernel {said.meets}, command {pair.meets()}")
    for direction in DIRECTIONS:
        trouble += direction_differs(said, pair, direction, asleep)
    port = next((said.route[d][2] for d in DIRECTIONS
                 if said.route[d][2] != "-"), None)
    if value["port"] != port:
        trouble.append(f"deciding port: kernel {port}, "
                       f"command {value['port']}")
    if said.route["write"][1] == "provider-unreachable":
        remedy = ("wake" if asleep else "decode", port)
        if not any(r["name"] == remedy[0] and port in r["command"]
                   for r in value["remedies"]):
            trouble.append(f"no remedy {remedy}")
    return [line for line in trouble if line]


def agree(results, roots: dict[str, Path], runner) -> None:
    """All pairs of all exported fabrics."""
    seen = set()
    for name in names(runner.HERE):
        exported = load(runner.HERE, name)
        if not isinstance(exported, Exported):
            continue
        if not exported.pairs:
            results.tell(f"agree {name}", "it has no pairs")
        for (client, provider), lines in exported.pairs.items():
            said = Said(lines)
            seen |= {reason for obstacles in said.obstacles.values()
                     for reason, _ in obstacles}
            seen |= {reason for _, reason, _ in said.route.values()}
            test = f"agree {name} {client} {provider}"
            if not results.wanted(test):
                continue
            done = runner.run(["route", client, provider, "--json"],
                              roots[name])
            results.tell(test, done.stderr if done.returncode else "\n".join(
                differences(exported, said, json.loads(done.stdout))))
    if results.wanted("agree on everything"):
        results.tell("agree on everything", "" if WANTED <= seen else
                     f"no exported fabric has {sorted(WANTED - seen)}")
