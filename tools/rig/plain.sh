# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Boots one plain virtual machine, in which the simulator (src/sim) plays Bao and
# the frontend. Sourced after common.sh, by the scripts that run something.
#
#	plain_prepare ARCH KERNEL NAME [VARIABLE=VALUE...]
#				build all, the modules with these make variables, and
#				work in $O/ARCH/KERNEL/NAME
#	plain_run SECONDS PATH=FILE...
#				boot with these files besides the usual ones, and hand
#				each line of output to vms_line
#
# The machine is a backend to those who read: its lines begin with "[be] ", and
# after plain_run $backend_status holds the exit status of its /role script, empty
# if unknown. $NCPU is the number of its processors, 2 unless set. $CMDLINE is more
# for the kernel's command line.

. "$RIG/machine.sh"

# What is seen on the console is the output of the tests: the kernel's own lines
# would get in between. It shows all of them if it crashes, and must not start again.
# Watchdogs would report the host, if that is busy.
BOOTARGS="loglevel=1 log_buf_len=8M panic=-1 oops=panic panic_print=0x20"
BOOTARGS+=" nowatchdog rcupdate.rcu_cpu_stall_suppress=1 mitigations=off"
BOOTARGS+=" sysrq_always_enabled ${CMDLINE:-}"

# Debian's kernels have as modules what our own have built in: these are used.
STOCK_MODULES=(configfs brd loop tun veth bridge)

# plain_kernel ARCH KERNEL: sets $kdir, what to build modules against, $image, and
# $stock_modules, a directory with modules of the kernel that go to /lib/modules
plain_kernel()
{
	local release package

	arch_names "$1"
	if [ "$2" = stock ]; then
		"$RIG/deps" headers cross "$1"
		stock_names "${STOCK:-6.12}" "$DEBARCH"
		kdir=$("$RIG/headers" "$DEBARCH" "$SUITE" "$HEADERS")
		release=${kdir##*/linux-headers-}
		package=$("$RIG/fetch" "$DEBARCH" "$SUITE" "linux-image-$release")
		image=$package/boot/vmlinuz-$release
		stock_modules=$O/$1/stock/lib-$release
		"$RIG/stock-modules" "$package/lib/modules/$release" "$stock_modules/$release" \
			"${STOCK_MODULES[@]}"
	else
		"$RIG/deps" kernel "$1"
		kdir=$("$RIG/kernel" "$1" "$2")
		image=$kdir/arch/$KARCH/boot/$IMAGE
		stock_modules=
	fi
}

plain_prepare()
{
	local out=$O/$1/$2 module

	arch=$1
	run=$out/$3
	modules=$out/modules
	"$RIG/deps" source qemu "$arch"
	plain_kernel "$arch" "$2"
	rm -rf "$run"
	mkdir -p "$run"
	console=$run/console.log
	# CC: headers of another suite name a version of the compiler that is not here
	logged "$out/build.log" "modules for $arch, kernel $2" \
		"$RIG/modules" "$arch" "$kdir" "$modules" CC="${CROSS}gcc" "${@:4}"
	plain_files=()
	for module in transport/bao remio/bao_remio ipc/bao_ipc ipc/bao_mailbox sim/bao_sim \
			test/bao_test_client test/bao_test_ipc virtio/bao_virtio{,_blk,_net,_console,_rng}; do
		# Kernels without the mailbox framework have no bao_mailbox
		[ -e "$modules/src/$module.ko" ] || continue
		# Those of stock kernels are large for what debuggers want to know.
		logged "$out/build.log" "strip" "${CROSS}strip" -g \
			-o "$run/${module##*/}.ko" "$modules/src/$module.ko"
		plain_files+=("/modules/${module##*/}.ko=$run/${module##*/}.ko")
	done
	static_programs "$DEBARCH"
	build_program init "$arch" "$out"
	plain_init=$out/init
	step "modules for $arch, kernel $2: built"
}

# plain_run SECONDS PATH=FILE...
plain_run()
{
	local seconds=$1

	shift
	vm_initramfs plain "$plain_init" "${plain_files[@]}" \
		${stock_modules:+/lib/modules/="$stock_modules"} "$@"
	qemu_machine "$arch"
	qemu+=(-smp "${NCPU:-2}" -m 2048 -kernel "$image" -initrd "$run/plain.cpio"
		-append "console=$tty $BOOTARGS")
	qemu_run "$seconds" '[be] '
}

# plain_failure: one line that says how the run went wrong, nothing if it went well
plain_failure()
{
	if [ -z "$backend_status" ]; then
		echo "the virtual machine crashed or took too long"
	elif [ "$backend_status" != 0 ]; then
		echo "the virtual machine ended with status $backend_status"
	fi
}
