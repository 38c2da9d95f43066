import Graph
import HostTensors
import Operators
import TensorTypes

/// Runs a graph forward as training does, and gradients back through it.
///
/// What the way back will read is decided once, when the tape is made: every other activation is released
/// after its last use, and what was kept is released as soon as the way back has passed it.
public struct Tape: Sendable {
  private struct Entry: Sendable {
    var index: Int
    var node: Node
    /// The rule that gradients follow, and that the training form of the forward pass comes from.
    var rule: GradientRule?
    /// For each input, whether its gradient is wanted.
    var wants: [Bool]
    /// Values that nothing later in the forward pass reads.
    var releases: [ValueID]
    var isRecorded: Bool { wants.contains(true) }
  }

  /// What one node leaves behind for the way back.
  fileprivate struct Record: Sendable {
    var inputs: [Tensor?]
    var inputShapes: [[Int]?]
    var outputs: [Tensor?]
    var saved: [Tensor]
  }

  /// One forward pass: the outputs, and what the way back needs.
  public struct Recording: Sendable {
    public var outputs: [Tensor]
    /// New running statistics, by the constant they replace.
    public var updates: [ValueID: Tensor]
    fileprivate var records: [Record?]
  }

  public let graph: Graph
  public let outputs: [ValueID]
  private let entries: [Entry]
  /// Parameters that the gradient of no output reaches, with the node that stops it and why.
  public let unreachable: [(value: ValueID, node: String, reason: String)]

  /// A tape over the part of `graph` that `outputs` need, for gradients by `trained` values.
  ///
  /// Errors: those of shape inference.
  public init(_ graph: Graph, outputs: [ValueID], trained: Set<ValueID>) {
    self.graph = graph
    self.outputs = outputs
    let needed = graph.nodesNeeded(for: outputs)
    var entries: [Entry] = []
    var carries = trained
    var stops: [ValueID: (node: String, reason: String)] = [:]
    for index in needed {
      let node = graph.nodes[index]
      var entry = Entry(
        index: index, node: node, rule: nil, wants: [Bool](repeating: false, count: node.inputs.count), releases: [])
      switch node.op.differentiation(graph.inputInfos(of: node)) {
      case .flows(let rule):
        entry.rule = rule
        for slot in rule.inputs where slot < node.inputs.count {
          entry.wants[slot] = node.inputs[slot].map(carries.contains) ?? false
        }
        if entry.isRecorded { for case let output? in node.outputs { carries.insert(output) } }
      case .stops(let reason):
        for case let input? in node.inputs where carries.contains(input) { stops[input] = (node.name, reason) }
      }
      entries.append(entry)
    }
    Tape.planReleases(&entries, keeping: outputs)
    self.entries = entries
    unreachable = Tape.unreachable(entries, outputs: outputs, trained: trained, stops: stops)
  }

  private static func planReleases(_ entries: inout [Entry], keeping outputs: [ValueID]) {
    var seen = Set(outputs)
    for position in entries.indices.reversed() {
      let node = entries[position].node
      for case let id? in node.inputs + node.outputs where seen.insert(id).inserted {
        entries[position].releases.append(id)
      }
    }
  }

  /// The trained values from which no path of gradients leads to an output.
  private static func unreachable(
    _ entries: [Entry], outputs: [ValueID], trained: Set<ValueID>, stops: [ValueID: (node: String, reason: String)]
  ) -> [(value: ValueID, node: String, reason: String)] {
    var reached = Set(outputs)
    for entry in entries.reversed() where entry.node.outputs.contains(where: { $0.map(reached.contains) ?? false }) {
      for (slot, wanted) in entry.wants.enumerated() where wanted {
        if let input = entry.node.inputs[slot] { reached.insert(input) }
      }
    }
    let lost = trained.subtracting(reached).sorted { $0.index < $1.index }
    let stop = stops.sorted { $0.key.index < $1.key.index }.first?.value
    return lost.map { ($0, stop?.node ?? "", stop?.reason ?? "does not lead to the loss") }
  }

