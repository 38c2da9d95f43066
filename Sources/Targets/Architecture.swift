/// A processor architecture that executables are built for.
public enum Architecture: String, CaseIterable, Sendable {
  case x86 = "x86-64"
  case aarch64
  case riscv64
  case armv7

  /// The architecture of the machine this program runs on; nil where Pare does not build for it.
  public static var host: Architecture? {
    #if arch(x86_64)
      .x86
    #elseif arch(arm64)
      .aarch64
    #elseif arch(riscv64)
      .riscv64
    #elseif arch(arm)
      .armv7
    #else
      nil
    #endif
  }

  /// The triple whose Embedded Swift standard library ships with the toolchain.
  public var triple: String {
    switch self {
    case .x86: "x86_64-unknown-none-elf"
    case .aarch64: "aarch64-none-none-elf"
    case .riscv64: "riscv64-none-none-eabi"
    case .armv7: "armv7-none-none-eabi"
    }
  }

  /// What the compilers must be told besides the triple.
  ///
  /// riscv64 Linux machines have at least rv64gc. The armv7 triple passes floats in integer registers,
  /// and keeps doing so, but computes with the VFP unit that every ARMv7-A Linux machine has; NEON, which
  /// flushes denormals there, stays unused.
  var compilerFlags: [String] {
    switch self {
    case .x86, .aarch64: []
    case .riscv64: ["-march=rv64gc", "-mabi=lp64d"]
    case .armv7: ["-march=armv7-a", "-mfpu=vfpv3-d16", "-mfloat-abi=softfp", "-marm"]
    }
  }

  /// Whether the executable is optimized as a whole when it is linked, which takes a tenth off its size.
  ///
  /// On riscv64 the Swift and C compilers do not name the floating-point ABI alike in intermediate code, and
  /// on armv7 the division and conversion helpers of CLinux would be dropped, which only code generation calls.
  var optimizesAtLinkTime: Bool {
    switch self {
    case .x86, .aarch64: true
    case .riscv64, .armv7: false
    }
  }

  /// What the linking compiler must be told: for the bare x86-64 triple it knows no linker that takes LLVM's
  /// intermediate code; that of Linux is the same linker.
  var linkDriverFlags: [String] {
    switch self {
    case .x86: ["--target=x86_64-unknown-linux-elf"]
    case .aarch64, .riscv64, .armv7: []
    }
  }

  /// The names, best first, of the user-mode emulator.
  public var emulatorNames: [String] {
    switch self {
    case .x86: ["qemu-x86_64-static", "qemu-x86_64"]
    case .aarch64: ["qemu-aarch64-static", "qemu-aarch64"]
    case .riscv64: ["qemu-riscv64-static", "qemu-riscv64"]
    case .armv7: ["qemu-arm-static", "qemu-arm"]
    }
  }
}
