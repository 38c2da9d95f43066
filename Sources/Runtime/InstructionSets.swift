import CMicrokernels

/// Names of the instruction sets that are built in and that this CPU runs, best first.
public func instructionSets(hardwareCapabilities: (UInt64, UInt64)) -> [StaticBytes] {
  var names: [StaticBytes] = []
  for index in 0..<pare_kernels_count() {
    guard let row = pare_kernels_at(index),
      pare_kernels_runs_here(row, hardwareCapabilities.0, hardwareCapabilities.1) != 0
    else { continue }
    names.append(StaticBytes(row.pointee.name))
  }
  return names
}
