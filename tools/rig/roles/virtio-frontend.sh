#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make virtio, frontend: do what the backend asks for over a console port of its own:
# lines of shell with numbers, each answered by a line with the number, its exit status
# and the last that it said. Nothing here knows of Bao: these are the drivers of any kernel.

. /lib.sh

BACKEND=10.0.0.1
PLATFORM=/sys/bus/platform

# The last line is what the backend gets to see
fail()
{
	echo "$*"
	exit 1
}

# device DM: name of the platform device that is the frontend's end of DM
device()
{
	printf '%x.virtio' $((0x0a000000 + 0x200 * $1))
}

# virtio_name DM: name of the virtio device in it
virtio_name()
{
	for path in "$PLATFORM/devices/$(device "$1")"/virtio*; do
		[ ! -d "$path" ] || echo "${path##*/}"
	done
}

# virtio_path DM: directory of the virtio device
virtio_path()
{
	echo "$PLATFORM/devices/$(device "$1")/$(virtio_name "$1")"
}

# disk DM, card DM: its name
disk()
{
	ls "$(virtio_path "$1")/block"
}

card()
{
	ls "$(virtio_path "$1")/net"
}

# port NAME: path of the console port of that name
port()
{
	for path in /sys/class/virtio-ports/*; do
		if [ "$(cat "$path/name" 2>/dev/null)" = "$1" ]; then
			echo "/dev/${path##*/}"
		fi
	done
}

# interrupts DM: how many of its interrupts the driver has handled, on all processors
interrupts()
{
	awk -v name="$(virtio_name "$1")" '
		$NF == name { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i }
		END { print n + 0 }' /proc/interrupts
}

# unbind DM, bind DM: take the driver of the registers away, and so the device
unbind()
{
	device "$1" >$PLATFORM/drivers/virtio-mmio/unbind ||
		fail "the driver of $(device "$1") does not let go"
}

bind()
{
	device "$1" >$PLATFORM/drivers/virtio-mmio/bind ||
		fail "no driver for $(device "$1")"
}

# rebind DM ROUND: in turns the driver of the registers and that of the device
rebind()
{
	name=$(virtio_name "$1")
	if [ $(($2 % 2)) = 0 ]; then
		unbind "$1"
		bind "$1"
		return
	fi
	driver=$(readlink -f "$(virtio_path "$1")/driver")
	echo "$name" >"$driver/unbind" || fail "${driver##*/} does not let go of $name"
	echo "$name" >"$driver/bind" || fail "${driver##*/} does not take $name"
}

# start NAME COMMAND...: in the background
start()
{
	rm -f "/tmp/$1.status" "/tmp/$1.pid"
	(
		name=$1
		shift
		"$@" >"/tmp/$name.out" 2>&1 &
		echo $! >"/tmp/$name.pid"
		wait $!
		echo $? >"/tmp/$name.status.new"
		mv "/tmp/$name.status.new" "/tmp/$name.status"
	) 3>&- &
	until [ -s "/tmp/$1.pid" ]; do
		usleep 1000
	done
}

# start_load NAME SHELL: same at low priority. What is to come in its middle comes soon then.
start_load()
{
	start "$1" sh -c "renice -n 19 \$\$; $2"
}

# finished NAME: wait until it has ended; its exit status
finished()
{
	until [ -e "/tmp/$1.status" ]; do
		usleep 10000
	done
	tail -n 1 "/tmp/$1.out"
	return "$(cat "/tmp/$1.status")"
}

# stop NAME: end it; that it ends is what matters
stop()
{
	[ -e "/tmp/$1.status" ] || kill "$(cat "/tmp/$1.pid")" 2>/dev/null
	finished "$1" >/dev/null
	true
}

# ends_with_error NAME
ends_with_error()
{
	! finished "$1" >/dev/null || fail "$1 has not got an error"
}

# Disks

# work_on_disk DISK MIB: files with checksums, synced, read back from the disk
work_on_disk()
{
	mount -t ext4 "/dev/$1" /mnt || fail "the disk does not mount"
	cd /mnt || fail "no /mnt"
	n=0
	while [ $n -lt "$2" ]; do
		dd if=/dev/urandom of="file$n" bs=64k count=16 2>/tmp/dd ||
			fail "write: $(cat /tmp/dd)"
		n=$((n + 1))
	done
	sha256sum file* >sums
	# Some go, and what comes after them is in many pieces
	rm file0
	for n in 1 2 3 4 5 6 7 8; do
		dd if=/dev/urandom of="piece$n" bs=100000 count=1 conv=fsync 2>/tmp/dd ||
			fail "write: $(cat /tmp/dd)"
	done
	sha256sum file* piece* >sums
	sync
	cd /
	umount /mnt || fail "the disk does not unmount"
	look_at_disk "$1"
}

