#!/usr/bin/env bash
# A JDK for Debian 12, which has none of this release, from Debian 13: dev-jdk.sh RELEASE DIRECTORY
# Ends with 3 where that does not apply or does not work; then a JDK from elsewhere is needed.
#
# Debian 13's packages cannot be installed here: they depend on libc6 2.38, so apt would replace the library that every
# program of the machine runs on. Unpacked, they do not start: their functions are bound to that library by version. A
# newer libc beside the JDK would do for the JDK, but not for the runtimes that jlink makes of it and puts on nodes.
# So the packages are unpacked into a directory of their own and adapted. All that they need of the newer libc are
#   - fmod and fmodf, whose older versions differ in errno alone, which a JVM does not read; and
#   - functions that read numbers, under names that gcc gives them since C23, where "0b1" is a number too. A small
#     library in the JDK has those names and calls what this machine has.
# The jmods get the same, so that what jlink makes of them runs here too. If a later package needs more than that, this
# says so and changes nothing. The machine's apt configuration and installed packages stay as they are.
set -euo pipefail

readonly RELEASE=$1 DIRECTORY=$2
readonly SUITE=trixie KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly NAMED_SINCE_C23='__isoc23_(strtol|strtoll|strtoul|strtoull|sscanf|vsscanf|fscanf)'

unsuitable() {
  printf 'dev: %s\n' "$*" >&2
  exit 3
}

say() {
  printf 'setup: %s\n' "$*"
}

# Fetched with lists and sources that are apt's for this call only, from the mirror that the machine's own packages come
# from; apt checks that Debian signed the list, and the packages by it.
fetch_packages() {
  local mirror options
  # shellcheck disable=SC2016 # This is apt's.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Codename: bookworm' 'Component: main' | sed -n 1p)
  [ -n "$mirror" ] || unsuitable "no Debian mirror is among this machine's apt sources"
  [ -r "$KEYRING" ] || unsuitable "Debian's keys are missing: $KEYRING, of the package debian-archive-keyring"
  mkdir -p "$scratch"/{parts,lists/partial,cache/archives/partial,packages}
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$SUITE" "$KEYRING" \
    >"$scratch/debian.sources"
  # apt fetches as a user of its own, who must reach these.
  chmod 755 "$scratch"
  chown _apt "$scratch/packages" 2>/dev/null || true
  options=(-q -o Dir::Etc::sourcelist="$scratch/debian.sources" -o Dir::Etc::sourceparts="$scratch/parts"
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$scratch/parts"
    -o Dir::State::lists="$scratch/lists" -o Dir::Cache="$scratch/cache" -o Acquire::Languages=none
    -o APT::Update::Error-Mode=any)
  say "fetching JDK $RELEASE from Debian's suite $SUITE (400 MB)"
  if ! apt-get "${options[@]}" update >"$scratch/log" 2>&1 ||
    ! (cd "$scratch/packages" && apt-get "${options[@]}" download \
      "openjdk-$RELEASE-jre-headless" "openjdk-$RELEASE-jdk-headless") >>"$scratch/log" 2>&1; then
    tail -n 5 "$scratch/log" >&2
    unsuitable "$mirror has no openjdk-$RELEASE-jdk-headless in $SUITE, or does not answer"
  fi
}

