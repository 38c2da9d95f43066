#!/bin/sh
# Builds the fuzzer with sanitizers and feeds it damaged models: run.sh PACKED_COUNT ONNX_COUNT [SEED].
set -eu
cd "$(dirname "$0")/../.."
packed=$1
onnx=$2
seed=${3:-1}
scratch=.build/fuzz
# The Swift driver has no undefined behaviour sanitizer: the C code gets it from the C compiler, and Swift's own
# checks of arithmetic and bounds stay in. Its handlers are in the address sanitizer's runtime.
swift build --product pare-fuzz --sanitize address --scratch-path $scratch -Xswiftc -O \
  -Xcc -fsanitize=undefined -Xcc -fno-sanitize=function -Xcc -fno-sanitize-recover=all
fuzzer=$scratch/debug/pare-fuzz
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
echo "fuzz: $packed damaged .pare files, seed $seed"
$fuzzer "$packed" "$seed" Tests/Fuzz/Seeds/*.pare
echo "fuzz: $onnx damaged .onnx files, seed $seed"
$fuzzer "$onnx" "$seed" Tests/Fuzz/Seeds/*.onnx
