import Datasets
import Foundation
import Graph
import HostTensors
import Training

/// What a teacher says to the batches of one source.
///
/// Without augmentation a sample is the same in every epoch: its answer is computed once and kept in a file that
/// later runs find again by the hash of teacher and samples. An augmented sample is shown to the teacher as
/// the student sees it.
package struct TeacherAnswers: Sendable {
  private enum Origin: Sendable {
    case stored(AnswerFile)
    case asked
  }

  let teacher: Teacher
  private let origin: Origin

  /// Answers that are computed batch by batch.
  init(asking teacher: Teacher) {
    self.teacher = teacher
    origin = .asked
  }

  /// Answers from the file of `folder` that belongs to `teacher` and the samples of `source`; it is made where it is
  /// not there. Augmented samples are asked about instead.
  ///
  /// Errors: `.teacher`, `.training` with `.dataset`, `.unwritable`.
  init(
    _ teacher: Teacher, to source: BatchSource, storedIn folder: String, observe: (DistillationEvent) -> Void
  ) throws(DistillationError) {
    self.teacher = teacher
    origin =
      source.batching.augmentation == nil
      ? .stored(try Self.file(teacher, source.dataset, folder, observe: observe)) : .asked
  }

  private static func file(
    _ teacher: Teacher, _ samples: Dataset, _ folder: String, observe: (DistillationEvent) -> Void
  ) throws(DistillationError) -> AnswerFile {
    let key = try key(teacher, samples)
    let path = "\(folder)/teacher-\(String(key, radix: 16)).answers"
    func open() throws(AnswerFile.Damage) -> AnswerFile {
      try AnswerFile(mapping: path, count: samples.count, width: teacher.answerWidth, key: key)
    }
    if FileManager.default.fileExists(atPath: path) {
      do throws(AnswerFile.Damage) {
        let file = try open()
        observe(.answersFound(path: path))
        return file
      } catch { observe(.answersDamaged(path: path, reason: error.reason)) }
    }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
    try AnswerFile.write(path, count: samples.count, width: teacher.answerWidth, key: key) {
      (range, rows) throws(DistillationError) in
      try ask(teacher, samples, range, rows)
      observe(.answered(samples: range.upperBound, of: samples.count))
    }
    do throws(AnswerFile.Damage) { return try open() } catch {
      throw .unwritable(path: path, reason: "what was written cannot be read: \(error.reason)")
    }
  }

  /// The answers to `batch`: the scores, then each feature, [samples, numbers].
  func tensors(_ batch: Batch) throws(GraphError) -> [Tensor] {
    let width = teacher.answerWidth
    let rows = try Tensor(uninitialized: [batch.count, width], of: Float.self) {
      (rows: UnsafeMutableBufferPointer<Float>) throws(GraphError) in
      switch origin {
      case .asked: try teacher.answer(batch.inputs, into: rows)
      case .stored(let file):
        for (row, index) in batch.indices.enumerated() {
          file.copyAnswer(index, to: UnsafeMutableBufferPointer(rebasing: rows[row * width..<(row + 1) * width]))
        }
      }
    }
    var first = 0
    return teacher.shapes.map { shape in
      defer { first += shape.elementCount }
      return rows.columns(first..<first + shape.elementCount)
    }
  }

  private static func ask(
    _ teacher: Teacher, _ samples: Dataset, _ range: Range<Int>, _ rows: UnsafeMutableBufferPointer<Float>
  ) throws(DistillationError) {
    let inputs = try stacked(samples, range)
    do throws(GraphError) { try teacher.answer(inputs, into: rows) } catch { throw .teacher(error) }
  }

  /// Of all that the answers depend on: the teacher and the samples as they are prepared.
  private static func key(_ teacher: Teacher, _ samples: Dataset) throws(DistillationError) -> UInt64 {
    var hash = StableHash()
    teacher.hash(into: &hash)
    hash.add("\(samples.count)\(samples.sampleShape)")
    for start in stride(from: 0, to: samples.count, by: 256) {
      let inputs = try stacked(samples, start..<min(start + 256, samples.count))
      inputs.withBytes { hash.add($0) }
    }
    return hash.value
  }

  private static func stacked(_ samples: Dataset, _ range: Range<Int>) throws(DistillationError) -> Tensor {
    do throws(DatasetError) { return try samples.stacked(Array(range)) } catch { throw .training(.dataset(error)) }
  }
}

/// What is told while the teacher's answers are gathered.
public enum DistillationEvent: Sendable {
  /// The answers of an earlier run are used.
  case answersFound(path: String)
  /// The file of answers is of no use and is made anew.
  case answersDamaged(path: String, reason: String)
  case answered(samples: Int, of: Int)
}

extension Tensor {
  /// Some columns of a float32 matrix.
  fileprivate func columns(_ range: Range<Int>) -> Tensor {
    if range.count == shape[1] { return self }
    return withElements(as: Float.self) { source in
      Tensor(uninitialized: [shape[0], range.count], of: Float.self) { target in
        for row in 0..<shape[0] {
          let start = row * shape[1] + range.lowerBound
          for column in range.indices.lazy.map({ $0 - range.lowerBound }) {
            target[row * range.count + column] = source[start + column]
          }
        }
      }
    }
  }
}
