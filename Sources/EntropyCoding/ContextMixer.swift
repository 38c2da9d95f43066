/// The probability of the next bit, mixed from six predictions that learn as they go.
///
/// Each prediction counts the bits that followed one context; a small network of one layer weighs them in the
/// logistic domain and learns its weights from every bit (Mahoney 2005, "Adaptive weighing of context models for
/// lossless data compression"). All arithmetic is of integers, so that every machine predicts alike. docs/format.md
/// specifies it.
struct ContextMixer: ~Copyable {
  static var contextCount: Int { 6 }
  private static var slotBits: UInt32 { 14 }
  private static var slotCount: Int { contextCount << Int(slotBits) }
  /// One set of weights for each role that a bit may have.
  private static var setCount: Int { 32 }
  private static var bytes: Int { slotCount * 4 + setCount * contextCount * 4 + 256 * 4 + 4096 * 2 }

  private let memory: UnsafeMutableRawPointer
  /// By context and hash: a probability of 22 bits above a count of 10.
  private let slots: UnsafeMutablePointer<UInt32>
  /// In 1/65536.
  private let weights: UnsafeMutablePointer<Int32>
  /// 2/(2n + 3) in 1/65536: what the (n + 1)-th bit in a slot moves its probability by.
  private let steps: UnsafeMutablePointer<UInt32>
  /// ln(p / (1 - p)) in 1/256, by p in 1/4096.
  private let stretches: UnsafeMutablePointer<Int16>

  /// The contexts of the symbol to be coded; each context has slots of its own.
  var contexts = InlineArray<6, UInt32>(repeating: 0)

  init() {
    self.init(memory: .allocate(byteCount: ContextMixer.bytes, alignment: 64))
    slots.initialize(repeating: 1 << 31, count: ContextMixer.slotCount)
    weights.initialize(repeating: 14_000, count: ContextMixer.setCount * ContextMixer.contextCount)
    for count in 0..<256 { steps[count] = 131_072 / UInt32(2 * count + 3) }
    var next = 0
    for x in Int32(-2047)...2047 {
      let probability = Int(ContextMixer.squash(x) >> 4)
      while next <= probability {
        stretches[next] = Int16(x)
        next += 1
      }
    }
    while next < 4096 {
      stretches[next] = 2047
      next += 1
    }
  }

  /// A mixer that has learnt what `other` has.
  init(copying other: borrowing ContextMixer) {
    self.init(memory: .allocate(byteCount: ContextMixer.bytes, alignment: 64))
    memory.copyMemory(from: other.memory, byteCount: ContextMixer.bytes)
  }

  private init(memory: UnsafeMutableRawPointer) {
    self.memory = memory
    slots = memory.assumingMemoryBound(to: UInt32.self)
    weights = (memory + ContextMixer.slotCount * 4).assumingMemoryBound(to: Int32.self)
    steps = UnsafeMutableRawPointer(weights + ContextMixer.setCount * ContextMixer.contextCount)
      .assumingMemoryBound(to: UInt32.self)
    stretches = UnsafeMutableRawPointer(steps + 256).assumingMemoryBound(to: Int16.self)
  }

  deinit { memory.deallocate() }

  /// Codes one bit at `node` of the symbol's tree of decisions and learns from it.
  ///
  /// `set` (below 32) chooses the weights; they learn at `rate`. Optimized for speed on the device too, where it is
  /// most of the time of loading.
  @_optimize(speed)
  mutating func code<C: BitCoder & ~Copyable>(
    _ bit: UInt32, node: UInt32, set: Int, rate: Int32, _ coder: inout C
  ) -> UInt32 {
    let weights = weights + set &* 6
    var places = InlineArray<6, UInt32>(repeating: 0)
    var inputs = InlineArray<6, Int32>(repeating: 0)
    var sum: Int64 = 0
    for index in 0..<6 {
      var hash = contexts[index] &+ node &* 0x85EB_CA6B
      hash ^= hash &>> 15
      hash &*= 0xC2B2_AE35
      let place = UInt32(truncatingIfNeeded: index) &<< ContextMixer.slotBits | hash &>> (32 &- ContextMixer.slotBits)
      places[index] = place
      let input = Int32(stretches[Int(slots[Int(place)] &>> 20)])
      inputs[index] = input
      sum &+= Int64(weights[index]) &* Int64(input)
    }
    let probability = ContextMixer.squash(Int32(truncatingIfNeeded: max(-2047, min(2047, sum &>> 16))))
    let coded = coder.code(bit, probability: probability)
    let error = (Int32(truncatingIfNeeded: coded) &<< 16 &- Int32(truncatingIfNeeded: probability)) &* rate
    for index in 0..<6 {
      weights[index] &+= (inputs[index] &* error &+ 0x20000) &>> 18
      learn(coded, at: Int(places[index]))
    }
    return coded
  }

  /// Moves a slot's probability toward the bit, the less the more bits it has seen.
  @inline(__always)
  private func learn(_ bit: UInt32, at place: Int) {
    let slot = slots[place]
    let count = slot & 1023
    let probability = Int64(slot &>> 10)
    let change = ((Int64(bit) &<< 22 &- probability) &* Int64(steps[Int(count)])) &>> 16
    slots[place] = UInt32(truncatingIfNeeded: probability &+ change) &<< 10 | min(count &+ 1, 255)
  }

  /// 65536 / (1 + e^(-x/256)) between -2047 and 2047, by 33 points and straight lines between them.
  private static func squash(_ x: Int32) -> UInt32 {
    let place = Int(x &>> 7) &+ 16
    let part = UInt32(truncatingIfNeeded: x & 127)
    return (UInt32(points[place]) &* (128 &- part) &+ UInt32(points[place &+ 1]) &* part) &>> 3
  }

  private static let points: InlineArray<33, UInt16> = [
    1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785, 3901,
    3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
  ]
}
