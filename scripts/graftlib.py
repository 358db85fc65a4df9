# SPDX-License-Identifier: GPL-2.0
"""The graft: which files of this repo belong where in a kernel tree, and how
the hook patches are read and placed.  Used by scripts/graft, scripts/hook and
scripts/drift.  The layout rule is told in CONTRIBUTING.md.

Text is handled as latin-1 throughout, so that every byte survives.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil

# Top-level folders of the kernel tree that are grafted when this repo has
# them.  scripts/ and tools/ exist in both trees but are not the kernel's here.
GRAFT_DIRS = ("arch", "block", "crypto", "Documentation", "drivers", "fs", "include",
              "init", "io_uring", "kernel", "lib", "mm", "net", "samples", "security",
              "sound", "virt", "tests/kunit")

# What editors, patch and builds leave behind is never ours.
IGNORE = re.compile(r"(~|\.orig|\.rej|\.sw[a-z]|\.o|\.cmd|\.pyc)$|^#.*#$|^__pycache__$")

CONTEXT = 3             # diff -U3
MAX_ADDED = 300         # lines that all hooks together may add (design, section 2)

ENCODING = "latin-1"


class GraftError(Exception):
    """An error whose text is meant for the user."""


def repo_root():
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def read_text(path):
    with open(path, "rb") as f:
        return f.read().decode(ENCODING)


def split_lines(text):
    """Lines with their newline, split at \\n alone (str.splitlines also splits at \\f)."""
    lines = text.split("\n")
    last = lines.pop()
    lines = [line + "\n" for line in lines]
    if last:
        lines.append(last)
    return lines


def kernel_version(ksrc):
    """(version string, is 6.12) from the tree's Makefile; make itself would take seconds."""
    makefile = os.path.join(ksrc, "Makefile")
    for needed in ("Makefile", "Kbuild", "Kconfig"):
        if not os.path.isfile(os.path.join(ksrc, needed)):
            raise GraftError(f"{ksrc} is not a kernel source tree: it has no {needed}. "
                             "Give the top folder of an unpacked Linux 6.12.x.")
    value = {}
    for line in read_text(makefile).split("\n")[:20]:
        m = re.match(r"(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)\s*=\s*(\S*)\s*$", line)
        if m:
            value[m.group(1)] = m.group(2)
    if not value.get("VERSION") or not value.get("PATCHLEVEL"):
        raise GraftError(f"{ksrc} is not a kernel source tree: its Makefile names no VERSION and "
                         "PATCHLEVEL. Give the top folder of an unpacked Linux 6.12.x.")
    text = (f"{value['VERSION']}.{value['PATCHLEVEL']}.{value.get('SUBLEVEL') or '0'}"
            f"{value.get('EXTRAVERSION', '')}")
    return text, (value["VERSION"], value["PATCHLEVEL"]) == ("6", "12")


def require_6_12(ksrc):
    version, ok = kernel_version(ksrc)
    if not ok:
        raise GraftError(f"{ksrc} is Linux {version}; this project is for 6.12.x only. "
                         "Debian's linux-source-6.12 is one (scripts/source unpacks it).")
    return version


def our_files(root):
    """(files of ours, hook patches), both as sorted paths relative to the repo."""
    ours, hooks = [], []

    def sort_in(rel):
        (hooks if rel.endswith(".patch") else ours).append(rel)

    for name in sorted(os.listdir(root)):
        if name.endswith(".patch") and os.path.isfile(os.path.join(root, name)):
            sort_in(name)
    for top in GRAFT_DIRS:
        for folder, dirs, files in os.walk(os.path.join(root, top)):
            dirs[:] = sorted(d for d in dirs if not IGNORE.search(d))
            for name in sorted(files):
                if not IGNORE.search(name):
                    sort_in(os.path.relpath(os.path.join(folder, name), root))
    return ours, hooks


# --- the function that a line belongs to, as diff -p sees it ---

