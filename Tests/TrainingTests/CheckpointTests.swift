import Foundation
import Testing
import Training

struct CheckpointTests {
  private static func sample() -> Checkpoint {
    var position = Checkpoint.Position()
    position.epoch = 3
    position.batch = 17
    position.step = 2_001
    return Checkpoint(
      fingerprint: "abc", position: position, numbers: ["best": -.infinity, "loss": 0.1, "nan": .nan],
      history: [
        EpochReport(
          epoch: 1, learningRate: 0.001, loss: 0.5, metric: 0.9, validationLoss: nil, validationMetric: 0.91,
          samplesPerSecond: 1234.5, seconds: 2)
      ],
      buffers: ["weights": (0..<1000).map { Float($0) * 0.37 - .pi }, "empty": [], "odd": [.nan, -0.0, .infinity]])
  }

  private static func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("checkpoint-\(UUID().uuidString)").path
  }

  @Test func readsBackBitForBit() throws {
    let path = Self.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let written = Self.sample()
    try written.write(to: path)
    let read = try Checkpoint(contentsOf: path)
    #expect(read.fingerprint == written.fingerprint)
    #expect(read.position == written.position)
    #expect(read.history == written.history)
    #expect(read.numbers.mapValues(\.bitPattern) == written.numbers.mapValues(\.bitPattern))
    #expect(read.buffers.mapValues { $0.map(\.bitPattern) } == written.buffers.mapValues { $0.map(\.bitPattern) })
  }

  @Test func sameStateGivesTheSameFile() throws {
    let paths = [Self.temporaryPath(), Self.temporaryPath()]
    defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
    for path in paths { try Self.sample().write(to: path) }
    #expect(FileManager.default.contents(atPath: paths[0]) == FileManager.default.contents(atPath: paths[1]))
  }

  /// Every truncation and every flipped byte is refused with a typed error.
  @Test func refusesDamage() throws {
    let path = Self.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Self.sample().write(to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var damaged: [Data] = stride(from: 0, to: whole.count, by: 97).map { whole.prefix($0) }
    for offset in stride(from: 0, to: whole.count, by: 61) {
      var copy = whole
      copy[offset] ^= 0x5A
      damaged.append(copy)
    }
    for data in damaged {
      try data.write(to: URL(fileURLWithPath: path))
      #expect(throws: TrainingError.self) { try Checkpoint(contentsOf: path) }
    }
  }

  @Test func namesAMissingFile() {
    #expect { try Checkpoint(contentsOf: "/nowhere/model.checkpoint") } throws: { error in
      if case .unreadable(let path, _)? = error as? TrainingError { path == "/nowhere/model.checkpoint" } else { false }
    }
  }
}
