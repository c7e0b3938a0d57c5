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

# terminal_load: lines to the data port, and nobody cares for what comes from there, up to
# a certain line. The terminal stays open, whatever happens to the frontend's driver.
terminal_load()
{
	data=$(tty 1)
	sh -c "renice -n 19 \$\$; exec sed -n '/^end of load\$/q' <$data" &
	sed=$!
	sh -c "renice -n 19 \$\$; exec yes load >$data" &
	yes=$!
}

terminal_load_end()
{
	wait "$sed"
	kill "$yes"
	wait "$yes"
	# The frontend is to read all that
	exec 5>"$data"
	ask "connected \$(port data); sed -n '/^end of load\$/q' <\$(port data)"
	printf '\nend of load\n' >&5
	answer
	exec 5>&-
}

rebind_console()
{
	terminal_load
	frontend "rebind_console $CONSOLE $ROUNDS data"
	terminal_load_end
	console_from_frontend 1 "\$(port data)" 65536
	console_to_frontend 1 "\$(port data)" 65536
	console_from_frontend 0 /dev/hvc0 4096
	console_to_frontend 0 /dev/hvc0 4096
}

drivers_checks()
{
	check "disk: $ROUNDS times another driver in the middle of reads" rebind_disk
	check "card: $ROUNDS times another driver in the middle of TCP" rebind_net
	check "console: $ROUNDS times another driver in the middle of a write" rebind_console
	check "entropy: $ROUNDS times another driver in the middle of a read" \
		frontend "rebind_rng $RNG $ROUNDS"
}
