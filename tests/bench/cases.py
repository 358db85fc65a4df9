# SPDX-License-Identifier: GPL-2.0
"""What make bench measures: the machines, and the cases, each with its name and the
order for the guest that measures it.

A case has the name MODE/KIND/SIZE, and two figures. For lists of SIZE segments of
4 KiB these are what one segment costs to map and to unmap; for a list of one segment,
and for everything else, it is what the whole call costs. KIND may end in "@" and how
many providers or clients there are.

Commands for the module are explained in tests/bench/p2pdma_bench.c, those for the
program in tests/bench/guest.c.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

# Both kernels on the same CPU: on an AMD CPU they take the way through the host bridge,
# and to a CPU that hides the emulator the grafted kernel gives bus addresses below an
# IOMMU that translates.
CPU = "EPYC,-hypervisor"

# One CPU whose time-stamp counter counts instructions; waiting costs no time.
EMULATION = ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1", "-m", "1G"]

# How mappings are made -> what it is called, the IOMMU of tests/qemu/lib/machine.py,
# kernel arguments.
MODES = {
    "direct": ("dma-direct", "none", []),
    "intel": ("dma-iommu, intel-iommu, strict", "intel", ["iommu.strict=1"]),
    "lazy": ("dma-iommu, intel-iommu, lazy", "intel", ["iommu.strict=0"]),
    "virtio": ("dma-iommu, virtio-iommu", "virtio", []),
}

# Addresses that follow from the order of the ports: four functions with memory below
# the switch, beside the client, and four below another root port.
CLIENT = "0000:04:00.0"
BUS = [f"0000:03:00.{i}" for i in range(4)]
HOST = [f"0000:05:00.{i}" for i in range(4)]
OTHER = "0000:06:00.0"      # its memory is no provider's
BAR_MIB = 64

SIZES = (1, 4, 16, 256, 4096)
KINDS = {
    "ram": "ram",
    "ram-scattered": "ram*",
    "bus": BUS[0],
    "host": HOST[0],
    "host-scattered": HOST[0] + "*",
    "ram+bus": "ram+" + BUS[0],
    "ram+host": "ram+" + HOST[0],
    "four-bus": "+".join(BUS),
    "four-host": "+".join(HOST),
}
NO_LIMIT = 0
PCI_LIMIT = 65536           # the longest DMA segment that a PCI driver gets unasked
PASSES = 8

# The peer memory that a driver registers is a multiple of that, for the sake of struct
# pages. Ranges that touch would be one.
RANGE = 2 << 20
MANY = (0, 1, 16, 1000)
BIG_MIB = 4096

CLIENT_PORTS = 8
CLIENTS_PER_PORT = 125
MANY_CLIENTS = (1, 100, 1000)

IO_SIZES = {"4KiB": 4 << 10, "128KiB": 128 << 10, "1MiB": 1 << 20}
IO_PASSES = 12
MODULE = "p2pdma_bench.ko"
NVME = ("nvme-core.ko", "nvme.ko")
FILE = "/sys/kernel/debug/p2pdma_bench"
POLICY = "/sys/kernel/p2pdma/policy"


@dataclass(frozen=True)
class Case:
    """One order, and the figures that come of it."""
    mode: str
    kind: str
    size: int | str
    order: str
    fields: tuple[str, str] = ("map", "unmap")
    share: int = 1              # figures are divided by that
    ours: bool = False          # the plain kernel has nothing of the kind

    @property
    def name(self) -> str:
        """As the filter sees it."""
        return f"{self.mode}/{self.kind}/{self.size}"

    def wrong(self, result: dict[str, int]) -> str:
        """What in a result shows that something else has been measured; or ""."""
        if "bus" not in result:
            return ""
        # A list that alternates begins with RAM.
        alone = self.size == 1 and self.kind.startswith("ram+")
        # What is mapped in a window is flagged like bus addresses.
        expected = any(word in self.kind for word in ("bus", "ends", "window")) and not alone
        return "" if bool(result["bus"]) == expected else (
            f"{result['bus']} DMA segments are bus addresses")


@dataclass
class Boot:
    """A machine, and what is done in it: orders that have to succeed, and cases."""
    name: str
    mode: str
    devices: list[str]
    modules: tuple[str, ...] = (MODULE,)
    steps: list[str | Case] = field(default_factory=list)

    def module(self, command: str) -> None:
        """A command for the module that only prepares."""
        self.steps.append(f"ask {FILE} {command}")

    def list(self, kind: str, size: int, source: str, *, client: str = CLIENT,
             longest: int = NO_LIMIT, passes: int = PASSES, **more) -> None:
        """Measure a list."""
        more.setdefault("share", size)
        self.steps.append(Case(
            self.mode, kind, size,
            f"ask {FILE} list {client} {passes} {size} {longest} {source}", **more))

    def single(self, kind: str, call: str, source: str) -> None:
        """Measure a mapping of one page."""
        self.steps.append(Case(self.mode, kind, 1,
                               f"ask {FILE} single {CLIENT} {PASSES} {call} {source}"))


def memory(bus: str, functions: int, mib: int = BAR_MIB) -> list[str]:
    """QEMU's arguments: a device whose functions have memory in BAR 2."""
    found = []
    for i in range(functions):
        name = f"{bus}-{i}"
        found += ["-object", f"memory-backend-ram,id={name},size={mib}M",
                  "-device", f"ivshmem-plain,memdev={name},bus={bus},addr=0.{i},"
                             f"multifunction={'on' if functions > 1 else 'off'}"]
    return found


