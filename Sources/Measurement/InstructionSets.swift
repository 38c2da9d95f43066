import ModelFormat
import Runtime

/// The instruction sets this process can run, best first.
public enum InstructionSets {
  public static var available: [String] {
    Runtime.instructionSets(hardwareCapabilities: HardwareCapabilities.ofThisMachine).map {
      String(decoding: $0.bytes, as: UTF8.self)
    }
  }
}