C_FILE = re.compile(r"\.[chS]$")
LABEL = re.compile(r"^[A-Za-z_]\w*\s*:(?!:)")


def enclosing(lines, index, path):
    """The heading that diff -p would print for a hunk whose first line is lines[index].

    One difference: diff -p takes a label in the first column for a function, and
    'out:' would say nothing about where a hunk landed.  Labels are passed over.
    """
    is_c = C_FILE.search(path)
    for i in range(index - 1, -1, -1):
        line = lines[i]
        if re.match(r"[A-Za-z_$]", line) and not (is_c and LABEL.match(line)):
            return line.strip()
    return ""


def heading_name(heading):
    """The identifier of a function's heading, or None where it is none."""
    if heading.endswith(";"):
        return None
    m = re.search(r"\b([A-Za-z_]\w*)\s*\(", heading)
    if m and re.search(r"[a-z]", m.group(1)):
        return m.group(1)
    return None


def short_name(heading):
    if not heading:
        return "(no function)"
    return heading_name(heading) or " ".join(heading.rstrip("\\").split())[:40].strip()


def same_heading(want, have):
    """Does the heading of a hunk name this line?  diff cuts it at 40 bytes, git at 80."""
    if want == have or want in (have[:40].strip(), have[:80].strip()):
        return True
    # A point release may change a function's arguments and leave the function be.
    name = heading_name(want)
    return name is not None and name == heading_name(have)


# --- hook patches ---

class Hunk:
    def __init__(self, number, start, heading):
        self.number = number
        self.start = start              # first line, 1-based, in the kernel's file
        self.heading = heading
        self.body = []                  # (' ', '-' or '+', line with its newline)

    def old(self):
        return [text for tag, text in self.body if tag != "+"]

    def new(self):
        return [text for tag, text in self.body if tag != "-"]

    def lead(self):
        """Number of context lines before the first change."""
        n = 0
        for tag, _ in self.body:
            if tag != " ":
                break
            n += 1
        return n

    def trail(self):
        n = 0
        for tag, _ in reversed(self.body):
            if tag != " ":
                break
            n += 1
        return n


