#!/bin/sh
# compile.sh SOURCE OBJECT GENERATED: compiles the kernel's part, with the headers in GENERATED. The instructions of -mcpu=v3 are those of Linux 5.1 and later.
set -eu
command -v clang >/dev/null || { echo "clang is missing: ./dev setup installs it" >&2; exit 1; }
mkdir -p "$(dirname "$2")"
clang -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror -target bpf -mcpu=v3 \
  -I"/usr/include/$(uname -m)-linux-gnu" -I"$3" -c "$1" -o "$2"
# What is left of -g: the types, for the loader; not the lines, for a debugger.
llvm-strip -g "$2"
