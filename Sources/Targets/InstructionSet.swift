/// An instruction set extension that an executable may hold kernels for, beside the scalar reference.
public enum InstructionSet: String, CaseIterable, Sendable {
  case avx2
  case avx512vnni
  case neon
  case neonDotprod = "neon-dotprod"
  /// The fused multiply-add of ARMv7's later floating-point unit; used throughout, not dispatched.
  case vfpv4

  /// Whether the executable chooses it at run time, so that it is a row of the kernel table.
  public var isDispatched: Bool { self != .vfpv4 }

  public var architecture: Architecture {
    switch self {
    case .avx2, .avx512vnni: .x86
    case .neon, .neonDotprod: .aarch64
    case .vfpv4: .armv7
    }
  }

  /// What leaves the kernels out of the build; nil where there is nothing to leave out.
  var exclusion: String? {
    switch self {
    case .avx2: "PARE_WITHOUT_AVX2"
    case .avx512vnni: "PARE_WITHOUT_AVX512VNNI"
    case .neon: "PARE_WITHOUT_NEON"
    case .neonDotprod: "PARE_WITHOUT_NEON_DOTPROD"
    case .vfpv4: nil
    }
  }

  /// What the compilers must be told where the whole executable may use the extension.
  var compilerFlags: [String] {
    switch self {
    case .vfpv4: ["-mfpu=vfpv4-d16"]
    case .avx2, .avx512vnni, .neon, .neonDotprod: []
    }
  }
}