class Hook:
    """One X.patch: a reason, then a unified diff of the one file X."""

    def __init__(self, root, path):
        self.path = path
        self.target = path[:-len(".patch")]
        self.reason = ""
        self.targets = []               # what the --- and +++ lines name
        self.hunks = []
        self.parse(read_text(os.path.join(root, path)))

    def error(self, line_number, what):
        return GraftError(f"{self.path}:{line_number}: {what}")

    def parse(self, text):
        lines = split_lines(text)
        i = 0
        reason = []
        while i < len(lines) and not lines[i].startswith("--- "):
            reason.append(lines[i])
            i += 1
        self.reason = "".join(reason)
        while i < len(lines):
            line = lines[i]
            if line.startswith("--- ") and i + 1 < len(lines) and lines[i + 1].startswith("+++ "):
                self.targets.append((line[4:].split("\t")[0].strip(),
                                     lines[i + 1][4:].split("\t")[0].strip()))
                i += 2
            elif line.startswith("@@ "):
                i = self.parse_hunk(lines, i)
            elif line.strip() == "" or re.match(r"(diff|index) ", line):
                i += 1
            else:
                raise self.error(i + 1, "neither a hunk nor a file header: " + line.strip())
        if not self.hunks:
            raise self.error(1, "no hunk in it. Give it one, or delete the file.")

    def parse_hunk(self, lines, i):
        m = re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$", lines[i].rstrip("\n"))
        if not m:
            raise self.error(i + 1, "broken hunk header: " + lines[i].strip())
        if not self.targets:
            raise self.error(i + 1, "a hunk before any '--- a/file' line")
        old_left = int(m.group(2) if m.group(2) is not None else 1)
        new_left = int(m.group(4) if m.group(4) is not None else 1)
        first_line = i + 1
        hunk = Hunk(len(self.hunks) + 1, int(m.group(1)), m.group(5).strip())
        i += 1
        while old_left > 0 or new_left > 0:
            line = lines[i] if i < len(lines) else ""
            # Some editors strip the one space of an empty context line.
            tag, body = (" ", "\n") if line == "\n" else (line[:1], line[1:])
            if tag not in ("+", "-", " ") or not tag:
                raise self.error(first_line, f"hunk {hunk.number} is shorter than its header says. "
                                 "Do not edit hunks by hand: scripts/hook refresh.")
            old_left -= tag != "+"
            new_left -= tag != "-"
            hunk.body.append((tag, body))
            i += 1
            if i < len(lines) and lines[i].startswith("\\"):    # no newline at end of file
                hunk.body[-1] = (tag, body.rstrip("\n"))
                i += 1
        if old_left or new_left:
            raise self.error(first_line, f"hunk {hunk.number} does not have the number of lines "
                             "that its header says. Do not edit hunks by hand: scripts/hook refresh.")
        if i < len(lines) and re.match(r"[-+ ]", lines[i]) and not lines[i].startswith("--- "):
            raise self.error(first_line, f"hunk {hunk.number} is longer than its header says. "
                             "Do not edit hunks by hand: scripts/hook refresh.")
        self.hunks.append(hunk)
        return i

    def added(self):
        return sum(tag == "+" for hunk in self.hunks for tag, _ in hunk.body)

    def removed(self):
        return sum(tag == "-" for hunk in self.hunks for tag, _ in hunk.body)

    def lint(self):
        """What is wrong with the patch as such, without looking at a kernel; and what is risky."""
        found, notes = [], []
        reason = self.reason.strip()
        if not reason:
            found.append("no reason at its top. Say in one paragraph, before the '---' line, "
                         "why the kernel's file must change.")
        elif re.search(r"\n\s*\n", reason):
            found.append("the reason at its top is more than one paragraph")
        if len(self.targets) != 1:
            found.append(f"patches {len(self.targets)} files; a hook patches exactly one")
        elif self.targets[0] != ("a/" + self.target, "b/" + self.target):
            found.append(f"its file headers name {self.targets[0][0]} and {self.targets[0][1]}; by its "
                         f"own path it must be a/{self.target} and b/{self.target}")
        for hunk in self.hunks:
            where = f"hunk {hunk.number} ({short_name(hunk.heading)}): "
            if hunk.lead() > CONTEXT or hunk.trail() > CONTEXT:
                found.append(where + f"more than {CONTEXT} lines of context; use diff -U3 -p")
            if hunk.lead() < CONTEXT and hunk.start != 1:
                found.append(where + f"fewer than {CONTEXT} lines of context before it; use diff -U3 -p")
            if hunk.trail() < CONTEXT:
                notes.append(where + "is at the tail of the file, which drifts between point releases; "
                             "another place would be better")
            if C_FILE.search(self.path[:-6]) and LABEL.match(hunk.heading):
                found.append(where + "its header names a label, not a function; "
                             "scripts/hook headings KSRC writes the function")
            include = [bool(re.match(r"#\s*include\b", text)) for _, text in hunk.body]
            for i, (tag, text) in enumerate(hunk.body):
                if tag != " " and include[i] and any(include[max(0, i - 1):i] + include[i + 1:i + 2]):
                    found.append(where + "changes an include block, which drifts between point releases: "
                                 + text.strip())
            if all(tag == " " for tag, _ in hunk.body):
                found.append(where + "changes nothing")
        return found, notes


class Placement:
    """Where one hunk goes in one kernel's file, or why it does not."""

    def __init__(self, hunk, index=None, offset=0, failure=""):
        self.hunk = hunk
        self.index = index
        self.offset = offset
        self.failure = failure

    def result(self):
        if self.failure:
            return "FAILS"
        return f"offset {self.offset:+d}" if self.offset else "clean"


