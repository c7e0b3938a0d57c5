# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make bench, disks and network cards: what is measured of each, with virtio in the frontend and
# without it in the backend. A row is named DRIVER:WHAT[:DEPTH].

# measure COMMAND...: prints a row, of which the rig's report is made
measure()
{
	/bao-io "$@" || fail "no result: $*"
}

# disk_rows DRIVER DISK OPTION...
disk_rows()
{
	driver=$1
	path=$2
	shift 2
	for depth in 1 8 32; do
		measure "$@" --depth $depth disk "$driver:read-4k:$depth" "$path"
		measure "$@" --depth $depth --write disk "$driver:write-4k:$depth" "$path"
	done
	set -- --sequential --count 128 "$@"
	measure "$@" --size 65536 disk "$driver:read-64k" "$path"
	measure "$@" --size 65536 --write disk "$driver:write-64k" "$path"
	measure "$@" --size 1048576 disk "$driver:read-1m" "$path"
	measure "$@" --size 1048576 --write disk "$driver:write-1m" "$path"
	say "$driver: measured a disk"
}

# net_rows DRIVER ADDRESS OPTION...
net_rows()
{
	driver=$1
	address=$2
	shift 2
	measure "$@" --size 65536 --count 256 net "$driver:stream-up" up "$address"
	measure "$@" --size 65536 --count 256 net "$driver:stream-down" down "$address"
	measure "$@" --size 1 net "$driver:transaction" transactions "$address"
	measure "$@" --size 64 net "$driver:packet-up" packets-up "$address"
	measure "$@" --size 64 net "$driver:packet-down" packets-down "$address"
	say "$driver: measured a network"
}
