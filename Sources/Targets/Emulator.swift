import Foundation

/// How to run a target's executable on this machine.
public struct Emulator: Equatable, Sendable {
  /// What to start, and the arguments that come before the executable's own; the executable is among them
  /// when it is emulated.
  public var program: URL
  public var leadingArguments: [String]
  public var isEmulated: Bool

  /// Directly where the architecture is this machine's, otherwise under QEMU's user mode with the
  /// target's CPU. Errors: this machine lacks the emulator.
  public init(for target: Target, executable: URL) throws(EmulatorError) {
    if target.architecture == Architecture.host {
      program = executable
      leadingArguments = []
      isEmulated = false
      return
    }
    let names = target.architecture.emulatorNames
    guard let emulator = Subprocess.find(names) else {
      throw .emulatorMissing(target: target.id, names: names)
    }
    program = emulator
    leadingArguments = (target.emulatedCPU.map { ["-cpu", $0] } ?? []) + [executable.path]
    isEmulated = true
  }

  /// The arguments to start `program` with.
  public func arguments(_ own: [String]) -> [String] { leadingArguments + own }
}

public enum EmulatorError: Error, Equatable, Sendable {
  /// None of these programs is on the search path; Debian has them in `qemu-user-static`.
  case emulatorMissing(target: String, names: [String])
}
