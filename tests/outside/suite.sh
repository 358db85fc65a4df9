#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# In the guest of make outside: runs one group of the tests that others wrote, and prints a
# line for each case: "ok - NAME", "not ok - NAME # why" or "skip - NAME # why".
#
#   suite.sh GROUP [ARGUMENT...]	the groups are the functions group_* below
#
# Drives are named as in tests/qemu/lib/fabric.py. All commands are applets of busybox but fio,
# stress-ng, mke2fs and e2fsck; the programs in /tests are from tools/testing/selftests of the
# kernel.

OUT=/tmp/out
LIMIT=180			# seconds for a program
PCI=/sys/bus/pci
NVMET=/sys/kernel/config/nvmet

# --- results

ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1 # $2"
}

skip() {
	echo "skip - $1 # $2"
}

# The line of $OUT that says most.
why() {
	local line
	line=$(grep -m 1 -iE 'error|fail|verify:|invalid|cannot|unable' "$OUT" || tail -n 1 "$OUT")
	case $1 in
	143) line="no end after $LIMIT s; $line" ;;
	esac
	echo "status $1: $line" | tr '\n\t' '  ' | cut -c1-200
}

# check NAME COMMAND...: it has to end with status 0.
check() {
	local name=$1 status
	shift
	timeout "$LIMIT" "$@" >"$OUT" 2>&1 </dev/null
	status=$?
	if [ "$status" -eq 0 ]; then
		ok "$name"
	else
		not_ok "$name" "$(why "$status")"
	fi
	return "$status"
}

# refused NAME TEXT COMMAND...: it has to fail, and to say TEXT.
refused() {
	local name=$1 text=$2
	shift 2
	if timeout "$LIMIT" "$@" >"$OUT" 2>&1 </dev/null; then
		not_ok "$name" "it did not fail"
	elif grep -q "$text" "$OUT"; then
		ok "$name"
	else
		not_ok "$name" "it failed without '$text': $(why 0)"
	fi
}

# For awk: what a line of the test protocol says, as result, name ($0) and reason.
# shellcheck disable=SC2016 # a program
TAP='
	function take() {
		result = $1 == "ok" ? "ok" : "not ok"
		sub(/^ *(not )?ok [0-9]+ *(- )?/, "")
		reason = ""
		if (match($0, / *# .*/)) {
			reason = substr($0, RSTART)
			$0 = substr($0, 1, RSTART - 1)
			if (reason ~ /# *SKIP/)
				result = "skip"
		}
	}'

# ksft COMMAND...: each line of its test protocol is a case; so is its end.
ksft() {
	local prefix=${1##*/} status
	timeout "$LIMIT" "$@" >"$OUT" 2>&1 </dev/null
	status=$?
	shift
	prefix=$prefix${*:+ $*}
	# Some tell what they begin with, and then only how it ended.
	awk -v prefix="$prefix" "$TAP"'
		/^# \[RUN\] / {
			run = substr($0, 9) ": "
		}
		/^(not )?ok [0-9]+/ {
			take()
			print result " - " prefix ": " run $0 reason
		}' "$OUT"
	# 4 is "skipped" in that protocol
	case $status in
	0) ok "$prefix: ends" ;;
	4) skip "$prefix: ends" "$(tail -n 1 "$OUT" | cut -c1-150)" ;;
	*) not_ok "$prefix: ends" "$(why "$status")" ;;
	esac
}

# have PROGRAM: whether it was built; if not, the runner says why.
have() {
	[ -x "/tests/$1" ]
}

# --- drives

# What /sys calls the controller of a drive.
controller() {
	for path in /sys/class/nvme/*; do
		if [ "$(tr -d ' ' <"$path/serial")" = "$1" ]; then
			echo "${path##*/}"
			return
		fi
	done
}

# The block device of a drive, and its PCI address.
block() {
	echo "/dev/$(controller "$1")n1"
}

address() {
	basename "$(readlink -f "/sys/class/nvme/$(controller "$1")/device")"
}

peer() {
	echo "mmapshared:$PCI/devices/$(address "$1")/p2pmem/allocate"
}

# --- KUnit: the suites ran at boot

group_kunit() {
	for file in /sys/kernel/debug/kunit/*/results; do
		suite=${file%/results}
		awk -v suite="${suite##*/}" "$TAP"'
			/^    (not )?ok [0-9]+/ {
				take()
				print result " - " suite "." $0 reason
			}' "$file"
	done
}

# --- pages of user space and of devices; the graft changes how those of devices are freed

huge_pages() {
	echo "$1" >/proc/sys/vm/nr_hugepages
}

