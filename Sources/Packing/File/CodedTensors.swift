import EntropyCoding
import ModelFormat
import TensorTypes

/// Which constants of a program are coded in the network section, and how.
struct CodedTensors {
  /// By tensor.
  private(set) var plans: [Int: ElementPlan] = [:]
  /// Constants that are stored as they are.
  private(set) var others: [Int] = []

  /// Bits that the coder may decide for a whole file: each costs loading some 50 ns on a workstation.
  static let decisionLimit = 1 << 22
  /// Decisions that must save at least one byte: a small network of 8 bits, which gains a few hundred bytes, starts
  /// several times faster as it is.
  static let decisionsPerByte = 64

  /// Tries the forms that fit each constant, in order of use, each trial beginning with what the coder has learnt
  /// from the constants before, and keeps the smallest: coded, or as it is.
  init(_ program: Program) throws(PackError) {
    let rowLengths = program.rowLengths
    var chain = ElementCoder(MeteredEncoder())
    var decisions = 0
    for (index, tensor) in program.tensors.enumerated() {
      guard let bytes = tensor.constantBytes else { continue }
      let values = Values(bytes, tensor.dtype)
      let limit = CodedTensors.decisionLimit - decisions
      let candidates = values.plans(rowLength: rowLengths[index] ?? tensor.count)
        .filter { values.decisions($0) <= limit }
      var best: (plan: ElementPlan, bits: Double)?
      for plan in candidates {
        var trial = ElementCoder(MeteredEncoder(), learntFrom: chain)
        let bits = try trial.codeConstant(bytes, tensor.dtype, plan)
        if bits < best?.bits ?? .infinity { best = (plan, bits) }
      }
      guard let best, try CodedTensors.pays(best.bits, values.decisions(best.plan), index, program) else {
        others.append(index)
        continue
      }
      plans[index] = best.plan
      decisions += values.decisions(best.plan)
      _ = try chain.codeConstant(bytes, tensor.dtype, best.plan)
    }
  }

  private static func pays(
    _ bits: Double, _ decisions: Int, _ tensor: Int, _ program: Program
  ) throws(PackError) -> Bool {
    let saved = Double(try WeightSections.cost(tensor, program)) - bits / 8
    return saved * Double(decisionsPerByte) >= Double(decisions)
  }
}

extension ElementCoder<MeteredEncoder> {
  /// Codes a constant and returns the bits that it took.
  mutating func codeConstant(_ bytes: [UInt8], _ dtype: DType, _ plan: ElementPlan) throws(PackError) -> Double {
    var plan = plan
    let before = coder.bits
    // The coder leaves the bytes as they are, but wants to be able to write.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    do throws(CodingError) {
      try codeTensor(copy, width: dtype.byteCount, &plan)
    } catch {
      throw .selfCheckFailed(reason: "\(error)")
    }
    return coder.bits - before
  }
}

/// The elements of a constant, counted.
struct Values {
  private let words: [UInt64]
  private let width: Int
  /// How often each value occurs, in ascending order of the values; nil above 256 of them.
  let counts: [(value: UInt64, count: Int)]?

  init(_ bytes: [UInt8], _ dtype: DType) {
    let width = dtype.byteCount
    self.width = width
    words = (0..<bytes.count / width).map { element in
      (0..<width).reduce(0) { $0 | UInt64(bytes[element * width + $1]) << UInt64(8 * $1) }
    }
    counts = Values.counted(words)?.sorted { Values.order($0.value, dtype) < Values.order($1.value, dtype) }
  }

  private static func counted(_ words: [UInt64]) -> [(value: UInt64, count: Int)]? {
    var counts: [UInt64: Int] = [:]
    for word in words {
      counts[word, default: 0] += 1
      if counts.count > 256 { return nil }
    }
    return counts.map { (value: $0.key, count: $0.value) }
  }

