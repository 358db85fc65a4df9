# SPDX-License-Identifier: GPL-2.0
"""One boot of the kernel under test: guest program, QEMU, results, log.

The guest (tests/qemu/guest) gets its orders in the initramfs and reports on a
virtio-serial port, which here is a file that grows. The console is a log: it
is searched for oopses and IOMMU faults and shown when something fails, but no
result is ever read from it. Always software emulation; unless a boot says
otherwise, two CPUs that take turns in one thread.
"""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lib import fabric, single

REPO = Path(__file__).resolve().parents[3]
MADE = Path(os.environ.get("BUILD") or REPO / "build")
BUILD = MADE / "qemu"
KERNEL = MADE / "kernel" / "arch" / "x86" / "boot" / "bzImage"
GUEST = REPO / "tests" / "qemu" / "guest"
EXTERNAL = REPO / "tests" / "qemu" / "external.asl"
QEMU = "qemu-system-x86_64"

# What each choice of --iommu means to QEMU and to the kernel.
IOMMUS: dict[str, tuple[list[str], list[str]]] = {
    "none": ([], []),
    "intel": (["-device", "intel-iommu"], ["intel_iommu=on"]),
    "intel-pt": (["-device", "intel-iommu"], ["intel_iommu=on", "iommu=pt"]),
    "virtio": (["-device", "virtio-iommu-pci,addr=0x1"], []),
    "intel-ats": (["-device", "intel-iommu,device-iotlb=on"], ["intel_iommu=on"]),
    # there, and not used unless the command line says so
    "intel-off": (["-device", "intel-iommu"], []),
}
IOMMU_TEXT = {
    "none": "no IOMMU",
    "intel": "intel-iommu, translating",
    "intel-pt": "intel-iommu, passthrough",
    "virtio": "virtio-iommu, translating",
    "intel-ats": "intel-iommu, translating, with ATS",
    "intel-off": "intel-iommu, not in use",
}

# Lines of the kernel's log that fail a run, whatever else it says.
BAD_LOG = re.compile(
    r"\bBUG\b|\bWARNING\b|\bOops\b|general protection fault|Kernel panic"
    r"|Call Trace|DMAR: .*[Ff]ault|DMAR:.*PTE .* access is not set"
    r"|virtio_iommu.*[Ff]ault|IO_PAGE_FAULT|UBSAN|KASAN:|KCSAN:|KFENCE:"
    r"|DMA-API: (?!preallocated|debugging (?:en|dis)abled)|kmemleak: .*suspected"
    r"|possible circular locking|suspicious RCU|possible recursive locking"
    r"|stall(s|ed) on CPU|blocked for more than|Unable to handle"
    r"|double fault|stack guard page|list_(add|del) corruption"
    r"|refcount_t:|[Bb]ad page|nvme.*(timeout, |timed out)")


# What is on a drive with a file system: a text, and data that fill most of it.
KEPT_TEXT = "this was here before\n"
BULK_MIB = fabric.DRIVE_MIB * 5 // 8


def emulation(memory: str) -> list[str]:
    """QEMU's arguments for two CPUs, in one thread.

    With a thread for each CPU QEMU 7.2 translates code that another CPU is patching (static
    calls, jump labels), and runs the breakpoint when nobody waits for it any more: "Oops:
    int3", once in thousands of boots. And a CPU's write to a device may go astray while
    another sizes a BAR.
    """
    return ["-accel", "tcg,thread=single", "-smp", "2", "-m", memory]


class Failure(Exception):
    """A run that could not be done, with the remedy in its text."""


@dataclass
class Boot:
    """What to boot and what to have done in it."""
    name: str                       # of the log files
    kernel: Path
    iommu: str
    cpu: str
    drives: tuple[fabric.Drive, ...]
    orders: list[str]
    policy: list[str] = field(default_factory=list)    # each one "p2pdma="
    kernel_args: list[str] = field(default_factory=list)
    virtio_disk: bool = False       # /dev/vda
    single: bool = False            # the devices of lib/single.py
    devices: list[str] = field(default_factory=list)    # more, as QEMU's arguments
    external: bool = False          # the firmware calls root port A external
    emulation: list[str] = field(default_factory=lambda: emulation("512M"))
    timeout: float = 300.0          # seconds, for the whole boot
    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    # What the emulator is told at a report: commands of its monitor with arguments
    react: Callable[[dict], list[tuple[str, dict]]] | None = None


