import Foundation

/// A result whose JSON keys scripts may rely on: they are always there, null where they do not apply.
public protocol Report: Encodable, Sendable {}

extension Report {
  /// One JSON object on one line, keys in alphabetical order.
  ///
  /// Throws `EncodingError` where a figure is infinite or NaN, which JSON cannot say.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

/// What `pare eval` found.
public struct EvaluationReport: Report, Equatable {
  /// One class of a classifier.
  public struct ClassRow: Sendable, Equatable, Encodable {
    public var name: String
    public var support: Int
    public var precision: Double
    public var recall: Double
    public var f1: Double
  }

  public var samples: Int
  /// Fractions of 1.
  public var accuracy: Double?
  public var top5: Double?
  public var macroF1: Double?
  /// Mean squared error of a regression or reconstruction.
  public var mse: Double?
  public var auc: Double?
  public var classes: [ClassRow]?
  /// Row: true class. Column: predicted class.
  public var confusionMatrix: [[Int]]?
  /// Samples whose scores were all NaN.
  public var samplesWithoutPrediction: Int?

  public init(
    samples: Int, classification: ClassificationMetrics? = nil, classNames: [String]? = nil, mse: Double? = nil,
    auc: Double? = nil
  ) {
    self.samples = samples
    self.mse = mse
    self.auc = auc
    guard let metrics = classification else { return }
    accuracy = metrics.accuracy
    top5 = metrics.top5
    macroF1 = metrics.macroF1
    confusionMatrix = metrics.confusionMatrix
    samplesWithoutPrediction = metrics.samplesWithoutPrediction
    classes = (0..<metrics.classCount).map { label in
      let isNamed = classNames.map { $0.indices.contains(label) } ?? false
      return ClassRow(
        name: isNamed ? classNames?[label] ?? String(label) : String(label), support: metrics.support(label),
        precision: metrics.precision(label), recall: metrics.recall(label), f1: metrics.f1(label))
    }
  }

  enum CodingKeys: String, CodingKey {
    case samples, accuracy, top5, mse, auc, classes
    case macroF1 = "macro_f1"
    case confusionMatrix = "confusion_matrix"
    case samplesWithoutPrediction = "samples_without_prediction"
  }

  // Written out because a synthesized one leaves nil out instead of writing null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(samples, forKey: .samples)
    try container.encode(accuracy, forKey: .accuracy)
    try container.encode(top5, forKey: .top5)
    try container.encode(macroF1, forKey: .macroF1)
    try container.encode(mse, forKey: .mse)
    try container.encode(auc, forKey: .auc)
    try container.encode(classes, forKey: .classes)
    try container.encode(confusionMatrix, forKey: .confusionMatrix)
    try container.encode(samplesWithoutPrediction, forKey: .samplesWithoutPrediction)
  }
}

/// What `pare bench` measured.
public struct BenchReport: Report, Equatable {
  /// One step of `--profile`.
  public struct StepRow: Sendable, Equatable, Encodable {
    public var index: Int
    public var kind: String
    public var name: String
    public var macs: Int
    /// Median microseconds.
    public var us: Double

    public init(index: Int, kind: String, name: String, macs: Int, us: Double) {
      self.index = index
      self.kind = kind
      self.name = name
      self.macs = macs
      self.us = us
    }
  }

  public var latency: LatencyStatistics
  /// Microseconds from opening the file to the first run.
  public var loadMicroseconds: Double
  public var firstMicroseconds: Double
  public var peakResidentBytes: Int
  public var arenaBytes: Int
  public var macs: Int
  public var isa: String
  public var threads: Int
  public var steps: [StepRow]?

  public init(
    latency: LatencyStatistics, loadMicroseconds: Double, firstMicroseconds: Double, peakResidentBytes: Int,
    arenaBytes: Int, macs: Int, isa: String, threads: Int, steps: [StepRow]? = nil
  ) {
    self.latency = latency
    self.loadMicroseconds = loadMicroseconds
    self.firstMicroseconds = firstMicroseconds
    self.peakResidentBytes = peakResidentBytes
    self.arenaBytes = arenaBytes
    self.macs = macs
    self.isa = isa
    self.threads = threads
    self.steps = steps
  }

  enum CodingKeys: String, CodingKey {
    case latency = "latency_us"
    case loadMicroseconds = "load_us"
    case firstMicroseconds = "first_us"
    case peakResidentBytes = "peak_rss_bytes"
    case arenaBytes = "arena_bytes"
    case macs, isa, threads, steps
  }
}

/// What `pare pack` wrote.
public struct PackReport: Report, Equatable {
  public var fileBytes: Int
  public var weightsRawBytes: Int
  /// The order-0 entropy of the weights, tensor by tensor.
  public var weightsEntropyBytes: Int
  public var arenaBytes: Int
  public var steps: Int

  public init(fileBytes: Int, weightsRawBytes: Int, weightsEntropyBytes: Int, arenaBytes: Int, steps: Int) {
    self.fileBytes = fileBytes
    self.weightsRawBytes = weightsRawBytes
    self.weightsEntropyBytes = weightsEntropyBytes
    self.arenaBytes = arenaBytes
    self.steps = steps
  }

  enum CodingKeys: String, CodingKey {
    case fileBytes = "file_bytes"
    case weightsRawBytes = "weights_raw_bytes"
    case weightsEntropyBytes = "weights_entropy_bytes"
    case arenaBytes = "arena_bytes"
    case steps
  }
}

/// What `pare build` made.
public struct BuildReport: Report, Equatable {
  public var executableBytes: Int
  /// 0 where no model is built in.
  public var modelBytes: Int
  public var target: String
  /// The instruction sets linked in.
  public var isa: [String]

  public init(executableBytes: Int, modelBytes: Int, target: String, isa: [String]) {
    self.executableBytes = executableBytes
    self.modelBytes = modelBytes
    self.target = target
    self.isa = isa
  }

  enum CodingKeys: String, CodingKey {
    case executableBytes = "executable_bytes"
    case modelBytes = "model_bytes"
    case target, isa
  }
}

/// What `pare inspect` counted.
public struct InspectReport: Report, Equatable {
  public var parameters: Int
  public var macs: Int
  /// How often each operator occurs.
  public var operators: [String: Int]

  public init(parameters: Int, macs: Int, operators: [String: Int]) {
    self.parameters = parameters
    self.macs = macs
    self.operators = operators
  }
}
