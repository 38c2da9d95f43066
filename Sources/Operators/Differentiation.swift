import HostTensors

/// How training goes through an operator: the facet that the tape reads.
public enum Differentiation: Sendable {
  case flows(GradientRule)
  /// No gradient passes, since no output depends smoothly on any input, as of ArgMax or Shape; the
  /// reason is a sentence fragment for the user.
  case stops(reason: String)
}

/// The forward pass of an operator in training, and the way back through it.
public struct GradientRule: Sendable {
  /// The inputs that a gradient exists for, by index.
  public var inputs: [Int]
  /// The tensors of the forward pass that `backward` reads: the tape keeps these and releases the others.
  public var reads: ForwardReads
  /// The forward pass where training differs from evaluation or keeps something of its own for the way
  /// back; nil where the tape calls `evaluate`.
  public var forward: ForwardFunction?
  public var backward: BackwardFunction

  public init(
    inputs: [Int], reads: ForwardReads, forward: ForwardFunction? = nil, backward: @escaping BackwardFunction
  ) {
    self.inputs = inputs
    self.reads = reads
    self.forward = forward
    self.backward = backward
  }
}

public typealias ForwardFunction = @Sendable (ForwardCall) throws(OperatorError) -> ForwardResult

/// Gives one gradient for each input, of the input's shape: nil where it is not wanted.
public typealias BackwardFunction = @Sendable (BackwardCall) throws(OperatorError) -> [Tensor?]

/// Inputs and outputs by index.
public struct ForwardReads: Sendable, Equatable {
  public var inputs: Set<Int>
  public var outputs: Set<Int>

  public init(inputs: Set<Int> = [], outputs: Set<Int> = []) {
    self.inputs = inputs
    self.outputs = outputs
  }

  public static let nothing = ForwardReads()
  public static func inputs(_ inputs: Int...) -> ForwardReads { ForwardReads(inputs: Set(inputs)) }
  public static func outputs(_ outputs: Int...) -> ForwardReads { ForwardReads(outputs: Set(outputs)) }
}

/// One forward pass of an operator in training.
public struct ForwardCall: Sendable {
  public var inputs: [Tensor?]
  /// Differs from node to node and from step to step of a run, and is the same when the run is repeated:
  /// whatever is random derives from it alone.
  public var seed: UInt64

  public init(inputs: [Tensor?], seed: UInt64) {
    self.inputs = inputs
    self.seed = seed
  }
}

public struct ForwardResult: Sendable {
  public var outputs: [Tensor]
  /// What `backward` reads beyond inputs and outputs: a mask, the winners of a pool, gates.
  public var saved: [Tensor]
  /// New values of inputs that no gradient trains, by index: the running statistics of a batch normalization.
  public var updates: [Int: Tensor]

  public init(outputs: [Tensor], saved: [Tensor] = [], updates: [Int: Tensor] = [:]) {
    self.outputs = outputs
    self.saved = saved
    self.updates = updates
  }
}

/// One backward pass of an operator.
public struct BackwardCall: Sendable {
  /// The inputs that the rule reads; nil where it does not, or where the input is omitted.
  public var inputs: [Tensor?]
  /// Extents of every input, nil where it is omitted.
  public var inputShapes: [[Int]?]
  /// The outputs that the rule reads.
  public var outputs: [Tensor?]
  public var saved: [Tensor]
  /// The loss's gradient by each output; nil where nothing that is trained reads the output. At least one is given.
  public var outputGradients: [Tensor?]
  /// For each input, whether its gradient is wanted.
  public var wants: [Bool]

  public init(
    inputs: [Tensor?], inputShapes: [[Int]?], outputs: [Tensor?], saved: [Tensor], outputGradients: [Tensor?],
    wants: [Bool]
  ) {
    self.inputs = inputs
    self.inputShapes = inputShapes
    self.outputs = outputs
    self.saved = saved
    self.outputGradients = outputGradients
    self.wants = wants
  }
}
