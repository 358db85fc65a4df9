# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the shell scripts share: where things are, how progress is shown, how the
# kernel's make is called.  Sourced, not run.  Progress goes to stderr, so that
# stdout stays free for results; what a command prints goes to build/log/NAME.log,
# and is shown only when it fails.

set -euo pipefail

# Called from the top Makefile, the kernel's make must not inherit its variables and flags.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
# Messages are searched for words, and lists compared.
export LC_ALL=C

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=${BUILD:-$ROOT/build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac
JOBS=${JOBS:-$(nproc)}
LOG=$BUILD/log
mkdir -p "$LOG"

# The source tree to graft: the caller's, or the one that scripts/source unpacks.
SOURCE=${KSRC:-$BUILD/linux}
case $SOURCE in
/*) ;;
*) SOURCE=$PWD/$SOURCE ;;
esac

# What kmake and configure build for, as the kernel's make calls it.  Whoever calls them for
# another architecture sets both.
ARCH=x86_64
CROSS_COMPILE=

# What goes before the name of the compiler.
CCACHE=
if command -v ccache >/dev/null; then
	CCACHE="ccache "
	[ -n "${HOME:-}" ] || export CCACHE_DIR=${CCACHE_DIR:-$BUILD/ccache}
fi

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# A live line only where somebody is watching it.
live() {
	[ -t 2 ] && [ -z "${CI:-}" ] && [ "${TERM:-dumb}" != dumb ]
}

# mm:ss since this script began, for the left edge.
clock() {
	printf '%02d:%02d' $((SECONDS / 60)) $((SECONDS % 60))
}

# How far it has come: objects, in a kernel build's log, or test cases, in kunit.py's;
# nothing for other logs.
how_far() {
	local n
	n=$(grep -cE '^  (CC|AS|LD|AR|HOSTCC|RUSTC)( |$)' "$1" 2>/dev/null) || true
	[ "${n:-0}" -eq 0 ] || printf ', %s objects' "$n"
	n=$(grep -cE '^\[[0-9:]+\] \[(PASSED|FAILED|SKIPPED|CRASHED)\] [^ ]' "$1" 2>/dev/null) || true
	[ "${n:-0}" -eq 0 ] || printf ', %s cases' "$n"
}

# The part of a log that says what went wrong: around the first errors, else the end.
failing_part() {
	local hit='(^|[^-_[:alnum:]])([Ee]rror|ERROR)(:| [0-9])|undefined reference|^E: |^make.*\*\*\*|[Ff]atal|No space left'
	if grep -qE "$hit" "$1"; then
		grep -nE -m 4 -B 3 -A 4 "$hit" "$1" | cut -c1-300
	else
		tail -n 30 "$1" | cut -c1-300
	fi >&2
	say "(the whole log: $1)"
}

# stage NAME "what is done" COMMAND [ARG...]
# Runs the command with its output in build/log/NAME.log; returns its status.
stage() {
	local name=$1 what=$2 log=$LOG/$1.log rc=0 begin=$SECONDS pid next=60
	shift 2
	live || say "$(clock) $what ..."
	# In a process group of its own, so that an interrupt ends all of it (a QEMU that a
	# killed Python started would run on).
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	# shellcheck disable=SC2064  # the pid of now is meant
	trap "kill -- -$pid 2>/dev/null; trap - INT TERM HUP; kill -INT $$" INT TERM HUP
	while kill -0 "$pid" 2>/dev/null; do
		if live; then
			printf '\r%s %s ... %ds%s\033[K' "$(clock)" "$what" $((SECONDS - begin)) "$(how_far "$log")" >&2
			sleep 1
		else
			# Short steps at first: a quick command should not cost a second.
			sleep "$([ $((SECONDS - begin)) -lt 2 ] && echo 0.1 || echo 1)"
			if [ $((SECONDS - begin)) -ge "$next" ]; then
				say "$(clock) $what: $((SECONDS - begin)) s so far$(how_far "$log")"
				next=$((next + 60))
			fi
		fi
	done
	wait "$pid" || rc=$?
	trap - INT TERM HUP
	if live; then
		printf '\r\033[K' >&2
	fi
	if [ "$rc" -eq 0 ]; then
		say "$(clock) $what: done, $((SECONDS - begin)) s$(how_far "$log")"
	else
		say "$(clock) $what: FAILED (status $rc) after $((SECONDS - begin)) s"
		failing_part "$log"
	fi
	return "$rc"
}

# as_root COMMAND [ARG...]
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for '$*': run it as root, or install sudo"
	fi
}

# kmake OBJDIR [ARG...]: the kernel's make on the grafted tree, out of tree; one at a time.
kmake() {
	local objdir=$1
	shift
	mkdir -p "$objdir"
	flock "$BUILD/kmake.lock" make -C "$SOURCE" O="$objdir" ARCH="$ARCH" CROSS_COMPILE="$CROSS_COMPILE" \
		CC="$CCACHE${CROSS_COMPILE}gcc" -j"$JOBS" "$@"
}

# kmodule OBJDIR FILE.c DIR: a module of one file, for the kernel in OBJDIR.  It is compiled in
# a folder of its own, because make leaves its objects beside the source.
kmodule() {
	local objdir=$1 file=$2 dir name
	dir=$(realpath -m "$3")
	name=$(basename "$file" .c)
	mkdir -p "$dir"
	ln -sfn "$(realpath "$file")" "$dir/$name.c"
	printf 'obj-m := %s.o\n' "$name" >"$dir/Kbuild"
	kmake "$objdir" M="$dir" modules
}

# Which source a tree is: its path, and what was unpacked there.
source_identity() {
	local version
	version=$(sed -nE '1,10s/^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *//p' "$SOURCE/Makefile" | paste -sd.)
	printf '%s %s' "$SOURCE" "$version"
	if [ "$SOURCE" = "$BUILD/linux" ]; then
		printf ' %s' "$(cat "$BUILD/linux.version")"
	fi
	printf '\n'
}

