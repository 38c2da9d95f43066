import HostTensors
import TensorTypes

/// What differs, or nil: extents and types must agree, integers and booleans exactly, floats within
/// |found - expected| <= 1e-7 + 1e-3 * |expected|.
///
/// Tolerances: those of ONNX's own runner (`onnx/backend/test/runner`: rtol 1e-3, atol 1e-7), which the
/// half types meet with at most one unit in the last place of float16.
func difference(_ expected: [Tensor], _ found: [Tensor]) -> String? {
  guard found.count == expected.count else { return "\(expected.count) outputs expected, \(found.count) found" }
  for (index, pair) in zip(expected, found).enumerated() {
    if let text = difference(pair.0, pair.1) { return "output \(index): \(text)" }
  }
  return nil
}

private func difference(_ expected: Tensor, _ found: Tensor) -> String? {
  guard expected.dtype == found.dtype else { return "\(expected.dtype.name) expected, \(found.dtype.name) found" }
  guard expected.shape == found.shape else { return "shape \(expected.shape) expected, \(found.shape) found" }
  if expected.dtype.isFloat {
    let wide = (expected.converted(to: Double.self), found.converted(to: Double.self))
    return firstDifference(wide.0.elements(as: Double.self), wide.1.elements(as: Double.self)) {
      if $0.isNaN || $1.isNaN { return $0.isNaN && $1.isNaN }
      return $0 == $1 || abs($0 - $1) <= 1e-7 + 1e-3 * abs($0)
    }
  }
  // Bytes and not converted values: 64-bit integers beyond 2^53 must agree too.
  let same = expected.withBytes { left in found.withBytes { left.elementsEqual($0) } }
  if same { return nil }
  let left = expected.converted(to: Double.self).elements(as: Double.self)
  return firstDifference(left, found.converted(to: Double.self).elements(as: Double.self), ==) ?? "bytes differ"
}

private func firstDifference(
  _ expected: [Double], _ found: [Double], _ agree: (Double, Double) -> Bool
) -> String? {
  let pairs = zip(expected, found)
  let differing = pairs.filter { !agree($0, $1) }.count
  guard let first = pairs.enumerated().first(where: { !agree($1.0, $1.1) }) else { return nil }
  return "\(differing) of \(expected.count) differ, first at \(first.offset): "
    + "\(first.element.0) expected, \(first.element.1) found"
}
