# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# make virtio: what reads of 4 KiB cost. The driver makes two accesses for each interrupt
# that it handles (InterruptStatus, InterruptACK); all others are kicks (QueueNotify).

# reads DEPTH COUNT: sets $reads, $kicks, $notifies. Neighbours may have become one request.
reads()
{
	accesses=$(counter "$DISK" "$ACCESSES")
	notifies=$(counter "$DISK" "$NOTIFIES")
	frontend "count_reads $DISK $1 $2"
	accesses=$(($(counter "$DISK" "$ACCESSES") - accesses))
	notifies=$(($(counter "$DISK" "$NOTIFIES") - notifies))
	# shellcheck disable=SC2086 # words
	set -- "$1" "$2" $said
	reads=$3
	kicks=$((accesses - 2 * $5))
	[ $((reads + $4)) = "$2" ] || fail "$reads and $4 reads in place of $2"
	say "depth $1: $reads reads, $kicks kicks, $notifies interrupts, $accesses accesses"
}

alone()
{
	reads 1 500
	[ $kicks -le "$reads" ] || fail "more kicks than reads"
	[ $notifies -le "$reads" ] || fail "more interrupts than reads"
}

together()
{
	reads 32 3200
	[ $((6 * kicks)) -le "$reads" ] || fail "less than 6 reads per kick"
	[ $((6 * notifies)) -le "$reads" ] || fail "less than 6 reads per interrupt"
}

counts_checks()
{
	check "at depth 1, at most one kick and one interrupt per read" alone
	check "at depth 32, at least 6 reads per kick and per interrupt" together
}
