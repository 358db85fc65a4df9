# SPDX-License-Identifier: GPL-2.0
"""What the command predicts, against what kernels decide. On each fabric the plain kernel is
booted, and for every pair of functions the command's prediction is compared with what
pci_p2pdma_distance_many() and a mapping say there (tests/qemu/plain/p2pdma_plain.c). Then
the project's kernel is booted on the same fabric, and its own verdict is compared with what
the command had predicted for it on the plain one."""

import json
import re
from dataclasses import dataclass, field

from lib import fabric, machine, results, tool

KERNEL = machine.MADE / "bench" / "plain" / "kernel" / "arch" / "x86" / "boot" / "bzImage"
MODULE = machine.BUILD / "plain" / "p2pdma_plain.ko"
# On a busy machine the test of the timer's interrupt fails, which ends the boot.
TIMER = ["no_timer_check"]
FILE = "/sys/kernel/debug/p2pdma_plain"
ROOT_FUNCTION = "0000:00:00.0"
FAR_FUNCTION = fabric.PORTS["D"]


def memory(name: str, port: str) -> list[str]:
    """QEMU's arguments: a function with memory below a port."""
    return ["-object", f"memory-backend-ram,id=mem-{name},size=16M",
            "-device", f"ivshmem-plain,memdev=mem-{name},bus={port}"]


def root_port(name: str, above: str, slot: int, chassis: int) -> list[str]:
    """One that has ACS. The kernel takes it for a downstream port where it is below an
    upstream one."""
    return ["-device", f"pcie-root-port,id={name},bus={above},addr={slot},"
            f"chassis={chassis},slot={chassis}"]


# A switch below a downstream port of the first one that has ACS: one downstream port
# without ACS, and two with it.
NESTED = [
    *root_port("na", "up", 6, 40),
    "-device", "x3130-upstream,id=up2,bus=na",
    "-device", "xio3130-downstream,id=nb,bus=up2,addr=0,chassis=41,slot=41",
    *root_port("nc", "up2", 1, 42), *root_port("nd", "up2", 2, 43),
    *memory("b", "nb"), *memory("c", "nc"), *memory("d", "nd"),
]
ACS_DRIVES = (fabric.Drive("sa", "A", "bus=acs0", True), fabric.Drive("sb", "A", "bus=acs1", True))
# Ports of the switch with ACS, as paths.
ACS_PORTS = ("0000:00:04.0/00.0/04.0", "0000:00:04.0/00.0/05.0")


@dataclass
class Case:
    """A fabric, and what firmware and command line make of it."""
    name: str
    drives: tuple[fabric.Drive, ...]
    devices: list[str] = field(default_factory=list)
    iommu: str = "none"
    cpu: str = "Skylake"
    args: list[str] = field(default_factory=list)
    root: bool = False              # functions on root buses too
    # IDs that host bridges are given, one after the other: functions that stand for them,
    # vendor and device
    poses: list[tuple[tuple[str, ...], int, int]] = field(default_factory=list)
    # what has to come up, or the case shows too little
    wanted: set[str] = field(default_factory=lambda: set(results.SUPPORTED))


def list_entries() -> list[tuple[int, int]]:
    """All entries of the list that is built into the command, and two IDs that are not."""
    vendors = {"PCI_VENDOR_ID_INTEL": 0x8086, "PCI_VENDOR_ID_NVIDIA": 0x10de,
               "PCI_VENDOR_ID_ZHAOXIN": 0x1d17, "P2PDMA_VENDOR_GOOGLE": 0x1ae0}
    text = (machine.REPO / "drivers/pci/p2pdma/bridges.c").read_text()
    found = [(vendors[vendor], int(device, 16) if device[0] == "0" else 1)
             for vendor, device in re.findall(
                 r"\{ (\w+), (0x\w+|P2PDMA_ANY)(?:, true)? \},", text)]
    if len(found) < 20:
        raise machine.Failure("the list of host bridges in bridges.c is not understood")
    return found + [(0x8086, 0x29c0), (0x1022, 0x1450)]


