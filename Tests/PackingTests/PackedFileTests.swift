import Foundation
import Graph
import HostTensors
import Inflate
import ModelFormat
import Operators
import Packing
import Runtime
import Testing

/// The file as a whole: sections, ledger, metadata, golden vectors, writing.
@Suite struct PackedFileTests {
  private func smallNetwork() throws -> Graph {
    var numbers = TestNumbers(seed: 31)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 3, 8, 8]), scale: 0x1p-7)
    let scales = [Float](repeating: 0x1p-7, count: 8)
    let w = try test.weight(numbers.int8s([8, 3, 3, 3]), scales: scales, axis: 0)
    let bias = try test.bias((0..<8).map { Int32($0 * 100) }, scales: scales.map { $0 * 0x1p-7 })
    let y = try test.quantized(test.add(.relu, [test.add(.conv, [x, w, bias])]), scale: 0x1p-4, zeroPoint: 0)
    let mean = try test.add(.globalAveragePool, [y])
    let classes = try test.add(.softmax, [test.add(.flatten, [mean])])
    return test.withOutputs([classes])
  }

  @Test func sameGraphGivesTheSameBytes() throws {
    let graph = try smallNetwork()
    #expect(try pack(graph).bytes == pack(graph).bytes)
  }

  @Test func ledgerAddsUp() throws {
    let packed = try pack(smallNetwork())
    let ledger = packed.ledger
    let view = try packed.bytes.withUnsafeBytes { bytes in
      let view = try FileView(bytes)
      let weights = (0...).lazy.map { view.section(.weights, $0) }.prefix { $0 != nil }
      let sizes = weights.compactMap { $0.map { ($0.compressed.count, $0.rawBytes) } }
      return (header: view.header, weights: Array(sizes))
    }
    #expect(ledger.fileBytes == packed.bytes.count)
    #expect(ledger.storedBytes == ledger.entries.reduce(0) { $0 + $1.storedBytes })
    #expect(abs(Double(ledger.compressedBytes) - ledger.entries.reduce(0) { $0 + $1.fileBytes }) <= 1)
    #expect(view.header.weightBytes == UInt32(ledger.storedBytes))
    #expect(abs(Double(ledger.entropyBytes) - ledger.entries.reduce(0) { $0 + $1.entropyBytes }) <= 1)
    let tables = Header.byteCount + Header.sectionRecordBytes * (1 + view.weights.count)
    #expect(ledger.overhead.header == tables)
    #expect(abs(Double(ledger.overheadBytes) - ledger.overhead.total) <= 1)
    // 11 bytes of zlib around a stream that it cannot compress, and the last byte of the coder.
    #expect((0..<13).contains(ledger.overhead.container))
    #expect(ledger.ratio == Double(4 * ledger.originalParameters) / Double(packed.bytes.count))
  }

  @Test func ledgerSpeaksTheDocumentedKeys() throws {
    let data = try JSONEncoder().encode(pack(smallNetwork()).ledger)
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    for key in ["file_bytes", "weights_raw_bytes", "weights_entropy_bytes", "arena_bytes", "steps"] {
      #expect(object[key] is Int, "\(key)")
    }
  }

  @Test func metadataHoldsNamesAndPreprocessing() throws {
    var options = PackOptions()
    options.networkName = "tiny"
    options.classNames = ["yes", "no"]
    options.preprocessing = PackedPreprocessing(scale: 1 / 255, offset: 2, mean: [1, 2, 3], std: [4], layout: "NHWC")
    let packed = try pack(smallNetwork(), options: options)
    let model = try packed.bytes.withUnsafeBytes { try Model($0) }
    #expect(String(decoding: model.name(.networkName, 0), as: UTF8.self) == "tiny")
    #expect(model.nameCount(.stepName) == packed.steps.count)
    #expect(String(decoding: model.name(.className, 1), as: UTF8.self) == "no")
    #expect(String(decoding: model.name(.inputName, 0), as: UTF8.self) == "input0")
    #expect(PackedPreprocessing(encoded: model.name(.preprocessing, 0)) == options.preprocessing)
    let encoded = try #require(options.preprocessing).encoded
    #expect(encoded[0..<31].withUnsafeBytes { PackedPreprocessing(encoded: $0) } == nil)
  }

  @Test func goldenVectorsAreReproduced() throws {
    let packed = try pack(smallNetwork())
    let model = try packed.bytes.withUnsafeBytes { try Model($0) }
    #expect(model.verify() == .identical(vectors: 1, steps: packed.steps.count))
    var options = PackOptions()
    options.includesGoldenVectors = false
    let bare = try pack(smallNetwork(), options: options)
    #expect(try bare.bytes.withUnsafeBytes { try Model($0) }.verify() == .noVectors)
  }

  @Test func writtenFileIsTheBytes() throws {
    let packed = try pack(smallNetwork())
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pare")
    defer { try? FileManager.default.removeItem(at: url) }
    try packed.write(to: url)
    #expect(try [UInt8](Data(contentsOf: url)) == packed.bytes)
    #expect(throws: PackError.self) { try packed.write(to: url.appendingPathComponent("no/such/directory")) }
  }

  @Test(arguments: [0, 1, 100, 5000, 70_000])
  func compressedStreamsInflateToTheSameBytes(count: Int) throws {
    var numbers = TestNumbers(seed: 41)
    // A mixture of runs and noise.
    let bytes = (0..<count).map { index in UInt8(index % 97 < 40 ? 7 : numbers.integer(below: 64)) }
    let stream = try Deflate.compress(bytes)
    var inflated = [UInt8](repeating: 0, count: count)
    try inflated.withUnsafeMutableBytes { target in
      try stream.withUnsafeBytes { try inflate($0, into: target) }
    }
    #expect(inflated == bytes)
  }

  @Test func bytePlanesSeparateSignificance() {
    let words: [UInt8] = [1, 2, 3, 4, 11, 12, 13, 14]
    #expect(WeightSections.bytePlanes(words, width: 4) == [1, 11, 2, 12, 3, 13, 4, 14])
  }

  @Test func entropyOfEqualCountsIsTheirLogarithm() {
    // 256 equally frequent symbols: 8 bits each; one symbol: none.
    #expect(abs(Entropy.bytes(Entropy.histogram((0..<1024).map { UInt8($0 % 256) })) - 1024) < 1e-6)
    #expect(Entropy.bytes(Entropy.histogram([UInt8](repeating: 3, count: 100))) == 0)
  }
}