# fresh_objdir DIR: objects of another source tree are not to be trusted, because the
# files of an unpacked archive carry its time, and make sees them as old.
fresh_objdir() {
	local dir=$1
	if [ -e "$dir" ] && [ "$(cat "$dir/.source" 2>/dev/null)" != "$(source_identity)" ]; then
		say "$(clock) ${dir#"$ROOT"/} was built from another source; starting it anew"
		rm -rf "$dir"
	fi
	mkdir -p "$dir"
	source_identity >"$dir/.source"
}

# The source unpacked if it is ours to unpack, and grafted.
grafted_source() {
	if [ "$SOURCE" = "$BUILD/linux" ]; then
		"$ROOT/scripts/source"
	fi
	"$ROOT/scripts/graft" apply "$SOURCE" >&2
}

# plain_source: the grafted source again, without the graft; from then on it is SOURCE.
# Hard links, which the graft never writes through.
PLAIN_SOURCE=$BUILD/bench/plain/linux
plain_source() {
	local stamp=${PLAIN_SOURCE%/*}/identity
	if [ "$(cat "$stamp" 2>/dev/null)" != "$(source_identity)" ]; then
		rm -f "$stamp"
		stage plain-pristine "copy the source without the graft" plain_source_copy
		source_identity >"$stamp"
	fi
	SOURCE=$PLAIN_SOURCE
}

plain_source_copy() {
	rm -rf "$PLAIN_SOURCE"
	mkdir -p "${PLAIN_SOURCE%/*}"
	cp -al "$SOURCE" "$PLAIN_SOURCE" 2>/dev/null || cp -a "$SOURCE" "$PLAIN_SOURCE"
	"$ROOT/scripts/graft" revert "$PLAIN_SOURCE"
}

# config_missing FRAGMENT CONFIG: the lines of a fragment that did not make it into a
# .config, each with what is there instead.
config_missing() {
	local line name have
	while IFS= read -r line; do
		case $line in
		CONFIG_*=n) name=${line%%=*} line="# $name is not set" ;;
		CONFIG_*=*) name=${line%%=*} ;;
		'# CONFIG_'*' is not set') name=${line#\# } name=${name%% *} ;;
		*) continue ;;
		esac
		have=$(grep -E "^($name=|# $name is not set)" "$2") || true
		case $line in
		'#'*) [ -z "$have" ] || [ "$have" = "$line" ] || echo "$line (there is: $have)" ;;
		*) [ "$have" = "$line" ] || echo "$line (there is: ${have:-no such option here})" ;;
		esac
	done <"$1"
}

merge_config() {
	local objdir=$1
	shift
	kmake "$objdir" tinyconfig
	# merge_config.sh leaves temporary files where it runs
	(cd "$objdir" && ARCH=$ARCH "$SOURCE/scripts/kconfig/merge_config.sh" -m -Q -O "$objdir" "$objdir/.config" "$@")
	kmake "$objdir" olddefconfig
}

# configure OBJDIR FRAGMENT...: tinyconfig plus the fragments, every line of which must have
# arrived.  Done anew only when something that it rests on has changed.
configure() {
	local objdir=$1 fragment stamp missing
	shift
	stamp=$( (cat "$objdir/.source" "$@"; cd "$ROOT"; find . -path ./build -prune -o \
		-path ./.git -prune -o -name 'Kconfig*' -type f -print | sort | xargs -r cat) | sha256sum)
	if [ "$(cat "$objdir/.configured" 2>/dev/null)" != "$stamp" ]; then
		rm -f "$objdir/.configured"
		stage "config-${objdir##*/}" "configure ${objdir#"$ROOT"/}" merge_config "$objdir" "$@"
		for fragment; do
			missing=$(config_missing "$fragment" "$objdir/.config")
			if [ -n "$missing" ]; then
				say "$missing"
				die "these options of ${fragment#"$ROOT"/} did not end up in $objdir/.config: a dependency is missing, or the option is gone"
			fi
		done
		printf '%s\n' "$stamp" >"$objdir/.configured"
	fi
}
