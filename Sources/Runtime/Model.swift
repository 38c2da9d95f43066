import CMicrokernels
import CThreads
import EntropyCoding
import ModelFormat
import TensorTypes

/// How to load a model.
public struct LoadOptions {
  /// A row of the kernel table by name; nil takes the best this CPU runs.
  public var instructionSet: UnsafeRawBufferPointer?
  /// Threads that share each step, the caller included.
  public var threads = 1
  /// AT_HWCAP and AT_HWCAP2 of the auxiliary vector; needed on ARM, ignored on x86-64.
  public var hardwareCapabilities: (UInt64, UInt64) = (0, 0)
  /// Bytes that the file may ask for (arena and inflated weights) before it is refused.
  public var memoryLimitBytes = Int.max

  public init() {}
}

/// An input or output of a loaded model.
public struct TensorInterface {
  /// UTF-8, valid as long as the model.
  public let name: UnsafeRawBufferPointer
  public let dtype: DType
  /// Extents as in the ONNX graph.
  public let rank: Int
  public let shape: InlineArray<8, Int>

  public var count: Int {
    var count = 1
    for axis in 0..<rank { count *= shape[axis] }
    return count
  }
}

/// A loaded .pare model: checked, inflated, prepacked, with its arena allocated.
///
/// Usage: write into `inputBytes`, `run()`, read `outputBytes`. Running allocates nothing and cannot
/// fail. The input buffers are part of the arena and may be overwritten by a run: fill them before each.
public final class Model {
  public let header: Header
  /// Name of the kernel table row in use.
  public let instructionSet: StaticBytes
  public let threads: Int

  private let memory: LoadMemory
  private let steps: [PreparedStep]
  private let workers: Workers
  private let inputs: [BoundInterface]
  private let outputs: [BoundInterface]
  let metadata: UnsafeRawBufferPointer
  let golden: UnsafeRawBufferPointer

  /// Loads a model. `file` is read only during this call.
  ///
  /// Errors: everything in `LoadError`; nothing in the file is believed before it is checked.
  public init(_ file: UnsafeRawBufferPointer, options: LoadOptions = LoadOptions()) throws(LoadError) {
    let view: FileView
    do throws(FormatError) { view = try FileView(file) } catch { throw .format(error) }
    let kernels = try Model.selectKernels(options)
    let memory = LoadMemory()
    header = view.header
    instructionSet = StaticBytes(kernels.pointee.name)
    threads = max(1, options.threads)

    // In 64 bits, because the sum may exceed the Int of a 32-bit device.
    let demanded = UInt64(view.header.arenaBytes) + UInt64(view.header.weightBytes)
    guard demanded <= UInt64(min(options.memoryLimitBytes, Int.max - WindowGeometry.stagingSlackBytes)) else {
      throw .memoryUnavailable(bytes: Int(clamping: demanded))
    }
    let network = try Model.network(view)
    metadata = Model.kept(network.metadata, memory)
    golden = Model.kept(network.golden, memory)
    let arena = memory.allocate(Int(view.header.arenaBytes) + WindowGeometry.stagingSlackBytes)
    var reader = WordReader(network.program)
    let contents: ProgramContents
    do throws(FormatError) { contents = try ProgramContents(&reader) } catch { throw .format(error) }
    var loader = Loader(
      kernels: kernels, workerCount: max(1, options.threads), memory: memory, arena: arena,
      tensors: contents.tensors, sections: [])
    defer { for section in loader.sections { section.deallocate() } }
    try loader.inflateWeights(view)
    try loader.checkTensors()
    try loader.decodeTensors(network, limit: Int(view.header.weightBytes))
    inputs = try loader.bound(contents.inputs, .input)
    outputs = try loader.bound(contents.outputs, .output)
    steps = try loader.prepareSteps(contents.stepCount, &reader)
    try Model.checkStatedWork(steps, view.header)
    self.memory = memory
    workers = Workers(pool: options.threads > 1 ? pare_pool_create(options.threads) : nil, count: threads)
  }

  deinit { if let pool = workers.pool { pare_pool_destroy(pool) } }

  /// Computes the outputs from the inputs.
  public func run() { for prepared in steps { prepared.step.run(workers) } }

  /// Computes one step: what profiling and verification call in order.
  public func runStep(_ index: Int) { steps[index].step.run(workers) }

  public var stepCount: Int { steps.count }
  public func stepCode(_ index: Int) -> StepCode { steps[index].code }
  public func stepMultiplyAccumulates(_ index: Int) -> Int { steps[index].step.multiplyAccumulates }
  /// The bytes a step has written; the next steps may reuse them.
  public func stepOutput(_ index: Int) -> UnsafeRawBufferPointer { steps[index].step.outputBytes }
  /// CRC-32 of the bytes a step has written: what golden vectors hold.
  public func stepChecksum(_ index: Int) -> UInt32 { steps[index].step.checksum() }

  public var inputCount: Int { inputs.count }
  public var outputCount: Int { outputs.count }
  public func inputBytes(_ index: Int) -> UnsafeMutableRawBufferPointer { inputs[index].bytes }
  public func outputBytes(_ index: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(outputs[index].bytes) }

  public func input(_ index: Int) -> TensorInterface { inputs[index].described(name(.inputName, index)) }
  public func output(_ index: Int) -> TensorInterface { outputs[index].described(name(.outputName, index)) }
}

/// A step ready to run, and what it is.
struct PreparedStep {
  let step: Step
  let code: StepCode
}

/// An input or output with its bytes in the arena.
private struct BoundInterface {
  let record: InterfaceRecord
  let dtype: DType
  let bytes: UnsafeMutableRawBufferPointer

