import Foundation
import Testing

/// `pare train` as the power may fail: killed without warning at any moment, it goes on from its last checkpoint to
/// the very file of a run that was left alone, and never leaves half a file under a final name.
struct KilledTrainingTests {
  private static func recipe() -> String {
    """
    network: { input: [1, 28, 28], layers: [dense: { units: 32, activation: relu }, dense: 10, softmax] }
    data: { train: \(Pare.file("models/data/mnist/test.yaml")), validation: 0.1 }
    loss: cross_entropy
    optimizer: { adam: { learning_rate: 0.001 } }
    average: 0.99
    epochs: 100
    batch: 16

    """
  }

  /// Starts a run and kills it after `milliseconds`; whether it was still running then.
  private static func kill(after milliseconds: Int, _ arguments: [String], in folder: ScratchFolder) throws -> Bool {
    let process = try Pare.start(arguments, in: folder)
    Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
    let isRunning = process.isRunning
    if isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return isRunning
  }

  @Test func twentyKillsLoseNothingBeyondTheLastCheckpoint() throws {
    let folder = try ScratchFolder()
    try folder.write(Self.recipe().utf8, to: "recipe.yaml")
    let whole = try Pare.run("train", "recipe.yaml", "-o", "whole.onnx", in: folder)
    try #require(whole.status == 0, "\(whole.errors)")

    // Moments from before the data are read to well into the epochs, by a fixed formula.
    var kills = 0
    var steps = 0
    for attempt in 0..<60 where kills < 20 {
      let resumes = FileManager.default.fileExists(
        atPath: folder.url.appendingPathComponent("cut.onnx.checkpoint").path)
      let arguments =
        ["train", "recipe.yaml", "-o", "cut.onnx", "--checkpoint-seconds", "1"] + (resumes ? ["--resume"] : [])
      guard try Self.kill(after: 20 + attempt * 379 % 1500, arguments, in: folder) else { break }
      kills += 1
      // Only whole files stand: no network yet, and a checkpoint that can be read, not before the one that it followed.
      #expect(try !folder.files.contains("cut.onnx"))
      if let checkpoint = try? folder.bytes("cut.onnx.checkpoint") {
        let step = try #require(Self.step(of: checkpoint))
        #expect(step >= steps)
        steps = step
      }
    }
    #expect(kills == 20)
    #expect(steps > 0)
    let last = try Pare.run("train", "recipe.yaml", "-o", "cut.onnx", "--resume", in: folder)
    try #require(last.status == 0, "\(last.errors)")
    #expect(try folder.bytes("cut.onnx") == folder.bytes("whole.onnx"))
    #expect(try !folder.files.contains("cut.onnx.checkpoint"))
  }

  /// `"step":N` of the JSON header.
  private static func step(of checkpoint: [UInt8]) -> Int? {
    let header = String(decoding: checkpoint.prefix(100_000), as: UTF8.self)
    guard let range = header.range(of: "\"step\":") else { return nil }
    return Int(header[range.upperBound...].prefix { $0.isNumber })
  }
}
