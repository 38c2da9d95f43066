// swift-tools-version: 6.2
import PackageDescription

// Two lines of modules; arrows point only down (ARCHITECTURE.md). The device line is compiled twice
// from the same files: as ordinary Swift in the host tool and as Embedded Swift for the device.

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

// The device line may use no `any`, reflection or Foundation; the cross-build checks the rest.
let device: [SwiftSetting] =
  strict + [
    .treatWarning("EmbeddedRestrictions", as: .error),
    .enableExperimentalFeature("Lifetimes"),
  ]

// No contraction: a fused multiply-add happens only where the source writes one, so every
// instruction set computes the same bits.
let kernelFlags: [CSetting] = [
  .unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])
]

// What stands around the kernels is called rarely and counts by its size.
let systemFlags: [CSetting] = [.unsafeFlags(["-Os", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "pare",
  products: [
    .executable(name: "pare", targets: ["pare"]),
    .executable(name: "pare-run", targets: ["pare-run"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Device line.
    .target(name: "CMicrokernels", cSettings: kernelFlags),
    .target(name: "CLinux", cSettings: systemFlags),
    .target(name: "CThreads", dependencies: ["CLinux"], cSettings: systemFlags),
    .target(name: "CEmbeddedModel", cSettings: systemFlags),
    .target(name: "TensorTypes", swiftSettings: device),
    .target(name: "ModelFormat", dependencies: ["TensorTypes"], swiftSettings: device),
    .target(name: "Inflate", swiftSettings: device),
    .target(name: "EntropyCoding", dependencies: ["Inflate", "ModelFormat"], swiftSettings: device),
    .target(name: "NumPyFormat", dependencies: ["TensorTypes"], swiftSettings: device),
    .target(
      name: "Runtime",
      dependencies: ["CMicrokernels", "CThreads", "EntropyCoding", "Inflate", "ModelFormat", "TensorTypes"],
      swiftSettings: device),
    .executableTarget(
      name: "pare-run",
      dependencies: [
        "CEmbeddedModel", "CLinux", "CMicrokernels", "EntropyCoding", "Inflate", "ModelFormat", "NumPyFormat",
        "Runtime",
        "TensorTypes",
      ],
      swiftSettings: device),

    // Host line.
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CJPEG", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "HostTensors", dependencies: ["COpenBLAS", "CThreads", "TensorTypes"], swiftSettings: strict),
    .target(name: "Operators", dependencies: ["HostTensors", "TensorTypes"], swiftSettings: strict),
    .target(name: "Graph", dependencies: ["HostTensors", "Operators", "TensorTypes"], swiftSettings: strict),
    .target(
      name: "ONNX", dependencies: ["Graph", "HostTensors", "Operators", "TensorTypes", protobuf],
      exclude: ["onnx.proto"],
      swiftSettings: strict),
    .target(
      name: "Datasets", dependencies: ["CJPEG", "CPNG", "CZlib", "HostTensors", "TensorTypes", yams],
      swiftSettings: strict),
    .target(
      name: "Quantization", dependencies: ["Datasets", "Graph", "HostTensors", "Operators", "TensorTypes", "Training"],
      swiftSettings: strict),
    .target(
      name: "Training",
      dependencies: ["CZlib", "Datasets", "Graph", "HostTensors", "ONNX", "Operators", "TensorTypes", yams],
      // Else every square root of the optimizers is a call that may set errno, and their loops stay scalar.
      swiftSettings: strict + [.unsafeFlags(["-Xcc", "-fno-math-errno"])]),
    .target(
      name: "Distillation",
      dependencies: ["Datasets", "Graph", "HostTensors", "ONNX", "Operators", "TensorTypes", "Training"],
      swiftSettings: strict),
    .target(
      name: "LowRank", dependencies: ["Graph", "HostTensors", "Operators", "TensorTypes"], swiftSettings: strict),
    .target(
      name: "Pruning", dependencies: ["Datasets", "Graph", "HostTensors", "Operators", "TensorTypes", "Training"],
      swiftSettings: strict),
    .target(
      name: "Packing",
      dependencies: [
        "CZlib", "EntropyCoding", "Graph", "HostTensors", "ModelFormat", "Operators", "Runtime", "TensorTypes",
      ],
      swiftSettings: strict),
    .target(
      name: "Targets", dependencies: ["CZlib", "EntropyCoding", "Inflate", "ModelFormat", yams], exclude: ["Unpacker"],
      swiftSettings: strict),
    .target(
      name: "Measurement",
      dependencies: [
        "CLinux", "Datasets", "Graph", "HostTensors", "ModelFormat", "ONNX", "Operators", "Packing", "Quantization",
        "Runtime", "Targets", "TensorTypes",
      ],
      swiftSettings: strict),
    .target(
      name: "WeightSharing", dependencies: ["Graph", "HostTensors", "Operators", "Training"], swiftSettings: strict),
    .target(
      name: "Pipeline", dependencies: ["Datasets", "Graph", "Measurement", "ONNX", "Packing", "Training", yams],
      swiftSettings: strict),
    .executableTarget(
      name: "pare",
      dependencies: [
        "Datasets", "Distillation", "Graph", "HostTensors", "Inflate", "LowRank", "Measurement", "ModelFormat",
        "ONNX", "Operators", "Packing", "Pipeline", "Pruning", "Quantization", "Runtime", "Targets", "TensorTypes",
        "Training", "WeightSharing", argumentParser,
      ],
      swiftSettings: strict),

    // Feeds damaged files to the readers, under sanitizers: `make fuzz`.
    .executableTarget(
      name: "pare-fuzz",
      dependencies: ["CZlib", "Graph", "HostTensors", "Inflate", "ModelFormat", "ONNX", "Packing", "Runtime"],
      path: "Tests/Fuzz",
      exclude: ["run.sh", "Seeds"], swiftSettings: strict),

    // Tests.
    .testTarget(
      name: "ArchitectureTests", dependencies: [], swiftSettings: strict),
    .testTarget(
      name: "CLinuxTests", dependencies: ["CLinux"], swiftSettings: strict),
    .testTarget(
      name: "CMicrokernelsTests", dependencies: ["CMicrokernels"], swiftSettings: strict),
    .testTarget(
      name: "CThreadsTests", dependencies: ["CThreads"], swiftSettings: strict),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["Graph", "HostTensors", "Measurement", "ModelFormat", "ONNX", "Operators", "Packing"],
      swiftSettings: strict),
    .testTarget(
      name: "ConformanceTests",
      dependencies: ["Graph", "HostTensors", "Measurement", "ONNX", "Operators", "Packing", "TensorTypes"],
      exclude: ["Vectors"], swiftSettings: strict),
    .testTarget(
      name: "DatasetsTests", dependencies: ["CZlib", "Datasets", "HostTensors", "TensorTypes"], swiftSettings: strict),
    .testTarget(
      name: "DistillationTests",
      dependencies: [
        "Datasets", "Distillation", "Graph", "HostTensors", "ONNX", "Operators", "TensorTypes", "Training",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EntropyCodingTests", dependencies: ["CZlib", "EntropyCoding", "ModelFormat"], swiftSettings: strict),
    .testTarget(
      name: "GraphTests", dependencies: ["Graph", "HostTensors", "Operators", "TensorTypes"], swiftSettings: strict),
    .testTarget(
      name: "InflateTests", dependencies: ["CZlib", "Inflate"], swiftSettings: strict),
    .testTarget(
      name: "LowRankTests",
      dependencies: ["Graph", "HostTensors", "LowRank", "Operators", "TensorTypes"], swiftSettings: strict),
    .testTarget(
      name: "MeasurementTests", dependencies: ["Measurement"], swiftSettings: strict),
    .testTarget(
      name: "ModelFormatTests", dependencies: ["ModelFormat"], swiftSettings: strict),
    .testTarget(
      name: "NumPyFormatTests", dependencies: ["NumPyFormat", "TensorTypes"], swiftSettings: strict),
    .testTarget(
      name: "ONNXTests", dependencies: ["Graph", "HostTensors", "ONNX", "Operators", "TensorTypes"],
      swiftSettings: strict),
    .testTarget(
      name: "OperatorsTests", dependencies: ["HostTensors", "Operators", "TensorTypes"], swiftSettings: strict),
    .testTarget(
      name: "PackingTests",
      dependencies: [
        "EntropyCoding", "Graph", "HostTensors", "Inflate", "ModelFormat", "Operators", "Packing", "Runtime",
        "TensorTypes",
      ], swiftSettings: strict),
    .testTarget(
      name: "PipelineTests",
      dependencies: [
        "Datasets", "Graph", "HostTensors", "Measurement", "ModelFormat", "ONNX", "Packing", "Pruning", "Quantization",
        "Targets",
      ], exclude: ["Vectors"], swiftSettings: strict),
    .testTarget(
      name: "PruningTests",
      dependencies: ["Graph", "HostTensors", "ONNX", "Operators", "Pruning", "TensorTypes", "Training"],
      swiftSettings: strict),
    .testTarget(
      name: "QuantizationTests",
      dependencies: ["Graph", "HostTensors", "Operators", "Quantization", "TensorTypes", "Training"],
      swiftSettings: strict),
    .testTarget(
      name: "TargetsTests", dependencies: ["ModelFormat", "Targets"], swiftSettings: strict),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["Datasets", "Graph", "HostTensors", "ONNX", "Operators", "TensorTypes", "Training"],
      swiftSettings: strict),
    .testTarget(
      name: "WeightSharingTests", dependencies: ["Graph", "HostTensors", "Operators", "Training", "WeightSharing"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
