#!/bin/sh
# launcher.sh SOURCE DIRECTORY: builds the launcher. Static: it must run on hosts of any C library.
set -eu
mkdir -p "$2"
exec gcc -std=gnu11 -static -Os -s -Wall -Wextra -Werror -o "$2/ikat" "$1"