BOTH = {"bus-address", "through-host-bridge"}
REFUSED = {"bus-address", "not-supported"}
CASES = [
    # one switch without ACS, ports of their own, functions of one device, two host bridges
    Case("switch", fabric.ALL_DRIVES, root=True, wanted=REFUSED),
    Case("switch-listed", fabric.ALL_DRIVES, iommu="intel", cpu="EPYC", wanted=BOTH),
    # redirection at the switch's ports, by the command line and by the kernel itself
    Case("redirect", ACS_DRIVES + fabric.MAIN_DRIVES[:2], cpu="EPYC", wanted=BOTH,
         args=["pci=config_acs=" + ";".join(f"xx111x1@{port}" for port in ACS_PORTS)]),
    Case("redirect-one", ACS_DRIVES, wanted=REFUSED,
         args=[f"pci=config_acs=xx101x1@{ACS_PORTS[0]}"]),
    Case("redirect-iommu", ACS_DRIVES + fabric.MAIN_DRIVES[:2], iommu="intel-pt",
         wanted=REFUSED),
    Case("nested", fabric.MAIN_DRIVES[:2], NESTED, wanted={"bus-address"}),
    Case("nested-iommu", fabric.MAIN_DRIVES[:2], NESTED, iommu="intel", cpu="EPYC",
         wanted=BOTH),
    # the list of host bridges: both have each of its IDs in turn, and then one has none
    Case("list", (fabric.by_name("rp"), fabric.by_name("fn0"), fabric.FAR_DRIVE),
         poses=[((ROOT_FUNCTION, FAR_FUNCTION), *ids) for ids in list_entries()] +
         [((ROOT_FUNCTION,), 0x8086, 0x2030)],
         wanted={"through-host-bridge", "not-supported"}),
]


# Of the case "list", pairs of one host bridge and of two.
LISTED_PAIRS = (("0000:05:00.0", "0000:06:00.0"), ("0000:05:00.0", "0000:41:00.0"))
Pairs = dict[tuple[str, str], tuple[int, str | None]]


def read_plain(outcome: machine.Outcome, step: int) -> Pairs:
    """(client, provider) -> distance, and verdict if memory is registered."""
    found = {}
    for words in (e["text"].split() for e in outcome.of("line", step)):
        found[(words[0], words[1])] = (
            int(words[2]), None if words[3] == "-" else words[3])
    return found


def answers(outcome: machine.Outcome, step: int) -> dict[tuple[str, str], dict]:
    """What "p2pdma route --json" has printed of each pair, one after the other."""
    text, found, at = tool.output(outcome, step), {}, 0
    decoder = json.JSONDecoder()
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        at += len(text[at:]) - len(text[at:].lstrip())
        found[(value["client"], value["provider"])] = value
    return found


def wrong_prediction(said: tuple[int, str | None], value: dict | None) -> str:
    """Where what the command predicts of the plain kernel is not what that does."""
    distance, verdict = said
    told = value and value["predicted"] and value["predicted"]["this_kernel"]
    if not told:
        return "no prediction"
    works = told["verdict"] in results.SUPPORTED
    if works != (distance >= 0):
        return f"the distance is {distance}, and predicted is {told['verdict']}"
    if works and distance != value["fabric"]["distance"]:
        return f"the distance is {distance}, and not {value['fabric']['distance']}"
    if verdict and verdict != told["verdict"]:
        return f"a mapping is {verdict}, and predicted is {told['verdict']}"
    return "" if told["rules_of_release"] else "by the rules of another release"


def wrong_verdict(before: dict | None, value: dict | None) -> str:
    """Where what was predicted of the project's kernel is not what that says."""
    project = before and before["predicted"] and before["predicted"]["project"]
    if not project:
        return "no prediction"
    if not value or value["predicted"]:
        return "the kernel says nothing"
    said = [value[d] for d in results.DIRECTIONS] + [value["port"]]
    told = [project[d] for d in results.DIRECTIONS] + [project["port"]]
    return "" if said == told else f"the kernel says {said}, and predicted was {told}"


