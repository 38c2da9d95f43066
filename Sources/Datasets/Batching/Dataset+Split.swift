/// Two sets of indices that together are a data set's, each in ascending order.
public struct DatasetSplit: Sendable, Equatable {
  public var training: [Int]
  public var validation: [Int]
}

extension Dataset {
  /// Draws `validationFraction` of the samples for validation, the same ones whenever the seed is the same.
  ///
  /// Of n samples, fraction * n rounded to nearest (halves up) are drawn; with `isStratified`, of each class.
  /// Throws `invalidOption` for a fraction outside of [0, 1) and `missingLabels` where there are no classes to
  /// stratify by.
  public func split(
    validationFraction: Double, seed: UInt64, isStratified: Bool = false
  ) throws(DatasetError) -> DatasetSplit {
    guard (0..<1).contains(validationFraction) else {
      throw .invalidOption(
        name: "validation fraction", expected: "at least 0 and below 1", found: String(validationFraction))
    }
    let groups = isStratified ? try indicesByClass() : [[Int](0..<count)]
    var split = DatasetSplit(training: [], validation: [])
    for (number, group) in groups.enumerated() {
      var group = group
      var random = SeededRandom(seed, RandomPurpose.split.rawValue, UInt64(number))
      random.shuffle(&group)
      let validationCount = Int((validationFraction * Double(group.count)).rounded(.toNearestOrAwayFromZero))
      split.validation += group.prefix(validationCount)
      split.training += group.dropFirst(validationCount)
    }
    split.training.sort()
    split.validation.sort()
    return split
  }

  /// A weight for each class that makes all classes count alike: n / (k * n_c), where n_c of the n samples are of
  /// class c and k is the number of classes that have samples. A class without samples has weight 0.
  ///
  /// Throws `missingLabels`.
  public func balancedClassWeights() throws(DatasetError) -> [Float] {
    let counts = try indicesByClass().map(\.count)
    let present = counts.count { $0 > 0 }
    return counts.map { $0 == 0 ? 0 : Float(Double(count) / (Double(present) * Double($0))) }
  }

  private func indicesByClass() throws(DatasetError) -> [[Int]] {
    guard let classCount else { throw .missingLabels(path: specification.inputs) }
    var groups = [[Int]](repeating: [], count: classCount)
    for index in 0..<count {
      if let label = label(index) { groups[label].append(index) }
    }
    return groups
  }
}
