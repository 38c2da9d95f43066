import EntropyCoding
import Foundation
import ModelFormat

/// A .pare file to be built into an executable, and the steps it needs there.
public struct EmbeddedModel: Sendable {
  public let path: String
  public let byteCount: Int
  /// In the order of their numbers, each once.
  public let steps: [StepCode]

  /// Reads the file's program. The weights are not looked at.
  public init(path: String) throws(EmbeddedModelError) {
    let file: Data
    do {
      file = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    let codes: Result<Set<StepCode>, EmbeddedModelError> = file.withUnsafeBytes { bytes in
      do throws(EmbeddedModelError) {
        return .success(try EmbeddedModel.stepCodes(bytes, path: path))
      } catch {
        return .failure(error)
      }
    }
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    byteCount = file.count
    steps = try codes.get().sorted { $0.rawValue < $1.rawValue }
  }

  private static func stepCodes(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(EmbeddedModelError) -> Set<StepCode> {
    do {
      guard let section = try FileView(bytes).section(.network) else {
        throw EmbeddedModelError.format(path: path, .missingSection(expected: SectionKind.network.rawValue))
      }
      let network = try NetworkSection(section)
      // The program is part of what `network` owns.
      return try withExtendedLifetime(network) { try stepCodes(network.program) }
    } catch let error as FormatError {
      throw .format(path: path, error)
    } catch let error as NetworkSectionError {
      throw .network(path: path, error)
    } catch {
      throw error as? EmbeddedModelError ?? .unreadable(path: path, reason: "\(error)")
    }
  }

  /// The codes of a program.
  private static func stepCodes(_ program: UnsafeRawBufferPointer) throws(FormatError) -> Set<StepCode> {
    var reader = WordReader(program)
    var header = ProgramHeader()
    try header.code(&reader)
    for _ in 0..<header.tensorCount {
      var tensor = TensorRecord()
      try tensor.code(&reader)
    }
    for _ in 0..<header.inputCount + header.outputCount {
      var interface = InterfaceRecord()
      try interface.code(&reader)
    }
    var codes: Set<StepCode> = []
    for _ in 0..<header.stepCount {
      let step = try StepHeader.read(&reader)
      _ = try reader.split(words: step.words)
      codes.insert(step.code)
    }
    return codes
  }
}

/// Why a file cannot be built into an executable.
public enum EmbeddedModelError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  case format(path: String, FormatError)
  case network(path: String, NetworkSectionError)
}
