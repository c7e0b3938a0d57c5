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

load_modules()
{
	for module in bao bao_remio; do
		insmod /modules/$module.ko || fail "$module.ko does not load"
	done
	[ -c /dev/bao-io-dispatcher ] || fail "there is no /dev/bao-io-dispatcher"
}

# clean_log: the kernel must have had nothing to complain about
clean_log()
{
	dmesg >/tmp/dmesg
	if grep -E 'WARNING:|BUG:|Oops|Call [Tt]race|INFO: (task|trying)|rcu.*(stall|detected)|lockdep:' \
		/tmp/dmesg; then
		cat /tmp/dmesg
		fail "the kernel complained, see its log"
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
