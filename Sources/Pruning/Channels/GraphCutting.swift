import Graph
import HostTensors
import Operators
import TensorTypes

/// A graph that loses indices of its axes.
struct GraphCutting {
  private(set) var graph: Graph
  private let original: Graph
  /// For every axis that is cut, the indices that stay, ascending.
  private let kept: [ValueAxis: [Int]]

  init(_ graph: Graph, removed: [ValueAxis: [Int]]) throws(ChannelPruningError) {
    (self.graph, original) = (graph, graph)
    var kept: [ValueAxis: [Int]] = [:]
    for (axis, indices) in removed {
      guard axis.value.index < graph.values.count, let shape = graph[axis.value].info?.shape, axis.axis < shape.count,
        indices.allSatisfy(shape[axis.axis].indices.contains)
      else {
        throw .planMismatch(value: axis.value.index < graph.values.count ? graph[axis.value].name : "\(axis.value)")
      }
      let gone = Set(indices)
      kept[axis] = shape[axis.axis].indices.filter { !gone.contains($0) }
    }
    self.kept = kept
  }

  mutating func run() throws(ChannelPruningError) {
    for value in Set(kept.keys.map(\.value)) {
      guard let constant = original[value].constant else { continue }
      var tensor = constant
      for axis in constant.shape.indices {
        if let indices = kept[ValueAxis(value: value, axis: axis)] { tensor = tensor.selecting(indices, axis: axis) }
      }
      graph[value].info = ValueInfo(tensor)
    }
    for index in graph.nodes.indices where touches(original.nodes[index]) { try rewrite(index) }
    for case let output? in graph.nodes.flatMap(\.outputs) { graph[output].info = nil }
    do throws(GraphError) { try graph.inferShapes() } catch { throw .graph(error) }
    for case let output? in graph.nodes.flatMap(\.outputs) {
      let (expected, found) = (keptShape(output), graph[output].info?.shape ?? [])
      guard expected == found else { throw .wrongShape(value: graph[output].name, expected: expected, found: found) }
    }
  }

  private func touches(_ node: Node) -> Bool {
    (node.inputs + node.outputs).contains { id in
      id.map { id in
        (original[id].info?.shape ?? []).indices.contains { kept[ValueAxis(value: id, axis: $0)] != nil }
      } ?? false
    }
  }

  /// The extents of a value after the cut.
  private func keptShape(_ value: ValueID) -> [Int] {
    (original[value].info?.shape ?? []).enumerated().map { axis, extent in
      kept[ValueAxis(value: value, axis: axis)]?.count ?? extent
    }
  }

  private func shape(_ value: ValueID?) -> [Int] { value.flatMap { original[$0].info?.shape } ?? [] }

  /// Brings attributes and constants of a node in line with the new extents.
  private mutating func rewrite(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    switch node.kind {
    case .conv, .convTranspose: try regroup(index)
    case .lstm, .gru, .rnn:
      guard let recurrent = node.inputs[2], node.op.attributes["hidden_size"] != nil else { return }
      let size = keptShape(recurrent)[2]
      graph.nodes[index].op = try node.resized(["hidden_size": .int(size)])
    case .reshape, .expand: restateShape(index, slot: 1)
    case .constantOfShape: restateShape(index, slot: 0)
    case .split: try restateExtents(index)
    case .slice: try restateBounds(index)
    case .pad: try restatePads(index)
    case .squeeze: try nameAxes(index)
    case .resize: restateSizes(index)
    case .gemm, .matMul, .batchNormalization, .layerNormalization, .relu, .leakyRelu, .pRelu, .clip, .sigmoid,
      .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .softmax, .logSoftmax, .maxPool, .averagePool,
      .globalAveragePool, .globalMaxPool, .add, .sub, .mul, .div, .pow, .sqrt, .exp, .log, .neg, .abs, .min, .max,
      .reduceMean, .reduceSum, .reduceMax, .argMax, .flatten, .transpose, .unsqueeze, .concat, .gather, .shape,
      .constant, .cast, .where, .equal, .greater, .less, .not, .and, .or, .identity, .dropout, .quantizeLinear,
      .dequantizeLinear:
      return
    }
  }

  /// The number of groups where groups went as a whole.
  private mutating func regroup(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    guard case .int(let groups)? = node.op.attributes["group"], let input = node.inputs[0],
      let weight = node.inputs[1], let output = node.outputs[0]
    else { return }
    // A kernel has its group's input channels as axis 1, that of a transposed convolution its output channels.
    let channels = keptShape(node.kind == .conv ? input : output)[1]
    let count = channels / keptShape(weight)[1]
    if count != groups { graph.nodes[index].op = try node.resized(["group": .int(count)]) }
  }

