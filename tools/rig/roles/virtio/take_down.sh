# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: devices are taken down under the frontend's hands, and come back

# away KIND NAME DM: take it down; the frontend's driver lets go of it, and finds none
away()
{
	attribute "$1" "$2" live 0
	frontend "unbind $3; no_bind $3"
}

# back KIND NAME DM
back()
{
	attribute "$1" "$2" live 1
	frontend "bind $3"
}

refused()
{
	for module in bao_virtio_blk bao_virtio_net bao_virtio_console bao_virtio_rng \
		bao_virtio bao; do
		! rmmod $module 2>/tmp/rmmod || fail "$module.ko is gone, but there are devices"
	done
}

idle_disk_down()
{
	written
	away blk disk "$DISK"
	back blk disk "$DISK"
	frontend "look_at_disk \$(disk $DISK)"
}

card_down()
{
	serve_tcp
	frontend "net_load $CARD"
	attribute net card live 0
	frontend "unbind $CARD; net_load_end; no_bind $CARD"
	attribute net card live 1
	plug_card
	frontend "bind $CARD; card_up $CARD 10.0.0.2; hears \$BACKEND"
	tcp_from_frontend 10.0.0.1 65536
	tcp_to_frontend 10.0.0.1 65536
}

console_down()
{
	terminal_load
	frontend "port_load $CONSOLE data"
	away console console "$CONSOLE"
	# Both have got an error: there is no terminal any more
	wait "$sed"
	wait "$yes"
	frontend "ends_with_error lines"
	back console console "$CONSOLE"
	frontend "port_appears data"
	console_from_frontend 1 "\$(port data)" 65536
	console_to_frontend 1 "\$(port data)" 65536
}

rng_down()
{
	frontend "rng_load $RNG"
	away rng entropy "$RNG"
	frontend "stop entropy"
	back rng entropy "$RNG"
	frontend some_entropy
}

take_down_checks()
{
	check "modules of live devices stay" refused
	check "a disk is taken down, and comes back" idle_disk_down
	check "a card is taken down in the middle of TCP, and comes back" card_down
	check "a console is taken down in the middle of a write, and comes back" console_down
	check "entropy is taken down in the middle of a read, and comes back" rng_down
}