group_gup() {
	huge_pages 64
	ksft /tests/gup_test -u -m 8 -r 1
	ksft /tests/gup_test -U -m 8 -r 1
	ksft /tests/gup_test -a -m 8 -r 1
	ksft /tests/gup_test -b -m 8 -r 1
	ksft /tests/gup_test -L -m 8 -r 1
	ksft /tests/gup_test -L -w -S -m 8 -r 1
	ksft /tests/gup_test -u -T -w -m 8 -r 1 -n 512
	ksft /tests/gup_test -ct -F 0x1 0 19 0x1000
	ksft /tests/gup_longterm
}

group_cow() {
	huge_pages 64
	ksft /tests/cow
}

group_hmm() {
	huge_pages 64
	LIMIT=400
	ksft /tests/hmm-tests
}

group_dmabuf() {
	huge_pages 1040
	ksft /tests/udmabuf
	huge_pages 0
	ksft /tests/dmabuf-heap
}

group_iommufd() {
	for program in iommufd iommufd_fail_nth; do
		if have "$program"; then
			ksft "/tests/$program"
		fi
	done
}

# --- dma_map_benchmark: the drive fn1 is bound to that driver

group_dma() {
	pci=$(address fn1)
	echo "$pci" >$PCI/drivers/nvme/unbind
	echo dma_map_benchmark >"$PCI/devices/$pci/driver_override"
	check "bind a PCI function" sh -c "echo $pci >$PCI/drivers/dma_map_benchmark/bind"
	for direction in 0 1 2; do
		check "-d $direction" /tests/dma_map_benchmark -t 1 -s 1 -b 64 -d "$direction"
	done
	check "-g 16" /tests/dma_map_benchmark -t 1 -s 1 -b 64 -g 16
	check "-b 32" /tests/dma_map_benchmark -t 1 -s 1 -b 32
	check "-t 4" /tests/dma_map_benchmark -t 4 -s 2 -b 64
	echo "$pci" >$PCI/drivers/dma_map_benchmark/unbind
	echo >"$PCI/devices/$pci/driver_override"
	check "bind the drive again" sh -c "echo $pci >$PCI/drivers/nvme/bind"
}

# --- fio: data in peer memory, compared by fio

# job NAME FILE MEMORY ARGUMENT...
job() {
	local name=$1 file=$2 memory=$3 status
	shift 3
	timeout "$LIMIT" fio --name=job --thread --filename="$file" --mem="$memory" --direct=1 \
		--size=1M --bs=64k --randseed=1 --verify=crc32c --verify_fatal=1 "$@" \
		>"$OUT" 2>&1 </dev/null
	status=$?
	if [ "$status" -ne 0 ]; then
		not_ok "$name" "$(why "$status")"
		return 1
	fi
	case "$*" in
	*--do_verify=0*) ;;
	*)
		if ! grep -q '^ *READ:.* io=[1-9]' "$OUT"; then
			not_ok "$name" "fio compared nothing"
			return 1
		fi
		;;
	esac
	ok "$name"
}

# group_fio CLIENT PROVIDER: short, for any pair
group_fio() {
	local file memory pair="$1 with memory of $2"
	file=$(block "$1")
	memory=$(peer "$2")
	job "$pair: write, compare" "$file" "$memory" --rw=write --ioengine=io_uring --iodepth=4
	# Where a route is wrong, both ways may be wrong in the same way: one of them in RAM.
	job "$pair: write, compare in RAM" "$file" "$memory" --rw=write --ioengine=psync \
		--do_verify=0 &&
		job "$pair: what was written, in RAM" "$file" malloc --rw=write \
			--ioengine=psync --verify_only
	job "$pair: write from RAM" "$file" malloc --rw=write --ioengine=psync --do_verify=0 \
		--randseed=2 &&
		job "$pair: read what was written from RAM" "$file" "$memory" --rw=write \
			--ioengine=psync --verify_only --randseed=2
}