  /// A constant list of integers of its own for an input, since others may read the present one.
  private mutating func setIntegers(_ integers: [Int], node index: Int, slot: Int, name: String) {
    let inputs = graph.nodes[index].inputs
    let present = slot < inputs.count ? inputs[slot] : nil
    if let present, graph[present].constant?.integers == integers { return }
    let wanted = present.map { graph[$0].name + "_cut" } ?? "\(graph.nodes[index].name)_\(name)"
    let tensor = Tensor(integers: integers)
    let dtype = present.flatMap { graph[$0].info?.dtype } ?? .int64
    let id = graph.addConstant(name: wanted, dtype == .int32 ? tensor.converted(to: Int32.self) : tensor)
    while graph.nodes[index].inputs.count <= slot { graph.nodes[index].inputs.append(nil) }
    graph.nodes[index].inputs[slot] = id
  }

  /// The shape that a node is given: entries that say more than a number (-1, 0, 1 to broadcast) stay.
  private mutating func restateShape(_ index: Int, slot: Int) {
    let node = graph.nodes[index]
    guard let given = node.inputs[slot].flatMap({ graph[$0].constant?.integers }), let output = node.outputs[0] else {
      return
    }
    let (old, new) = (shape(output), keptShape(output))
    let lead = new.count - given.count
    let restated = given.indices.map { entry in
      let axis = lead + entry
      if old[axis] == new[axis] || given[entry] == -1 { return given[entry] }
      // In an Expand, 1 keeps the input's extent; in a Reshape, 0 keeps that of the input's axis of this number.
      if node.kind == .expand && given[entry] == 1 { return 1 }
      if node.kind == .reshape && given[entry] == 0 && keptShape(node.inputs[0]!)[axis] == new[axis] { return 0 }
      return new[axis]
    }
    setIntegers(frozenZeros(restated, node, new), node: index, slot: slot, name: "shape")
  }

  /// A 0 of a Reshape that would now keep an extent that changed becomes the number it stood for.
  private func frozenZeros(_ entries: [Int], _ node: Node, _ new: [Int]) -> [Int] {
    guard let reshape = node.op as? Reshape, !reshape.allowsZero, let data = node.inputs[0] else { return entries }
    let input = keptShape(data)
    return entries.enumerated().map { $1 == 0 && input[$0] != new[$0] ? new[$0] : $1 }
  }

  private mutating func restateExtents(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    guard let split = node.op as? Split, let input = node.inputs[0] else { return }
    let axis = split.axis < 0 ? split.axis + shape(input).count : split.axis
    guard kept[ValueAxis(value: input, axis: axis)] != nil else { return }
    var start = 0
    var extents: [Int] = []
    do throws(OperatorError) {
      for extent in try split.extents(original.inputInfos(of: node)) {
        extents.append(keptCount(input, axis, start..<start + extent))
        start += extent
      }
    } catch { throw .operatorRefused(node: node.name, error) }
    setIntegers(extents, node: index, slot: 1, name: "split")
    graph.nodes[index].op = try graph.nodes[index].resized(
      ["axis": .int(split.axis)], dropping: ["num_outputs"], inputCount: 2)
  }

  /// How many of `range` stay along an axis.
  private func keptCount(_ value: ValueID, _ axis: Int, _ range: Range<Int>) -> Int {
    kept[ValueAxis(value: value, axis: axis)]?.count(where: range.contains) ?? range.count
  }

  /// Starts, ends, axes and steps over all axes.
  private mutating func restateBounds(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    guard let slice = node.op as? SliceOperator, let input = node.inputs[0] else { return }
    let ranges: [AxisRange]
    do throws(OperatorError) { ranges = try slice.ranges(original.inputInfos(of: node)) } catch {
      throw .operatorRefused(node: node.name, error)
    }
    var (starts, ends) = ([Int](), [Int]())
    for (axis, range) in ranges.enumerated() {
      guard range.step == 1 else {
        starts.append(range.start)
        let end = range.start + range.step * range.count
        // A walk backwards over the first element ends before it: -1 would be the last one.
        ends.append(end < 0 ? -shape(input)[axis] - 1 : end)
        continue
      }
      let start = keptCount(input, axis, 0..<range.start)
      starts.append(start)
      ends.append(start + keptCount(input, axis, range.start..<range.start + range.count))
    }
    // The form of opset 9 and older holds the bounds itself: it is read again as the newer one.
    graph.nodes[index].inputs = Array(node.inputs.prefix(1))
    for (slot, (name, list)) in [
      ("starts", starts), ("ends", ends), ("axes", Array(ranges.indices)), ("steps", ranges.map(\.step)),
    ].enumerated() {
      setIntegers(list, node: index, slot: slot + 1, name: name)
    }
    graph.nodes[index].op = try rebuilt(graph.nodes[index])
  }

