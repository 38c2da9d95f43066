import HostTensors
import TensorTypes

/// Typed readers: nil for an absent attribute, `invalidAttribute` for one of another type.
extension NodeDefinition {
  package func int(_ name: String) throws(OperatorError) -> Int? {
    switch attributes[name] {
    case nil: nil
    case .int(let value): value
    case .some(let other): throw .invalidAttribute(name, expected: "an integer", found: other.typeName)
    }
  }

  package func float(_ name: String) throws(OperatorError) -> Float? {
    switch attributes[name] {
    case nil: nil
    case .float(let value): value
    case .some(let other): throw .invalidAttribute(name, expected: "a float", found: other.typeName)
    }
  }

  package func string(_ name: String) throws(OperatorError) -> String? {
    switch attributes[name] {
    case nil: nil
    case .string(let value): value
    case .some(let other): throw .invalidAttribute(name, expected: "a string", found: other.typeName)
    }
  }

  /// A list that holds no element may have been written as any list type.
  package func ints(_ name: String) throws(OperatorError) -> [Int]? {
    switch attributes[name] {
    case nil: return nil
    case .ints(let values): return values
    case .floats(let values) where values.isEmpty: return []
    case .strings(let values) where values.isEmpty: return []
    case .some(let other): throw .invalidAttribute(name, expected: "a list of integers", found: other.typeName)
    }
  }

  package func floats(_ name: String) throws(OperatorError) -> [Float]? {
    switch attributes[name] {
    case nil: return nil
    case .floats(let values): return values
    case .ints(let values) where values.isEmpty: return []
    case .strings(let values) where values.isEmpty: return []
    case .some(let other): throw .invalidAttribute(name, expected: "a list of floats", found: other.typeName)
    }
  }

  package func tensor(_ name: String) throws(OperatorError) -> Tensor? {
    switch attributes[name] {
    case nil: nil
    case .tensor(let value): value
    case .some(let other): throw .invalidAttribute(name, expected: "a tensor", found: other.typeName)
    }
  }
}

/// Readers with a default, and for attributes that must be there.
extension NodeDefinition {
  package func int(_ name: String, default value: Int) throws(OperatorError) -> Int {
    try int(name) ?? value
  }

  package func float(_ name: String, default value: Float) throws(OperatorError) -> Float {
    try float(name) ?? value
  }

  package func string(_ name: String, default value: String) throws(OperatorError) -> String {
    try string(name) ?? value
  }

  /// An integer used as a truth value: 0 or 1.
  package func flag(_ name: String, default value: Bool) throws(OperatorError) -> Bool {
    guard let number = try int(name) else { return value }
    guard number == 0 || number == 1 else {
      throw .invalidAttribute(name, expected: "0 or 1", found: String(number))
    }
    return number == 1
  }

  /// A string that must be the raw value of one of the cases of `T`.
  package func choice<T: RawRepresentable & CaseIterable>(
    _ name: String, default value: T
  ) throws(OperatorError) -> T where T.RawValue == String {
    guard let text = try string(name) else { return value }
    guard let choice = T(rawValue: text) else {
      throw .invalidAttribute(name, expected: T.allCases.map(\.rawValue).joined(separator: ", "), found: text)
    }
    return choice
  }

  package func requiredInt(_ name: String) throws(OperatorError) -> Int {
    guard let value = try int(name) else { throw .missingAttribute(name) }
    return value
  }

  package func requiredInts(_ name: String) throws(OperatorError) -> [Int] {
    guard let value = try ints(name) else { throw .missingAttribute(name) }
    return value
  }
}

extension NodeDefinition {
  /// Throws unless the node lists a number of inputs within `counts`.
  package func requireInputs(_ counts: ClosedRange<Int>) throws(OperatorError) {
    guard !counts.contains(inputCount) else { return }
    let expected = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
    throw .inputCount(expected: expected, found: inputCount)
  }

  /// Throws unless the node lists `minimum` inputs or more.
  package func requireInputs(_ counts: PartialRangeFrom<Int>) throws(OperatorError) {
    guard !counts.contains(inputCount) else { return }
    throw .inputCount(expected: "at least \(counts.lowerBound)", found: inputCount)
  }

  package func requireInputs(_ count: Int) throws(OperatorError) {
    try requireInputs(count...count)
  }

  /// Throws unless the node lists a number of outputs within `counts`.
  package func requireOutputs(_ counts: ClosedRange<Int>) throws(OperatorError) {
    guard !counts.contains(outputCount) else { return }
    let last = counts.upperBound == counts.lowerBound ? "" : " to \(counts.upperBound)"
    throw .invalid("\(opType) has \(counts.lowerBound)\(last) outputs, not \(outputCount)")
  }
}

extension AttributeValue {
  /// What an error calls a value of this type.
  var typeName: String {
    switch self {
    case .int: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .ints: "a list of integers"
    case .floats: "a list of floats"
    case .strings: "a list of strings"
    case .tensor: "a tensor"
    }
  }
}
