# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: the frontend's drivers come and go in the middle of I/O

rebind_disk()
{
	written
	frontend "rebind_disk $DISK $ROUNDS"
	frontend "look_at_disk \$(disk $DISK)"
}

# serve_tcp: what the frontend's load is connected to
serve_tcp()
{
	[ ! -e /tmp/serving ] || return 0
	touch /tmp/serving
	nc -ll -p 5009 -e sh -c 'renice -n 19 $$; exec cat >/dev/null' &
	nc -ll -p 5010 -e sh -c 'renice -n 19 $$; exec cat /dev/zero' &
}

rebind_net()
{
	serve_tcp
	frontend "rebind_net $CARD $ROUNDS"
	tcp_from_frontend 10.0.0.1 65536
	tcp_to_frontend 10.0.0.1 65536
}

# drain_console: read what comes from the console until it is hung up; $drains do so
drain_console()
{
	cat "$(tty 0)" >/dev/null &
	drains=$!
	cat "$(tty 1)" >/dev/null &
	drains="$drains $!"
}

rebind_console()
{
	drain_console
	frontend "rebind_console $CONSOLE $ROUNDS"
	# shellcheck disable=SC2086 # words
	kill $drains
	# shellcheck disable=SC2086
	wait $drains
	console_from_frontend 1 "\$(port data)" 65536
	console_to_frontend 1 "\$(port data)" 65536
}

drivers_checks()
{
	check "disk: $ROUNDS times another driver in the middle of reads" rebind_disk
	check "card: $ROUNDS times another driver in the middle of TCP" rebind_net
	check "entropy: $ROUNDS times another driver in the middle of a read" \
		frontend "rebind_rng $RNG $ROUNDS"
	check "console: $ROUNDS times another driver in the middle of output" rebind_console
}