@dataclass
class Outcome:
    """What came of it. Problems are texts; none is good news."""
    events: list[dict]
    problems: list[str]
    seconds: float
    booted: float                   # seconds until the guest reported
    log: Path
    shared: bytes = b""             # the memory of the devices of lib/single.py

    def of(self, event: str, step: int | None = None) -> list[dict]:
        """The reports of one kind, of one step if that is given."""
        return [e for e in self.events if e["event"] == event
                and (step is None or e["step"] == step)]

    def remove_logs(self) -> None:
        """Drop what the boot has left behind."""
        for suffix in (".log", ".results", ".qemu"):
            self.log.with_suffix(suffix).unlink(missing_ok=True)


def cpio(files: dict[str, tuple[int, bytes]]) -> bytes:
    """A "newc" archive, as the kernel unpacks it, of name -> (mode, data)."""
    out = bytearray()
    entries = list(files.items()) + [("TRAILER!!!", (0, b""))]
    for number, (name, (mode, data)) in enumerate(entries, 1):
        raw = name.encode() + b"\0"
        numbers = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                   len(raw), 0]
        out += b"070701" + b"".join(b"%08X" % n for n in numbers) + raw
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def need_tools() -> None:
    """Fail early, naming the package, where a program is missing."""
    for tool, package in ((QEMU, "qemu-system-x86"), ("gcc", "gcc libc6-dev")):
        if not shutil.which(tool):
            raise Failure(f"{tool} is not installed: apt-get install {package}")


