import EntropyCoding
import Foundation
import ModelFormat

/// A .pare file to be built into an executable, and the steps it needs there.
public struct EmbeddedModel: Sendable {
  public let path: String
  public let byteCount: Int
  /// In the order of their numbers, each once.
  public let steps: [StepCode]
  /// How its coded tensors are written, each form once.
  public let codedForms: Set<ElementForm>

  /// Reads the file's program and its coded tensors. The weights sections are not looked at.
  public init(path: String) throws(EmbeddedModelError) {
    let file: Data
    do {
      file = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    let contents: Result<Contents, EmbeddedModelError> = file.withUnsafeBytes { bytes in
      do throws(EmbeddedModelError) {
        return .success(try EmbeddedModel.contents(bytes, path: path))
      } catch {
        return .failure(error)
      }
    }
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    byteCount = file.count
    let found = try contents.get()
    steps = found.steps.sorted { $0.rawValue < $1.rawValue }
    codedForms = found.forms
  }

  private struct Contents {
    var steps: Set<StepCode> = []
    var forms: Set<ElementForm> = []
  }

  private static func contents(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(EmbeddedModelError) -> Contents {
    do {
      let view = try FileView(bytes)
      guard let section = view.section(.network) else {
        throw EmbeddedModelError.format(path: path, .missingSection(expected: SectionKind.network.rawValue))
      }
      let network = try NetworkSection(section)
      // The program is part of what `network` owns.
      return try withExtendedLifetime(network) { try contents(of: network, weightBytes: Int(view.header.weightBytes)) }
    } catch let error as FormatError {
      throw .format(path: path, error)
    } catch let error as NetworkSectionError {
      throw .network(path: path, error)
    } catch let error as CodingError {
      throw .network(path: path, .coding(error))
    } catch {
      throw error as? EmbeddedModelError ?? .unreadable(path: path, reason: "\(error)")
    }
  }

  /// `weightBytes` is what the header says of all constants.
  private static func contents(of network: NetworkSection, weightBytes: Int) throws -> Contents {
    var contents = Contents()
    var reader = WordReader(network.program)
    var header = ProgramHeader()
    try header.code(&reader)
    for _ in 0..<header.tensorCount {
      var tensor = TensorRecord()
      try tensor.code(&reader)
      guard tensor.placement == .coded else { continue }
      guard let byteCount = tensor.byteCount, byteCount <= weightBytes else {
        throw CodingError.tooLarge(count: tensor.count)
      }
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
      defer { memory.deallocate() }
      contents.forms.insert(try network.decodeTensor(into: memory, width: tensor.dtype.byteCount))
    }
    for _ in 0..<header.inputCount + header.outputCount {
      var interface = InterfaceRecord()
      try interface.code(&reader)
    }
    for _ in 0..<header.stepCount {
      let step = try StepHeader.read(&reader)
      _ = try reader.split(words: step.words)
      contents.steps.insert(step.code)
    }
    return contents
  }
}

/// Why a file cannot be built into an executable.
public enum EmbeddedModelError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  case format(path: String, FormatError)
  case network(path: String, NetworkSectionError)
}
