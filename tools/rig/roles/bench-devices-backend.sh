#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make bench, backend of a frontend that measures disks and a network card: measure the same
# without virtio, then serve the frontend until it is off. With $SERIES = v2, there is a disk in a
# process, and nothing else.

. /lib.sh
. /rows.sh
. /environment

# first_access: wait until the frontend has made one, to which there will be no answer until
# somebody serves that device. So its processor stands still, and does not disturb what is
# measured here.
first_access()
{
	devmem 0x0b000008 32 0
	until [ $(($(devmem 0x0b00005c 32))) = 1 ]; do
		usleep 10000
	done
}

# serve COMMAND...: a process that is there until the end
serve()
{
	"$@" >"/tmp/${1##*/}" 2>&1 &
	pids="$pids $!"
}

# cable: two network cards of this kernel, of which one is that of another system
cable()
{
	/bao-io cable || fail "there is no veth"
	ip addr add 10.0.1.1/24 dev cable
	ip link set cable up
	unshare -n sleep 100000 &
	other=$!
	while [ -e /sys/class/net/veth0 ]; do
		alive $other || fail "there is no other system"
		# Into our own as long as it has none of its own
		ip link set veth0 netns $other 2>/dev/null
		usleep 10000
	done
	nsenter -t $other -n ip addr add 10.0.1.2/24 dev veth0
	nsenter -t $other -n ip link set veth0 up
}

pids=
first_access
/bao-io touch || fail "the windows cannot be touched"
if [ "$SERIES" = v2 ]; then
	insmod /modules/v2.ko || fail "the driver of the v2 series does not load"
	serve /bao-dm-v2 --dm 0 --window 0x0a000000 /dev/ram0
else
	dd if=/dev/zero of=/dev/ram0 bs=1M count=16 oflag=direct 2>/dev/null
	disk_rows direct /dev/ram0
	cable
	serve /bao-io net-server
	(
		measure() {
			nsenter -t "$other" -n /bao-io "$@" || fail "no result: $*"
		}
		net_rows direct 10.0.1.1
	) || exit 1
	kill $other
	load_modules bao bao_virtio bao_virtio_blk bao_virtio_net bao_remio
	virtio_device net card 3 ifname=vm0
	ip addr add 10.0.0.1/24 dev vm0
	ip link set vm0 up
	virtio_device blk kernel 0 path=/dev/ram0
	# The frontend sees by the name whether there is polling. It takes long where one processor
	# is all that the two systems have.
	if [ -e "$VIRTIO/net/card/poll_us" ]; then
		virtio_device blk poll 1 path=/dev/ram1 poll_us=10000
	else
		virtio_device blk unused 1 path=/dev/ram1
	fi
	serve /bao-dm --dm 2 --window 0x0a000400 /dev/ram2
fi
# Nothing runs here meanwhile but what the frontend causes
/bao-io meter || fail "the frontend cannot read counters"
for pid in $pids; do
	alive "$pid" || fail "a process has ended: $(cat /tmp/bao-*)"
done
until frontend_off; do
	usleep 100000
done
clean_log