def first_difference(lines, old, expected):
    """For the message of a hunk that fails: the place that matches best, and what differs there."""
    best, best_index = 0, None
    for index in range(max(0, expected - 2000), min(len(lines), expected + 2000)):
        score = sum(1 for a, b in zip(lines[index:index + len(old)], old) if a == b and a.strip())
        if score > best or (score == best and best_index is not None
                            and abs(index - expected) < abs(best_index - expected)):
            best, best_index = score, index
    if best_index is None or best * 2 < len(old):
        return "nothing like its context is there"
    for i, want in enumerate(old):
        have = lines[best_index + i] if best_index + i < len(lines) else "(end of file)"
        if have != want:
            return (f"line {best_index + i + 1} reads '{have.strip()}' where the hook expects "
                    f"'{want.strip()}'")
    return f"its context stands at line {best_index + 1}, before an earlier hunk of the same hook"


def place(hook, text):
    """Place every hunk of a hook in the text of the kernel's file.

    No fuzz: every line of context must be there.  A hunk may have moved, but it must
    stand in the function that its header names; the same lines in a sibling function
    are not the same place.  Returns (list of Placement, new text or None).
    """
    lines = split_lines(text)
    placements, out = [], []
    done, drift = 0, 0          # lines already copied to out; offset of the last hunk
    for hunk in hook.hunks:
        old = hunk.old()
        expected = hunk.start - 1 + drift
        if hunk.lead() < CONTEXT and hunk.start == 1:
            spots = [0]
        else:
            spots = range(done, len(lines) - len(old) + 1)
        spots = [i for i in spots if i >= done and lines[i:i + len(old)] == old]
        if hunk.trail() < CONTEXT:
            spots = [i for i in spots if i + len(old) == len(lines)]
        right = [i for i in spots if same_heading(hunk.heading, enclosing(lines, i, hook.target))]
        failure = ""
        if C_FILE.search(hook.target) and LABEL.match(hunk.heading):
            failure = (f"its header names the label '{hunk.heading}', which does not tell one function "
                       f"from another; scripts/hook headings {{tree}} writes the function")
        elif not spots:
            failure = first_difference(lines, old, expected)
        elif not right:
            other = min(spots, key=lambda i: abs(i - expected))
            failure = (f"its lines stand in {short_name(enclosing(lines, other, hook.target))} "
                       f"(line {other + 1}), not in {short_name(hunk.heading)}, which its header names")
        elif len(right) > 1 and expected not in right:
            failure = ("its lines stand more than once in the function, at lines "
                       + ", ".join(str(i + 1) for i in right) + ", and at none of them exactly")
        if failure:
            placements.append(Placement(hunk, failure=failure))
            continue
        index = expected if expected in right else right[0]
        drift = index - (hunk.start - 1)
        placements.append(Placement(hunk, index, drift))
        out += lines[done:index] + hunk.new()
        done = index + len(old)
    if any(p.failure for p in placements):
        return placements, None
    return placements, "".join(out + lines[done:])


def result_of(placements):
    """One word for a whole hook: clean, offset +n (the largest), or FAILS."""
    if any(p.failure for p in placements):
        return "FAILS"
    worst = max((p.offset for p in placements), key=abs, default=0)
    return f"offset {worst:+d}" if worst else "clean"


def describe_failure(hook, placement, tree):
    hunk = placement.hunk
    return (f"{hook.path}: hunk {hunk.number} (line {hunk.start}, {short_name(hunk.heading)}) "
            f"does not fit Linux {tree.version}: {placement.failure.replace('{tree}', tree.ksrc)}")


# --- a kernel tree and the graft in it ---

KEEP = ".p2pdma-graft"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def load_hooks(root):
    """Files of ours and parsed hooks; two files that claim one path are an error."""
    ours, patches = our_files(root)
    hooks = [Hook(root, path) for path in patches]
    both = sorted(set(ours) & {hook.target for hook in hooks})
    if both:
        raise GraftError(f"{both[0]}: there is a file of ours and a hook ({both[0]}.patch) for the "
                         "same path; delete one of them")
    return ours, hooks


