import CMicrokernels
import Foundation
import Testing

/// Counts around every vector length, then some larger ones.
private let counts = Array(0...70) + [95, 127, 128, 129, 255, 500, 1000]

@Suite struct ElementwiseTests {
  @Test(arguments: Row.all)
  func stagingRemovesTheZeroPoint(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0031)
    for count in counts {
      let x = try GuardedBuffer((0..<count).map { _ in random.byte(extreme: false) })
      let isSigned = random.oneIn(2)
      let zeroPoint = Int32(random.int(isSigned ? -128...127 : 0...255))
      let staged = try GuardedBuffer<Int16>(count: count)
      row.kernels.stage_centered16(staged.pointer, x.pointer, count, isSigned ? 1 : 0, zeroPoint)
      #expect(staged.frontIsIntact)
      #expect(
        staged.elements
          == x.elements.map { Int16(isSigned ? Int32(Int8(bitPattern: $0)) : Int32($0)) - Int16(zeroPoint) })
      let flipped = try GuardedBuffer<UInt8>(count: count)
      row.kernels.stage_flip(flipped.pointer, x.pointer, count, 0x80)
      #expect(flipped.frontIsIntact && flipped.elements == x.elements.map { $0 ^ 0x80 })
    }
  }

  @Test(arguments: Row.all)
  func integerSumMatchesItsFormula(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0032)
    for (index, count) in (counts + counts).enumerated() {
      let a = (0..<count).map { _ in random.byte(extreme: false) }
      let b = (0..<count).map { _ in random.byte(extreme: false) }
      let (aSigned, bSigned, outSigned) = (random.oneIn(2), random.oneIn(2), random.oneIn(2))
      let (low, high): (Float, Float) = outSigned ? (-128, 127) : (0, 255)
      // Halves give ties; large ratios saturate.
      let ratioA = random.oneIn(3) ? 0.5 : random.float()
      let ratioB = random.oneIn(3) ? 0.5 : random.float()
      let fixed = random.oneIn(3) ? 3.5 : 20 * random.float()
      // The output may be one of the inputs.
      let output = try GuardedBuffer(a)
      let other = try GuardedBuffer(b)
      let first = index % 2 == 0 ? output : try GuardedBuffer(a)
      var add = pare_add(
        a: first.pointer, b: other.pointer, output: output.pointer, count: count, a_signed: aSigned ? 1 : 0,
        b_signed: bSigned ? 1 : 0, ratio_a: ratioA, ratio_b: ratioB, fixed: fixed, low: low, high: high)
      row.kernels.add_i8(&add)
      let expected = zip(a, b).map { a, b -> UInt8 in
        let valueA = aSigned ? Float(Int8(bitPattern: a)) : Float(a)
        let valueB = bSigned ? Float(Int8(bitPattern: b)) : Float(b)
        let sum = fixed.addingProduct(valueB, ratioB).addingProduct(valueA, ratioA)
        return UInt8(truncatingIfNeeded: Int(min(max(sum, low), high).rounded(.toNearestOrEven)))
      }
      #expect(output.elements == expected && output.frontIsIntact, "count \(count)")
    }
  }

  @Test(arguments: Row.all)
  func tableLooksUpEveryByte(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0033)
    let table = try GuardedBuffer((0..<256).map { _ in random.byte(extreme: false) })
    for count in counts {
      let x = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      let buffer = try GuardedBuffer(x)
      row.kernels.table_u8(buffer.pointer, buffer.pointer, count, table.pointer)
      #expect(buffer.elements == x.map { table.pointer[Int($0)] } && buffer.frontIsIntact, "count \(count)")
    }
  }

  @Test(arguments: Row.all)
  func integerMaximaAndSumsMatch(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0034)
    for count in counts {
      let x = (0..<count).map { _ in random.byte(extreme: false) }
      let y = (0..<count).map { _ in random.byte(extreme: false) }
      let input = try GuardedBuffer(x)
      let signedInput = try GuardedBuffer(x.map { Int8(bitPattern: $0) })
      let unsigned = try GuardedBuffer(y)
      row.kernels.max_u8(unsigned.pointer, input.pointer, count)
      #expect(unsigned.elements == zip(x, y).map { max($0, $1) } && unsigned.frontIsIntact)
      let signed = try GuardedBuffer(y.map { Int8(bitPattern: $0) })
      row.kernels.max_s8(signed.pointer, signedInput.pointer, count)
      #expect(signed.elements == zip(x, y).map { max(Int8(bitPattern: $0), Int8(bitPattern: $1)) })
      let start = (0..<count).map { _ in Int32(random.int(-1_000_000...1_000_000)) }
      let sums = try GuardedBuffer(start)
      row.kernels.accumulate_u8(sums.pointer, input.pointer, count)
      row.kernels.accumulate_s8(sums.pointer, signedInput.pointer, count)
      #expect(sums.elements == zip(start, x).map { $0 + Int32($1) + Int32(Int8(bitPattern: $1)) })
      #expect(sums.frontIsIntact)
    }
  }

  @Test(arguments: Row.all)
  func quantizingRoundsTiesToEvenAndSaturates(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0035)
    for count in counts {
      let isSigned = random.oneIn(2)
      let zeroPoint = Int32(random.int(isSigned ? -128...127 : 0...255))
      let scale: Float = random.oneIn(2) ? 0.5 : Float.random(in: 1e-3...0.1, using: &random)
      let x = (0..<count).map { _ in random.oneIn(2) ? Float(random.int(-600...600)) / 4 : random.wildFloat() }
      let input = try GuardedBuffer(x)
      let output = try GuardedBuffer<UInt8>(count: count)
      row.kernels.quantize(output.pointer, input.pointer, count, scale, zeroPoint, isSigned ? 1 : 0)
      let limits: ClosedRange<Float> = isSigned ? -128...127 : 0...255
      let expected = x.map { x -> UInt8 in
        guard !x.isNaN else { return UInt8(truncatingIfNeeded: zeroPoint) }
        let rounded = (x / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
        return UInt8(truncatingIfNeeded: Int(min(max(rounded, limits.lowerBound), limits.upperBound)))
      }
      #expect(output.elements == expected && output.frontIsIntact, "count \(count), scale \(scale)")
      let back = try GuardedBuffer<Float>(count: count)
      row.kernels.dequantize(back.pointer, output.pointer, count, scale, zeroPoint, isSigned ? 1 : 0)
      let expectedBack = output.elements.map {
        Float((isSigned ? Int32(Int8(bitPattern: $0)) : Int32($0)) - zeroPoint) * scale
      }
      #expect(sameBits(back.elements, expectedBack) && back.frontIsIntact)
    }
  }

  @Test(arguments: Row.all)
  func floatLoopsMatchTheirFormulas(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0036)
    let kernels = row.kernels
    for count in counts {
      let a = (0..<count).map { _ in random.wildFloat() }
      let b = (0..<count).map { _ in random.wildFloat() }
      let other = try GuardedBuffer(b)
      let scalar = random.float()
      func result(_ loop: (UnsafeMutablePointer<Float>) -> Void) throws -> [Float] {
        let buffer = try GuardedBuffer(a)
        loop(buffer.pointer)
        #expect(buffer.frontIsIntact)
        return buffer.elements
      }
      func clamped(_ x: Float) -> Float {
        let atLeast: Float = x < 0 ? 0 : x
        return atLeast > 6 ? 6 : atLeast
      }
      let pairs = Array(zip(a, b))
      #expect(try sameBits(result { kernels.max_f32($0, other.pointer, count) }, pairs.map { $1 > $0 ? $1 : $0 }))
      #expect(try sameBits(result { kernels.accumulate_f32($0, other.pointer, count) }, pairs.map { $0 + $1 }))
      #expect(try sameBits(result { kernels.mul_f32($0, $0, other.pointer, count) }, pairs.map { $0 * $1 }))
      #expect(try sameBits(result { kernels.clamp_f32($0, $0, count, 0, 6) }, a.map(clamped)))
      #expect(
        try sameBits(result { kernels.add_f32($0, $0, other.pointer, count, 0, 6) }, pairs.map { clamped($0 + $1) }))
      #expect(
        try sameBits(
          result { kernels.axpy_f32($0, other.pointer, count, scalar) }, pairs.map { $0.addingProduct(scalar, $1) }))
    }
  }
}
