import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// Tensor data in files beside the model.
@Suite struct ExternalDataTests {
  private let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  /// A model of one constant of two floats whose data is where `entries` say.
  private func model(_ entries: [(String, String)]) -> Data {
    let proto = tensor("w", 1, [2]) { tensor in
      for (key, value) in entries {
        tensor.message(
          13,
          ProtoMessage {
            $0.string(1, key)
            $0.string(2, value)
          })
      }
      tensor.int(14, 1)
    }
    return TestModel.constant(proto).data
  }

  private func load(_ entries: [(String, String)]) throws(ONNXError) -> Graph {
    let url = directory.appendingPathComponent("model.onnx")
    do {
      try model(entries).write(to: url)
    } catch {
      Issue.record(error)
    }
    return try importONNX(contentsOf: url)
  }

  private func refuse(
    _ entries: [(String, String)], _ reason: ExternalDataFault, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(refusal { () throws(ONNXError) in try load(entries) }, sourceLocation: sourceLocation) {
      if case .externalData("w", _, reason) = $0 { true } else { false }
    }
  }

  private func writeFloats(_ floats: [Float]) throws {
    try floats.withUnsafeBytes { Data($0) }.write(to: directory.appendingPathComponent("w.bin"))
  }

  @Test func dataIsReadAtItsOffset() throws {
    try writeFloats([9, 9, 1, 2, 9])
    for entries in [
      [("location", "w.bin"), ("offset", "8"), ("length", "8")], [("location", "./w.bin"), ("offset", "8")],
    ] {
      #expect(try Evaluator(load(entries)).run([]).first?.floats == [1, 2])
    }
  }

  @Test func largeDataStaysWholeAfterTheModelFileIsGone() throws {
    let numbers = (0..<100_000).map { Float($0) }
    try writeFloats(numbers)
    let proto = tensor("w", 1, [numbers.count]) { tensor in
      tensor.message(
        13,
        ProtoMessage {
          $0.string(1, "location")
          $0.string(2, "w.bin")
        })
      tensor.int(14, 1)
    }
    let url = directory.appendingPathComponent("model.onnx")
    try TestModel.constant(proto).data.write(to: url)
    let graph = try importONNX(contentsOf: url)
    try FileManager.default.removeItem(at: directory)
    #expect(try Evaluator(graph).run([]).first?.floats == numbers)
  }

  @Test(arguments: ["/etc/passwd", "../w.bin", "a/../../w.bin", "..", "w.bin\0", "..\\w.bin"])
  func pathsOutOfTheDirectoryAreRefused(_ path: String) throws {
    try writeFloats([1, 2])
    refuse([("location", path)], .forbiddenPath)
  }

  @Test func placesOutOfTheFileAreRefused() throws {
    try writeFloats([1, 2])
    let location = ("location", "w.bin")
    refuse([location, ("offset", "4")], .outOfBounds(offset: 4, byteCount: 8, fileByteCount: 8))
    refuse(
      [location, ("offset", "9223372036854775807")],
      .outOfBounds(offset: Int.max, byteCount: 8, fileByteCount: 8))
    refuse([location, ("length", "4")], .lengthMismatch(expected: 8, found: 4))
    refuse([location, ("offset", "-4")], .invalidNumber(key: "offset", value: "-4"))
    refuse([location, ("length", "8x")], .invalidNumber(key: "length", value: "8x"))
    refuse([], .missingLocation)
  }

  @Test func missingFilesAndDirectoriesAreUnreadable() throws {
    try FileManager.default.createDirectory(
      at: directory.appendingPathComponent("folder"), withIntermediateDirectories: true)
    for name in ["none.bin", "folder"] {
      expectError(refusal { () throws(ONNXError) in try load([("location", name)]) }) {
        if case .externalData("w", name, .unreadable) = $0 { true } else { false }
      }
    }
  }

  @Test func aModelInMemoryHasNoFilesBesideIt() {
    expectError(refusal { () throws(ONNXError) in try importONNX(model([("location", "w.bin")])) }) {
      if case .externalData("w", "w.bin", .noDirectory) = $0 { true } else { false }
    }
  }

  @Test func headersOnlyKnowsExtentsWithoutReading() throws {
    let proto = tensor("w", 1, [64, 64]) { $0.packedFixed(9, [Float](repeating: 1, count: 4096)) }
    let url = directory.appendingPathComponent("model.onnx")
    try TestModel.constant(proto).data.write(to: url)
    let graph = try importONNX(contentsOf: url, weights: .headersOnly)
    let constant = try #require(graph[graph.liveConstants()[0]].constant)
    #expect(constant.shape == [64, 64])
    #expect(constant.floats.allSatisfy { $0 == 0 })
    #expect(try Evaluator(importONNX(contentsOf: url)).run([]).first?.floats.allSatisfy { $0 == 1 } == true)
  }

  @Test func anExportPastTheLimitPutsItsWeightsBeside() throws {
    var graph = Graph(name: "large")
    let weight = Tensor(shape: [3, 1000], elements: (0..<3000).map { Float($0) })
    let small = Tensor(shape: [2], elements: [Float(1), 2])
    graph.outputs = [graph.addConstant(name: "large", weight), graph.addConstant(name: "small", small)]
    let url = directory.appendingPathComponent("out.onnx")
    try exportONNX(graph, to: url, greatestFileByteCount: 10_000)
    let data = try Data(contentsOf: directory.appendingPathComponent("out.onnx.data"))
    #expect(data.count == 12_000)
    let found = try Evaluator(importONNX(contentsOf: url)).run([])
    #expect(found.map(\.floats) == [weight.floats, small.floats])
  }
}
