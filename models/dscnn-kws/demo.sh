#!/bin/sh
# From an ONNX keyword spotter to executables for this machine and a Raspberry Pi 4: `make demo-keywords`.
set -eu
cd "$(dirname "$0")/../.."

pare=.build/release/pare
here=models/dscnn-kws
out=out/demo-keywords
mkdir -p "$out"

title() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
show() { printf '$ pare %s\n' "$*"; "$pare" "$@"; }
# json KEY: the number behind KEY in the JSON object on standard input.
json() { tr ',{}' '\n\n\n' | sed -n "s/^\"$1\": *\([0-9.]*\).*/\1/p" | head -n 1; }

case $(uname -m) in
  x86_64) host=x86-64 ;;
  aarch64) host=raspberry-pi-4 ;;
  *) echo "demo: no target for $(uname -m)" >&2; exit 1 ;;
esac

title "The network: DS-CNN keyword spotting (MLPerf Tiny), trained by others, in float"
show inspect "$here/dscnn-kws.onnx"

title "Int8, calibrated on 100 real clips"
show quantize "$here/dscnn-kws.onnx" --calibration "$here/calibration.yaml" -o "$out/int8.onnx"

title "Packed"
"$pare" pack "$here/dscnn-kws.onnx" --data "$here/data.yaml" -o "$out/float.pare" --json >"$out/float-pack.json"
show pack "$out/int8.onnx" --data "$here/data.yaml" -o "$out/model.pare"
"$pare" pack "$out/int8.onnx" --data "$here/data.yaml" -o "$out/model.pare" --json >"$out/pack.json" 2>/dev/null

title "Accuracy on 500 real clips"
"$pare" eval "$here/dscnn-kws.onnx" --data "$here/data.yaml" --json >"$out/float-eval.json"
"$pare" eval "$out/int8.onnx" --data "$here/data.yaml" --json >"$out/int8-eval.json"
show eval "$out/model.pare" --data "$here/data.yaml"
"$pare" eval "$out/model.pare" --data "$here/data.yaml" --json >"$out/packed-eval.json"

title "One executable file each, the model inside"
show build --target "$host" --model "$out/model.pare" -o "$out/app-$host"
show build --target raspberry-pi-4 --model "$out/model.pare" -o "$out/app-raspberry-pi-4"

title "The same clip on both"
"$pare" run "$out/model.pare" --data "$here/data.yaml" --sample 7 --save-input "$out/clip.npy" \
  --output "$out/library.npy"
echo "\$ $out/app-$host --input $out/clip.npy --output $out/here.npy"
"$out/app-$host" --input "$out/clip.npy" --output "$out/here.npy"
if [ "$(uname -m)" = aarch64 ]; then
  "$out/app-raspberry-pi-4" --input "$out/clip.npy" --output "$out/pi.npy"
else
  echo "\$ qemu-aarch64-static -cpu cortex-a72 $out/app-raspberry-pi-4 --input $out/clip.npy --output $out/pi.npy"
  qemu-aarch64-static -cpu cortex-a72 "$out/app-raspberry-pi-4" --input "$out/clip.npy" --output "$out/pi.npy"
fi
(cd "$out" && sha256sum library.npy here.npy pi.npy)
cmp "$out/library.npy" "$out/here.npy"
cmp "$out/here.npy" "$out/pi.npy"
echo "library, executable here and executable for the Raspberry Pi 4: the same bytes"

title "What was traded"
"$pare" bench "$out/float.pare" --json >"$out/float-bench.json"
"$out/app-$host" bench --runs 1000 --json >"$out/bench.json"
size() { wc -c <"$1" | tr -d ' '; }
tenths() { awk "BEGIN { printf \"%.1f\", $1 }"; }
percent() { awk "BEGIN { printf \"%.1f %%\", 100 * $1 }"; }
row() { printf '%-26s %10s %10s %12s %12s %10s\n' "$@"; }
row "" accuracy bytes "p50 us here" "executable" arena
row "float, ONNX" "$(percent "$(json accuracy <"$out/float-eval.json")")" "$(size "$here/dscnn-kws.onnx")" - - -
row "float, packed" "" "$(size "$out/float.pare")" "$(tenths "$(json p50 <"$out/float-bench.json")")" - \
  "$(json arena_bytes <"$out/float-pack.json")"
row "int8, ONNX" "$(percent "$(json accuracy <"$out/int8-eval.json")")" "$(size "$out/int8.onnx")" - - -
row "int8, packed, $host" "$(percent "$(json accuracy <"$out/packed-eval.json")")" \
  "$(size "$out/model.pare")" "$(tenths "$(json p50 <"$out/bench.json")")" \
  "$(size "$out/app-$host")" "$(json arena_bytes <"$out/pack.json")"
row "int8, packed, Pi 4" "same bytes" "$(size "$out/model.pare")" "(emulated)" \
  "$(size "$out/app-raspberry-pi-4")" "$(json arena_bytes <"$out/pack.json")"
