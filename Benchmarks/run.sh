#!/bin/sh
# Speed of packed networks against onnxruntime; arguments go to compare.py. Needs Python with onnxruntime, a judge
# at development time and not part of Pare, so it is skipped where there is none.
cd "$(dirname "$0")/.." || exit 1
if ! command -v python3 >/dev/null; then
  echo "bench: skipped: there is no python3"
  exit 0
fi
for module in onnxruntime numpy yaml; do
  if ! python3 -c "import $module" 2>/dev/null; then
    echo "bench: skipped: python3 has no module $module (pip install onnxruntime numpy pyyaml)"
    exit 0
  fi
done
exec python3 Benchmarks/onnxruntime/compare.py "$@"