def lists(mode: str) -> Boot:
    """Lists of all kinds and lengths, and mappings of one page."""
    boot = Boot("lists", mode, [
        *memory("down0", 4), *memory("down1", 1), *memory("portB", 4),
        *memory("portC", 1)])
    for name in BUS + HOST:
        boot.module(f"provide {name} 0 {BAR_MIB << 20} 1 0")
    # Nobody has asked for these routes before: the figures of the first mapping.
    first = ("first_map", "first_unmap")
    boot.list("bus-cold", 1, BUS[0], passes=1, fields=first)
    boot.list("host-cold", 1, HOST[0], passes=1, fields=first)
    for kind, source in (("bus", BUS[0]), ("host", HOST[0])):
        # A policy that is written makes all routes stale, even if it is the same.
        boot.steps.append(f"ours write {POLICY} auto")
        boot.list(f"{kind}-stale", 1, source, passes=1, fields=first, ours=True)
    for kind, source in KINDS.items():
        for size in SIZES:
            boot.list(kind, size, source)
    if mode != "direct":
        for kind in ("ram", "ram-scattered", "host", "host-scattered", "ram+host"):
            boot.list(f"{kind},64KiB", 256, KINDS[kind], longest=PCI_LIMIT)
    for kind in ("ram", "bus", "host", "ram+bus"):
        boot.list(f"sync-{kind}", 256, KINDS[kind], fields=("sync_device", "sync_cpu"))
    boot.single("page", "page", "ram")
    boot.single("page-bus", "page", BUS[0])
    boot.single("page-host", "page", HOST[0])
    boot.single("resource", "resource", OTHER)
    boot.single("resource-bus", "resource", BUS[0])
    boot.single("resource-host", "resource", HOST[0])
    if mode != "direct":
        # The last: windows stay mapped. The first list of a client makes one.
        boot.steps.append(f"ours write {POLICY} auto,window")
        boot.list("host-window-cold", 1, HOST[0], passes=1, fields=first, ours=True)
        for kind in ("host", "host-scattered", "ram+host", "four-host"):
            for size in (1, 256):
                boot.list(f"{kind}-window", size, KINDS[kind], ours=True)
        boot.steps.append(f"ours write {POLICY} auto")
    return boot


def providers(mode: str) -> Boot:
    """What grows with the number of providers: ranges of one large BAR."""
    big = "0000:03:00.0"
    boot = Boot("providers", mode, [
        *memory("down0", 1, BIG_MIB), *memory("down1", 1), *memory("portC", 1)])
    other = "0000:06:00.0"
    before = 0
    for number in MANY:
        if number > before:
            boot.module(f"provide {big} {before * 2 * RANGE} {RANGE} {number - before} "
                        f"{2 * RANGE}")
        before = number
        at = f"@{number}providers"
        for size in (1, 256):
            boot.list("ram" + at, size, "ram")
        boot.list("sync-ram" + at, 256, "ram", fields=("sync_device", "sync_cpu"))
        boot.single("page" + at, "page", "ram")
        boot.single("resource" + at, "resource", other)
        if number:
            last = f"{big}@{(number - 1) * 2 * RANGE}"
            for size in (1, 256):
                boot.list("bus" + at, size, last)
                if number > 1:
                    boot.list("ends" + at, size, f"{big}+{last}")
    return boot


def clients(mode: str) -> Boot:
    """What grows with the number of clients: functions behind bridges to conventional
    PCI, each of which maps one page of a provider behind the host bridge."""
    devices = [*memory("portB", 1)]
    for i in range(CLIENT_PORTS):
        devices += [
            "-device", f"pcie-root-port,id=many{i},bus=pcie.0,addr={16 + i:#x},"
                       f"chassis={40 + i},slot={40 + i},io-reserve=0",
            "-device", f"pcie-pci-bridge,id=many{i}-pci,bus=many{i}"]
        for j in range(CLIENTS_PER_PORT):
            # Slot 0 of such a bridge is its own.
            devices += ["-device", f"intel-hda,bus=many{i}-pci,multifunction=on,"
                                   f"addr={1 + j // 8:#x}.{j % 8}"]
    boot = Boot("clients", mode, devices)
    boot.module("provide 0000:05:00.0 0 0 1 0")
    for number in MANY_CLIENTS:
        at = f"@{number}clients"
        boot.list("host-cold" + at, 1, "0000:05:00.0", client=str(number), passes=1,
                  fields=("first_map", "first_unmap"), share=number)
        boot.list("host" + at, 1, "0000:05:00.0", client=str(number), share=number)
        boot.list("ram" + at, 1, "ram", client=str(number), share=number)
    return boot


def drives(mode: str) -> Boot:
    """Reads by an NVMe drive, as a program sees them."""
    devices = []
    for serial, bus, more in (("client", "down1", ""), ("bus", "down0", ",cmb_size_mb=16"),
                              ("host", "portB", ",cmb_size_mb=16")):
        devices += ["-blockdev", f"driver=null-co,node-name={serial},size={64 << 20},"
                                 "read-zeroes=on",
                    "-device", f"nvme,serial={serial},drive={serial},bus={bus},mdts=0"
                               f"{more}"]
    boot = Boot("drives", mode, devices, modules=NVME)
    boot.steps.append("drives client bus host")
    # In the emulator a bus address does not pass an IOMMU that translates.
    kinds = ("ram", "bus", "host") if mode == "direct" else ("ram", "host")
    for kind in kinds:
        target = "ram" if kind == "ram" else f"{{{kind}}}"
        for text, size in IO_SIZES.items():
            boot.steps.append(Case(
                mode, f"read-{kind}", text,
                f"run bench io {{client.block}} {target} {size} {IO_PASSES}",
                fields=("submit", "reap")))
    return boot


def boots() -> Iterator[Boot]:
    """All of them."""
    for mode in MODES:
        yield lists(mode)
    for mode in ("direct", "intel"):
        yield providers(mode)
        yield clients(mode)
        yield drives(mode)