class Tree:
    """A kernel tree and what we keep in it.

    The manifest maps every path that we touched to
      orig   what stood there before: {sha, mode, mtime, uid, gid}, or null for a file we added
      ours   the hashes that a file of ours may have here now; more than one only while an
             apply is under way or was interrupted
    """

    def __init__(self, ksrc):
        self.ksrc = os.path.realpath(ksrc)
        self.version = require_6_12(self.ksrc)
        self.keep = os.path.join(self.ksrc, KEEP)
        self.manifest_path = os.path.join(self.keep, "manifest.json")
        self.files = {}
        self.dirs = []                  # folders that we added
        self.dir_mtimes = {}            # folders of the kernel's whose time we disturb
        # A tree is grafted by one process at a time.  The lock is the folder itself, so
        # that no lock file has to be taken away at the end.
        root_mtime = os.stat(self.ksrc).st_mtime_ns
        self.lock = os.open(self.ksrc, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if os.path.exists(self.manifest_path):
            with open(self.manifest_path, encoding="utf-8") as f:
                manifest = json.load(f)
            self.files = manifest["files"]
            self.dirs = manifest["dirs"]
            self.dir_mtimes = manifest["dir_mtimes"]
        self.dir_mtimes.setdefault(".", root_mtime)

    def grafted(self):
        return os.path.exists(self.manifest_path)

    def path(self, rel):
        return os.path.join(self.ksrc, rel)

    def orig_path(self, rel):
        return os.path.join(self.keep, "orig", rel)

    def current(self, rel):
        """The bytes at a path, or None where there is no file."""
        path = self.path(rel)
        if os.path.islink(path) or (os.path.exists(path) and not os.path.isfile(path)):
            raise GraftError(f"{path} is not a plain file; this tree is not as unpacked")
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def original(self, rel):
        """The kernel's own bytes, whether grafted over or not; None where it has no such file."""
        entry = self.files.get(rel)
        if entry is None:
            return self.current(rel)
        if entry["orig"] is None:
            return None
        try:
            with open(self.orig_path(rel), "rb") as f:
                data = f.read()
        except FileNotFoundError:
            data = b""
        if sha(data) != entry["orig"]["sha"]:
            raise GraftError(f"the original of {rel} that was kept in {self.keep} is gone or damaged. "
                             "Unpack the kernel source anew.")
        return data

    def state(self, rel):
        """The hash of what is at a path now, or None."""
        data = self.current(rel)
        return sha(data) if data is not None else None

    def snapshot(self):
        return json.dumps([self.files, sorted(self.dirs), self.dir_mtimes], sort_keys=True)

    def refuse_foreign_changes(self, what, wanted=None):
        """GraftError if somebody else changed a file since the graft.

        A change that is in this repo by now is nobody else's, and a file that is
        missing holds nobody's work: it is simply written again.
        """
        changed = []
        for rel, entry in sorted(self.files.items()):
            good = [None, entry["orig"] and entry["orig"]["sha"], *entry["ours"]]
            if wanted and rel in wanted:
                good.append(sha(wanted[rel][0]))
            if self.state(rel) not in good:
                changed.append(rel)
        if changed:
            raise GraftError(
                f"will not {what}: changed in {self.ksrc} by someone else since the graft:\n"
                + "".join(f"  {rel}\n" for rel in changed)
                + "Bring the change over here (for a hooked file: scripts/hook refresh FILE KSRC),\n"
                  "or delete the file there to give the change up, then run this again.")

    def save(self):
        os.makedirs(self.keep, exist_ok=True)
        temporary = self.manifest_path + ".new"
        with open(temporary, "w", encoding="utf-8") as f:
            json.dump({"files": self.files, "dirs": self.dirs, "dir_mtimes": self.dir_mtimes},
                      f, indent=1, sort_keys=True)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, self.manifest_path)

    def remember(self, rel):
        """Keep the original of a path before it is touched for the first time."""
        if rel in self.files:
            return
        path = self.path(rel)
        parent = os.path.dirname(path)
        if os.path.exists(path):
            kept = self.orig_path(rel)
            os.makedirs(os.path.dirname(kept), exist_ok=True)
            shutil.copy2(path, kept)
            info = os.stat(path)
            orig = {"sha": sha(self.current(rel)), "mode": info.st_mode & 0o7777,
                    "mtime": info.st_mtime_ns, "uid": info.st_uid, "gid": info.st_gid}
        else:
            orig = None
        while not os.path.isdir(parent):
            rel_parent = os.path.relpath(parent, self.ksrc)
            if rel_parent not in self.dirs:
                self.dirs.append(rel_parent)
            parent = os.path.dirname(parent)
        self.remember_dir(parent)
        self.files[rel] = {"orig": orig, "ours": []}

    def remember_dir(self, path):
        rel = os.path.relpath(path, self.ksrc)
        if rel not in self.dirs:
            self.dir_mtimes.setdefault(rel, os.stat(path).st_mtime_ns)

    def write(self, rel, data, executable):
        """Replace a file in one step; a reader, or a hard link elsewhere, never sees half of it."""
        path = self.path(rel)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = os.path.join(self.keep, "write")
        with open(temporary, "wb") as f:
            f.write(data)
        orig = self.files[rel]["orig"]
        if orig:
            os.chmod(temporary, orig["mode"])
            self.chown(temporary, orig)
        else:
            os.chmod(temporary, 0o755 if executable else 0o644)
        os.replace(temporary, path)

    @staticmethod
    def chown(path, orig):
        if os.geteuid() == 0:
            os.chown(path, orig["uid"], orig["gid"])

    def restore(self, rel):
        """The original with its mode and time; or no file, where there was none."""
        path, orig = self.path(rel), self.files[rel]["orig"]
        if orig is None:
            if os.path.exists(path):
                os.remove(path)
            return
        temporary = os.path.join(self.keep, "write")
        with open(temporary, "wb") as f:
            f.write(self.original(rel))
        os.chmod(temporary, orig["mode"])
        self.chown(temporary, orig)
        os.utime(temporary, ns=(orig["mtime"], orig["mtime"]))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.replace(temporary, path)

    def prune_dirs(self):
        """Remove the folders that we added and that are empty now; return the others."""
        left = []
        for rel in sorted(self.dirs, key=len, reverse=True):
            try:
                os.rmdir(self.path(rel))
            except FileNotFoundError:
                pass
            except OSError:
                left.append(rel)
        return left


