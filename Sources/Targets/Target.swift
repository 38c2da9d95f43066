/// One kind of device, as `targets/<id>.yaml` describes it.
public struct Target: Equatable, Sendable {
  /// The file's name without `.yaml`.
  public var id: String
  public var name: String
  /// The system on a chip; nil for a family of machines.
  public var soc: String?
  public var architecture: Architecture
  /// The kernels to keep, best first; the scalar reference is always kept.
  public var instructionSets: [InstructionSet]
  /// The name by which QEMU knows the CPU or the nearest one it has.
  public var emulatedCPU: String?
  /// Empty for a family of machines.
  public var cores: [CoreCluster]
  /// The cache behind those of the clusters.
  public var lastLevelCacheKiB: Int?
  /// Of the smallest variant sold.
  public var memoryMiB: Int?
  public var budgets: Budgets

  /// Cores of one kind.
  public struct CoreCluster: Equatable, Sendable {
    public var cpu: String
    public var count: Int
    public var clockMHz: Int
    public var l1InstructionKiB: Int
    public var l1DataKiB: Int
    public var l2KiB: Int
    /// Whether the cluster shares its second-level cache; otherwise each core has one.
    public var isL2Shared: Bool
  }

  /// Limits that a build or a measurement is held against; nil where there is none.
  public struct Budgets: Equatable, Sendable {
    public var executableBytes: Int?
    public var modelBytes: Int?
    public var residentBytes: Int?
    public var latencyMicroseconds: Int?

    public init() {}
  }
}
