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

# median NUMBER...: of an odd count of them
median()
{
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# Both virtual machines share a processor here, and a backend that polls takes part of it:
# the frontend comes back within milliseconds of the machine's clock, which counts
# instructions. So poll_us is far beyond that. But a poll ends as well when the backend has
# something else to do, and has to learn how long it should be: for one read in ten there
# may be a kick, and the median of several rounds decides. Without polling there are more,
# though not one for each read: often the frontend is back before the backend can rest.
alone_polled()
{
	attribute blk disk poll_us 100000
	reads 1 20
	rounds=
	for round in 1 2 3 4 5; do
		reads 1 100
		rounds="$rounds $((100 * accesses / reads))"
	done
	attribute blk disk poll_us 0
	say "polls: $(cat "$VIRTIO/blk/disk/polls_found") have found something," \
		"$(cat "$VIRTIO/blk/disk/polls_vain") have not; accesses of 100 reads:$rounds"
	# shellcheck disable=SC2086 # words
	[ "$(median $rounds)" -le 210 ] || fail "more than two accesses per read"
}

# Polling must not take away what depth gives
together_polled()
{
	attribute blk disk poll_us 100000
	together
	attribute blk disk poll_us 0
	[ $((2 * accesses)) -le "$reads" ] || fail "more than an access per two reads"
}

counts_checks()
{
	check "at depth 1, at most one kick and one interrupt per read" alone
	check "at depth 32, at least 6 reads per kick and per interrupt" together
	[ -n "$COUNTED" ] || return 0
	check "polled, at depth 1, at most two accesses per read" alone_polled
	check "polled, at depth 32, at most an access per two reads" together_polled
}
