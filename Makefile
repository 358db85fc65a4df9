# SPDX-License-Identifier: GPL-2.0
#
# p2pdma: peer-to-peer DMA for Linux 6.12, grafted onto Debian's linux-source-6.12.
# "make help" lists what there is.  Every target is one script; nothing here decides.

# Any unpacked 6.12.x tree; without it, Debian's source unpacked in $(BUILD)/linux.
KSRC ?=
# A version of Debian's linux-source-6.12; without it, the newest that the archive offers.
LINUX_VERSION ?=
BUILD ?= build
JOBS ?= $(shell nproc)

# For "make run"; see tests/qemu/run --help.
POLICY ?=
IOMMU ?=
CPU ?=

# For "make fuzz", "make fuzz-input", "make mutants" and "make soak".
MINUTES ?=
SEED ?=
RUNS ?=
KASAN ?=
MUTANTS ?=

# For "make bench" and "make outside".
CASES ?=
CHECK ?=
UPDATE ?=

export KSRC LINUX_VERSION BUILD JOBS

# Paths on the command line are relative to where make was called, which is here.
override KSRC := $(if $(KSRC),$(abspath $(KSRC)))
override BUILD := $(abspath $(BUILD))

BZIMAGE := $(BUILD)/kernel/arch/x86/boot/bzImage

.DEFAULT_GOAL := help
.PHONY: help run tool install deb test fuzz fuzz-input soak outside mutants coverage bench check \
	graft ungraft kernel drift deps clean distclean need-ksrc

# One target at a time: they share the source tree, and each uses all the cores itself.
.NOTPARALLEL:

help:		## this list
	@printf 'usage: make TARGET [VARIABLE=value ...]\n\n'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 12 | sed 's/^/  /'
	@printf '\nvariables:\n'
	@sed -nE 's/^#: ([A-Za-z_]+) (.*)/\1\t\2/p' Makefile | expand -t 15 | sed 's/^/  /'

#: KSRC any unpacked 6.12.x tree (graft and ungraft need it; else build/linux)
#: LINUX_VERSION Debian's version of linux-source-6.12 (else the newest offered)
#: BUILD folder for everything that is made (else build)
#: JOBS how many compilers at once (else the number of cores)
#: POLICY for run: a p2pdma= policy to boot with
#: IOMMU for run: the machine's IOMMU, none, intel, intel-pt or virtio; for soak: none, intel, lazy or virtio
#: DESTDIR for install: a folder that stands for /
#: prefix for install: /usr if not given
#: CPU for run: QEMU's CPU model, for example EPYC or Skylake-Server
#: SEED for fuzz: number of the first random fabric; for fuzz-input: of the texts (else by chance); for soak: of what is drawn
#: MINUTES for soak: how long each storm lasts (else 5)
#: RUNS for fuzz: how many random fabrics (else 200); for fuzz-input: how many texts (else 1000000)
#: KASAN for fuzz: 1 for a kernel with KASAN
#: MUTANTS for mutants: names of some (else all of scripts/mutants.list)
#: CASES for bench and outside: a regular expression; only cases whose name has it (tests/bench/run --list, tests/outside/run --list)
#: CHECK for bench: 1 to fail where a figure is over its goal or worse than what is committed
#: UPDATE for bench: 1 to write the figures that are committed

run: deps kernel	## the main job: move data between emulated drives, a table of routes and results
	tests/qemu/run --kernel $(BZIMAGE) $(if $(POLICY),--policy '$(POLICY)') \
		$(if $(IOMMU),--iommu '$(IOMMU)') $(if $(CPU),--cpu '$(CPU)')

tool: deps		## build the command p2pdma: build/p2pdma/p2pdma
	@$(MAKE) --no-print-directory -C tools/p2pdma O=$(BUILD)/p2pdma -j$(JOBS)

install: tool		## install the command p2pdma, its manual page and its completion (DESTDIR=, prefix=)
	@$(MAKE) --no-print-directory -C tools/p2pdma O=$(BUILD)/p2pdma install

deb: deps		## the command p2pdma as a Debian package in build/deb
	@scripts/deb

test: deps		## all tests: the graft's own, the command's, KUnit, the system tests in QEMU
	@scripts/test

fuzz: deps		## KUnit's property test on many random fabrics: SEED, RUNS, KASAN
	@SEED='$(SEED)' RUNS='$(RUNS)' KASAN='$(KASAN)' scripts/fuzz

fuzz-input: deps	## damaged and random text for what parses it, with sanitizers: SEED, RUNS
	@SEED='$(SEED)' RUNS='$(RUNS)' scripts/fuzz-input

soak: deps		## a storm: move data while the fabric changes, under each IOMMU: MINUTES, SEED, IOMMU
	@scripts/soak $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(SEED),--seed '$(SEED)') \
		$(if $(IOMMU),--iommu '$(IOMMU)')

outside: deps		## tests that others wrote, on the plain kernel and on the grafted one: CASES
	@scripts/outside --filter '$(CASES)'

mutants: deps		## deliberate faults in the code, one at a time: do the KUnit suites notice? a table
	@scripts/mutants $(MUTANTS)

coverage: deps		## which lines of the kernel code do the KUnit suites run? a table
	@scripts/coverage

bench: deps		## what mappings cost on the plain kernel and on the grafted one: CASES, CHECK, UPDATE
	@scripts/bench --filter '$(CASES)' $(if $(CHECK),--check) $(if $(UPDATE),--update)

check: deps		## style and static checks of what is ours; the kernel's users still compile
	@scripts/check

graft: need-ksrc	## put this project into KSRC (again: bring it up to date)
	@scripts/graft apply '$(KSRC)'

ungraft: need-ksrc	## restore KSRC byte for byte
	@scripts/graft revert '$(KSRC)'

kernel: deps		## build the grafted kernel for QEMU in build/kernel, and prove the graft
	@scripts/kernel

drift: deps		## would every hook apply to every 6.12 that the archive offers now? a table
	@scripts/drift

deps:			## install the Debian packages that are missing
	@scripts/deps

clean:			## delete what was built, keep the downloads and the unpacked source
	rm -rf $(BUILD)/kernel $(BUILD)/kernel-bench $(BUILD)/bench $(BUILD)/kunit $(BUILD)/kunit-* $(BUILD)/mutants $(BUILD)/coverage $(BUILD)/users \
		$(BUILD)/users-pristine $(BUILD)/pristine $(BUILD)/check $(BUILD)/check-* $(BUILD)/drift $(BUILD)/log $(BUILD)/results $(BUILD)/soak $(BUILD)/outside \
		$(BUILD)/qemu $(BUILD)/fuzz $(BUILD)/p2pdma $(BUILD)/tools $(BUILD)/deb

distclean:		## delete the whole build folder
	rm -rf $(BUILD)

need-ksrc:
	@test -n '$(KSRC)' || { echo 'Say which tree: make $(MAKECMDGOALS) KSRC=folder of an unpacked Linux 6.12.x' >&2; exit 2; }