  /// A number that ascends with the value that the bytes stand for.
  private static func order(_ word: UInt64, _ dtype: DType) -> Int64 {
    let bits = UInt64(8 * dtype.byteCount)
    let sign: UInt64 = 1 << (bits - 1)
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: return Int64(bitPattern: word & sign != 0 ? ~(word & ~sign) : word)
    case .int8, .int16, .int32, .int64: return Int64(bitPattern: word & sign != 0 ? word | ~(sign &* 2 &- 1) : word)
    case .uint8, .uint16, .uint32, .uint64, .bool: return Int64(truncatingIfNeeded: word)
    }
  }

  var zeroCount: Int { words.count { $0 == 0 } }

  /// Bytes that an ideal code of order 0 needs, each value of several bytes told once; nil where the values are of
  /// several bytes and not at most an eighth of the elements.
  var entropyBytes: Double? {
    guard let counts, width == 1 || 8 * counts.count <= words.count else { return nil }
    return Entropy.bytes(counts.map(\.count)) + Double(counts.count * (width - 1))
  }

  /// Bits that coding decides.
  func decisions(_ plan: ElementPlan) -> Int {
    switch plan.form {
    case .wide: return 8 * width * words.count
    case .small: return 8 * words.count
    case .palette:
      let bits = Int.bitWidth - max(plan.palette.count / width - 1, 0).leadingZeroBitCount
      return words.count + bits * (words.count - zeroCount)
    }
  }

  /// The forms worth a trial.
  func plans(rowLength: Int) -> [ElementPlan] {
    guard !words.isEmpty else { return [] }
    var plans = [ElementPlan(.wide)]
    if width == 1 { plans.append(ElementPlan(.small, rowLength: rowLength)) }
    if let counts {
      let palette = counts.flatMap { value in
        (0..<width).map { UInt8(truncatingIfNeeded: value.value >> UInt64(8 * $0)) }
      }
      plans += distances(rowLength).map {
        ElementPlan(.palette, rowLength: rowLength, distance: $0, palette: palette)
      }
    }
    return plans
  }

  /// Distances at which zeros may resemble each other: 1, and the three divisors of the row at which the numbers
  /// of non-zeros in the columns agree best.
  private func distances(_ rowLength: Int) -> [Int] {
    guard zeroCount > 0, words.count > rowLength else { return [1] }
    var columns = [Int](repeating: 0, count: rowLength)
    for (index, word) in words.enumerated() where word != 0 { columns[index % rowLength] += 1 }
    let scores = (2..<max(3, rowLength / 2 + 1)).filter { rowLength % $0 == 0 }.map { distance in
      let sum = (0..<rowLength - distance).reduce(0) { $0 + columns[$1] * columns[$1 + distance] }
      return (distance: distance, score: Double(sum) / Double(rowLength - distance))
    }
    return [1] + scores.sorted { ($0.score, $1.distance) > ($1.score, $0.distance) }.prefix(3).map(\.distance)
  }
}

extension Program {
  /// By tensor of weights: the elements of one output.
  fileprivate var rowLengths: [Int: Int] {
    var lengths: [Int: Int] = [:]
    for named in steps {
      let (weights, outputs): (TensorIndex, Int)
      switch named.step {
      case .convolutionInt8(let step): (weights, outputs) = (step.weights, step.window.outChannels)
      case .convolutionFloat(let step): (weights, outputs) = (step.weights, step.window.outChannels)
      case .depthwiseInt8(let step):
        (weights, outputs) = (step.weights, step.window.kernelHeight * step.window.kernelWidth)
      case .depthwiseFloat(let step):
        (weights, outputs) = (step.weights, step.window.kernelHeight * step.window.kernelWidth)
      case .recurrent(let step): (weights, outputs) = (step.weights, self[step.weights].count / max(step.hidden, 1))
      case .maxPool, .averagePoolInt8, .averagePoolFloat, .addInt8, .mulInt8, .table, .quantize, .dequantize,
        .binaryFloat, .unaryFloat, .softmax, .reduce, .argMax, .copy, .fill, .gather, .interpolate, .select, .cast,
        .matMul, .compare, .layerNormalization:
        continue
      }
      let count = self[weights].count
      if outputs > 0, count % outputs == 0, count > 0 { lengths[Int(weights.rawValue)] = count / outputs }
    }
    return lengths
  }
}
