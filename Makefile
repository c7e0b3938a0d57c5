# SPDX-License-Identifier: GPL-2.0
#
# "make help" lists what there is. The kernel's build system reads Kbuild in
# place of this file.

# Of the test rig; "make modules" takes ARCH as the kernel does.
RIG := tools/rig
TARGETS ?= bao
export O V ROUNDS TCP_MIB PORT_MIB TIMEOUT NCPU ON KERNEL STOCK PROGRAMS BINDING

# To build modules: against the running kernel unless told otherwise, and with
# Debian's cross compiler if it is for another architecture.
KDIR ?= /lib/modules/$(shell uname -r)/build
HOST_ARCH := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/' -e 's/riscv64/riscv/')
CROSS_arm := arm-linux-gnueabihf-
CROSS_arm64 := aarch64-linux-gnu-
CROSS_riscv := riscv64-linux-gnu-
ifneq ($(ARCH),)
ifneq ($(ARCH),$(HOST_ARCH))
CROSS_COMPILE ?= $(CROSS_$(ARCH))
endif
endif
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(ARCH),ARCH=$(ARCH)) \
	 $(if $(CROSS_COMPILE),CROSS_COMPILE=$(CROSS_COMPILE))

help:
	@echo 'Two commands show and test everything:'
	@echo '  make demo [ARCH=arm64|riscv|arm] [BINDING=legacy|hypervisor]'
	@echo '                    two virtual machines share a disk (arm: 32-bit backend)'
	@echo '  make check        lint, and all tests on all architectures'
	@echo
	@echo 'Parts of "make check", and more of it:'
	@echo '  make kselftest [TARGETS=bao] [ARCH=arm64|riscv|arm|x86_64] [ON=sim|vmm]'
	@echo '                 [KERNEL=small|stock|debug|kcsan|rt] [PROGRAMS=armhf]'
	@echo '                 [TESTS="dispatcher attach..."]'
	@echo '                    the selftests: in a plain virtual machine, on a simulator of Bao'
	@echo '                    (sim), and in a backend on the test hypervisor (vmm, not on x86_64).'
	@echo '                    Both unless told. KERNEL is for sim: stock is the default on x86_64'
	@echo '                    and is Debian'"'"'s, [STOCK=6.1|6.12]. PROGRAMS=armhf: 32-bit on arm64'
	@echo '  make coverage [TARGETS=bao] [ARCH=x86_64]'
	@echo '                    the selftests on the simulator, and what they leave out'
	@echo '  make mutations [ONLY="NAME..."]'
	@echo '                    put defects back, and see whether the selftests find them'
	@echo '  make restart [ARCH=arm64|riscv|arm] [ROUNDS=100]'
	@echo '                    kill the device model again and again while a frontend uses its disk'
	@echo '  make ipc [ARCH=arm64|riscv|arm] [BINDING=legacy|hypervisor] [ROUNDS=100000]'
	@echo '                    two virtual machines exchange messages over an IPC channel'
	@echo '  make bench [ARCH=arm64]'
	@echo '                    what an access costs, in instructions'
	@echo '  make virtio [ARCH=arm64|riscv|arm] [ROUNDS=10] [TCP_MIB=8] [PORT_MIB=1] [TESTS="data..."]'
	@echo '                    devices of the kernel and of vhost, used hard by the drivers of Linux'
	@echo '  make lint         checkpatch, sparse, warnings, clang, shellcheck, licenses'
	@echo '  make check-long   the long runs'
	@echo
	@echo 'To use the modules:'
	@echo '  make modules [KDIR=...] [ARCH=...] [CROSS_COMPILE=...]'
	@echo '  make modules_install [KDIR=...] [INSTALL_MOD_PATH=...]'
	@echo '  make overlay KSRC=...'
	@echo '                    lay the files over a kernel source tree'
	@echo
	@echo '  make clean        remove what has been built (not the cache of kernels)'
	@echo
	@echo 'O=DIR puts the output of the rig elsewhere than ./build, V=1 shows the consoles,'
	@echo 'NCPU=N gives each virtual machine N processors.'

demo:
	@$(RIG)/demo $(or $(ARCH),arm64)

kselftest:
	@$(RIG)/kselftest $(or $(ARCH),arm64) '$(TARGETS)'

coverage:
	@$(RIG)/coverage $(or $(ARCH),x86_64) '$(TARGETS)'

restart:
	@$(RIG)/restart $(or $(ARCH),arm64)

ipc:
	@$(RIG)/ipc $(or $(ARCH),arm64)

virtio:
	@$(RIG)/virtio $(or $(ARCH),arm64)

mutations:
	@$(RIG)/mutate $(ONLY)

bench:
	@$(RIG)/bench $(or $(ARCH),arm64)

lint:
	@$(RIG)/lint

check:
	@$(RIG)/check

check-long:
	@$(RIG)/check --long

overlay:
	@$(RIG)/overlay '$(KSRC)'

modules:
	$(KBUILD) modules

modules_install:
	$(KBUILD) modules_install

clean:
	@rm -rf '$(or $(O),build)'
	@[ ! -d '$(KDIR)' ] || $(KBUILD) clean

.PHONY: help demo kselftest coverage mutations restart ipc virtio bench lint check
.PHONY: check-long overlay modules modules_install clean
.NOTPARALLEL:
