#!/bin/sh
# Makes what the peers need: setup.sh DIR [PEER…], then JETGRAD_PEERS=DIR. Peers: jax torch cppad adolc echidna num-dual heyoka;
# all if none is named. What cannot be made is told and left out; the exit code is 1 if that is everything.
# jax, torch and heyoka get Python environments. PYTHON: the interpreter to make them with (3.12 or later). The wheels of torch for
# Linux take some 5 GB. The others get drivers in native code, made for this machine: cppad and adolc by CXX (g++) with the
# headers of Debian's libcppad-dev and libadolc-dev, echidna and num-dual by cargo from the registry.
set -u
[ $# -ge 1 ] || { echo "usage: $0 DIR [PEER…]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/native" || exit 1
there=$(cd "$1" && pwd)
shift
[ $# -ge 1 ] || set -- jax torch cppad adolc echidna num-dual heyoka
made=
left=

# Whether the compiler finds a header.
has() {
    echo "#include <$1>" | "${CXX:-g++}" -E -x c++ -o /dev/null - 2>/dev/null
}

python() {
    "${PYTHON:-python3}" -m venv "$there/$1" && "$there/$1/bin/pip" install --requirement "$here/requirements-$1.txt"
}

# peer, header, packages, arguments of the compiler
cpp() {
    if ! command -v "${CXX:-g++}" >/dev/null; then
        echo "$1: no compiler ${CXX:-g++}; install the Debian package g++" >&2
        return 1
    fi
    if ! has "$2"; then
        echo "$1: no header $2; install the Debian package $3" >&2
        return 1
    fi
    driver=$1
    shift 3
    "${CXX:-g++}" -std=c++17 -O3 -march=native -DNDEBUG "$here/native/cpp/${driver}_peer.cpp" \
        -o "$there/native/${driver}_peer" "$@"
}

rust() {
    if ! command -v cargo >/dev/null; then
        echo "$1: no cargo" >&2
        return 1
    fi
    RUSTFLAGS="-C target-cpu=native" cargo build --release --locked --manifest-path "$here/native/rust/Cargo.toml" \
        --target-dir "$there/native/target" --bin "$1_peer" &&
        cp "$there/native/target/release/$1_peer" "$there/native/"
}

for peer in "$@"; do
    case $peer in
    jax | torch | heyoka) python "$peer" ;;
    cppad) cpp cppad cppad/cppad.hpp "libcppad-dev (in older releases cppad)" ;;
    adolc)
        version=$(dpkg-query -W -f '${Version}' libadolc-dev 2>/dev/null || echo unknown)
        cpp adolc adolc/adolc.h libadolc-dev "-DADOLC_VERSION=\"$version\"" -ladolc
        ;;
    echidna | num-dual) rust "$peer" ;;
    *)
        echo "no peer $peer; there are jax torch cppad adolc echidna num-dual heyoka" >&2
        exit 2
        ;;
    esac
    if [ $? -eq 0 ]; then made="$made $peer"; else left="$left $peer"; fi
done
[ -z "$made" ] || echo "made:$made; JETGRAD_PEERS=$there"
[ -z "$left" ] || echo "left out:$left (the reasons are above)" >&2
[ -n "$made" ]
