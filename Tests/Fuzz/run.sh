#!/bin/sh
# Builds the fuzzer with sanitizers and feeds it damaged models: run.sh PACKED_COUNT ONNX_COUNT [SEED].
set -eu
cd "$(dirname "$0")/../.."
packed=$1
onnx=$2
seed=${3:-1}
scratch=.build/fuzz
swift build --product pare-fuzz --sanitize address --sanitize undefined --scratch-path $scratch -Xswiftc -O
fuzzer=$scratch/debug/pare-fuzz
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
echo "fuzz: $packed damaged .pare files, seed $seed"
$fuzzer "$packed" "$seed" Tests/Fuzz/Seeds/*.pare
echo "fuzz: $onnx damaged .onnx files, seed $seed"
$fuzzer "$onnx" "$seed" Tests/Fuzz/Seeds/*.onnx
