import Datasets
import HostTensors
import Testing

struct SeededRandomTests {
  /// The outputs that the authors' C programs print for these states (prng.di.unimi.it).
  @Test func generatorsGiveTheNumbersOfTheirAuthors() {
    var filler = Datasets.SplitMix64(state: 1_234_567)
    #expect(
      (0..<3).map { _ in filler.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
    var random = SeededRandom(words: (1, 2, 3, 4))
    let expected: [UInt64] = [
      11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
      16_172_922_978_634_559_625, 8_476_171_486_693_032_832, 10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
    ]
    #expect(expected.map { _ in random.next() } == expected)
  }

  /// Recorded from a second implementation, in Python.
  @Test func drawsAreThoseOfASecondImplementation() {
    var random = SeededRandom(5)
    #expect(
      (0..<20).map { _ in random.integer(below: 6) } == [4, 3, 0, 2, 5, 1, 4, 1, 3, 2, 2, 0, 4, 4, 3, 1, 4, 5, 0, 1])
    #expect((0..<3).map { _ in random.unit() } == [0.8805923728626047, 0.49396114198423235, 0.059385369790339926])
    var shuffling = SeededRandom(7, 1, 0)
    #expect(shuffling.permutation(of: 12) == [4, 3, 1, 9, 0, 11, 10, 6, 2, 5, 7, 8])
  }

  /// The mean of n draws has deviation 1 / sqrt(n), their variance sqrt(2 / n): with n = 40,000, five deviations
  /// are 0.025 and 0.0354.
  @Test func normalNumbersHaveMeanZeroAndVarianceOne() {
    var random = SeededRandom(3)
    let draws = (0..<40_000).map { _ in random.normal() }
    let mean = draws.reduce(0, +) / 40_000
    #expect(abs(mean) < 0.025)
    #expect(abs(draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000 - 1) < 0.0354)
  }
}

struct BatchingTests {
  /// `count` samples [2, 1] with the elements (index, 100 + index) and the labels index mod 3.
  private static func numbered(_ scratch: Scratch, _ count: Int) throws -> Dataset {
    let samples = (0..<count).flatMap { [UInt8($0), UInt8(100 + $0)] }
    try scratch.write(idx(type: 8, shape: [count, 2, 1], elements: samples), as: "x-idx")
    try scratch.write(idx(type: 8, shape: [count], elements: (0..<count).map { UInt8($0 % 3) }), as: "y-idx")
    return try scratch.open("inputs: x-idx\nlabels: y-idx")
  }

  @Test func theOrderIsThatOfTheSeedAndTheEpoch() throws {
    let scratch = try Scratch()
    let dataset = try Self.numbered(scratch, 12)
    let source = try BatchSource(dataset, batching: Batching(batchSize: 5, seed: 7))
    #expect(source.order(epoch: 0) == [4, 3, 1, 9, 0, 11, 10, 6, 2, 5, 7, 8])
    #expect(source.order(epoch: 3) == [1, 9, 7, 11, 10, 8, 4, 5, 6, 3, 0, 2])
    let unshuffled = try BatchSource(dataset, batching: Batching(batchSize: 5, isShuffled: false))
    #expect(unshuffled.order(epoch: 3) == [Int](0..<12))
  }

  @Test func anEpochGivesEverySampleOnceWithItsLabel() throws {
    let scratch = try Scratch()
    let source = try BatchSource(Self.numbered(scratch, 50), batching: Batching(batchSize: 8, seed: 1))
    #expect(source.batchesPerEpoch == 7)
    var seen: [Int] = []
    for number in 0..<source.batchesPerEpoch {
      let batch = try source.batch(number, epoch: 2)
      #expect(batch.inputs.shape == [number == 6 ? 2 : 8, 2, 1])
      #expect(batch.inputs.floats == batch.indices.flatMap { [Float($0), Float(100 + $0)] })
      #expect(batch.labels == batch.indices.map { $0 % 3 })
      #expect(batch.targets.isEmpty && batch.probabilities == nil)
      seen += batch.indices
    }
    #expect(seen.sorted() == [Int](0..<50))
    #expect(seen != seen.sorted())
    #expect(throws: DatasetError.batchOutOfRange(number: 7, batches: 7)) { try source.batch(7, epoch: 2) }
  }

