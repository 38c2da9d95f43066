// The records of the steps that recurrent networks and transformers add.

/// What a `recurrent` step computes from gates and state.
public enum RecurrentCell: UInt32, Sendable, CaseIterable {
  case rnn = 1
  case lstm, gru
  /// GRU whose reset gate multiplies the candidate's sum (ONNX `linear_before_reset`).
  case gruResettingSum

  public var gateCount: Int {
    switch self {
    case .rnn: 1
    case .lstm: 4
    case .gru, .gruResettingSum: 3
    }
  }
}

/// Functions that a `recurrent` step's gates pass through.
public enum GateFunctionCode: UInt32, Sendable, CaseIterable {
  case sigmoid = 1
  case tanh, relu
}

/// `recurrent`: one pass over the sequences of a batch, from what the input contributes to the gates.
///
/// The input's rows hold the gates of one element of time in ONNX's order: its product with W, biases
/// added. The weights are ONNX's R: [gates * hidden, hidden].
public struct RecurrentRecord: StepRecord {
  public var input = TensorIndex.none
  public var weights = TensorIndex.none
  /// float32 [hidden], `gruResettingSum` only: the recurrent bias of the candidate; none for zeros.
  public var bias = TensorIndex.none
  /// int32 [batch], limited to 0 ... steps when read; none where every sequence has `steps`.
  public var lengths = TensorIndex.none
  public var initialState = TensorIndex.none
  public var initialMemory = TensorIndex.none
  /// The state of every element of time; 0 behind the end of a sequence.
  public var output = TensorIndex.none
  public var lastState = TensorIndex.none
  public var lastMemory = TensorIndex.none
  public var scratch = TensorIndex.none
  public var cell: UInt32 = 0
  /// f, g and h of ONNX; those that the cell does not have are `sigmoid`.
  public var functions: InlineArray<3, UInt32> = [1, 1, 1]
  /// 1 where each sequence is read from its end.
  public var backward: UInt32 = 0
  public var steps = 1
  public var batch = 1
  public var hidden = 1
  /// Elements from one time, and from one sequence, to the next.
  public var inputStep = 0
  public var inputSequence = 0
  public var outputOffset = 0
  public var outputStep = 0
  public var outputSequence = 0
  /// Of the initial and the last states and memories.
  public var stateOffset = 0
  public var stateSequence = 0

  public init() {}

  public static var fields: StaticString { "tttttttttt wwwwwcccccccccc" }

  /// Scratch of one sequence: its state, its memory or reset state, its gates, and the inner loops' slack.
  public static func scratchBytes(hidden: Int, gateCount: Int) -> Int {
    (2 + gateCount) * hidden * 4 + WindowGeometry.stagingSlackBytes
  }
}

/// `layerNormalization`: y = (x - mean) * inverse * scale + bias over rows of float32, where
/// inverse = 1 / sqrt(variance + epsilon).
public struct LayerNormalizationRecord: StepRecord {
  public var input = TensorIndex.none
  /// float32 [length], constant or computed, like `bias`, which may be left out.
  public var scale = TensorIndex.none
  public var bias = TensorIndex.none
  public var output = TensorIndex.none
  /// float32 [rows] each, or none.
  public var mean = TensorIndex.none
  public var inverse = TensorIndex.none
  public var epsilon: Float = 0
  public var rows = 1
  public var length = 1

  public init() {}

  public static var fields: StaticString { "tttttt fcc" }
}
