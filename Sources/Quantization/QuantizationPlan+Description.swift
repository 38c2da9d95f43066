import Operators
import TensorTypes

extension QuantizationPlan: CustomStringConvertible {
  /// A table to read: one line for each node, then the warnings, then a summary.
  public var description: String {
    let levels = Dictionary(activations.map { ($0.value, $0) }) { first, _ in first }
    let header = ["node", "operator", "form", "input", "output", "weight", "notes"]
    let rows = nodes.filter { $0.treatment != .notFloat }.map { $0.cells(levels) }
    let table = [header] + rows
    let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    var lines = table.map { row in
      zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
        .joined(separator: "  ").trimmingTrailingSpaces
    }
    lines += warnings.map { "warning: \($0)" }
    lines.append(summary)
    return lines.joined(separator: "\n")
  }

  /// One line: how many nodes became integer, were fused and stayed float.
  public var summary: String {
    let counts = treatmentCounts
    return "\(counts.integer) nodes integer, \(counts.fused) fused into them, \(counts.float) float; "
      + "\(activations.count) values at 8 bits; calibrated by \(method.name) on \(sampleCount) samples"
  }

  var treatmentCounts: (integer: Int, fused: Int, float: Int) {
    var counts = (integer: 0, fused: 0, float: 0)
    for node in nodes {
      switch node.treatment {
      case .integer: counts.integer += 1
      case .fused: counts.fused += 1
      case .float: counts.float += 1
      case .notFloat: break
      }
    }
    return counts
  }
}

extension NodePlan {
  fileprivate func cells(_ levels: [String: ActivationPlan]) -> [String] {
    func describe(_ names: [String]) -> String {
      names.map { levels[$0]?.parameters.brief ?? "-" }.joined(separator: " ")
    }
    return [
      name.shortened, kind.rawValue, treatment.formName, describe(inputs), describe(outputs), weight?.brief ?? "",
      notes(levels).joined(separator: "; "),
    ]
  }

  private func notes(_ levels: [String: ActivationPlan]) -> [String] {
    var notes: [String] = []
    switch treatment {
    case .float(let reason): notes.append(reason.description)
    case .fused(let node): notes.append("by the saturation of \(node.shortened)")
    case .integer, .notFloat: break
    }
    for output in outputs {
      if let owner = levels[output]?.sharesScaleWith { notes.append("scale of \(owner.shortened)") }
    }
    if let values = weight?.sharedValues { notes.append("one scale, as weights share \(values) values") }
    if let weight, !weight.enlargedForBias.isEmpty {
      notes.append("\(weight.enlargedForBias.count) weight scales enlarged for the bias")
    }
    if let weight, !weight.deadChannels.isEmpty { notes.append("\(weight.deadChannels.count) dead channels") }
    return notes
  }
}

extension NodeTreatment {
  /// The name used in plans.
  var formName: String {
    switch self {
    case .integer(let form): form.name
    case .fused: "fused"
    case .float: "float"
    case .notFloat: "not float"
    }
  }
}

extension QuantizationParameters {
  fileprivate var brief: String { "\(scale.brief)@\(zeroPoint)" }
}

extension WeightPlan {
  fileprivate var brief: String {
    "\(bits.rawValue) bits [\(range.lowerBound.brief), \(range.upperBound.brief)] x\(scales.count)"
  }
}

extension Float {
  /// Four significant digits, the rest cut by rounding the binary value.
  fileprivate var brief: String {
    guard isNormal else { return "\(self)" }
    let magnitude = Double(self).magnitude
    var power = 1.0
    while magnitude * power < 1_000 && power < 1e30 { power *= 10 }
    while magnitude * power >= 10_000 && power > 1e-30 { power /= 10 }
    return "\(Float((Double(self) * power).rounded() / power))"
  }
}

extension String {
  /// The last 40 characters: what tells one node from another stands at the end of a path.
  fileprivate var shortened: String { count <= 40 ? self : "..." + suffix(37) }

  fileprivate var trimmingTrailingSpaces: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }
}