# look_at_disk DISK: is everything as it was written?
look_at_disk()
{
	mount -t ext4 "/dev/$1" /mnt || fail "the disk does not mount again"
	(cd /mnt && sha256sum -c sums >/tmp/sums 2>&1) || {
		grep -v OK /tmp/sums
		fail "what is on the disk is not what was written"
	}
	umount /mnt || fail "the disk does not unmount"
	echo "$(grep -c OK /tmp/sums) files"
}

# reads_done DISK: how many reads the kernel has finished
reads_done()
{
	awk '{ print $1 }' "/sys/block/$1/stat"
}

# some_more NAME COMMAND...: wait until the number that the command prints has grown by
# ten, because of what has been started as NAME
some_more()
{
	load=$1
	shift
	goal=$(($("$@") + 10))
	until [ "$("$@")" -ge $goal ]; do
		[ ! -e "/tmp/$load.status" ] || fail "$load has ended: $(cat "/tmp/$load.out")"
		usleep 1000
	done
}

# write_all DM, read_all DM: the whole disk
write_all()
{
	dd if=/dev/zero of="/dev/$(disk "$1")" bs=64k oflag=direct \
		count=$(($(cat "/sys/block/$(disk "$1")/size") / 128)) 2>/tmp/dd ||
		fail "write: $(cat /tmp/dd)"
}

read_all()
{
	dd if="/dev/$(disk "$1")" of=/dev/null bs=64k iflag=direct 2>/tmp/dd ||
		fail "read: $(cat /tmp/dd)"
}

# fill DM BYTES SEED, compare DM BYTES SEED: the beginning of the disk, with what stream makes
fill()
{
	/bin/stream "$2" "$3" | dd of="/dev/$(disk "$1")" bs=64k iflag=fullblock oflag=direct \
		2>/tmp/dd || fail "write: $(cat /tmp/dd)"
}

compare()
{
	dd if="/dev/$(disk "$1")" bs=64k count=$(($2 / 65536)) iflag=direct 2>/tmp/dd |
		/bin/stream -c "$2" "$3" || fail "what is read is not what was written"
}

# no_write DM MIB: writing so much fails because of an I/O error
no_write()
{
	! dd if=/dev/zero of="/dev/$(disk "$1")" bs=64k count=$(($2 * 16)) oflag=direct \
		2>/tmp/dd || fail "writing succeeds"
	grep -qE 'I/O error|Input/output error|No space' /tmp/dd ||
		fail "write: $(head -n 1 /tmp/dd)"
}

# no_read DM
no_read()
{
	! dd if="/dev/$(disk "$1")" of=/dev/null bs=64k count=1 iflag=direct 2>/tmp/dd ||
		fail "reading succeeds"
}

# disk_load DM: reads without an end
disk_load()
{
	start_load reads "exec /bin/reads /dev/$(disk "$1") 8 100000000"
	some_more reads reads_done "$(disk "$1")"
}

# rebind_disk DM ROUNDS: in the middle of reads, which end with an error
rebind_disk()
{
	round=0
	while [ $round -lt "$2" ]; do
		echo "round $round" >/dev/console
		disk_load "$1"
		rebind "$1" $round
		ends_with_error reads
		round=$((round + 1))
	done
}

# reads_merged DISK: how many have become part of another one
reads_merged()
{
	awk '{ print $2 }' "/sys/block/$1/stat"
}

# count_reads DM DEPTH COUNT: how many reads there were, merged ones, and interrupts
count_reads()
{
	name=$(disk "$1")
	done=$(reads_done "$name")
	merged=$(reads_merged "$name")
	handled=$(interrupts "$1")
	/bin/reads "/dev/$name" "$2" "$3" || fail "reads failed"
	handled=$(($(interrupts "$1") - handled))
	echo $(($(reads_done "$name") - done)) $(($(reads_merged "$name") - merged)) $handled
}

# Network

