# SPDX-License-Identifier: GPL-2.0
"""What the system tests expect of mappings of single addresses.

The clients are two "edu" devices, whose DMA the driver samples/p2pdma/dma_client.c
starts: "far" integrated in the root complex, "near" below the switch of the drive
sw0. The memory is that drive's, which its driver has registered, and that of an
"ivshmem" device, which is registered in one of two boots.

Worked out from the rules for dma_map_resource() in the driver-api page and from the
ordered table of the design. Nothing trusts the host bridge unless the policy does,
and the kernel is a guest: below a translating IOMMU nothing is direct.
"""

from dataclasses import dataclass

IOMMUS = ("none", "intel", "virtio")
CALLS = ("page", "phys", "mmio", "resource")
CLIENTS = ("near", "far")

SIZE = 4000                 # the device moves up to 4095 bytes at once

# Addresses that do not depend on anything but what comes before on the buses.
PCI = {"near": "0000:05:00.0", "far": "0000:00:0a.0", "shm": "0000:00:0b.0",
       "sw0": "{sw0}"}

# Where the drive's memory is not taken by its own queues, and its BAR.
CMB = (2, 15 << 20)
SHM = (2, 4096 + 32)

# The second half is for what the host looks at when the machine has ended.
HOST_SEES = [(client, call, (2 << 20) + 8192 * number + 96)
             for number, (client, call) in enumerate(
                 (client, call) for client in CLIENTS
                 for call in ("mmio", "resource"))]


@dataclass(frozen=True)
class Transfer:
    """One transfer, and whether it is to succeed."""
    client: str
    call: str
    provider: str           # "sw0" or "shm"
    works: bool
    offset: int | None = None   # in the provider's memory; else CMB's or SHM's

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.client}->{self.provider}/{self.call}"

    def order(self, direction: str) -> str:
        """Have it made."""
        bar, offset = CMB if self.provider == "sw0" else SHM
        offset = self.offset or offset
        return (f"write /sys/kernel/debug/p2pdma_client/{PCI[self.client]}"
                f"/transfer {self.call} {direction} {PCI[self.provider]} {bar} "
                f"{offset} {SIZE}")


def works(iommu: str, policy: str, client: str, call: str, provider: str,
          registered: bool) -> bool:
    """Is that transfer to succeed?"""
    if policy == "off":
        return False
    if policy == "trust":
        return True
    # Nothing trusts the host bridge: only what is direct is left ...
    if client == "near" and provider == "sw0" and iommu == "none":
        return True
    # ... and what dma_map_resource() always did with memory of nobody.
    return provider == "shm" and not registered and call == "resource"


def transfers(iommu: str, policy: str, registered: bool) -> list[Transfer]:
    """All of one boot and policy."""
    found = []
    for client in CLIENTS:
        for provider in ("sw0", "shm"):
            for call in CALLS:
                # These need struct pages.
                if provider == "shm" and not registered and call in CALLS[:2]:
                    continue
                found.append(Transfer(client, call, provider, works(
                    iommu, policy, client, call, provider, registered)))
    return found


def pattern_at(shared: bytes, offset: int) -> str:
    """What is wrong with what a client has written there, as the host has it in
    the file behind the memory; "" if nothing is. What the guest's CPU puts there
    before is the same byte all over."""
    data = shared[offset:offset + SIZE]
    first = data[0] if data else 0
    wrong = [i for i in range(SIZE) if i >= len(data)
             or data[i] != (first + 7 * i + (i >> 8)) & 0xff]
    return f"the host sees other bytes, from {wrong[0]} on" if wrong else ""


def devices(shared: str) -> list[str]:
    """QEMU's arguments: the clients, and memory that is the file of that name."""
    mask = "dma_mask=0xffffffffffffffff"
    return ["-device", "xio3130-downstream,id=down2,bus=up,addr=2,chassis=22,"
                       "slot=22",
            "-device", f"edu,bus=down2,{mask}",
            "-device", f"edu,addr=0xa,{mask}",
            "-object", "memory-backend-file,id=shm,share=on,"
                       f"mem-path={shared},size=4M",
            "-device", "ivshmem-plain,memdev=shm,addr=0xb"]
