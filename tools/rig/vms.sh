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

# A crashed guest must not linger, and must not start again.
BOOTARGS="console=ttyS0 quiet panic=-1 oops=panic"

vms_prepare()
{
	arch=$1
	run=$O/$arch/$2
	outer=$(outer_arch "$arch")
	"$RIG/deps" kernel "$arch" kernel "$outer" qemu "$outer" image
	"$RIG/build" "$arch"
	rm -rf "$run"
	mkdir -p "$run"
	console=$run/console.log
	dts_flags=()
	frontend_devices=0
	arch_names "$arch"
	backend_image=$(realpath "$O/$arch/kernel/arch/$KARCH/boot/$IMAGE")
	static_programs "$DEBARCH"
	arch_names "$outer"
	outer_image=$(realpath "$O/$arch/outer/kernel/arch/$KARCH/boot/$IMAGE")
	outer_debarch=$DEBARCH
	gen_init_cpio=$(realpath "$O/$arch/outer/kernel/usr/gen_init_cpio")
}

# static_programs DEBARCH: sets $busybox and $e2fsck. Debian has them for
# riscv64 from version 13 on, and they are static: any version will do.
static_programs()
{
	local suite dirs

	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	if [ "$1" = riscv64 ] && [ "$suite" = bookworm ]; then
		suite=trixie
	fi
	mapfile -t dirs < <("$RIG/fetch" "$1" "$suite" busybox-static e2fsck-static)
	[ ${#dirs[@]} = 2 ] || die "no busybox-static and e2fsck-static for $1"
	busybox=$(find "${dirs[0]}" -path '*/bin/busybox' -type f)
	e2fsck=$(find "${dirs[1]}" -name 'e2fsck.static' -type f)
}

# vm_initramfs NAME INIT PATH=FILE...
vm_initramfs()
{
	local name=$1 init=$2

	shift 2
	printf '%s\n' /bin/busybox sh /role >"$run/args"
	"$RIG/initramfs" "$gen_init_cpio" "$run/$name.cpio" /init="$init" /args="$run/args" \
		/bin/busybox="$busybox" /lib.sh="$RIG/roles/lib.sh" "$@"
}

vms_backend()
{
	vm_initramfs backend "$O/$arch/init" /sbin/e2fsck="$e2fsck" /bao-dm="$O/$arch/bao-dm" \
		/modules/bao.ko="$O/$arch/modules/src/transport/bao.ko" \
		/modules/bao_remio.ko="$O/$arch/modules/src/remio/bao_remio.ko" "$@"
}

vms_frontend()
{
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

# qemu_command: sets $qemu. One emulated processor is the steadiest.
qemu_command()
{
	case $outer in
	arm64)
		qemu=(qemu-system-aarch64 -machine "virt,virtualization=on,gic-version=3"
			-cpu cortex-a57)
		tty=ttyAMA0
		;;
	riscv)
		qemu=(qemu-system-riscv64 -machine "virt,aia=aplic-imsic,aia-guests=0"
			-cpu "rv64,h=true")
		tty=ttyS0
		;;
	esac
	qemu+=(-smp 1 -m 1024 -accel "tcg,thread=multi" -nographic -no-reboot -nic none
		-kernel "$outer_image" -initrd "$run/outer.cpio"
		-append "console=$tty panic=-1 quiet")
}

# vms_run SECONDS VMM-OPTION...
vms_run()
{
	local seconds=$1 devices=0 line files option a32=
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
		if [ "$frontend_devices" -gt 0 ]; then
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
	"$RIG/initramfs" "$gen_init_cpio" "$run/outer.cpio" /init="$O/$arch/outer/init" \
		/args="$run/outer.args" /bao-vmm="$O/$arch/outer/bao-vmm" "${files[@]}"

	outer_status='' backend_status='' frontend_status=''
	qemu_command
	: >"$console"
	while IFS= read -r line; do
		line=${line//$'\r'/}
		printf '%s\n' "$line" >>"$console"
		case $line in
		"rig: status "*)	outer_status=${line##* } ;;
		"[be] rig: status "*)	backend_status=${line##* } ;;
		"[fe] rig: status "*)	frontend_status=${line##* } ;;
		*)			vms_line "$line" ;;
		esac
	done < <(timeout "$seconds" "${qemu[@]}" </dev/null 2>&1)
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
	elif [ "$frontend_devices" -gt 0 ] && [ "${frontend_status:-lost}" != 0 ]; then
		echo "the frontend ended with status ${frontend_status:-unknown}"
	fi
}

# story LINE: what the /role scripts want to be seen, as steps
story()
{
	case $1 in
	"[be] * "*)	step "backend:  ${1#"[be] * "}" ;;
	"[fe] * "*)	step "frontend: ${1#"[fe] * "}" ;;
	"[be] ! "*)	step "backend:  ${1#"[be] ! "}"; told=${1#"[be] ! "} ;;
	"[fe] ! "*)	step "frontend: ${1#"[fe] ! "}"; told=${1#"[fe] ! "} ;;
	*)		[ -z "${V:-}" ] || printf '          %s\n' "$1" >&2 ;;
	esac
}
