# SPDX-License-Identifier: GPL-2.0
"""The emulated fabric: which drives there are, where, and how they look.

A drive's name is its NVMe serial number, so that it is the same in QEMU's
arguments, in the guest and in every table, whatever bus number the firmware
gives it.
"""

from dataclasses import dataclass

PEER_MIB = 16           # peer memory (controller memory buffer) of a provider
DRIVE_MIB = 64          # the drives are sparse files
VIRTIO_MIB = 4          # a disk that takes no peer memory

# QEMU's generic root port. Trust in a host bridge is given through a device
# below it, and these are the devices that every host bridge here has.
ROOT_PORT_ID = "pci:1b36:000c"
DRIVE_ID = "pci:1b36:0010"


@dataclass(frozen=True)
class Drive:
    """One emulated NVMe drive; drives of one port are below one root port."""
    name: str
    port: str           # letter of the root port that it is below
    device: str         # the rest of its "-device nvme" arguments
    provider: bool      # it offers peer memory
    filesystem: bool = False    # there is one on it, with the files of lib/machine.py


# Two below a switch, one below a root port of its own, two functions of one
# device, and in the system tests one below a second host bridge.
MAIN_DRIVES = (
    Drive("sw0", "A", "bus=down0", True),
    Drive("sw1", "A", "bus=down1", False),
    Drive("rp", "B", "bus=portB", True),
    Drive("fn0", "C", "bus=portC,addr=0.0,multifunction=on", True),
    Drive("fn1", "C", "bus=portC,addr=0.1", False),
)
FAR_DRIVE = Drive("px", "D", "bus=portD", True)
ALL_DRIVES = MAIN_DRIVES + (FAR_DRIVE,)

# Addresses of the ports, which do not depend on the firmware. Root port D is on
# a bus of its own, whose number the "pxb-pcie" device fixes.
PORTS = {"A": "0000:00:04.0", "B": "0000:00:05.0", "C": "0000:00:06.0",
         "D": "0000:40:00.0"}

# Paths as p2pdma= and pci= take them: from the root bus down, port by port.
PATHS = {
    "sw0": "0000:00:04.0/00.0/00.0/00.0",
    "sw1": "0000:00:04.0/00.0/01.0/00.0",
    "rp": "0000:00:05.0/00.0",
    "fn0": "0000:00:06.0/00.0",
    "fn1": "0000:00:06.0/00.1",
    "px": "0000:40:00.0/00.0",
}


def by_name(name: str) -> Drive:
    """The drive of that name."""
    return next(d for d in ALL_DRIVES if d.name == name)


def pairs(drives: tuple[Drive, ...]) -> list[tuple[str, str]]:
    """Every (client, provider), the provider's own drive included."""
    return [(client.name, provider.name) for provider in drives
            if provider.provider for client in drives]


def relation(client: str, provider: str) -> str:
    """How two drives stand to each other; a word of the expectation table."""
    one, other = by_name(client), by_name(provider)
    if one == other:
        return "own"
    if one.port == other.port:
        return "functions" if one.port == "C" else "switch"
    return "bridges" if FAR_DRIVE in (one, other) else "ports"


def devices(drives: tuple[Drive, ...], image_of: dict[str, str]) -> list[str]:
    """QEMU's arguments for the ports and the drives."""
    args = []
    for letter, slot in (("A", 4), ("B", 5), ("C", 6)):
        args += ["-device", f"pcie-root-port,id=port{letter},bus=pcie.0,"
                            f"addr={slot:#x},chassis={slot},slot={slot}"]
    args += ["-device", "x3130-upstream,id=up,bus=portA"]
    for i in (0, 1, 2) if any("down2" in d.device for d in drives) else (0, 1):
        args += ["-device", f"xio3130-downstream,id=down{i},bus=up,"
                            f"addr={i},chassis={20 + i},slot={20 + i}"]
    # The emulator's switches have no ACS. Its root ports have, and the kernel takes
    # one below an upstream port for a downstream port.
    for i in (0, 1):
        if any(d.device == f"bus=acs{i}" for d in drives):
            args += ["-device", f"pcie-root-port,id=acs{i},bus=up,"
                                f"addr={4 + i},chassis={30 + i},slot={30 + i}"]
    if FAR_DRIVE in drives:
        args += ["-device", "pxb-pcie,id=far,bus=pcie.0,addr=0x8,bus_nr=64",
                 "-device", "pcie-root-port,id=portD,bus=far,addr=0,"
                            "chassis=7,slot=7"]
    for drive in drives:
        peer = f",cmb_size_mb={PEER_MIB}" if drive.provider else ""
        args += ["-blockdev", "driver=raw,cache.no-flush=on,"
                              f"node-name={drive.name},file.driver=file,"
                              f"file.filename={image_of[drive.name]}"]
        if "sriov_max_vfs=" not in drive.device:
            args += ["-device", f"nvme,id={drive.name},serial={drive.name},"
                                f"drive={drive.name},{drive.device}{peer}"]
            continue
        # The emulator wants virtual functions to be in a subsystem, and takes the
        # drive of a controller in a subsystem only as a namespace by itself.
        args += ["-device", f"nvme-subsys,id={drive.name}-subsys",
                 "-device", f"nvme,serial={drive.name},id={drive.name}-ctrl,"
                            f"subsys={drive.name}-subsys,{drive.device}{peer}",
                 "-device", f"nvme-ns,drive={drive.name},"
                            f"bus={drive.name}-ctrl"]
    return args


def plug(drive: Drive) -> dict[str, str | int]:
    """QEMU's arguments, as its monitor takes them, to plug a drive in again."""
    options = dict(word.split("=") for word in drive.device.split(","))
    return {"driver": "nvme", "id": drive.name, "serial": drive.name, "drive": drive.name,
            **options, **({"cmb_size_mb": PEER_MIB} if drive.provider else {})}


def drawing() -> str:
    """The fabric of the main job as a tree."""
    peer = f"NVMe drive with {PEER_MIB} MiB of peer memory"
    return f"""\
  host bridge (QEMU q35, 8086:29c0)
   |
   +-- 00:04.0 root port A --- switch upstream port
   |                            +-- downstream port 0 --- sw0   {peer}
   |                            +-- downstream port 1 --- sw1   NVMe drive
   |
   +-- 00:05.0 root port B ------------------------------ rp    {peer}
   |
   +-- 00:06.0 root port C --- one device, two functions
                                +-- function 0 ---------- fn0   {peer}
                                +-- function 1 ---------- fn1   NVMe drive
"""