def differences(said: Pairs, told: dict, wrong) -> str:
    """Of all pairs; an empty text if there are pairs, and none is wrong."""
    found = [f"{' -> '.join(pair)}: {trouble}" for pair in said
             if (trouble := wrong(said[pair], told.get(pair)))]
    return f"{len(found)} of {len(said)}: " + "; ".join(found[:3]) if found else \
        "" if said else "no pair was looked at"


def pose(case: Case, orders: tool.Orders) -> list[tuple[int, int]]:
    """Have host bridges take other IDs; the steps in which both sides are asked."""
    steps = []
    for functions, vendor, device in case.poses:
        for function in functions:
            orders.add(f"write {FILE} pose {function} {vendor:x} {device:x}")
        steps.append((orders.add(f"read {FILE}"),
                      orders.add("each /pairs p2pdma --json route")))
    return steps


def check(run, case: Case) -> None:
    """One fabric, in both kernels."""
    name = f"plain {case.name}"
    if not run.wanted.search(name):
        return
    for file in (run.args.plain, run.args.module):
        if not file.is_file():
            raise machine.Failure(f"there is no {file}: scripts/test qemutool builds it")
    orders = tool.Orders()
    if case.root:
        orders.add(f"write {FILE} root")
    first = orders.add(f"read {FILE}")
    asked = orders.add(f"each {FILE} p2pdma --json route")
    posed = pose(case, orders)
    orders.add(f"write {FILE} register")
    mapped = orders.add(f"read {FILE}")
    pairs = "".join(f"{c} {p} - -\n" for c, p in LISTED_PAIRS)
    outcome = run.boot(
        name, orders, case.iommu, case.cpu, args=TIMER + case.args, drives=case.drives,
        devices=case.devices, kernel=run.args.plain, first="module /p2pdma_plain.ko",
        files={"p2pdma_plain.ko": (0o644, run.args.module.read_bytes()),
               "pairs": (0o644, pairs.encode())})
    if not outcome.of("done"):
        return
    before, told = read_plain(outcome, first), answers(outcome, asked)
    if run.args.show:
        print("\n".join(f"{pair} {said} {(told.get(pair) or {}).get('predicted')}"
                        for pair, said in before.items()))
    run.tell(f"{name}/distances", differences(before, told, wrong_prediction))
    if posed:
        run.tell(f"{name}/host bridges", wrong_list(case, outcome, posed))
        return
    after = read_plain(outcome, mapped)
    verdicts = {verdict for _, verdict in after.values() if verdict}
    run.tell(f"{name}/mappings", differences(after, told, wrong_prediction) or (
        "" if verdicts == case.wanted else
        f"verdicts {sorted(verdicts)}, expected {sorted(case.wanted)}"))
    check_ours(run, case, told)


def wrong_list(case: Case, outcome: machine.Outcome, posed: list[tuple[int, int]]) -> str:
    """What is wrong with one of the IDs, or does not come up."""
    seen = set()
    for (_, vendor, device), (read, route) in zip(case.poses, posed):
        said, told = read_plain(outcome, read), answers(outcome, route)
        trouble = differences({pair: said.get(pair, (-2, None)) for pair in LISTED_PAIRS},
                              told, wrong_prediction)
        if trouble:
            return f"{vendor:04x}:{device:04x}: {trouble}"
        seen |= {value["predicted"]["this_kernel"]["verdict"] for value in told.values()}
    return "" if seen == case.wanted else f"verdicts {sorted(seen)}"


def check_ours(run, case: Case, told: dict) -> None:
    """What the command has said on the plain kernel that the project's would decide."""
    name = f"plain {case.name}, ours"
    orders = tool.Orders()
    asked = orders.add("each /pairs p2pdma --json route")
    pairs = "".join(f"{c} {p} - -\n" for c, p in told)
    outcome = run.boot(name, orders, case.iommu, case.cpu, args=TIMER + case.args,
                       drives=case.drives, devices=case.devices,
                       files={"pairs": (0o644, pairs.encode())})
    if outcome.of("done"):
        run.tell(name, differences(told, answers(outcome, asked), wrong_verdict))
