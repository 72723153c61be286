#!/usr/bin/env bash
# Build a regtest-grade bitcoind and bitcoin-cli (ZMQ on; no wallet, GUI, IPC or tests) from the Bitcoin Core tree
# inside the sdist of the PyPI package py-bitcoinkernel (its folder depend/bitcoin): the tests' second opinion on
# machines without a bitcoind. The sdist's hash is pinned; nothing else is fetched but system packages.
#
#   .ci/build_bitcoind.sh CACHE_DIR     ->  CACHE_DIR/bin/{bitcoind,bitcoin-cli}; last line: export BITVM3_BITCOIND=...
#
# Idempotent: when CACHE_DIR/bin/STAMP matches and the programs start, it returns at once. A killed build resumes.
# The daemon is started once on a fresh regtest folder before it is called built.
# Needs: g++ >= 12, cmake >= 3.22, ninja, python3 with pip, and the -dev packages below (installed when they are missing).
# Knobs: JOBS (default: all cores), NICE (5), OPT (-O1: half the build time of -O2), PYTHON (python3),
#        KEEP=1 keeps sdist and build tree (200 MB), INSTALL=0 never calls apt.
set -euo pipefail

VERSION=0.1.0a5
SHA256=71b91eecac7a8b07248be04471c3bf98016b38bf823aefd28f7b31179940520d
PACKAGES=(libboost-dev libevent-dev libzmq3-dev pkg-config cmake ninja-build g++)

cache=${1:?usage: build_bitcoind.sh CACHE_DIR}
jobs=${JOBS:-$(nproc)}
opt=${OPT:--O1}
python=${PYTHON:-python3}
stamp="py-bitcoinkernel-$VERSION $SHA256 zmq nowallet $opt"
start=$(date +%s)
say() { printf '[%4ds] %s\n' "$(($(date +%s) - start))" "$*"; }
die() { say "$*" >&2; exit 1; }

mkdir -p "$cache/bin"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/.lock"
flock 9                                              # two callers: the second waits, then finds it built

starts() {  # also false when a restored cache meets a machine without libevent or libzmq
    "$1/bitcoind" -version >/dev/null 2>&1 && "$1/bitcoin-cli" -version >/dev/null 2>&1
}
built() { [[ $(cat "$cache/bin/STAMP" 2>/dev/null) == "$stamp" ]] && starts "$cache/bin"; }
finish() {
    say "$1: $("$cache/bin/bitcoind" -version | head -n 1), $(du -h "$cache/bin/bitcoind" | cut -f1)"
    echo "export BITVM3_BITCOIND=$cache"
}

if built; then finish "already built"; exit 0; fi

missing=()
for p in "${PACKAGES[@]}"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
if ((${#missing[@]})); then
    [[ ${INSTALL:-1} == 0 ]] && die "missing packages: ${missing[*]} (INSTALL=0)"
    say "apt: ${missing[*]}"
    if ((EUID == 0)); then run=(); else run=(sudo); fi
    "${run[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if built; then finish "already built (libraries installed now)"; exit 0; fi

for tool in g++ cmake ninja "$python"; do command -v "$tool" >/dev/null || die "no $tool on PATH"; done
gxx=$(g++ -dumpversion)
((${gxx%%.*} >= 12)) || die "g++ >= 12 is needed, found $gxx"

sdist=$cache/py_bitcoinkernel-$VERSION.tar.gz
if ! echo "$SHA256  $sdist" | sha256sum --check --status 2>/dev/null; then
    say "pip: downloading the sdist"                  # --no-binary names this package only, so its build helper may be a wheel
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary py-bitcoinkernel "py-bitcoinkernel==$VERSION" -d "$cache" || die "the sdist could not be downloaded"
    echo "$SHA256  $sdist" | sha256sum --check --quiet || die "the sdist is not the pinned one: $sdist"
fi

work=$cache/work
src=$work/src/depend/bitcoin
if [[ $(cat "$work/.unpacked" 2>/dev/null) != "$SHA256" ]]; then   # a killed build resumes in the same tree
    say "unpacking"
    rm -rf "$work" && mkdir -p "$work/src"
    tar -xzf "$sdist" -C "$work/src" --strip-components=1
    echo "$SHA256" >"$work/.unpacked"
fi

launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
say "cmake"
cmake -S "$src" -B "$work/build" -G Ninja --log-level=WARNING "${launcher[@]}" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="$opt" -DCMAKE_C_FLAGS_RELEASE=-O2 \
    -DBUILD_DAEMON=ON -DBUILD_CLI=ON -DWITH_ZMQ=ON \
    -DBUILD_BITCOIN_BIN=OFF -DBUILD_GUI=OFF -DBUILD_TESTS=OFF -DBUILD_TX=OFF -DBUILD_UTIL=OFF -DBUILD_BENCH=OFF \
    -DENABLE_WALLET=OFF -DENABLE_IPC=OFF -DENABLE_EXTERNAL_SIGNER=OFF -DWITH_EMBEDDED_ASMAP=OFF \
    -DINSTALL_MAN=OFF >"$work/cmake.log" 2>&1 || { tail -n 40 "$work/cmake.log"; die "cmake failed"; }

say "ninja -j$jobs"
NINJA_STATUS='%f/%t ' nice -n "${NICE:-5}" ninja -C "$work/build" -j "$jobs" bitcoind bitcoin-cli >"$work/ninja.log" 2>&1 &
ninja=$!
trap 'kill "$ninja" 2>/dev/null || true' EXIT           # a killed script leaves no compilers behind
last=0
while kill -0 "$ninja" 2>/dev/null; do
    sleep 2
    now=$(grep -oE '^[0-9]+/[0-9]+' "$work/ninja.log" | tail -n 1 || true)
    if [[ ${now%/*} -ge $((last + 25)) ]]; then last=${now%/*}; say "built $now"; fi
done
wait "$ninja" || { tail -n 40 "$work/ninja.log"; die "the build failed: $work/ninja.log"; }
trap - EXIT

try=$(mktemp -d "$work/try.XXXXXX")
for b in bitcoind bitcoin-cli; do strip -o "$try/$b" "$work/build/bin/$b"; done
"$try/bitcoind" -regtest -datadir="$try" -server=0 -listen=0 -dnsseed=0 -stopatheight=0 -daemonwait >/dev/null 2>&1 \
    || { tail -n 20 "$try/regtest/debug.log" 2>/dev/null; die "the built bitcoind does not start"; }
kill "$(cat "$try/regtest/bitcoind.pid")"
while [[ -e $try/regtest/bitcoind.pid ]]; do sleep 0.2; done

for b in bitcoind bitcoin-cli; do mv "$try/$b" "$cache/bin/$b"; done
echo "$stamp" >"$cache/bin/STAMP"                      # last: a killed script has not built it
[[ -n ${KEEP:-} ]] || rm -rf "$work" "$sdist"
finish "done"
