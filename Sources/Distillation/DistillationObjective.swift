import Datasets
import Graph
import HostTensors
import Operators
import Training

/// Hard labels, a teacher's softened scores and its features in one loss:
/// (1 - alpha) * hard + alpha * T^2 KL(softmax(teacher / T) || softmax(student / T)) + weight * sum of the matches'
/// mean squared errors.
///
/// Yes or no scores are softened as two classes, the second one's logit being 0; where the loss is of numbers the
/// student's are compared with the teacher's by their mean squared error. Sources: Hinton, Vinyals and Dean,
/// "Distilling the knowledge in a neural network", 2015 (arXiv:1503.02531); for features `FeatureProjection`.
package struct DistillationObjective: Objective {
  /// How scores are compared with a teacher's.
  private enum Comparison {
    case classes(temperature: Double)
    case yesOrNo(temperature: Double)
    case numbers
  }

  package let observed: [ValueID]
  package let metric: ObjectiveMetric
  package let alpha: Double
  /// nil where nothing is learned from labels and there are none.
  private let labels: TargetObjective?
  private let comparison: Comparison
  private let matchWeight: Double
  private let networkInput: ValueInfo
  private let answers: [ObjectIdentifier: TeacherAnswers]
  private let unknownSource: TeacherAnswers

  /// `graph` is the student with its projections, `features` the projected values of it; `answers` are by the
  /// sources they belong to, and the teacher is asked about all others.
  ///
  /// Errors: `.scoreCount`; `.training` with `.objective` where there are no labels and alpha is below 1.
  package init(
    _ settings: DistillationSettings, _ loss: Loss, graph: Graph, features: [ValueID], dataset: Dataset,
    teacher: Teacher, answers: [ObjectIdentifier: TeacherAnswers] = [:]
  ) throws(DistillationError) {
    guard let output = graph.outputs.first, let input = graph[graph.inputs[0]].info else { throw .training(.noOutput) }
    let isLabelled = dataset.hasLabels || dataset.targetWidth > 0
    alpha = settings.alpha ?? (isLabelled ? 0.9 : 1)
    do throws(TrainingError) { labels = try TargetObjective(loss, graph: graph, dataset: dataset) } catch {
      // A share of nothing of the labels is the only one that can do without them.
      guard alpha == 1, !isLabelled else { throw .training(error) }
      labels = nil
    }
    let scores = graph.scores(of: output, for: loss)
    let width = graph[scores].info?.shape.dropFirst().reduce(1, *) ?? 0
    guard width == teacher.shapes[0].elementCount else {
      throw .scoreCount(teacher: teacher.shapes[0].elementCount, student: width)
    }
    switch loss {
    case .crossEntropy, .distillation: comparison = .classes(temperature: settings.temperature)
    case .binaryCrossEntropy: comparison = .yesOrNo(temperature: settings.temperature)
    case .meanSquaredError, .meanAbsoluteError, .cosine: comparison = .numbers
    }
    observed = [scores] + features
    if let labels {
      metric = labels.metric
    } else if case .numbers = comparison {
      metric = .meanAbsoluteError
    } else {
      metric = .agreement
    }
    matchWeight = settings.matchWeight
    networkInput = input
    self.answers = answers
    unknownSource = TeacherAnswers(asking: teacher)
  }

  package func input(_ batch: Batch) -> Tensor { networkInput.input(batch) }

  package func evaluate(
    _ tensors: [Tensor], _ batch: Batch, of source: BatchSource
  ) throws(TrainingError) -> ObjectiveFigures {
    let answer: [Tensor]
    do throws(GraphError) { answer = try answers(to: source).tensors(batch) } catch { throw .graph(error) }
    let rows = tensors[0].reshaped([batch.count, tensors[0].count / max(batch.count, 1)])
    let soft = try compared(rows, with: answer[0])
    var loss = alpha * soft.mean
    var gradients: [Tensor?] = [soft.gradient.scaled(by: Float(alpha)).reshaped(tensors[0].shape)]
    var metric = labels == nil ? measured(rows, answer[0]) : 0
    if let labels {
      let hard = try labels.evaluate(scores: tensors[0], batch)
      metric = hard.metric
      if alpha < 1 {
        loss += (1 - alpha) * hard.loss
        gradients[0] = gradients[0]?.adding(hard.gradients[0], times: Float(1 - alpha))
      }
    }
    for (tensor, wanted) in zip(tensors, answer).dropFirst() {
      let flat = tensor.reshaped([batch.count, tensor.count / max(batch.count, 1)])
      let difference = try Self.loss(.meanSquaredError, flat, wanted)
      loss += matchWeight * difference.mean
      gradients.append(difference.gradient.scaled(by: Float(matchWeight)).reshaped(tensor.shape))
    }
    return ObjectiveFigures(loss: loss, metric: metric, gradients: gradients)
  }

  func answers(to source: BatchSource) -> TeacherAnswers { answers[ObjectIdentifier(source)] ?? unknownSource }

  private func compared(_ student: Tensor, with teacher: Tensor) throws(TrainingError) -> LossValue {
    switch comparison {
    case .classes(let temperature): return try Self.loss(.distillation(temperature: temperature), student, teacher)
    case .numbers: return try Self.loss(.meanSquaredError, student, teacher)
    case .yesOrNo(let temperature):
      var value = try Self.loss(.distillation(temperature: temperature), student.besideZeros, teacher.besideZeros)
      value.gradient = value.gradient.firstOfPairs.reshaped(student.shape)
      return value
    }
  }

  private static func loss(_ loss: Loss, _ student: Tensor, _ teacher: Tensor) throws(TrainingError) -> LossValue {
    do throws(LossError) { return try loss.evaluate(outputs: student, targets: .values(teacher)) } catch {
      throw .loss(error)
    }
  }

  /// The agreement with the teacher, or the distance from it, summed over samples.
  private func measured(_ student: Tensor, _ teacher: Tensor) -> Double {
    let width = student.shape[1]
    return student.withElements(as: Float.self) { student in
      teacher.withElements(as: Float.self) { teacher in
        var sum = 0.0
        for start in stride(from: 0, to: student.count, by: max(width, 1)) {
          let own = UnsafeBufferPointer(rebasing: student[start..<start + width])
          let wanted = UnsafeBufferPointer(rebasing: teacher[start..<start + width])
          switch comparison {
          case .classes: sum += own.indexOfGreatest == wanted.indexOfGreatest ? 1 : 0
          case .yesOrNo:
            sum += Double(own.indices.count { (own[$0] > 0) == (wanted[$0] > 0) }) / Double(width)
          case .numbers:
            sum += own.indices.reduce(0) { $0 + Double(abs(own[$1] - wanted[$1])) } / Double(width)
          }
        }
        return sum
      }
    }
  }
}

// Float32 tensors.
extension Tensor {
  fileprivate func scaled(by factor: Float) -> Tensor {
    withElements(as: Float.self) { source in
      Tensor(uninitialized: shape, of: Float.self) { target in
        for index in target.indices { target[index] = source[index] * factor }
      }
    }
  }

  fileprivate func adding(_ other: Tensor?, times factor: Float) -> Tensor {
    guard let other else { return self }
    return withElements(as: Float.self) { source in
      other.withElements(as: Float.self) { other in
        Tensor(uninitialized: shape, of: Float.self) { target in
          for index in target.indices { target[index] = source[index] + other[index] * factor }
        }
      }
    }
  }

  /// [elements, 2]: each element as the logit of one class beside 0 as that of the other.
  fileprivate var besideZeros: Tensor {
    withElements(as: Float.self) { source in
      Tensor(shape: [source.count, 2], of: Float.self) { target in
        for index in source.indices { target[2 * index] = source[index] }
      }
    }
  }

  fileprivate var firstOfPairs: Tensor {
    withElements(as: Float.self) { source in
      Tensor(uninitialized: [shape[0]], of: Float.self) { target in
        for index in target.indices { target[index] = source[2 * index] }
      }
    }
  }
}
