/// Which sets of weights become zero together.
///
/// Patterns lie over a weight as a matrix of outputs by inputs (`WeightMatrix`). Where an extent is no multiple,
/// what remains at its end is handled as `nOfM` and `block` say.
public enum PruningPattern: Sendable, Equatable {
  /// Every weight on its own.
  case unstructured
  /// Of every `of` consecutive inputs of an output at most `kept` are not zero, as sparse matrix units want it.
  ///
  /// A remainder of r inputs keeps r * kept / of, rounded up.
  case nOfM(kept: Int, of: Int)
  /// Blocks of outputs by inputs. One at the end of an axis is smaller; blocks compete by their mean importance.
  case block(outputs: Int, inputs: Int)

  /// The share of zeros that the pattern itself asks for; nil where it is free.
  public var ownSparsity: Double? {
    guard case .nOfM(let kept, let of) = self else { return nil }
    return 1 - Double(kept) / Double(of)
  }
}

extension PruningPattern: LosslessStringConvertible, Codable {
  /// Reads `unstructured`, `2:4` or `1x4` (outputs x inputs); nil for anything else.
  public init?(_ text: String) {
    func extents(_ separator: Character) -> (Int, Int)? {
      let parts = text.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let first = parts[0], let second = parts[1], (1...1024).contains(first),
        (1...1024).contains(second)
      else { return nil }
      return (first, second)
    }
    if text == "unstructured" {
      self = .unstructured
    } else if let (kept, of) = extents(":"), kept < of {
      self = .nOfM(kept: kept, of: of)
    } else if let (outputs, inputs) = extents("x") {
      self = outputs * inputs == 1 ? .unstructured : .block(outputs: outputs, inputs: inputs)
    } else {
      return nil
    }
  }

  public var description: String {
    switch self {
    case .unstructured: "unstructured"
    case .nOfM(let kept, let of): "\(kept):\(of)"
    case .block(let outputs, let inputs): "\(outputs)x\(inputs)"
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let pattern = PruningPattern(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no pattern: \(text)")
    }
    self = pattern
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
