import ModelFormat
import TensorTypes

/// Constants of a program laid out as they are in sections and compressed.
package struct WeightSections {
  struct Section {
    var rawBytes: Int
    var compressed: [UInt8]
  }

  var sections: [Section] = []
  /// By tensor: its record, for constants.
  var records: [Int: TensorRecord] = [:]

  /// Sections beyond this size are not merged further: a code table costs little beside them.
  static let groupLimitBytes = 256 << 10

  var rawBytes: Int { sections.reduce(0) { $0 + $1.rawBytes } }
  var compressedBytes: Int { sections.reduce(0) { $0 + $1.compressed.count } }

  /// Lays out the tensors `constants` in order of first use: those of one byte in groups of neighbours, those of
  /// each wider type in one group or several, with or without byte planes, whichever is smallest.
  init(_ program: Program, _ constants: [Int]) throws(PackError) {
    let width1 = constants.filter { program.tensors[$0].dtype.byteCount == 1 }
    try add(grouped(width1, program, .constant), program, .constant)
    for dtype in [DType.int32, .float32, .int64] {
      let members = constants.filter { program.tensors[$0].dtype == dtype }
      if !members.isEmpty { try addWide(members, program) }
    }
  }

  private mutating func addWide(_ members: [Int], _ program: Program) throws(PackError) {
    var best: (groups: [[Int]], placement: TensorRecord.Placement, cost: Int)?
    for placement in [TensorRecord.Placement.constantBytePlanes, .constant] {
      for groups in [[members], try grouped(members, program, placement)] {
        var cost = 0
        for group in groups { cost += try WeightSections.cost(group, program, placement) }
        if cost < best?.cost ?? Int.max { best = (groups, placement, cost) }
      }
    }
    guard let best else { return }
    try add(best.groups, program, best.placement)
  }

  /// Neighbours joined as long as one section for both is smaller than two.
  private func grouped(
    _ members: [Int], _ program: Program, _ placement: TensorRecord.Placement
  ) throws(PackError) -> [[Int]] {
    var groups: [[Int]] = []
    var currentCost = 0
    for member in members {
      let alone = try WeightSections.cost([member], program, placement)
      if let last = groups.last {
        let size = (last + [member]).reduce(0) { $0 + program.tensors[$1].byteCount }
        if size <= WeightSections.groupLimitBytes {
          let joined = try WeightSections.cost(last + [member], program, placement)
          if joined <= currentCost + alone {
            groups[groups.count - 1].append(member)
            currentCost = joined
            continue
          }
        }
      }
      groups.append([member])
      currentCost = alone
    }
    return groups
  }

  /// Bytes that a tensor would add to the file in a section of its own.
  static func cost(_ tensor: Int, _ program: Program) throws(PackError) -> Int {
    let planes = try cost([tensor], program, .constantBytePlanes)
    return program.tensors[tensor].dtype.byteCount == 1 ? planes : min(planes, try cost([tensor], program, .constant))
  }

  /// Bytes that a section of `group` adds to the file, its row of the section table included.
  private static func cost(
    _ group: [Int], _ program: Program, _ placement: TensorRecord.Placement
  ) throws(PackError) -> Int {
    let contents = contents(group, program, placement)
    let boundaries = boundaries(group, program, placement)
    return try Deflate.compress(contents, boundaries: boundaries, Deflate.quick).count + Header.sectionRecordBytes
  }

  /// Where a tensor or one of its byte planes begins, but for the start.
  private static func boundaries(
    _ group: [Int], _ program: Program, _ placement: TensorRecord.Placement
  ) -> [Int] {
    var boundaries: [Int] = []
    var offset = 0
    for index in group {
      let tensor = program.tensors[index]
      let planes = placement == .constantBytePlanes ? tensor.dtype.byteCount : 1
      for plane in 0..<planes { boundaries.append(offset + plane * tensor.byteCount / planes) }
      offset += tensor.byteCount
    }
    return Array(boundaries.dropFirst())
  }

  private static func contents(
    _ group: [Int], _ program: Program, _ placement: TensorRecord.Placement
  ) -> [UInt8] {
    group.flatMap { index -> [UInt8] in
      let tensor = program.tensors[index]
      let bytes = tensor.constantBytes ?? []
      return placement == .constantBytePlanes ? bytePlanes(bytes, width: tensor.dtype.byteCount) : bytes
    }
  }

  /// All first bytes of the elements, then all second bytes, and so on.
  package static func bytePlanes(_ bytes: [UInt8], width: Int) -> [UInt8] {
    (0..<width).flatMap { plane in stride(from: plane, to: bytes.count, by: width).map { bytes[$0] } }
  }

  private mutating func add(
    _ groups: [[Int]], _ program: Program, _ placement: TensorRecord.Placement
  ) throws(PackError) {
    for group in groups {
      var offset = 0
      for index in group {
        let tensor = program.tensors[index]
        records[index] = TensorRecord(
          dtype: tensor.dtype, placement: placement, section: sections.count, count: tensor.count, offset: offset)
        offset += tensor.byteCount
      }
      let compressed = try Deflate.compress(
        WeightSections.contents(group, program, placement),
        boundaries: WeightSections.boundaries(group, program, placement))
      sections.append(Section(rawBytes: offset, compressed: compressed))
    }
  }
}