def build_guest() -> bytes:
    """Compile the guest program; the bytes of /init."""
    # In a folder of its own: runners may run side by side.
    with tempfile.TemporaryDirectory(prefix="p2pdma-") as name:
        init = Path(name) / "init"
        command = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror",
                   "-static", "-o", str(init)]
        command += sorted(str(p) for p in GUEST.glob("*.c"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"the guest program {GUEST} does not compile:\n"
                          f"{done.stderr}")
        return init.read_bytes()


def need_kernel(kernel: Path) -> None:
    """Fail with the remedy where there is no kernel to boot."""
    if not kernel.is_file():
        raise Failure(f"there is no kernel {kernel}: build one with "
                      "'make kernel', or name one with --kernel")


def initramfs(init: bytes, orders: list[str],
              files: dict[str, tuple[int, bytes]]) -> bytes:
    """What the kernel unpacks: /init, its orders, other files with their
    permissions, and a folder for the devices."""
    regular, directory = 0o100000, 0o040000
    folders = {str(parent) for name in files
               for parent in Path(name).parents} - {"."}
    return cpio({
        "dev": (directory | 0o755, b""),
        "init": (regular | 0o755, init),
        "orders": (regular | 0o644, "".join(o + "\n" for o in orders).encode()),
        **{name: (directory | 0o755, b"") for name in sorted(folders)},
        **{name: (regular | mode, data)
           for name, (mode, data) in files.items()},
    })


def make_image(work: Path, name: str, mib: int) -> str:
    """A disk image full of zeros; its path."""
    image = work / f"{name}.img"
    with image.open("wb") as file:
        file.truncate(mib << 20)
    return str(image)


def system_program(name: str, package: str) -> str:
    """A program that may be in a folder for administrators."""
    path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not path:
        raise Failure(f"{name} is not installed: apt-get install {package}")
    return path


def make_table(work: Path) -> str:
    """The table of the firmware that makes root port A an external one."""
    table = work / "external.aml"
    done = subprocess.run(
        [system_program("iasl", "acpica-tools"), "-p", str(table),
         str(EXTERNAL)], capture_output=True, text=True, check=False)
    if done.returncode or not table.exists():
        raise Failure(f"{EXTERNAL} does not compile:\n{done.stdout}{done.stderr}")
    return str(table)


def make_filesystem(work: Path, image: str) -> None:
    """Put an ext2 file system on an image. The bulk is not the same twice in it, so
    that whatever is written there changes it."""
    folder = work / "files"
    folder.mkdir(exist_ok=True)
    (folder / "kept").write_text(KEPT_TEXT)
    (folder / "bulk").write_bytes(random.Random(1).randbytes(BULK_MIB << 20))
    done = subprocess.run(
        [system_program("mke2fs", "e2fsprogs"), "-q", "-F", "-t", "ext2", "-b", "4096",
         "-d", str(folder), image], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"mke2fs: {done.stderr}")


def check_filesystem(image: str) -> list[str]:
    """What is wrong with it, after the boot."""
    done = subprocess.run([system_program("e2fsck", "e2fsprogs"), "-f", "-n", image],
                          capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [
        f"e2fsck {Path(image).name}: {done.stdout} {done.stderr}"]


def command_line(boot: Boot, work: Path, results: Path, log: Path) -> list[str]:
    """QEMU and all its arguments. The IOMMU has to come before the devices."""
    iommu, kernel_args = IOMMUS[boot.iommu]
    # On a busy host ten ticks may pass without an interrupt of the timer, which the kernel
    # takes for a broken one.
    append = ["console=ttyS0", "panic=-1", "oops=panic", "no_timer_check", *kernel_args]
    append += [f"p2pdma={policy}" for policy in boot.policy]
    append += boot.kernel_args
    images = {drive.name: make_image(work, drive.name, fabric.DRIVE_MIB)
              for drive in boot.drives}
    disk = []
    for drive in boot.drives:
        if drive.filesystem:
            make_filesystem(work, images[drive.name])
    if boot.virtio_disk:
        image = make_image(work, "vda", fabric.VIRTIO_MIB)
        disk = ["-blockdev", "driver=raw,cache.no-flush=on,node-name=vda,"
                f"file.driver=file,file.filename={image}",
                "-device", "virtio-blk-pci,drive=vda,addr=0x9"]
    return [QEMU, "-M", "q35", *boot.emulation,
            "-cpu", boot.cpu, "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot",
            "-kernel", str(boot.kernel), "-initrd", str(work / "initramfs"),
            "-append", " ".join(append),
            "-serial", f"file:{log}", *iommu,
            "-device", "virtio-serial-pci,addr=0x2",
            "-chardev", f"file,id=results,path={results}",
            "-device", "virtserialport,chardev=results,name=p2pdma.results",
            *fabric.devices(boot.drives, images), *disk,
            *(single.devices(str(work / "shared")) if boot.single else []),
            *boot.devices,
            *(["-acpitable", f"file={make_table(work)}"] if boot.external
              else [])]


class Monitor:
    """The emulator's monitor (QMP), on a socket."""

    SECONDS = 20

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(self.SECONDS)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("r")
        self.file.readline()            # its greeting
        self.command("qmp_capabilities", {})

    def command(self, name: str, args: dict) -> str:
        """Carry out a command; what is wrong, or ""."""
        self.socket.sendall(json.dumps({"execute": name, "arguments": args}).encode())
        for line in self.file:
            answer = json.loads(line)
            if "return" in answer:
                return ""
            if "error" in answer:
                return f"{name}: {answer['error']['desc']}"
        return f"{name}: the emulator has ended"

    def insist(self, name: str, args: dict) -> str:
        """The same; what is going on may have to end before."""
        end = time.monotonic() + self.SECONDS
        while (wrong := self.command(name, args)) and time.monotonic() < end:
            time.sleep(0.2)
        return wrong


def read_events(text: str) -> list[dict]:
    """The reports in what has come so far; a line in the making is left out."""
    events = []
    for line in text.split("\n")[:-1]:
        try:
            events.append(json.loads(line))
        except ValueError:
            events.append({"event": "trouble", "step": 0,
                           "text": f"a report that is not JSON: {line[:200]}"})
    return events


def tail(log: Path, lines: int = 25) -> str:
    """The end of a log, indented, for a message about what failed."""
    text = log.read_text(errors="replace") if log.exists() else ""
    kept = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join("    " + line for line in kept[-lines:])


def find_problems(events: list[dict], log_text: str, error_text: str,
                  timed_out: bool, boot: Boot) -> list[str]:
    """Everything that is wrong whatever the orders were."""
    problems = []
    seen = set()
    for event in events:
        if event["event"] == "kmsg" and BAD_LOG.search(event["text"]):
            order = boot.orders[event["step"] - 1] if event["step"] else "boot"
            problems.append(f"kernel log, at '{order[:70]}': {event['text']}")
            seen.add(event["text"].strip())
        elif event["event"] == "trouble":
            order = boot.orders[event["step"] - 1] if event["step"] else "start"
            problems.append(f"guest, at '{order[:70]}': {event['text']}")
    for line in log_text.splitlines():
        text = re.sub(r"^\[[ 0-9.]+\] ?", "", line).strip()
        if BAD_LOG.search(text) and text not in seen:
            seen.add(text)
            problems.append(f"console: {text}")
    if timed_out:
        problems.append(f"no end after {boot.timeout:.0f} s: QEMU was stopped")
    elif not any(e["event"] == "done" for e in events):
        problems.append("the guest stopped before it had carried out its "
                        "orders")
    if error_text and not events:
        problems.append(f"QEMU: {error_text}")
    return problems


def run(boot: Boot, init: bytes,
        watch: Callable[[list[dict]], None] | None = None) -> Outcome:
    """Boot, wait for the end, collect. @watch sees the reports as they come."""
    logs = BUILD / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{boot.name}.log"
    results = logs / f"{boot.name}.results"
    errors = logs / f"{boot.name}.qemu"
    log.unlink(missing_ok=True)
    results.write_bytes(b"")
    timed_out = False
    start = time.monotonic()
    booted = 0.0
    seen = 0
    monitor = None
    refused = []

    with tempfile.TemporaryDirectory(prefix="p2pdma-") as name:
        work = Path(name)
        (work / "initramfs").write_bytes(initramfs(init, boot.orders,
                                                   boot.files))
        command = command_line(boot, work, results, log)
        if boot.react:
            command += ["-qmp", f"unix:{work}/monitor,server=on,wait=off"]
        with errors.open("w") as error_file:
            error_file.write("# " + " ".join(command) + "\n")
            error_file.flush()
            with subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                  stdout=error_file,
                                  stderr=subprocess.STDOUT) as qemu:
                try:
                    while qemu.poll() is None:
                        time.sleep(0.05)
                        events = read_events(results.read_text())
                        now = time.monotonic() - start
                        if events and not booted:
                            booted = now
                        if watch:
                            watch(events)
                        for event in events[seen:] if boot.react else ():
                            for order, args in boot.react(event):
                                try:
                                    monitor = monitor or Monitor(work / "monitor")
                                    refused.append(monitor.insist(order, args))
                                except OSError as error:
                                    refused.append(f"{order}: {error}")
                        seen = len(events)
                        if now > boot.timeout:
                            timed_out = True
                            break
                finally:
                    if qemu.poll() is None:
                        qemu.kill()
        shared = (work / "shared").read_bytes() if boot.single else b""
        damage = [text for drive in boot.drives if drive.filesystem
                  for text in check_filesystem(str(work / f"{drive.name}.img"))]

    events = read_events(results.read_text())
    log_text = log.read_text(errors="replace") if log.exists() else ""
    error_text = "\n".join(line for line in errors.read_text().splitlines()
                           if line[:1] != "#" and "warning:" not in line)
    problems = [text for text in refused if text] + damage + find_problems(
        events, log_text, error_text, timed_out, boot)
    return Outcome(events, problems, time.monotonic() - start, booted, log,
                   shared)

