#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make virtio, backend: serve devices, tell the frontend what to do with them, and see
# what becomes of it. The parts of it are in /checks; here is what they share.

. /lib.sh
. /environment

MIB=1048576
NR_DEVICES=8
DISK=0 CARD=1 CONSOLE=2 RNG=3 CONTROL=4 SPARE=5 VHOST_NET=6 VHOST_VSOCK=7
number=0

# counter DM OFFSET: a register of the test port of the test hypervisor
counter()
{
	devmem 0x0b000008 32 "$1"
	echo $(($(devmem $((0x0b000000 + $2)) 32)))
}
ACCESSES=0x40 NOTIFIES=0x58 PENDING=0x5c PROCESSING=0x60

# attribute KIND NAME ATTRIBUTE VALUE
attribute()
{
	echo "$4" >"$VIRTIO/$1/$2/$3" || fail "$1 $2: it refuses $3=$4"
}

# tty PORT: path of the terminal of a port of the console under test
tty()
{
	# shellcheck disable=SC2046 # words
	set -- "$1" $(cat "$VIRTIO/console/console/ttys")
	shift "$1"
	echo "/dev/$2"
}

# ask COMMAND: let the frontend do something
ask()
{
	echo $(($(cat /tmp/asked) + 1)) >/tmp/asked
	echo "$(cat /tmp/asked) $*" >&4
}

# answer: wait until it is done; fails if it has failed there. $said is the last that
# it had to say. What an earlier check has not waited for is no answer.
answer()
{
	asked=$(cat /tmp/asked)
	answered=
	until [ "$answered" = "$asked" ]; do
		read -r answered status said <&4 || fail "the frontend has hung up"
	done
	[ "$status" = 0 ] || fail "frontend: $said"
}

frontend()
{
	ask "$@"
	answer
}

# no_access_left DM: within the time that an access may take that is under way
no_access_left()
{
	cd "/sys/bus/auxiliary/devices/bao.remio.$1/statistics" || fail "no device $1"
	tries=0
	until [ "$(cat waiting)" = 0 ] && [ "$(cat owned)" = 0 ] &&
		[ "$(counter "$1" $PENDING)" = 0 ] && [ "$(counter "$1" $PROCESSING)" = 0 ]; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "an access to device $1 is left pending"
		usleep 10000
	done
}

# check NAME COMMAND...: one of those that count. After it, no access is pending, and
# the frontend still does what it is asked.
check()
{
	number=$((number + 1))
	name=$1
	shift
	if (
		"$@" || exit 1
		frontend true
		dm=0
		while [ $dm -lt $NR_DEVICES ]; do
			no_access_left $dm
			dm=$((dm + 1))
		done
	); then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
	fi
}

set_up()
{
	echo 0 >/tmp/asked
	tcp_nearby
	load_modules bao bao_virtio bao_virtio_blk bao_virtio_net bao_virtio_console \
		bao_virtio_rng
	# Behind the file system there is room that nobody uses
	truncate -s 33M /disk.img
	truncate -s 16M /spare.img
	virtio_device blk disk $DISK path=/disk.img
	virtio_device net card $CARD ifname=vm0
	virtio_device console console $CONSOLE ports=2 "names=- data"
	virtio_device rng entropy $RNG rate=0
	virtio_device console control $CONTROL ports=2 "names=- control"
	virtio_device blk spare $SPARE path=/spare.img
	load_modules bao_remio
	vhost_process $VHOST_NET --tap tap0
	vhost_process $VHOST_VSOCK --vsock 3
	brctl addbr br0
	ip addr add 10.0.0.1/24 dev br0
	ip link set br0 up
	plug_card
	ip addr add 10.0.1.1/24 dev tap0
	ip link set tap0 up
	# shellcheck disable=SC2046 # words
	set -- $(cat "$VIRTIO/console/control/ttys")
	exec 4<>"/dev/$2"
	read -r answered status said <&4
	[ "$answered $status $said" = "0 0 ready" ] || fail "the frontend says: $answered $status $said"
	frontend "card_up $CARD 10.0.0.2; hears \$BACKEND"
}

# vhost_process DM OPTION...: a device model in a process that is there until the end
vhost_process()
{
	/bao-dm --dm "$1" --window "$(printf '0x%x' $((0x0a000000 + 0x200 * $1)))" "$2" "$3" \
		>"/tmp/dm$1" &
	until [ -s "/tmp/dm$1" ]; do
		alive $! || fail "the device model has ended"
		usleep 1000
	done
}

# written: have the frontend's files on the disk, which look_at_disk compares
written()
{
	[ -e /tmp/written ] || frontend "work_on_disk \$(disk $DISK) 8"
	touch /tmp/written
}

# plug_card: the card's end of the cable, whenever there is a new one
plug_card()
{
	brctl addif br0 vm0
	ip link set vm0 up
}

for part in /checks/*.sh; do
	. "$part"
done
set_up
for part in ${TESTS:-data counts drivers zero_copy backings vhost takeover takedown}; do
	"${part}_checks"
done
echo bye >&4
until frontend_off; do
	usleep 10000
done
echo "1..$number"
clean_log