# card_up DM ADDRESS
card_up()
{
	ip addr add "$2/24" dev "$(card "$1")" || fail "there is no network card"
	ip link set "$(card "$1")" up
}

# hears ADDRESS: wait until it answers
hears()
{
	tries=0
	until ping -c 1 -W 1 "$1" >/tmp/ping 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 60 ] || fail "no answer to ping: $(tail -n 1 /tmp/ping)"
	done
}

packets()
{
	cat "/sys/class/net/$1/statistics/$2_packets"
}

# net_load DM: TCP in both directions, without an end
net_load()
{
	start_load up "exec nc $BACKEND 5009 </dev/zero"
	start_load down "exec nc $BACKEND 5010 >/dev/null"
	some_more up packets "$(card "$1")" tx
	some_more down packets "$(card "$1")" rx
}

net_load_end()
{
	stop up
	stop down
}

# no_link DM: wait until it has none
no_link()
{
	until [ "$(cat "/sys/class/net/$(card "$1")/carrier")" = 0 ]; do
		usleep 1000
	done
}

rebind_net()
{
	round=0
	while [ $round -lt "$2" ]; do
		echo "round $round" >/dev/console
		net_load "$1"
		rebind "$1" $round
		net_load_end
		card_up "$1" 10.0.0.2
		hears $BACKEND
		round=$((round + 1))
	done
}

# Consoles

# port_appears NAME: wait until its device has told of it
port_appears()
{
	until [ -n "$(port "$1")" ]; do
		usleep 1000
	done
}

# send PATH BYTES SEED
send()
{
	exec >"$1" || fail "$1 does not open"
	[ ! -t 1 ] || stty raw -echo <&1
	/bin/stream "$2" "$3"
}

# connected PORT: wait until it has heard that the other end is open; hvc never does
connected()
{
	connection=/sys/kernel/debug/virtio-ports/${1##*/}
	until [ ! -e "$connection" ] || grep -q 'host_connected: 1' "$connection"; do
		usleep 1000
	done
}

# receive PATH BYTES SEED: begin to compare what comes from there. What comes before it
# has been opened is lost.
receive()
{
	connected "$1"
	rm -f /tmp/open
	start receive sh -c "exec <$1
		[ ! -t 0 ] || stty raw -echo
		touch /tmp/open
		exec /bin/stream -c $2 $3"
	until [ -e /tmp/open ]; do
		[ ! -e /tmp/receive.status ] || fail "$1: $(cat /tmp/receive.out)"
		usleep 1000
	done
}

# port_sent PATH: bytes that have been sent there
port_sent()
{
	awk '$1 == "bytes_sent:" { print $2 }' "/sys/kernel/debug/virtio-ports/${1##*/}"
}

# console_load: output without an end, to hvc0 and to the port that is called data
console_load()
{
	connected "$(port data)"
	start_load hvc "exec cat /dev/zero >/dev/hvc0"
	start_load port "exec cat /dev/zero >$(port data)"
	some_more port port_sent "$(port data)"
}

console_load_end()
{
	stop hvc
	stop port
}

rebind_console()
{
	round=0
	while [ $round -lt "$2" ]; do
		echo "round $round" >/dev/console
		console_load
		rebind "$1" $round
		console_load_end
		port_appears data
		round=$((round + 1))
	done
}

# Entropy

some_entropy()
{
	dd if=/dev/hwrng of=/tmp/entropy bs=64 count=4 2>/tmp/dd || fail "hwrng: $(cat /tmp/dd)"
	[ "$(stat -c %s /tmp/entropy)" -gt 0 ] || fail "there is no entropy"
}

rng_load()
{
	start_load entropy "exec cat /dev/hwrng >/dev/null"
	some_more entropy interrupts "$1"
}

rebind_rng()
{
	round=0
	while [ $round -lt "$2" ]; do
		echo "round $round" >/dev/console
		rng_load "$1"
		rebind "$1" $round
		stop entropy
		some_entropy
		round=$((round + 1))
	done
}

tcp_nearby
port_appears control
exec 3<>"$(port control)"
echo "0 0 ready" >&3
while read -r number line <&3; do
	[ "$number" != bye ] || break
	(eval "$line") >/tmp/said 2>&1
	status=$?
	[ $status = 0 ] || cat /tmp/said
	echo "$number $status $(tail -n 1 /tmp/said)" >&3
done
[ "$number" = bye ] || fail "! the backend has hung up"
clean_log
