import Graph
import HostTensors
import Operators
import TensorTypes
import Training

/// Makes features of a student comparable with a teacher's: by a learned linear map over the channels.
///
/// Source: Romero et al., "FitNets: hints for thin deep nets", 2015 (arXiv:1412.6550). The map is trained with the
/// student and left behind when the student is written.
package struct FeatureProjection {
  package private(set) var graph: Graph
  /// For each match, the value of `graph` that is compared with the teacher's feature.
  package private(set) var features: [ValueID] = []
  private let seed: UInt64

  /// `teacherShapes` are those of one sample, without the batch axis. Errors: `.unknownTensor`, `.featureShapes`.
  package init(
    of matches: [FeatureMatch], teacherShapes: [[Int]], to student: Graph, seed: UInt64
  ) throws(DistillationError) {
    graph = student
    self.seed = seed
    for (match, wanted) in zip(matches, teacherShapes) {
      let feature = try student.computedValue(named: match.student, .student)
      features.append(try projected(feature, match, to: wanted))
    }
  }

  private mutating func projected(
    _ feature: ValueID, _ match: FeatureMatch, to wanted: [Int]
  ) throws(DistillationError) -> ValueID {
    let shape = Array(graph[feature].info?.shape.dropFirst() ?? [])
    if shape == wanted { return feature }
    let isImage = shape.count > 1 && shape.count == wanted.count && shape.dropFirst() == wanted.dropFirst()
    guard isImage || (!shape.isEmpty && shape.count == wanted.count && shape.dropLast() == wanted.dropLast()) else {
      throw .featureShapes(match, teacher: wanted, student: shape)
    }
    do throws(GraphError) {
      return isImage
        ? try convolution(feature, match, channels: (shape[0], wanted[0]), spatialRank: shape.count - 1)
        : try product(feature, match, widths: (shape[shape.count - 1], wanted[wanted.count - 1]))
    } catch { throw .training(.graph(error)) }
  }

  /// A convolution of 1 x 1 from [channels.0, ...] to [channels.1, ...].
  private mutating func convolution(
    _ feature: ValueID, _ match: FeatureMatch, channels: (Int, Int), spatialRank: Int
  ) throws(GraphError) -> ValueID {
    let kernel = [channels.1, channels.0] + [Int](repeating: 1, count: spatialRank)
    return try append("Conv", match, [feature, weight(match, kernel, fanIn: channels.0), bias(match, channels.1)])
  }

  /// A dense layer along the last axis.
  private mutating func product(
    _ feature: ValueID, _ match: FeatureMatch, widths: (Int, Int)
  ) throws(GraphError) -> ValueID {
    let product = try append(
      "MatMul", match, [feature, weight(match, [widths.0, widths.1], fanIn: widths.0)])
    return try append("Add", match, [product, bias(match, widths.1)])
  }

  /// Uniform in +-1/sqrt(fan in).
  private mutating func weight(_ match: FeatureMatch, _ shape: [Int], fanIn: Int) -> ValueID {
    let name = "\(match.student).projection_weight"
    var stream = ParameterStream(seed: seed, name: "\(name) \(match.teacher)")
    let bound = 1 / Double(fanIn).squareRoot()
    let elements = (0..<shape.elementCount).map { _ in Float(bound * (2 * stream.unit() - 1)) }
    return graph.addConstant(name: name, Tensor(shape: shape, elements: elements))
  }

  private mutating func bias(_ match: FeatureMatch, _ count: Int) -> ValueID {
    graph.addConstant(name: "\(match.student).projection_bias", Tensor(shape: [count], repeating: Float(0)))
  }

  private mutating func append(
    _ opType: String, _ match: FeatureMatch, _ inputs: [ValueID]
  ) throws(GraphError) -> ValueID {
    let name = "\(match.student).projection"
    let op: any Operator
    do throws(OperatorError) { op = try makeOperator(NodeDefinition(opType: opType, inputCount: inputs.count)) } catch {
      throw .operatorFailed(node: name, kind: .conv, error)
    }
    return try graph.append(op, name: name, inputs: inputs, output: name)
  }
}
