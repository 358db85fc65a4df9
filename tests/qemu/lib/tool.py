# SPDX-License-Identifier: GPL-2.0
"""The command p2pdma in the guest: the program with what it needs, and what it
printed there."""

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema

from lib import machine

TOOL = machine.REPO / "tools" / "p2pdma"
MADE = machine.MADE / "p2pdma"
PCI_IDS = """\
1b36  Red Hat, Inc.
\t0010  QEMU NVM Express Controller
\t000c  QEMU PCIe Root port
104c  Texas Instruments
\t8232  XIO3130 PCI Express Switch (Upstream)
\t8233  XIO3130 PCI Express Switch (Downstream)
8086  Intel Corporation
\t29c0  82G33/G31/P35/P31 Express DRAM Controller
\t5845  QEMU NVM Express Controller
"""


class Orders(list):
    """Orders for a boot; the first is the runner's own."""

    def add(self, text: str) -> int:
        """The number of the step."""
        self.append(text)
        return len(self) + 1


def build() -> None:
    """Compile it."""
    done = subprocess.run(["make", "-C", str(TOOL), f"O={MADE}"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise machine.Failure(f"{TOOL} does not compile:\n{done.stderr}")


def libraries(program: Path) -> list[Path]:
    """The shared libraries and the loader that a program wants."""
    done = subprocess.run(["ldd", str(program)], capture_output=True,
                          text=True, check=True)
    return [Path(p) for p in re.findall(r"(/\S+) \(0x", done.stdout)]


@functools.cache
def files() -> dict[str, tuple[int, bytes]]:
    """Name in the initramfs -> permissions and contents."""
    build()
    setpci = shutil.which("setpci", path="/usr/bin:/usr/sbin:/bin:/sbin")
    if not setpci:
        raise machine.Failure("setpci is not installed: apt-get install "
                              "pciutils")
    found = {"share/pci.ids": (0o644, PCI_IDS.encode())}
    for program in (MADE / "p2pdma", Path(setpci)):
        found[f"bin/{program.name}"] = (0o755, program.read_bytes())
        for library in libraries(program):
            found[str(library).lstrip("/")] = (0o755, library.read_bytes())
    return found


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    """Of what --json prints."""
    return jsonschema.Draft202012Validator(json.loads(
        (TOOL / "p2pdma.schema.json").read_text()))


def output(outcome: machine.Outcome, step: int,
           stream: str = "stdout") -> str:
    """What a program printed that was run in that step."""
    return "".join(e["text"] for e in outcome.of("out", step)
                   if e["stream"] == stream)


def status(outcome: machine.Outcome, step: int) -> int | None:
    """How it ended; None if it did not."""
    ran = outcome.of("ran", step)
    return ran[0]["status"] if ran else None


def value(outcome: machine.Outcome, step: int) -> tuple[dict, str]:
    """What --json printed, and what is wrong with it."""
    text = output(outcome, step)
    try:
        found = json.loads(text)
    except ValueError:
        return {}, (f"not JSON (status {status(outcome, step)}): "
                    f"{text[:200]}{output(outcome, step, 'stderr')[:300]}")
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
              for e in validator().iter_errors(found)]
    return found, "; ".join(errors[:3])
