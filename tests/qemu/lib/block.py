# SPDX-License-Identifier: GPL-2.0
"""What the system tests expect of block devices and peer memory.

A device takes peer memory if its queue says so; of stacked ones those whose
target has opted in and all of whose members take it. Where it is not taken, a
bio that the kernel has built is refused when it is submitted, and user I/O when
its memory is pinned: in both cases the device's driver sees nothing of it.
"""

from dataclasses import dataclass

IOMMUS = ("none", "intel", "virtio")

# Drives of fabric.MAIN_DRIVES; "ram" and "vblk" are a RAM disk and a virtio disk.
PROVIDER = "sw0"
PLAIN = (("ram", "ram0"), ("vblk", "vda"))


@dataclass(frozen=True)
class Stack:
    """A stacked device, and whether it takes peer memory."""
    name: str
    kind: str
    members: tuple[str, ...]
    takes: bool

    def order(self) -> str:
        """Have it made."""
        return f"stack {self.name} {self.kind} {' '.join(self.members)}"


STACKS = (
    Stack("linear", "linear", ("sw1", "rp"), True),
    Stack("linear-ram", "linear", ("sw1", "ram"), False),
    Stack("linear-vblk", "linear", ("vblk",), False),
    Stack("striped", "striped", ("sw1", "rp"), False),
    Stack("crypt", "crypt", ("sw1",), False),
    Stack("raid0", "raid0", ("sw1", "fn1"), True),
    Stack("raid0-ram", "raid0", ("sw1", "ram"), False),
    Stack("raid1", "raid1", ("sw1", "fn1"), True),
    Stack("raid1-ram", "raid1", ("sw1", "ram"), False),
)
# A mirror whose members are themselves stacked: nothing is known of their routes.
BELOW = Stack("below", "linear", ("sw1", "rp"), True)
NESTED = Stack("nested", "raid1", ("below", "fn1"), False)
# A mirror of which only one member reaches the provider as long as no host
# bridge is trusted: sw1 is below the same switch, rp below another root port.
HALF = Stack("half", "raid1", ("sw1", "rp"), True)

SIZE = 3 << 20              # bytes each way: all of what "linear" is made of
SMALL = 64 << 10            # for what is refused
