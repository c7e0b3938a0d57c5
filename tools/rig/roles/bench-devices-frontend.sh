#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make bench, frontend: measure the disks and the network card that it finds.

. /lib.sh
. /rows.sh
. /environment

# disk DM
disk()
{
	ls "/sys/bus/platform/devices/$(printf '%x' $((0x0a000000 + 0x200 * $1))).virtio"/virtio*/block
}

if [ "$SERIES" = v2 ]; then
	measure --dm 0 --count 256 access v2-process:access
	disk_rows v2-process "/dev/$(disk 0)" --dm 0
else
	measure --dm 0 --count 256 access kernel:access
	measure --dm 2 --count 256 access process:access
	measure --size 4096 copy frontend:copy-4k
	measure --size 1048576 --count 128 copy frontend:copy-1m
	disk_rows kernel "/dev/$(disk 0)" --dm 0
	[ "$(cat "/sys/block/$(disk 1)/serial")" != poll ] ||
		disk_rows kernel-poll "/dev/$(disk 1)" --dm 1
	disk_rows process "/dev/$(disk 2)" --dm 2
	ip addr add 10.0.0.2/24 dev eth0 || fail "there is no network card"
	ip link set eth0 up
	net_rows kernel 10.0.0.1 --dm 3
fi
/bao-io meter-off
clean_log
