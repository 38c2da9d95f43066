#!/bin/sh
# LeNet-5 trained, cut, pruned, clustered, packed and built for this machine and a Raspberry Pi 4: `make demo`.
set -eu
cd "$(dirname "$0")/../.."

pare=.build/release/pare
recipe=models/lenet-5/demo.yaml
digits=models/data/mnist/test.yaml
out=out/demo
mkdir -p "$out"

title() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
show() { printf '$ pare %s\n' "$*"; "$pare" "$@"; }
# on ARCHITECTURE EMULATOR COMMAND...: as it is where the machine has this architecture, else emulated.
on() {
  architecture=$1
  emulator=$2
  shift 2
  if [ "$(uname -m)" = "$architecture" ]; then
    printf '$ %s\n' "$*"
    "$@"
  else
    printf '$ %s %s\n' "$emulator" "$*"
    $emulator "$@"
  fi
}

title "From 431,080 weights to a file: trained, channels cut, pruned, clustered, packed, built"
cat "$recipe"
show compress "$recipe" -o "$out"

title "One digit of the test images"
show run "$out/model.pare" --data "$digits" --sample 7 --save-input "$out/digit.npy" --output "$out/library.npy"
show draw "$out/digit.npy" --columns 1 --scale 8 -o "$out/digit.png"

title "Recognized on both architectures, class and score"
intel() { on x86_64 qemu-x86_64-static "$out/app-x86-64" "$@"; }
pi() { on aarch64 "qemu-aarch64-static -cpu cortex-a72" "$out/app-raspberry-pi-4" "$@"; }
intel --input "$out/digit.npy"
pi --input "$out/digit.npy"
intel --input "$out/digit.npy" --output "$out/x86-64.npy"
pi --input "$out/digit.npy" --output "$out/pi.npy"
(cd "$out" && sha256sum library.npy x86-64.npy pi.npy)
cmp "$out/library.npy" "$out/x86-64.npy"
cmp "$out/library.npy" "$out/pi.npy"
echo "library, x86-64 and Raspberry Pi 4: the same bytes"

title "What there is to ship"
ls -l "$out/model.pare" "$out/app-x86-64" "$out/app-raspberry-pi-4" | awk '{ printf "%10d  %s\n", $5, $NF }'