  /// The outputs for `inputs`, which are in the order of `graph.inputs`; constants are those of `store` where it
  /// has them.
  ///
  /// `seed` must differ from step to step. `observe` sees every computed value.
  /// Errors: `.missingInput`; `.operatorFailed` with the node.
  public func forward(
    _ inputs: [Tensor], store: ParameterStore, seed: UInt64, observe: ((Node, Tensor) -> Void)? = nil
  ) throws(GraphError) -> Recording {
    var tensors: [ValueID: Tensor] = [:]
    for (slot, id) in graph.inputs.enumerated() {
      guard slot < inputs.count else { throw .missingInput(name: graph[id].name) }
      tensors[id] = inputs[slot]
    }
    func value(_ id: ValueID) -> Tensor? { tensors[id] ?? store.tensor(id) ?? graph[id].constant }
    var recording = Recording(outputs: [], updates: [:], records: [])
    recording.records.reserveCapacity(entries.count)
    for entry in entries {
      let operands = entry.node.inputs.map { id in id.flatMap(value) }
      let result: ForwardResult
      do throws(OperatorError) {
        result = try run(entry, operands, seed: seed)
      } catch { throw .operatorFailed(node: entry.node.name, kind: entry.node.kind, error) }
      for (slot, update) in result.updates {
        if let id = entry.node.inputs[slot] { recording.updates[id] = update }
      }
      for (id, tensor) in zip(entry.node.outputs, result.outputs) {
        guard let id else { continue }
        tensors[id] = tensor
        observe?(entry.node, tensor)
      }
      recording.records.append(record(entry, operands, result))
      for id in entry.releases { tensors[id] = nil }
    }
    for id in outputs {
      guard let tensor = value(id) else { throw .undefinedValue(node: "(graph output)", value: graph[id].name) }
      recording.outputs.append(tensor)
    }
    return recording
  }

  /// The training form where something upstream is trained, and for Dropout always; else plain evaluation,
  /// so that a frozen batch normalization keeps its statistics.
  private func run(_ entry: Entry, _ operands: [Tensor?], seed: UInt64) throws(OperatorError) -> ForwardResult {
    if let forward = entry.rule?.forward, entry.isRecorded || entry.node.kind == .dropout {
      return try forward(ForwardCall(inputs: operands, seed: Tape.mixed(seed, UInt64(entry.index))))
    }
    return ForwardResult(outputs: try entry.node.op.evaluate(operands))
  }

  private func record(_ entry: Entry, _ operands: [Tensor?], _ result: ForwardResult) -> Record? {
    guard let rule = entry.rule, entry.isRecorded else { return nil }
    return Record(
      inputs: operands.enumerated().map { rule.reads.inputs.contains($0) ? $1 : nil },
      inputShapes: operands.map { $0?.shape },
      outputs: result.outputs.enumerated().map { rule.reads.outputs.contains($0) ? $1 : nil }, saved: result.saved)
  }

  /// Puts the gradients of the trained parameters into `store`, from the loss's gradients by the outputs.
  ///
  /// Returns the gradients of the trained values that the store does not hold: inputs of the graph.
  /// Errors: `.operatorFailed` with the node.
  @discardableResult
  public func backward(
    _ recording: consuming Recording, outputGradients: [Tensor?], store: ParameterStore
  ) throws(GraphError) -> [ValueID: Tensor] {
    store.beginGradients()
    var gradients: [ValueID: Tensor] = [:]
    func add(_ gradient: Tensor, to id: ValueID) {
      if store.slice(of: id) != nil {
        store.addGradient(gradient, of: id)
      } else {
        gradients[id] = gradients[id].map { Tape.sum($0, gradient) } ?? gradient
      }
    }
    for (id, gradient) in zip(outputs, outputGradients) { if let gradient { add(gradient, to: id) } }
    var records = recording.records
    recording.outputs = []
    recording.records = []
    for entry in entries.reversed() {
      guard let record = records.removeLast(), let rule = entry.rule else { continue }
      let incoming = entry.node.outputs.map { id in id.flatMap { gradients.removeValue(forKey: $0) } }
      guard incoming.contains(where: { $0 != nil }) else { continue }
      let call = BackwardCall(
        inputs: record.inputs, inputShapes: record.inputShapes, outputs: record.outputs, saved: record.saved,
        outputGradients: incoming, wants: entry.wants)
      let results: [Tensor?]
      do throws(OperatorError) { results = try rule.backward(call) } catch {
        throw .operatorFailed(node: entry.node.name, kind: entry.node.kind, error)
      }
      for (slot, result) in results.enumerated() where slot < entry.wants.count && entry.wants[slot] {
        if let result, let id = entry.node.inputs[slot] { add(result, to: id) }
      }
    }
    store.finishGradients()
    return gradients
  }

  private static func sum(_ a: Tensor, _ b: Tensor) -> Tensor {
    a.withElements(as: Float.self) { a in
      b.withElements(as: Float.self) { b in
        Tensor(uninitialized: [a.count], of: Float.self) { target in
          for index in 0..<target.count { target[index] = a[index] + b[index] }
        }
      }
    }.reshaped(a.shape)
  }

  /// A seed for each node of each step (the finalizer of SplitMix64: Steele, Lea and Flood, 2014).
  static func mixed(_ seed: UInt64, _ index: UInt64) -> UInt64 {
    var z = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Graph {
  /// Indices of the nodes that `outputs` depend on, in order.
  func nodesNeeded(for outputs: [ValueID]) -> [Int] {
    var wanted = Set(outputs)
    var needed: [Int] = []
    for (index, node) in nodes.enumerated().reversed()
    where node.outputs.contains(where: { $0.map(wanted.contains) ?? false }) {
      for case let input? in node.inputs { wanted.insert(input) }
      needed.append(index)
    }
    return needed.reversed()
  }
}
