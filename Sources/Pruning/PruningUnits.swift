/// The weights of one layer as the units that become zero together.
struct PruningUnits {
  let layer: PrunableLayer
  let pattern: PruningPattern
  /// How many there are; of a `nOfM` pattern those that it makes zero.
  let count: Int
  /// For each weight its block; nil where every weight is a unit.
  private let blockOfWeight: [Int32]?
  private let blockSizes: [Float]

  init(_ layer: PrunableLayer, _ pattern: PruningPattern) {
    self.layer = layer
    self.pattern = pattern
    let matrix = layer.matrix
    switch pattern {
    case .unstructured:
      (blockOfWeight, blockSizes, count) = (nil, [], layer.count)
    case .nOfM(let kept, let of):
      let (whole, rest) = matrix.inputs.quotientAndRemainder(dividingBy: of)
      count = matrix.outputs * (whole * (of - kept) + rest - Self.keptOfRemainder(rest, kept, of))
      (blockOfWeight, blockSizes) = (nil, [])
    case .block(let height, let width):
      let across = (matrix.inputs + width - 1) / width
      var blocks = [Int32](repeating: 0, count: layer.count)
      count = (matrix.outputs + height - 1) / height * across
      var sizes = [Float](repeating: 0, count: count)
      for output in 0..<matrix.outputs {
        for input in 0..<matrix.inputs {
          let block = output / height * across + input / width
          blocks[matrix.offset(output: output, input: input)] = Int32(block)
          sizes[block] += 1
        }
      }
      (blockOfWeight, blockSizes) = (blocks, sizes)
    }
  }

  private static func keptOfRemainder(_ rest: Int, _ kept: Int, _ of: Int) -> Int { (rest * kept + of - 1) / of }

  /// Units that hold nothing but zeros of `kept`, which has 0 for each weight that is to be zero.
  func emptyCount(_ kept: [UInt8]) -> Int {
    guard let blockOfWeight else { return min(count, kept.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }) }
    var isEmpty = [Bool](repeating: true, count: count)
    for (weight, block) in blockOfWeight.enumerated() where kept[weight] != 0 { isEmpty[Int(block)] = false }
    return isEmpty.reduce(0) { $0 + ($1 ? 1 : 0) }
  }

  /// A key for every unit, its place being the unit; what is zero by `kept` comes before all else.
  func keys(_ importance: [Float], kept: [UInt8]) -> [UInt64] {
    if let blockOfWeight {
      var sums = [Float](repeating: 0, count: count)
      var isEmpty = [Bool](repeating: true, count: count)
      for (weight, block) in blockOfWeight.enumerated() where kept[weight] != 0 {
        sums[Int(block)] += importance[weight]
        isEmpty[Int(block)] = false
      }
      return sums.indices.map { SmallestKeys.key(isEmpty[$0] ? -.infinity : sums[$0] / blockSizes[$0], place: $0) }
    }
    func key(_ weight: Int) -> UInt64 {
      SmallestKeys.key(kept[weight] == 0 ? -.infinity : importance[weight], place: weight)
    }
    guard case .nOfM(let most, let of) = pattern else { return importance.indices.map(key) }
    var keys: [UInt64] = []
    keys.reserveCapacity(count)
    var group: [UInt64] = []
    for output in 0..<layer.matrix.outputs {
      for first in stride(from: 0, to: layer.matrix.inputs, by: of) {
        let end = min(first + of, layer.matrix.inputs)
        group.removeAll(keepingCapacity: true)
        for input in first..<end { group.append(key(layer.matrix.offset(output: output, input: input))) }
        group.sort()
        keys += group.dropLast(Self.keptOfRemainder(end - first, most, of))
      }
    }
    return keys
  }

  /// Makes the units at `places` zero.
  func clear(_ places: some Sequence<Int>, in kept: inout [UInt8]) {
    guard let blockOfWeight else {
      for place in places { kept[place] = 0 }
      return
    }
    var isCleared = [Bool](repeating: false, count: count)
    for place in places { isCleared[place] = true }
    for (weight, block) in blockOfWeight.enumerated() where isCleared[Int(block)] { kept[weight] = 0 }
  }
}