  func described(_ name: UnsafeRawBufferPointer) -> TensorInterface {
    TensorInterface(name: name, dtype: dtype, rank: record.rank, shape: record.shape)
  }
}

/// A constant C string as bytes.
public struct StaticBytes: @unchecked Sendable {
  public let bytes: UnsafeRawBufferPointer

  init(_ text: UnsafePointer<CChar>) {
    var length = 0
    while text[length] != 0 { length += 1 }
    bytes = UnsafeRawBufferPointer(start: text, count: length)
  }
}

/// The records of a program section before its steps.
struct ProgramContents {
  var tensors: [TensorRecord] = []
  var inputs: [InterfaceRecord] = []
  var outputs: [InterfaceRecord] = []
  var stepCount = 0

  init(_ reader: inout WordReader) throws(FormatError) {
    var header = ProgramHeader()
    try header.code(&reader)
    // Every record takes words of its own, so counts beyond the words left are lies.
    for count in [header.tensorCount, header.inputCount, header.outputCount, header.stepCount]
    where count > reader.remainingWords { throw .truncated }
    tensors.reserveCapacity(header.tensorCount)
    for _ in 0..<header.tensorCount {
      var tensor = TensorRecord()
      try tensor.code(&reader)
      tensors.append(tensor)
    }
    for slot in 0..<header.inputCount + header.outputCount {
      var interface = InterfaceRecord()
      try interface.code(&reader)
      if slot < header.inputCount { inputs.append(interface) } else { outputs.append(interface) }
    }
    stepCount = header.stepCount
  }
}

extension Loader {
  /// The arena bytes of every input, or of every output; extents are checked against the tensor.
  fileprivate func bound(_ records: [InterfaceRecord], _ name: FieldName) throws(LoadError) -> [BoundInterface] {
    var interfaces: [BoundInterface] = []
    for (index, record) in records.enumerated() {
      do throws(StepProblem) {
        let tensor = try checked(record.tensor, name, nil, count: record.elementCount())
        let bytes = UnsafeMutableRawBufferPointer(start: try output(record.tensor, name), count: tensor.byteCount ?? 0)
        interfaces.append(BoundInterface(record: record, dtype: tensor.dtype, bytes: bytes))
      } catch { throw .interface(index: index, error) }
    }
    return interfaces
  }

  /// Prepares every step in order; the words must end with the last one.
  func prepareSteps(_ count: Int, _ reader: inout WordReader) throws(LoadError) -> [PreparedStep] {
    var steps: [PreparedStep] = []
    steps.reserveCapacity(count)
    for index in 0..<count {
      let head: StepHeader
      let fields: WordReader
      do throws(FormatError) {
        head = try StepHeader.read(&reader)
        fields = try reader.split(words: head.words)
      } catch { throw .format(error) }
      steps.append(PreparedStep(step: try prepare(head.code, fields, index: index), code: head.code))
    }
    guard reader.isAtEnd else {
      throw .format(.recordSize(expected: 0, found: UInt32(truncatingIfNeeded: reader.remainingWords)))
    }
    return steps
  }
}

extension InterfaceRecord {
  /// The product of the extents; each must be positive.
  func elementCount() throws(StepProblem) -> Int {
    var count = 1
    for axis in 0..<rank {
      guard shape[axis] > 0 else { throw .value(.shape, found: shape[axis]) }
      count = try product(count, shape[axis], .shape)
    }
    return count
  }
}

extension Model {
  private static func selectKernels(_ options: LoadOptions) throws(LoadError) -> UnsafePointer<pare_kernels> {
    let (hwcap, hwcap2) = options.hardwareCapabilities
    if let name = options.instructionSet {
      let text = name.baseAddress?.assumingMemoryBound(to: CChar.self)
      guard let row = pare_kernels_named(text, name.count) else { throw .unknownInstructionSet }
      guard pare_kernels_runs_here(row, hwcap, hwcap2) != 0 else { throw .instructionSetUnavailable }
      return row
    }
    for index in 0..<pare_kernels_count() {
      if let row = pare_kernels_at(index), pare_kernels_runs_here(row, hwcap, hwcap2) != 0 { return row }
    }
    throw .instructionSetUnavailable
  }

  /// The products of all steps must be those the header states: a file cannot hide how long it runs.
  private static func checkStatedWork(_ steps: [PreparedStep], _ header: Header) throws(LoadError) {
    var total: UInt64 = 0
    for prepared in steps {
      let (sum, overflow) = total.addingReportingOverflow(UInt64(prepared.step.multiplyAccumulates))
      guard !overflow else { throw .workMismatch(expected: header.multiplyAccumulates, found: .max) }
      total = sum
    }
    guard total == header.multiplyAccumulates else {
      throw .workMismatch(expected: header.multiplyAccumulates, found: total)
    }
  }

  private static func network(_ view: FileView) throws(LoadError) -> NetworkSection {
    guard let section = view.section(.network) else {
      throw .format(.missingSection(expected: SectionKind.network.rawValue))
    }
    do throws(NetworkSectionError) {
      return try NetworkSection(section)
    } catch {
      switch error {
      case .inflate(let error): throw .inflate(section: .network, ordinal: 0, error)
      case .coding(let error): throw .coding(error)
      }
    }
  }

  /// Bytes that are kept as long as the model.
  private static func kept(_ bytes: UnsafeRawBufferPointer, _ memory: LoadMemory) -> UnsafeRawBufferPointer {
    let copy = memory.allocate(bytes.count)
    copy.copyMemory(from: bytes)
    return UnsafeRawBufferPointer(rebasing: copy[0..<bytes.count])
  }
}
