# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Puts images together and boots the outer system, in which bao-vmm runs the two
# virtual machines. Sourced after common.sh, by the scripts that run something.
#
#	vms_prepare ARCH NAME		build all, work in $O/ARCH/NAME
#	vms_backend PATH=FILE...	files of the backend besides the usual ones
#	vms_frontend PATH=FILE...	same for the frontend
#	vms_run SECONDS VMM-OPTION...	boot, hand each line of output to vms_line
#
# $NCPU is the number of processors of each virtual machine, 1 unless set.
#
# After vms_run, $outer_status, $backend_status and $frontend_status hold the
# exit statuses of bao-vmm and of the two /role scripts, empty if unknown.

. "$RIG/machine.sh"

# A crashed guest must not linger, and must not start again.
BOOTARGS="console=ttyS0 quiet panic=-1 oops=panic"

vms_prepare()
{
	arch=$1
	if [ "$arch" = x86_64 ]; then
		told="there is no Bao for x86_64, only its simulator: see make kselftest"
		exit 1
	fi
	run=$O/$arch/$2
	outer=$(outer_arch "$arch")
	"$RIG/deps" kernel "$arch" kernel "$outer" qemu "$outer" image
	"$RIG/build" "$arch"
	rm -rf "$run"
	mkdir -p "$run"
	console=$run/console.log
	dts_flags=()
	has_frontend=
	frontend_devices=0
	arch_names "$arch"
	backend_image=$(realpath "$O/$arch/kernel/arch/$KARCH/boot/$IMAGE")
	static_programs "$DEBARCH"
	arch_names "$outer"
	outer_image=$(realpath "$O/$arch/outer/kernel/arch/$KARCH/boot/$IMAGE")
	outer_debarch=$DEBARCH
}

vms_backend()
{
	local module files=()

	for module in transport/bao remio/bao_remio virtio/bao_virtio virtio/bao_virtio_blk \
		virtio/bao_virtio_net virtio/bao_virtio_console virtio/bao_virtio_rng; do
		files+=("/modules/${module##*/}.ko=$O/$arch/modules/src/$module.ko")
	done
	vm_initramfs backend "$O/$arch/init" /sbin/e2fsck="$e2fsck" /bao-dm="$O/$arch/bao-dm" \
		"${files[@]}" "$@"
}

vms_frontend()
{
	has_frontend=1
	# Only one device has a device model: the frontend would wait for the rest.
	frontend_devices=1
	if [ "$outer" != "$arch" ]; then
		static_programs "$outer_debarch"
	fi
	vm_initramfs frontend "$O/$arch/outer/init" "$@"
}

# device_tree KIND ARCH DEVICES: KIND.dtb for the initramfs KIND.cpio
device_tree()
{
	local base=0x40000000 size

	[ "$2" != riscv ] || base=0x80000000
	size=$(stat -c %s "$run/$1.cpio")
	# The device tree blob lies at RAM + 120 MiB.
	[ "$size" -le $((56 << 20)) ] || die "$1.cpio: too large"
	logged "$run/dtc.log" "device tree of the $1" \
		"$TOP/tools/bao-vmm/dts/mkdtb" "$2" "$1" "$run/$1.dtb" \
		-DINITRD_END="$(printf '0x%x' $((base + (64 << 20) + size)))" \
		-DBOOTARGS="$BOOTARGS" -DNR_DEVICES="$3" -DNCPU="${NCPU:-1}" "${dts_flags[@]}"
}

# vms_run SECONDS VMM-OPTION...
vms_run()
{
	local seconds=$1 devices=0 files option a32=
	local backend frontend

	shift
	for option; do
		[ "$devices" != next ] || devices=$option
		[ "$option" != --devices ] || devices=next
	done
	[ "$arch" != arm ] || a32=,a32
	device_tree backend "$arch" "$devices"
	backend="kernel=/backend/image,dtb=/backend/dtb,initrd=/backend/cpio$a32,cpus=${NCPU:-1}"
	files=(/backend/image="$backend_image" /backend/dtb="$run/backend.dtb"
		/backend/cpio="$run/backend.cpio")
	{
		printf '%s\n' /bao-vmm --backend "$backend"
		if [ -n "$has_frontend" ]; then
			device_tree frontend "$outer" "$frontend_devices"
			frontend="dtb=/frontend/dtb,initrd=/frontend/cpio,cpus=${NCPU:-1}"
			files+=(/frontend/dtb="$run/frontend.dtb"
				/frontend/cpio="$run/frontend.cpio")
			if [ "$outer" = "$arch" ]; then
				frontend="kernel=/backend/image,$frontend"
			else
				frontend="kernel=/frontend/image,$frontend"
				files+=(/frontend/image="$outer_image")
			fi
			printf '%s\n' --frontend "$frontend"
		fi
		printf '%s\n' "$@"
	} >"$run/outer.args"
	"$RIG/initramfs" "$run/outer.cpio" /init="$O/$arch/outer/init" \
		/args="$run/outer.args" /bao-vmm="$O/$arch/outer/bao-vmm" "${files[@]}"

	qemu_machine "$outer" nested
	# One emulated processor is the steadiest.
	qemu+=(-smp 1 -m 1024 -kernel "$outer_image" -initrd "$run/outer.cpio"
		-append "console=$tty panic=-1 quiet sysrq_always_enabled")
	qemu_run "$seconds" ''
}

# vms_failure: one line that says how the run went wrong, nothing if it went well
vms_failure()
{
	if [ -z "$outer_status" ]; then
		echo "the outer system crashed or took too long"
	elif [ "$outer_status" = 124 ]; then
		echo "nothing moved any more (watchdog)"
	elif [ "$outer_status" != 0 ]; then
		echo "the test hypervisor ended with status $outer_status"
	elif [ "${backend_status:-lost}" != 0 ]; then
		echo "the backend ended with status ${backend_status:-unknown}"
	elif [ -n "$has_frontend" ] && [ "${frontend_status:-lost}" != 0 ]; then
		echo "the frontend ended with status ${frontend_status:-unknown}"
	fi
}