# group_engines CLIENT PROVIDER: each way to do I/O
group_engines() {
	local file memory pair="$1 with memory of $2"
	file=$(block "$1")
	memory=$(peer "$2")
	for engine in sync psync pvsync2 libaio posixaio io_uring; do
		job "$pair: $engine" "$file" "$memory" --rw=randwrite --ioengine="$engine" \
			--iodepth=8
	done
	job "$pair: io_uring, fixed buffers" "$file" "$memory" --rw=randwrite \
		--ioengine=io_uring --fixedbufs --iodepth=8
	job "$pair: io_uring, fixed buffers in RAM" "$file" malloc --rw=randwrite \
		--ioengine=io_uring --fixedbufs --iodepth=8
	job "$pair: io_uring, non-vectored, registered files" "$file" "$memory" \
		--rw=randwrite --ioengine=io_uring --nonvectored=1 --registerfiles --iodepth=8
	job "$pair: io_uring, a thread of the kernel submits" "$file" "$memory" \
		--rw=randwrite --ioengine=io_uring --sqthread_poll --iodepth=8
	job "$pair: io_uring_cmd" "/dev/ng$(controller "$1" | tr -dc 0-9)n1" "$memory" \
		--rw=write --ioengine=io_uring_cmd --cmd_type=nvme --iodepth=4 --direct=0
	job "$pair: sizes of 512 B to 128 KiB" "$file" "$memory" --rw=randrw \
		--ioengine=libaio --iodepth=16 --bsrange=512-128k --bs_unaligned=0 \
		--bssplit=512/20:4k/30:12k/20:128k/30
	job "$pair: three at a time" "$file" "$memory" --rw=randwrite --ioengine=libaio \
		--iodepth=4 --thread=0 --numjobs=3 --offset_increment=4M
	job "$pair: trim before each write" "$file" "$memory" --rw=trimwrite \
		--ioengine=libaio --iodepth=4
}

# group_file CLIENT PROVIDER: a file of a file system, with O_DIRECT
group_file() {
	local file memory pair="$1 with memory of $2"
	file=$(block "$1")
	memory=$(peer "$2")
	mkdir -p /mnt
	# busybox has an mke2fs of its own, which its timeout would prefer
	check "$pair: make a file system" /bin/mke2fs -q -F -t ext2 -b 4096 "$file" || return
	check "$pair: mount" mount -t ext2 "$file" /mnt || return
	for engine in psync libaio io_uring; do
		job "$pair: $engine, a file" "/mnt/$engine" "$memory" --rw=randwrite \
			--ioengine="$engine" --iodepth=4 --fallocate=none
	done
	job "$pair: buffered, a file" /mnt/buffered "$memory" --rw=write --ioengine=psync \
		--direct=0 --fallocate=none
	check "$pair: unmount" umount /mnt
	check "$pair: check the file system" /bin/e2fsck -f -n "$file"
}

# group_stress CLIENT PROVIDER: fio beside stress-ng
group_stress() {
	local file memory pair="$1 with memory of $2"
	file=$(block "$1")
	memory=$(peer "$2")
	for load in "--vm 1 --vm-bytes 64M" "--fork 2" "--hdd 1 --hdd-bytes 8M" \
			"--mmap 1 --mmap-bytes 16M" "--aio 1" "--iomix 1 --iomix-bytes 8M"; do
		# shellcheck disable=SC2086 # words
		timeout "$LIMIT" stress-ng $load --verify --timeout 8 --temp-path /tmp \
			>/tmp/stress 2>&1 &
		pid=$!
		sleep 1
		job "$pair: beside $load" "$file" "$memory" --rw=randwrite --ioengine=libaio \
			--iodepth=8
		if wait "$pid"; then
			ok "stress-ng $load"
		else
			cp /tmp/stress "$OUT"
			not_ok "stress-ng $load" "$(why 1)"
		fi
	done
}

# --- the NVMe target