  @Test func theLastPartialBatchIsDroppedOnRequest() throws {
    let scratch = try Scratch()
    let dataset = try Self.numbered(scratch, 50)
    let source = try BatchSource(dataset, batching: Batching(batchSize: 8, keepsPartialBatch: false))
    #expect(source.batchesPerEpoch == 6)
    #expect(source.samplesPerEpoch == 48)
    #expect(throws: DatasetError.batchOutOfRange(number: 6, batches: 6)) { try source.batch(6, epoch: 0) }
    for size in [0, -3, 51] {
      #expect(
        throws: DatasetError.invalidOption(name: "batch size", expected: "1 to 50, the samples", found: "\(size)")
      ) {
        try BatchSource(dataset, batching: Batching(batchSize: size, keepsPartialBatch: false))
      }
    }
  }

  @Test func targetsComeInTheOrderOfTheSamples() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [6, 1], elements: [0, 1, 2, 3, 4, 5]), as: "x-idx")
    try scratch.write(idx(type: 8, shape: [6, 2], elements: (0..<12).map { $0 }), as: "y-idx")
    let dataset = try scratch.open("inputs: x-idx\nlabels: y-idx")
    let batch = try BatchSource(dataset, batching: Batching(batchSize: 4, seed: 9)).batch(0, epoch: 0)
    #expect(batch.targetWidth == 2)
    #expect(batch.labels.isEmpty)
    #expect(batch.targets == batch.indices.flatMap { [Float(2 * $0), Float(2 * $0 + 1)] })
  }

  /// The same batches from the reader with 0 to 3 threads and any room, and from any batch on.
  @Test(arguments: [(0, 1, 0), (1, 1, 0), (1, 4, 5), (3, 2, 0), (3, 8, 6)])
  func readingAheadChangesNothing(workers: Int, depth: Int, first: Int) throws {
    let scratch = try Scratch()
    let source = try BatchSource(Self.numbered(scratch, 99), batching: Batching(batchSize: 7, seed: 4))
    let reader = source.reader(epoch: 1, from: first, workers: workers, depth: depth)
    var number = first
    while let batch = try reader.next() {
      let expected = try source.batch(number, epoch: 1)
      #expect(batch.number == number)
      #expect(batch.indices == expected.indices)
      #expect(batch.inputs.floats == expected.inputs.floats)
      number += 1
    }
    #expect(number == source.batchesPerEpoch)
    #expect(try reader.next() == nil)
  }

  /// A reader is let go of, or stopped, while its queue is full, empty, or not yet touched.
  @Test func aReaderStopsWhereverItIs() throws {
    let scratch = try Scratch()
    let source = try BatchSource(Self.numbered(scratch, 99), batching: Batching(batchSize: 1, seed: 4))
    for round in 0..<200 {
      let reader = source.reader(epoch: round, workers: 1 + round % 3, depth: 1 + round % 4)
      for _ in 0..<round % 5 { #expect(try reader.next() != nil) }
      if round % 2 == 0 {
        reader.stop()
        #expect(try reader.next() == nil)
      }
    }
  }

  @Test func aSplitIsDisjointCompleteAndReproducible() throws {
    let scratch = try Scratch()
    let dataset = try Self.numbered(scratch, 50)
    let split = try dataset.split(validationFraction: 0.25, seed: 3)
    #expect(split.validation.count == 13)
    #expect((split.training + split.validation).sorted() == [Int](0..<50))
    #expect(try dataset.split(validationFraction: 0.25, seed: 3) == split)
    #expect(try dataset.split(validationFraction: 0.25, seed: 4) != split)
    #expect(try dataset.split(validationFraction: 0, seed: 4).validation.isEmpty)
    for fraction in [-0.1, 1, .nan] {
      #expect(throws: DatasetError.self) { try dataset.split(validationFraction: fraction, seed: 3) }
    }
  }

  @Test func aStratifiedSplitTakesTheSameShareOfEachClass() throws {
    let scratch = try Scratch()
    let dataset = try Self.numbered(scratch, 60)
    let split = try dataset.split(validationFraction: 0.2, seed: 3, isStratified: true)
    for label in 0..<3 { #expect(split.validation.count { $0 % 3 == label } == 4) }
    #expect((split.training + split.validation).sorted() == [Int](0..<60))
    let unlabelled = try scratch.open("inputs: x-idx")
    #expect(throws: DatasetError.missingLabels(path: scratch.path("x-idx"))) {
      try unlabelled.split(validationFraction: 0.2, seed: 3, isStratified: true)
    }
  }

  @Test func aSubsetOfASubsetFindsItsSamplesAndLabels() throws {
    let scratch = try Scratch()
    _ = try Self.numbered(scratch, 50)
    let dataset = try scratch.open("inputs: x-idx\nlabels: y-idx\nrange: [10, 40]")
    let subset = try dataset.subset([29, 3, 4, 0]).subset([2, 0])
    #expect(subset.count == 2)
    #expect(try subset.stacked([0, 1]).floats == [14, 114, 39, 139])
    #expect([subset.label(0), subset.label(1)] == [14 % 3, 39 % 3])
    #expect(throws: DatasetError.sampleOutOfRange(index: 30, samples: 30)) { try dataset.subset([1, 30]) }
  }

  @Test func balancedWeightsMakeClassesCountAlike() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [8, 1], elements: [UInt8](repeating: 0, count: 8)), as: "x-idx")
    try scratch.write(idx(type: 8, shape: [8], elements: [0, 0, 0, 0, 0, 2, 2, 3]), as: "y-idx")
    let weights = try scratch.open("inputs: x-idx\nlabels: y-idx").balancedClassWeights()
    // n / (k * n_c) with n = 8 and k = 3 classes that have samples.
    #expect(weights == [Float(8.0 / 15), 0, Float(8.0 / 6), Float(8.0 / 3)])
  }

  @Test func aLabelThatNoTableCouldHoldIsRefused() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [1, 1], elements: [0]), as: "x-idx")
    let path = try scratch.write("99999999999\n", as: "y.txt")
    #expect(throws: DatasetError.labelOutOfRange(path: path, index: 0, label: "99999999999", classes: 1 << 24)) {
      try scratch.open("inputs: x-idx\nlabels: y.txt")
    }
  }
}
