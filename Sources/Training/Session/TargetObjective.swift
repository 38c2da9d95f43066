import Datasets
import Graph
import HostTensors
import Operators
import TensorTypes

/// A loss of a network's scores against the labels or targets of the data, or against the samples themselves.
package struct TargetObjective: Objective {
  let loss: Loss
  /// The value that the loss reads: the logits before a final softmax or sigmoid where the loss has its own.
  package let scores: ValueID
  package let metric: ObjectiveMetric
  private let input: ValueInfo
  /// Whether samples are their own targets.
  private let isReconstruction: Bool

  /// Errors: `.noOutput`, `.objective` where the labels of `dataset` are not what the loss compares with.
  package init(_ loss: Loss, graph: Graph, dataset: Dataset) throws(TrainingError) {
    guard let output = graph.outputs.first, let shape = graph[output].info?.shape,
      let input = graph[graph.inputs[0]].info
    else { throw .noOutput }
    self.input = input
    self.loss = loss
    scores = graph.scores(of: output, for: loss)
    switch loss {
    case .crossEntropy, .distillation:
      metric = .accuracy
      isReconstruction = false
      try Self.checkClasses(dataset, scores: shape.dropFirst().reduce(1, *))
    case .binaryCrossEntropy:
      metric = .accuracy
      isReconstruction = false
      guard dataset.hasLabels || dataset.targetWidth > 0 else {
        throw .objective(expected: "labels of 0 and 1", found: "a data set without labels")
      }
    case .meanSquaredError, .meanAbsoluteError, .cosine:
      metric = .meanAbsoluteError
      let outputs = shape.dropFirst().reduce(1, *)
      isReconstruction = dataset.targetWidth == 0 && !dataset.hasLabels
      let width = isReconstruction ? dataset.elementCount : max(dataset.targetWidth, 1)
      guard width == outputs else {
        throw .objective(expected: "\(outputs) targets a sample, as the network has outputs", found: "\(width)")
      }
    }
  }

  private static func checkClasses(_ dataset: Dataset, scores: Int) throws(TrainingError) {
    guard dataset.hasLabels else {
      throw .objective(expected: "a class label for each sample", found: "a data set without labels")
    }
    let greatest = (0..<dataset.count).reduce(0) { max($0, dataset.label($1) ?? 0) }
    guard greatest < scores else {
      throw .objective(expected: "labels below \(scores), the network's scores", found: "label \(greatest)")
    }
  }

  package var observed: [ValueID] { [scores] }

  package func input(_ batch: Batch) -> Tensor { input.input(batch) }

  package func evaluate(
    _ tensors: [Tensor], _ batch: Batch, of source: BatchSource
  ) throws(TrainingError) -> ObjectiveFigures {
    try evaluate(scores: tensors[0], batch)
  }

  /// Loss, metric and the loss's gradient by `scores`.
  ///
  /// Errors: `.loss` where labels or targets do not fit.
  package func evaluate(scores tensor: Tensor, _ batch: Batch) throws(TrainingError) -> ObjectiveFigures {
    let width = tensor.count / max(batch.count, 1)
    let rows = tensor.reshaped([batch.count, width])
    do throws(LossError) {
      let value = try loss.evaluate(outputs: rows, targets: targets(batch, width: width))
      return ObjectiveFigures(
        loss: value.mean, metric: measure(rows, batch, width: width),
        gradients: [value.gradient.reshaped(tensor.shape)])
    } catch { throw .loss(error) }
  }

  private func targets(_ batch: Batch, width: Int) -> Targets {
    switch loss {
    case .crossEntropy, .distillation:
      if let soft = batch.probabilities { return .values(soft) }
      return .classes(batch.labels)
    case .binaryCrossEntropy:
      if !batch.labels.isEmpty && width == 1 { return .classes(batch.labels) }
      let numbers = batch.labels.isEmpty ? batch.targets : batch.labels.map { Float($0) }
      return .values(Tensor(shape: [batch.count, numbers.count / max(batch.count, 1)], elements: numbers))
    case .meanSquaredError, .meanAbsoluteError, .cosine:
      if isReconstruction { return .values(batch.inputs.reshaped([batch.count, width])) }
      let numbers = batch.targets.isEmpty ? batch.labels.map { Float($0) } : batch.targets
      return .values(Tensor(shape: [batch.count, width], elements: numbers))
    }
  }

  private func measure(_ rows: Tensor, _ batch: Batch, width: Int) -> Double {
    rows.withElements(as: Float.self) { scores in
      var sum = 0.0
      for sample in 0..<batch.count {
        let row = UnsafeBufferPointer(rebasing: scores[sample * width..<(sample + 1) * width])
        switch loss {
        case .crossEntropy, .distillation: sum += row.indexOfGreatest == batch.labels[sample] ? 1 : 0
        case .binaryCrossEntropy:
          let truth = { (column: Int) in
            batch.labels.isEmpty ? batch.targets[sample * width + column] > 0.5 : batch.labels[sample] == 1
          }
          sum += Double(row.indices.count { (row[$0] > 0) == truth($0) }) / Double(width)
        case .meanSquaredError, .meanAbsoluteError, .cosine:
          sum += meanDistance(row, batch, sample: sample)
        }
      }
      return sum
    }
  }

  private func meanDistance(_ row: UnsafeBufferPointer<Float>, _ batch: Batch, sample: Int) -> Double {
    let start = sample * row.count
    func total(_ target: (Int) -> Float) -> Double {
      row.indices.reduce(0) { $0 + Double(abs(row[$1] - target($1))) } / Double(max(row.count, 1))
    }
    if isReconstruction {
      return batch.inputs.withElements(as: Float.self) { inputs in total { inputs[start + $0] } }
    }
    return batch.targets.isEmpty ? total { _ in Float(batch.labels[sample]) } : total { batch.targets[start + $0] }
  }
}

extension UnsafeBufferPointer<Float> {
  /// The first index of the greatest element; 0 where none is greater than another.
  package var indexOfGreatest: Int {
    var best = 0
    for index in indices where self[index] > self[best] { best = index }
    return best
  }
}

extension Graph {
  /// The value of which `loss` takes the scores: what goes into a final softmax or sigmoid where the loss has its
  /// own, else `output`.
  package func scores(of output: ValueID, for loss: Loss) -> ValueID {
    switch loss {
    case .crossEntropy, .distillation: scores(behind: output, [.softmax, .logSoftmax])
    case .binaryCrossEntropy: scores(behind: output, [.sigmoid])
    case .meanSquaredError, .meanAbsoluteError, .cosine: output
    }
  }

  /// The input of the node that computes `output` where that node is of one of `kinds`; else `output`.
  func scores(behind output: ValueID, _ kinds: Set<OperatorKind>) -> ValueID {
    guard let index = producers()[output], kinds.contains(nodes[index].kind), let input = nodes[index].inputs[0] else {
      return output
    }
    return input
  }
}