  private mutating func restatePads(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    guard let pad = node.op as? Pad, let input = node.inputs[0], let output = node.outputs[0] else { return }
    let pads: [(begin: Int, end: Int)]
    do throws(OperatorError) { pads = try pad.resolvedPads(original.inputInfos(of: node)) } catch {
      throw .operatorRefused(node: node.name, error)
    }
    var (begins, ends) = ([Int](), [Int]())
    for (axis, padding) in pads.enumerated() {
      let extent = shape(input)[axis]
      let isCut = kept[ValueAxis(value: output, axis: axis)] != nil
      let last = padding.begin + extent
      begins.append(isCut ? keptCount(output, axis, 0..<padding.begin) : padding.begin)
      ends.append(isCut ? keptCount(output, axis, last..<last + padding.end) : padding.end)
    }
    let own = pad.attributeInputs(original.inputInfos(of: node))
    let fill = own.optional(2).map { graph.addConstant(name: "\(node.name)_value", $0) } ?? node.inputs.optional(2)
    graph.nodes[index].inputs = [input]
    setIntegers(begins + ends, node: index, slot: 1, name: "pads")
    if let fill { graph.nodes[index].inputs.append(fill) }
    graph.nodes[index].op = try rebuilt(graph.nodes[index])
  }

  /// Axes for a Squeeze that drops all of extent 1, since channels may have become one.
  private mutating func nameAxes(_ index: Int) throws(ChannelPruningError) {
    let node = graph.nodes[index]
    guard let squeeze = node.op as? Squeeze, node.inputs.count == 1,
      squeeze.attributeInputs(original.inputInfos(of: node)).isEmpty
    else { return }
    let axes = shape(node.inputs[0]).enumerated().filter { $1 == 1 }.map(\.offset)
    setIntegers(axes, node: index, slot: 1, name: "axes")
    graph.nodes[index].op = try rebuilt(graph.nodes[index])
  }

  private mutating func restateSizes(_ index: Int) {
    let node = graph.nodes[index]
    guard let resize = node.op as? Resize,
      let given = node.inputs.optional(3).flatMap({ graph[$0].constant?.integers }),
      let output = node.outputs[0]
    else { return }
    let (old, new) = (shape(output), keptShape(output))
    let axes = resize.axes.map { $0.map { $0 < 0 ? $0 + new.count : $0 } } ?? Array(new.indices)
    let restated = zip(axes, given).map { axis, size in old[axis] == new[axis] ? size : new[axis] }
    setIntegers(restated, node: index, slot: 3, name: "sizes")
  }

  /// The operator read again from its canonical form, with the inputs that the node now has.
  private func rebuilt(_ node: Node) throws(ChannelPruningError) -> any Operator {
    let definition = NodeDefinition(
      opType: node.kind.rawValue, attributes: node.op.attributes, inputCount: node.inputs.count,
      outputCount: node.outputs.count)
    do {
      return try makeOperator(definition)
    } catch { throw .operatorRefused(node: node.name, error) }
  }
}

extension Int {
  fileprivate var indices: Range<Int> { 0..<self }
}

extension Tensor {
  /// The elements at `indices` of an axis.
  fileprivate func selecting(_ indices: [Int], axis: Int) -> Tensor {
    var extents = shape
    extents[axis] = indices.count
    let outer = shape[..<axis].reduce(1, *)
    let pieceBytes = shape[(axis + 1)...].reduce(dtype.byteCount, *)
    return withBytes { source in
      let storage = TensorStorage(zeroedByteCount: extents.elementCount * dtype.byteCount)
      let target = UnsafeMutableRawBufferPointer(mutating: storage.bytes)
      for row in 0..<outer {
        for (position, index) in indices.enumerated() {
          let from = (row * shape[axis] + index) * pieceBytes
          let to = (row * indices.count + position) * pieceBytes
          UnsafeMutableRawBufferPointer(rebasing: target[to..<to + pieceBytes]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[from..<from + pieceBytes]))
        }
      }
      return Tensor(dtype: dtype, shape: extents, storage: storage)
    }
  }
}
