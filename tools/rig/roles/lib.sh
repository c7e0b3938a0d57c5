# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the scripts share that run as /role in a virtual machine. Sourced by
# busybox sh.

/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin /mnt
/bin/busybox --install -s

# say TEXT...: a line that the rig shows
say()
{
	echo "* $*"
}

# fail TEXT...: say what went wrong, and end
fail()
{
	echo "! $*"
	exit 1
}

# All of ours, each after those that it needs
MODULES="bao bao_sim bao_remio bao_ipc"
# Kernels without the mailbox framework do not have it
[ ! -e /modules/bao_mailbox.ko ] || MODULES="$MODULES bao_mailbox"
MODULES="$MODULES bao_virtio bao_virtio_blk bao_virtio_net bao_virtio_console bao_virtio_rng"

# mount_configfs: after it has been loaded, where the kernel has it as a module. There, so may be
# the disk that tests use if there is one.
mount_configfs()
{
	if [ -d /lib/modules ]; then
		depmod
		modprobe configfs || fail "configfs does not load"
		modprobe -q brd || true
	fi
	mount -t configfs configfs /sys/kernel/config || fail "there is no configfs"
}

# load_modules NAME...
load_modules()
{
	for module; do
		[ "$module" != bao_virtio ] || mount_configfs
		insmod "/modules/$module.ko" || fail "$module.ko does not load"
	done
	[ ! -e /sys/module/bao_remio ] || [ -c /dev/bao-io-dispatcher ] ||
		fail "there is no /dev/bao-io-dispatcher"
}

# unload_modules NAME...: in the reverse order
unload_modules()
{
	reverse=
	for module; do
		reverse="$module $reverse"
	done
	# shellcheck disable=SC2086 # names
	rmmod $reverse || fail "the modules do not unload"
}

# tcp_nearby: TCP makes short frames for who is far away, and it goes by time: emulated, another
# virtual machine is. With short frames, that takes several times longer yet. So nobody is far; see
# performance.rst.
tcp_nearby()
{
	echo 31 >/proc/sys/net/ipv4/tcp_tso_rtt_log
}

# Devices in the kernel
VIRTIO=/sys/kernel/config/bao-virtio

# virtio_device KIND NAME DM ATTRIBUTE=VALUE...: make one for the window that
# bao-vmm gives to the frontend's end of remote-I/O device DM
virtio_device()
{
	dir=$VIRTIO/$1/$2
	mkdir "$dir" || fail "no virtio devices of kind $1"
	window=$(printf '0x%x' $((0x0a000000 + 0x200 * $3)))
	set -- "dm=$3" "addr=$window" "$@"
	for attribute; do
		case $attribute in
		*=*)	echo "${attribute#*=}" >"$dir/${attribute%%=*}" ||
				fail "$dir: it refuses $attribute" ;;
		esac
	done
	echo 1 >"$dir/live" || fail "$dir does not go live"
}

# virtio_remove KIND NAME
virtio_remove()
{
	rmdir "$VIRTIO/$1/$2" || fail "$1 $2 cannot be removed"
}

# run_kselftest: run the installed collection by the kernel's runner
run_kselftest()
{
	# It gives up on a test after a time if there is a timeout program, but uses
	# an option that busybox does not know and that makes no difference here.
	rm -f /usr/bin/timeout
	cat >/usr/bin/timeout <<-'END'
		#!/bin/sh
		[ "$1" != --foreground ] || shift
		exec /bin/busybox timeout "$@"
	END
	chmod +x /usr/bin/timeout
	cd /kselftest || fail "no /kselftest"
	export BAO_MODULES=/modules
	set -- ${LIMIT:+-o "$LIMIT"}
	for test in $TESTS; do
		set -- "$@" -t "bao:$test"
	done
	./run_kselftest.sh "$@"
	cd /
}

# clean_log: the kernel must have had nothing to complain about. KCSAN looks at all
# of the kernel, which has races of its own, also where our modules call it: what counts
# are those of which one side is in a module. The first line of a report says that.
clean_log()
{
	dmesg | awk '
		/={60}/ { if (race && race !~ /[[]bao/) report = ""
			  printf "%s", report; report = ""; race = "" }
		/BUG: KCSAN:/ { race = $0 }
		{ report = report $0 "\n" }
		END { printf "%s", report }' >/tmp/dmesg
	if grep -E -e 'WARNING:|BUG:|Oops|Call [Tt]race|INFO: (task|trying)|lockdep:' \
		-e 'INFO: rcu.*(stall|detected)|KASAN:|UBSAN:|ODEBUG: [^s]|kmemleak: .*(disabled|empty)' \
		/tmp/dmesg; then
		cat /tmp/dmesg
		fail "the kernel complained, see its log"
	fi
}

# clean_taint: nothing but modules from outside of the kernel's tree, without signature,
# and KUnit tests
clean_taint()
{
	taint=$(cat /proc/sys/kernel/tainted)
	[ $((taint & ~((1 << 12) | (1 << 13) | (1 << 18)))) = 0 ] || fail "the kernel is tainted: $taint"
}

# leaks: fail if kmemleak, where the kernel has it, finds memory of ours that nobody
# refers to. Where a module is gone, only an address is left of its functions; no
# other modules go.
leaks()
{
	kmemleak=/sys/kernel/debug/kmemleak
	[ -e $kmemleak ] || return 0
	# It reports what is older than 5 seconds, and has not changed between two scans.
	sleep 6
	echo scan >$kmemleak
	echo scan >$kmemleak
	cat $kmemleak >/tmp/leaks
	if grep -qE '\[bao|^ +0x[0-9a-f]+$' /tmp/leaks; then
		cat /tmp/leaks
		fail "memory has leaked"
	fi
}

# frontend_off: is the frontend off? Real backends cannot know; here the test
# port of the test hypervisor tells.
frontend_off()
{
	[ $(($(devmem 0x0b000074 32))) = 2 ]
}

# alive PID
alive()
{
	[ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"
}
