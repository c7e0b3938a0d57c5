# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: the backend takes devices down while the frontend uses them. It gets errors,
# its drivers let go, and find the device again when it is live again.

# taken_down KIND NAME STATE: take a device down, and look what has become of it
taken_down()
{
	attribute "$1" "$2" live 0
	[ "$(cut -d ' ' -f 1 "$VIRTIO/$1/$2/status")" = "$3" ] ||
		fail "$1 $2 is taken down, and $(cat "$VIRTIO/$1/$2/status")"
}

# let_go KIND NAME DM: the frontend's drivers let go, which nothing is left of then
let_go()
{
	frontend "unbind $3"
	[ "$(cat "$VIRTIO/$1/$2/status")" = "down 0x00" ] ||
		fail "$1 $2 has no driver, and is $(cat "$VIRTIO/$1/$2/status")"
}

# live_again KIND NAME: a backing may still have something to do, which was for nobody
live_again()
{
	tries=0
	until echo 1 >"$VIRTIO/$1/$2/live" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "$1 $2 does not go live again"
		usleep 10000
	done
}

take_disk_down()
{
	frontend "disk_load $SPARE"
	taken_down blk spare refusing
	frontend "ends_with_error reads; no_write $SPARE 1; no_read $SPARE"
	let_go blk spare "$SPARE"
	live_again blk spare
	frontend "bind $SPARE; read_all $SPARE"
}

take_disks_down()
{
	spare_backing /spare.img
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		take_disk_down
		round=$((round + 1))
	done
	frontend "write_all $SPARE; read_all $SPARE"
}

# With requests that are under way, for certain: the backing takes its time
take_slow_disk_down()
{
	null_disk "$((TARDY_MS * 1000000))"
	spare_backing /dev/nullb0
	take_disk_down
	spare_backing /spare.img
	rmdir "$NULL" || fail "null_blk does not let go"
}
TARDY_MS=200

take_card_down()
{
	serve_tcp
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		frontend "net_load $CARD"
		taken_down net card refusing
		# With commands, which Linux waits for in a loop
		frontend "no_link $CARD; ip link set \$(card $CARD) promisc on"
		frontend "net_load_end"
		let_go net card "$CARD"
		live_again net card
		plug_card
		frontend "bind $CARD; card_up $CARD 10.0.0.2; hears \$BACKEND"
		round=$((round + 1))
	done
}

take_console_down()
{
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		drain_console
		frontend "console_load"
		taken_down console console refusing
		# shellcheck disable=SC2086 # words
		wait $drains
		# It is for nobody, and the frontend is not held by it
		frontend "some_more port port_sent \$(port data)"
		let_go console console "$CONSOLE"
		frontend "console_load_end"
		live_again console console
		frontend "bind $CONSOLE; port_appears data"
		round=$((round + 1))
	done
	console_from_frontend 1 "\$(port data)" 65536
	console_to_frontend 1 "\$(port data)" 65536
}

# Nothing that such a device could answer is an error, so it does not answer
take_entropy_down()
{
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		frontend "rng_load $RNG"
		taken_down rng entropy down
		let_go rng entropy "$RNG"
		frontend "stop entropy"
		live_again rng entropy
		frontend "bind $RNG; some_entropy"
		round=$((round + 1))
	done
}

takedown_checks()
{
	check "disk: $ROUNDS times taken down in the middle of reads" take_disks_down
	check "disk: taken down with reads under way at its backing" take_slow_disk_down
	check "card: $ROUNDS times taken down in the middle of TCP" take_card_down
	check "console: $ROUNDS times taken down in the middle of output" take_console_down
	check "entropy: $ROUNDS times taken down in the middle of a read" take_entropy_down
}
