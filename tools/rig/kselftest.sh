# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What kselftest-vmm and kselftest-sim share: they install the kselftest
# collection by the kernel's own makefiles, let its TAP through, and count.
# Sourced after common.sh, together with vms.sh or plain.sh.

told=
doing="building what it takes"
trap '[ -z "$doing" ] || echo "kselftest: failed: ${told:-$doing}"' EXIT

# install_tests TARGETS: lay selftests/ over the parts of a kernel tree that
# lib.mk needs, and let it install to $run/install. The programs are those of
# $arch, unless $PROGRAMS asks for the 32-bit ones that it runs as well.
install_tests()
{
	local source tree=$run/tree headers of=$arch

	case $arch,${PROGRAMS:-} in
	*,)		;;
	arm64,armhf)	of=arm ;;
	*)		die "PROGRAMS=$PROGRAMS: there is only armhf, on arm64" ;;
	esac
	"$RIG/deps" kselftest cross "$of"
	source=$("$RIG/kernel" --source)
	headers=$("$RIG/kernel" --headers "$of")
	mkdir -p "$tree/tools/testing/selftests" "$tree/scripts" "$tree/drivers/virt/bao"
	cp "$source/scripts/subarch.include" "$tree/scripts"
	(cd "$source/tools/testing/selftests" &&
		cp -r Makefile lib.mk kselftest kselftest.h kselftest_harness.h run_kselftest.sh \
			"$tree/tools/testing/selftests")
	cp -r "$TOP/include" "$tree"
	cp -r "$TOP/src/sim" "$tree/drivers/virt/bao"
	cp -r "$TOP/selftests/." "$tree/tools/testing/selftests"
	arch_names "$of"
	logged "$run/install.log" "kselftest install" \
		make -C "$tree/tools/testing/selftests" -j"$JOBS" ARCH="$KARCH" \
		CROSS_COMPILE="$CROSS" TARGETS="$1" SKIP_TARGETS= FORCE_TARGETS=1 \
		KHDR_INCLUDES="-isystem $headers/usr/include" \
		KSFT_INSTALL_PATH="$run/install" install
	strip_programs "$run/install"
}

# strip_programs DIR: each is static, and all of them have to fit into an initramfs
strip_programs()
{
	local file

	while IFS= read -r file; do
		[ "$(head -c 4 "$file" | tail -c 3)" != ELF ] || "${CROSS}strip" "$file"
	done < <(find "$1" -type f -perm -100)
}

# make_environment LIMIT: what the /role script is told. A test may take LIMIT seconds,
# if given, in place of what the settings of the collection say, and long runs more.
# $TESTS names those to run, all unless set.
make_environment()
{
	local limit=$1

	[ -z "${ROUNDS:-}" ] || limit=14400
	printf '%s\n' "export BAO_ROUNDS=${ROUNDS:-}" "LIMIT=$limit" "TESTS='${TESTS:-}'" \
		>"$run/environment"
}

# tap_line LINE: TAP of the tests goes to the standard output; the rest is for
# those who ask. $run/times tells when each program ended, in seconds.
tap_line()
{
	case $1 in
	"[be] "*"ok "*" selftests: "*)	printf '%d %s\n' $SECONDS "$1" >>"$run/times" ;;
	esac
	case $1 in
	"[be] ok "* | "[be] not ok "* | "[be] 1.."* | "[be] TAP "* | "[be] # "* | "[be] #")
		printf '%s\n' "${1#"[be] "}" | tee -a "$run/tap"
		;;
	*)
		story "$1"
		;;
	esac
}

# finish WHY: the end, with the counts. WHY is what went wrong apart from the tests,
# if anything; it counts as one more failure.
finish()
{
	local why=$1 status=0

	doing=
	"$RIG/tap" "$run/tap" >"$run/count" || status=1
	# The counts are the last line, whatever else there is to say.
	if [ -n "$why" ]; then
		[ -n "$told" ] || tail -n 100 "$console" >&2
		echo "kselftest: ${told:-$why}"
		status=1
		sed -i '$s/^\([0-9]*\) passed, \([0-9]*\)/echo \1 passed, $((\2 + 1))/e' \
			"$run/count"
	fi
	cat "$run/count"
	exit $status
}