# attribute NAME VALUE READ: written to the namespace's p2pmem, and read again
attribute() {
	if echo "$2" >"$SPACE/p2pmem" 2>"$OUT" && [ "$(cat "$SPACE/p2pmem")" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "p2pmem is '$(cat "$SPACE/p2pmem")'; $(cat "$OUT")"
	fi
}

# target NAME DEVICE: a subsystem with one namespace, which is not enabled
target() {
	SUBSYSTEM=$NVMET/subsystems/$1 SPACE=$NVMET/subsystems/$1/namespaces/1
	mkdir "$SUBSYSTEM" "$SPACE"
	echo 1 >"$SUBSYSTEM/attr_allow_any_host"
	echo "$2" >"$SPACE/device_path"
}

no_target() {
	echo 0 >"$SPACE/enable"
	rmdir "$SPACE" "$SUBSYSTEM"
}

# serve NAME DRIVE P2PMEM: the target accepts this memory for this drive
serve() {
	target "t" "$(block "$2")"
	check "$1" sh -c "echo $3 >$SPACE/p2pmem && echo 1 >$SPACE/enable"
	no_target
}

# group_refused NEAR FAR PROVIDER: a target on one drive takes the memory, on the other not
group_refused() {
	local memory
	memory=$(address "$3")
	mount -t configfs configfs /sys/kernel/config
	serve "a target on $1 with memory of $3" "$1" "$memory"
	target t "$(block "$2")"
	check "p2pmem: memory of $3" sh -c "echo $memory >$SPACE/p2pmem"
	refused "a target on $2 with memory of $3" "Invalid argument" \
		sh -c "echo 1 >$SPACE/enable"
	no_target
	refused "fio on $2 with memory of $3" "Remote I/O error" fio --name=job --thread \
		--filename="$(block "$2")" --mem="$(peer "$3")" --direct=1 --size=256k --bs=64k \
		--rw=write
}

# through NAME PARAMETERS DRIVE: connect to the subsystem t, move data, compare them
through() {
	local answer instance far tries=0
	exec 3<>/dev/nvme-fabrics
	if ! echo "$2,nqn=t" 2>"$OUT" >&3; then
		not_ok "$1: connect" "$(cat "$OUT")"
		exec 3>&-
		return
	fi
	read -r answer <&3
	exec 3>&-
	ok "$1: connect"
	instance=${answer#instance=}
	instance=${instance%%,*}
	far=/dev/nvme${instance}n1
	while [ ! -b "$far" ] && [ "$tries" -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	job "$1: fio, in RAM" "$far" malloc --rw=randwrite --ioengine=libaio --iodepth=4
	dd if=/dev/urandom of=/tmp/data bs=64k count=16 2>/dev/null
	dd if=/tmp/data of="$far" bs=64k oflag=direct 2>/dev/null
	rm -f /tmp/there
	dd if="$(block "$3")" of=/tmp/there bs=64k count=16 iflag=direct 2>/dev/null
	check "$1: the data are on the drive" cmp /tmp/data /tmp/there
	rm -f /tmp/there
	dd if="$far" of=/tmp/there bs=64k count=16 iflag=direct 2>/dev/null
	check "$1: the data are read again" cmp /tmp/data /tmp/there
	refused "$1: peer memory is refused" "Remote I/O error" fio --name=job --thread \
		--filename="$far" --mem="$(peer sw0)" --direct=1 --size=256k --bs=64k --rw=write
	check "$1: disconnect" sh -c "echo 1 >/sys/class/nvme/nvme$instance/delete_controller"
}

port() {
	mkdir "$NVMET/ports/$1"
	echo "$2" >"$NVMET/ports/$1/addr_trtype"
	if [ "$2" = tcp ]; then
		echo ipv4 >"$NVMET/ports/$1/addr_adrfam"
		echo 127.0.0.1 >"$NVMET/ports/$1/addr_traddr"
		echo 4420 >"$NVMET/ports/$1/addr_trsvcid"
	fi
	ln -s "$SUBSYSTEM" "$NVMET/ports/$1/subsystems/t"
}

no_port() {
	rm "$NVMET/ports/$1/subsystems/t"
	rmdir "$NVMET/ports/$1"
}

group_nvmet() {
	mount -t configfs configfs /sys/kernel/config
	ifconfig lo 127.0.0.1 up
	target t "$(block rp)"
	attribute "p2pmem: 0" 0 0
	attribute "p2pmem: 1" 1 1
	attribute "p2pmem: a provider" "$(address sw0)" "$(address sw0)"
	attribute "p2pmem: n" n 0
	refused "p2pmem: no such function" "No such device" \
		sh -c "echo 0000:ff:1f.7 >$SPACE/p2pmem"
	refused "p2pmem: a function without memory" "No such device" \
		sh -c "echo $(address sw1) >$SPACE/p2pmem"
	no_target
	for pair in sw1,sw0 rp,sw0 sw0,sw0 rp,rp rp,fn0 fn1,fn0; do
		serve "a target on ${pair%,*} with memory of ${pair#*,}" "${pair%,*}" \
			"$(address "${pair#*,}")"
	done
	for drive in sw1 rp fn1; do
		serve "a target on $drive with any memory" "$drive" 1
	done
	truncate -s 8M /tmp/disk
	losetup /dev/loop0 /tmp/disk
	target t /dev/loop0
	attribute "p2pmem: any, on a loop device" 1 1
	refused "a target on a loop device with peer memory" "Invalid argument" \
		sh -c "echo 1 >$SPACE/enable"
	no_target

	for memory in 0 1; do
		target t "$(block rp)"
		attribute "p2pmem: $memory, to move data" "$memory" "$memory"
		check "enable, p2pmem=$memory" sh -c "echo 1 >$SPACE/enable"
		port 1 loop
		through "loop, p2pmem=$memory" transport=loop rp
		no_port 1
		port 2 tcp
		through "tcp, p2pmem=$memory" transport=tcp,traddr=127.0.0.1,trsvcid=4420 rp
		no_port 2
		no_target
	done
}

mkdir -p /tmp
cd /tmp || exit
group=$1
shift
"group_$group" "$@"
