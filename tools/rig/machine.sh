# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every virtual machine of the rig takes: programs, an initramfs, QEMU, and
# someone who reads its console. Sourced after common.sh, by vms.sh and plain.sh.
# $run is where the files of a run are.

# build_program NAME ARCH DIR: one of the rig's own small programs, static
build_program()
{
	arch_names "$2"
	[ "$3/$1" -nt "$RIG/$1.c" ] && return
	mkdir -p "$3"
	logged "$3/build.log" "$1 for $2" "${CROSS}gcc" -static -O2 -Wall -Wextra -Werror \
		-D_GNU_SOURCE -o "$3/$1" "$RIG/$1.c"
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

# vm_initramfs NAME INIT PATH=FILE...: of a system that runs the script /role
vm_initramfs()
{
	local name=$1 init=$2

	shift 2
	printf '%s\n' /bin/busybox sh /role >"$run/args"
	"$RIG/initramfs" "$run/$name.cpio" /init="$init" /args="$run/args" \
		/bin/busybox="$busybox" /lib.sh="$RIG/roles/lib.sh" "$@"
}

# qemu_machine ARCH [nested]: sets $qemu and $tty. A machine that is to run others
# needs the hypervisor's extension. With $icount its clock counts instructions.
qemu_machine()
{
	local nested=${2:-}

	case $1 in
	arm64)
		qemu=(qemu-system-aarch64 -cpu cortex-a57
			-machine "virt,gic-version=3${nested:+,virtualization=on}")
		tty=ttyAMA0
		;;
	arm)
		qemu=(qemu-system-arm -cpu cortex-a15 -machine "virt,gic-version=2")
		tty=ttyAMA0
		;;
	riscv)
		qemu=(qemu-system-riscv64 -machine "virt,aia=aplic-imsic,aia-guests=0"
			-cpu "rv64${nested:+,h=true}")
		tty=ttyS0
		;;
	x86_64)
		qemu=(qemu-system-x86_64 -machine q35 -cpu max)
		tty=ttyS0
		;;
	esac
	if [ -n "${icount:-}" ]; then
		# One instruction takes one nanosecond of the machine's time, which does not
		# wait for ours.
		qemu+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")
	else
		qemu+=(-accel "tcg,thread=multi")
	fi
	qemu+=(-nographic -no-reboot -nic none)
}

# qemu_line SECONDS: read a line of the console into $line, before that time
qemu_line()
{
	local left=$(($1 - SECONDS))

	[ $left -gt 0 ] && IFS= read -r -t $left -u "$console_fd" line
}

# qemu_run SECONDS PREFIX: start $qemu and hand each line of its console to
# vms_line, with PREFIX before it. After it, $outer_status, $backend_status and
# $frontend_status are the exit statuses that the first processes of the
# systems told, empty if unknown.
#
# A machine that is still there after SECONDS is asked what it does, by SysRq over
# its console, before it is ended: so $console tells why it hangs.
qemu_run()
{
	local end=$((SECONDS + $1)) prefix=$2 line keys_fd console_fd pid
	# Show all of it; what is blocked; what the processors do
	local requests=(9 w l)

	outer_status='' backend_status='' frontend_status=''
	: >"$console"
	rm -f "$run/keys"
	mkfifo "$run/keys"
	exec {keys_fd}<>"$run/keys"
	exec {console_fd}< <(exec timeout $(($1 + 60)) "${qemu[@]}" <"$run/keys" 2>&1)
	pid=$!
	while :; do
		if ! qemu_line $end; then
			# It ends before its time, or there is nothing left to ask
			if [ $SECONDS -lt $end ] || [ ${#requests[@]} = 0 ]; then
				break
			fi
			# QEMU's own key, its command for a break, and the request
			printf '\001b%s' "${requests[0]}" >&$keys_fd
			requests=("${requests[@]:1}")
			end=$((SECONDS + 5))
			continue
		fi
		line=$prefix${line//$'\r'/}
		printf '%s\n' "$line" >>"$console"
		case $line in
		"rig: status "*)	outer_status=${line##* } ;;
		"[be] rig: status "*)	backend_status=${line##* } ;;
		"[fe] rig: status "*)	frontend_status=${line##* } ;;
		*)			vms_line "$line" ;;
		esac
	done
	kill $pid 2>/dev/null || true
	exec {keys_fd}>&- {console_fd}<&-
	rm -f "$run/keys"
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