def evaluate(tree, hooks):
    """[(hook, placements, new text or None, failure or '')] against the kernel's originals."""
    rows = []
    for hook in hooks:
        data = tree.original(hook.target)
        if data is None:
            rows.append((hook, [], None, f"{hook.path}: Linux {tree.version} has no {hook.target}"))
            continue
        placements, text = place(hook, data.decode(ENCODING))
        failure = "\n".join(describe_failure(hook, p, tree) for p in placements if p.failure)
        rows.append((hook, placements, text, failure))
    return rows


def wanted_files(root, tree, ours, hooks):
    """{path: (bytes, executable)} as the tree is to be, or GraftError naming every failure."""
    rows = evaluate(tree, hooks)
    failures = [failure for _, _, _, failure in rows if failure]
    if failures:
        raise GraftError("\n".join(failures) + f"\nNothing was changed in {tree.ksrc}.\n"
                           "Make the hook fit: graft a tree where it does, edit the file there, "
                           "and run scripts/hook refresh FILE KSRC (CONTRIBUTING.md).")
    wanted = {}
    for rel in ours:
        path = os.path.join(root, rel)
        with open(path, "rb") as f:
            wanted[rel] = (f.read(), os.access(path, os.X_OK))
    for hook, _, text, _ in rows:
        wanted[hook.target] = (text.encode(ENCODING), False)
    return wanted, rows


# --- output ---

def print_table(rows, heading):
    """Columns as wide as they need to be; the last one is free."""
    rows = [heading] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heading) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  ".join(cells + [row[-1]]).rstrip())
