# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of the rig share: places, names of the architectures, and
# one line of output per step. Sourced, not run.

set -euo pipefail

# What a calling make was given is not meant for the makes called here.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CROSS_COMPILE KBUILD_OUTPUT LLVM KDIR
unset ARCH
export LC_ALL=C

RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$RIG/../.." && pwd)
CACHE=${BAO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bao}
# One clock for a whole run: scripts that are started by others continue it.
: "${RIG_START:=${EPOCHREALTIME/[.,]/}}"
# More jobs than processors only heat the machine; builds also share it.
: "${JOBS:=$(nproc)}"
# Where everything goes that is not worth keeping.
: "${O:=$TOP/build}"
# The user ABI's header of the first public series, where it lies beside the
# project: device models are built against it to see that they still work.
: "${BAO_V2_UAPI:=$TOP/../shared/baseline/v2-dispatcher/inc/uapi}"
[ -e "$BAO_V2_UAPI/linux/bao.h" ] || BAO_V2_UAPI=
mkdir -p "$O"
O=$(cd "$O" && pwd)
export RIG_START JOBS O BAO_V2_UAPI

# step TEXT...: one line with the time since the start of the run. It goes to
# the standard error, because some scripts answer on the standard output.
step()
{
	local us=$((${EPOCHREALTIME/[.,]/} - RIG_START))

	printf '[%4d.%ds] %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$*" >&2
}

die()
{
	step "$*"
	exit 1
}

# logged LOG WHAT COMMAND...: run it quietly, show the end of LOG if it fails
logged()
{
	local log=$1 what=$2

	shift 2
	"$@" >>"$log" 2>&1 && return
	step "$what: failed, the end of $log:"
	tail -n 30 "$log" >&2
	return 1
}

# locked NAME COMMAND...: only one process at a time fills a part of the cache
locked()
{
	local name=$1

	shift
	mkdir -p "$CACHE"
	(
		flock 9
		"$@" 9>&-
	) 9>"$CACHE/.lock-$name"
}

# arch_names ARCH: ARCH as the user gives it to what the tools call it
arch_names()
{
	case $1 in
	arm64)
		KARCH=arm64 CROSS=aarch64-linux-gnu- DEBARCH=arm64 IMAGE=Image
		;;
	arm)
		KARCH=arm CROSS=arm-linux-gnueabihf- DEBARCH=armhf IMAGE=zImage
		;;
	riscv)
		KARCH=riscv CROSS=riscv64-linux-gnu- DEBARCH=riscv64 IMAGE=Image
		;;
	x86_64)
		KARCH=x86 CROSS=x86_64-linux-gnu- DEBARCH=amd64 IMAGE=bzImage
		;;
	*)
		die "unknown architecture '$1': arm64, riscv, arm or x86_64"
		;;
	esac
}

# outer_arch ARCH: the architecture of the outer kernel and of the frontend.
# "arm" is a 32-bit backend on an otherwise 64-bit system.
outer_arch()
{
	case $1 in
	arm)	echo arm64 ;;
	*)	echo "$1" ;;
	esac
}

# link_source SOURCE DIR: a tree of links to the kernel source SOURCE, with our files laid over it.
# Links are quick, and the overlay replaces those that it changes.
link_source()
{
	if [ "$(cat "$2/.linked" 2>/dev/null)" != "$1" ]; then
		rm -rf "$2"
		mkdir -p "${2%/*}"
		cp -as "$1" "$2"
		echo "$1" >"$2/.linked"
	fi
	"$RIG/overlay" "$2" 2>/dev/null
}

# stock_names VERSION DEBARCH: sets $SUITE and $HEADERS, the package of the headers of
# Debian's kernel VERSION, 6.1 or 6.12. Debian 12 has both, the newer one beside its own.
stock_names()
{
	local running

	running=$(. /etc/os-release && echo "$VERSION_CODENAME")
	SUITE=bookworm HEADERS=linux-headers-$2
	case $1,$running in
	6.1,*)		;;
	6.12,bookworm)	HEADERS=linux-headers-6.12-$2 ;;
	6.12,*)		SUITE=trixie ;;
	*)		die "no stock kernel $1: 6.1 or 6.12" ;;
	esac
}

# The last line of what counts: passed, failed, perhaps skipped
COUNTS='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'

# counts PASSED FAILED SKIPPED: print that line
counts()
{
	printf '%d passed, %d failed' "$1" "$2"
	[ "$3" = 0 ] || printf ', %d skipped' "$3"
	echo
}
