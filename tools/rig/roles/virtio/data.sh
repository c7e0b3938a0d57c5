# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: what goes in comes out, byte by byte

# The backend reads what the frontend has written from the image itself.
ext4()
{
	written
	e2fsck -fn /disk.img >/tmp/e2fsck 2>&1 || {
		cat /tmp/e2fsck
		fail "e2fsck finds errors on the disk image"
	}
	mount -t ext4 -o loop,ro /disk.img /mnt || fail "the disk image does not mount"
	if ! (cd /mnt && sha256sum -c sums >/tmp/sums 2>&1); then
		grep -v OK /tmp/sums
		umount /mnt
		fail "what the frontend wrote is not on the disk image"
	fi
	umount /mnt
	say "e2fsck finds the image clean, and all $(grep -c OK /tmp/sums) files are intact"
}

# listen COMMAND...: at TCP port 5001, for one connection; $! is it
listen()
{
	nc -l -p 5001 -e "$@" &
	until netstat -lnt 2>/dev/null | grep -q ':5001 '; do
		alive $! || fail "nc has ended"
		usleep 1000
	done
}

# tcp_from_frontend HOST BYTES, tcp_to_frontend HOST BYTES
tcp_from_frontend()
{
	listen /bin/stream -c "$2" 1
	ask "nc $1 5001 -e /bin/stream $2 1"
	wait $! || fail "the data that came over TCP are not those that were sent"
	answer
}

tcp_to_frontend()
{
	listen /bin/stream "$2" 2
	frontend "nc $1 5001 -e /bin/stream -c $2 2"
}

# console_from_frontend PORT PATH BYTES, console_to_frontend PORT PATH BYTES: through a
# port of the console. PATH is the frontend's, and may be a command that prints it.
console_from_frontend()
{
	/bin/stream -c "$3" 3 <"$(tty "$1")" &
	ask "send $2 $3 3"
	wait $! || fail "the data that came through the console are not those that were sent"
	answer
}

console_to_frontend()
{
	exec 5>"$(tty "$1")"
	frontend "receive $2 $3 4"
	/bin/stream "$3" 4 >&5 || fail "the terminal does not take all"
	exec 5>&-
	frontend "finished receive"
}

data_checks()
{
	check "ext4 with checksums, and e2fsck" ext4
	check "$TCP_MIB MiB by TCP from the frontend" tcp_from_frontend 10.0.0.1 $((TCP_MIB * MIB))
	check "$TCP_MIB MiB by TCP to the frontend" tcp_to_frontend 10.0.0.1 $((TCP_MIB * MIB))
	check "64 KiB from hvc0" console_from_frontend 0 /dev/hvc0 65536
	check "64 KiB to hvc0" console_to_frontend 0 /dev/hvc0 65536
	check "$PORT_MIB MiB from a console port" \
		console_from_frontend 1 "\$(port data)" $((PORT_MIB * MIB))
	check "$PORT_MIB MiB to a console port" \
		console_to_frontend 1 "\$(port data)" $((PORT_MIB * MIB))
	check "entropy" frontend some_entropy
}