# The JDK as one directory: the packages have its configuration in /etc.
unpack_packages() {
  local package link
  for package in "$scratch"/packages/*.deb; do
    dpkg-deb -x "$package" "$scratch/root"
    rm "$package"
  done
  mv "$scratch/root/usr/lib/jvm/java-$RELEASE-openjdk-amd64" "$jdk"
  while IFS= read -r -d '' link; do
    cp --remove-destination "$scratch/root$(readlink "$link")" "$link"
  done < <(find "$jdk" -type l -lname "/etc/java-$RELEASE-openjdk/*" -print0)
}

# The versions of glibc after this machine's, 2.36.
newer_symbols() {
  objdump -T "$1" | sed -nE 's/.*[( ]GLIBC_2\.(3[7-9]|[4-9][0-9])\)? +([^ ]+)$/\2/p'
}

make_library() {
  cat >"$scratch/isoc23.c" <<'C'
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

long __isoc23_strtol(const char *s, char **end, int base) { return strtol(s, end, base); }
long long __isoc23_strtoll(const char *s, char **end, int base) { return strtoll(s, end, base); }
unsigned long __isoc23_strtoul(const char *s, char **end, int base) { return strtoul(s, end, base); }
unsigned long long __isoc23_strtoull(const char *s, char **end, int base) { return strtoull(s, end, base); }
int __isoc23_vsscanf(const char *s, const char *format, va_list to) { return vsscanf(s, format, to); }

int __isoc23_sscanf(const char *s, const char *format, ...)
{
	va_list to;
	va_start(to, format);
	int read = vsscanf(s, format, to);
	va_end(to);
	return read;
}

int __isoc23_fscanf(FILE *file, const char *format, ...)
{
	va_list to;
	va_start(to, format);
	int read = vfscanf(file, format, to);
	va_end(to);
	return read;
}
C
  gcc -std=gnu11 -O2 -Wall -fPIC -shared -s -Wl,-soname,libisoc23.so -o "$jdk/lib/libisoc23.so" "$scratch/isoc23.c"
}

# Has a file ask for glibc's first version, 2.2.5, where it asks for 2.38: in its list of needed versions, an entry of
# which is the hash of a name, two bytes of flags, two of number, and where the name is (elf.h, Elf64_Vernaux).
adapt() {
  local unknown
  unknown=$(newer_symbols "$1" | grep -vxE "$NAMED_SINCE_C23|fmodf?" | tr '\n' ' ') || true
  [ -z "$unknown" ] || unsuitable "Debian's JDK needs more of a newer libc than this knows to replace: $unknown"
  perl -0777 -pi -e '/\x75\x1a\x69\x09\0\0..(....)/s or die "no GLIBC_2.2.5"; my $name = $1;
    s/\xb8\x91\x96\x06\0\0(..)..../\x75\x1a\x69\x09\0\0$1$name/sg' "$1"
  patchelf --add-needed libisoc23.so "$1"
  patchelf --set-rpath "\$ORIGIN:\$ORIGIN/.." "$1"
  [ -z "$(newer_symbols "$1")" ] || unsuitable "'$1' could not be adapted to this machine's libc"
}

adapt_jmod() {
  local module=$scratch/module section name options=()
  rm -rf "$module"
  "$jdk/bin/jmod" extract --dir "$module" "$1"
  # Twice the size of all else together.
  find "$module" -name '*.debuginfo' -delete
  for name in "${adapted[@]}"; do
    [ ! -e "$module/$name" ] || cp "$jdk/$name" "$module/$name"
  done
  if [ "$1" = "$jdk/jmods/java.base.jmod" ]; then
    cp "$jdk/lib/libisoc23.so" "$module/lib/"
    options+=(--module-path "$jdk/jmods" --hash-modules '^(?!java\.base$)')
  fi
  for section in class-path=classes cmds=bin config=conf header-files=include legal-notices=legal libs=lib man-pages=man; do
    [ ! -d "$module/${section#*=}" ] || options+=("--${section%=*}" "$module/${section#*=}")
  done
  rm "$1"
  "$jdk/bin/jmod" create "${options[@]}" "$1"
}

adapt_jdk() {
  local file module
  adapted=()
  make_library
  while IFS= read -r -d '' file; do
    [ -n "$(newer_symbols "$file" 2>/dev/null)" ] || continue
    adapt "$file"
    adapted+=("${file#"$jdk/"}")
  done < <(find "$jdk/bin" "$jdk/lib" -type f \( -perm -u+x -o -name '*.so' \) -print0)
  # java.base last, as it has the hashes of the others.
  for module in java.desktop jdk.hotspot.agent jdk.jdwp.agent jdk.management java.base; do
    adapt_jmod "$jdk/jmods/$module.jmod"
  done
}

# A runtime made by jlink as the build makes them, with a program that computes and starts a process.
try_jdk() {
  cat >"$scratch/Try.java" <<'JAVA'
class Try {
    public static void main(String[] arguments) throws Exception {
        double rest = Double.parseDouble(arguments[0]) % 2;
        System.exit(rest == 1.5 ? new ProcessBuilder("true").start().waitFor() : 1);
    }
}
JAVA
  "$jdk/bin/javac" -d "$scratch/classes" "$scratch/Try.java" &&
    "$jdk/bin/jlink" --output "$scratch/runtime" --strip-debug --add-modules java.base,java.management,jdk.management &&
    "$scratch/runtime/bin/java" -cp "$scratch/classes" Try 7.5
}

# shellcheck source=/dev/null
[ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}") $(dpkg --print-architecture)" = 'bookworm amd64' ] ||
  unsuitable "this distribution has no openjdk-$RELEASE-jdk-headless"
# Hidden, so that nobody takes it for a JDK before it is whole; and where it is moved to its name at once.
scratch=$(dirname "$DIRECTORY")/.$(basename "$DIRECTORY").part
jdk=$scratch/jdk
mkdir -p "$(dirname "$DIRECTORY")"
# One at a time, so what is there now was left by one that was killed.
exec 9<"$(dirname "$DIRECTORY")"
flock 9
[ ! -x "$DIRECTORY/bin/javac" ] || exit 0
rm -rf "$scratch"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch"
fetch_packages
unpack_packages
say "adapting it to this machine's libc"
adapt_jdk
try_jdk >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; unsuitable "Debian's JDK $RELEASE does not run on this machine's libc"; }
# The certificates that this machine trusts, where it has such a list for Java; else those that OpenJDK comes with.
[ -e "$jdk/lib/security/cacerts" ] || {
  "$jdk/bin/jmod" extract --dir "$scratch/base" "$jdk/jmods/java.base.jmod"
  cp --remove-destination "$scratch/base/lib/security/cacerts" "$jdk/lib/security/cacerts"
}
rm -rf "$DIRECTORY"
mv "$jdk" "$DIRECTORY"
say "JDK $RELEASE is in $DIRECTORY; apt does not update it: for a newer one, remove that directory and run ./dev setup"
