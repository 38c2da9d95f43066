import ModelFormat

/// Appends the words of records.
struct WordWriter: WordCoder {
  private(set) var bytes: [UInt8] = []

  mutating func word(_ value: inout UInt32) throws(FormatError) {
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(shift)))) }
  }

  mutating func append(_ value: UInt32) {
    var value = value
    try? word(&value)
  }
}

extension Program {
  /// The words of the program: tensor table, interface, steps.
  func encoded(
    _ coded: CodedTensors, _ weights: WeightSections, _ plan: ArenaPlan
  ) throws(FormatError) -> [UInt8] {
    var writer = WordWriter()
    var header = ProgramHeader(
      tensorCount: tensors.count, inputCount: inputs.count, outputCount: outputs.count, stepCount: steps.count)
    try header.code(&writer)
    for (index, tensor) in tensors.enumerated() {
      var record =
        weights.records[index]
        ?? TensorRecord(
          dtype: tensor.dtype, placement: coded.plans[index] == nil ? .arena : .coded, count: tensor.count,
          offset: plan.offsets[index] ?? 0)
      try record.code(&writer)
    }
    for interface in inputs + outputs {
      var record = InterfaceRecord()
      record.tensor = interface.tensor
      record.rank = interface.shape.count
      for (axis, extent) in interface.shape.enumerated() { record.shape[axis] = extent }
      try record.code(&writer)
    }
    for named in steps {
      var fields = WordWriter()
      var record = named.step.record
      try record.code(&fields)
      writer.append(StepHeader(code: named.step.code, words: fields.bytes.count / 4).word)
      writer.append(contentsOf: fields)
    }
    return writer.bytes
  }
}

extension WordWriter {
  mutating func append(contentsOf other: WordWriter) { bytes += other.bytes }
}

/// Assembles header, section table and sections into a file.
struct FileAssembly {
  struct Section {
    var kind: SectionKind
    var rawBytes: Int
    var compressed: [UInt8]

    init(_ kind: SectionKind, _ contents: [UInt8]) throws(PackError) {
      self.kind = kind
      rawBytes = contents.count
      compressed = try Deflate.compress(contents)
    }

    init(_ weights: WeightSections.Section) {
      kind = .weights
      rawBytes = weights.rawBytes
      compressed = weights.compressed
    }
  }

  var header = Header()
  var sections: [Section] = []

  /// The file; the header's sizes and checksum are filled in.
  func bytes() throws(PackError) -> [UInt8] {
    var header = header
    let total =
      Header.byteCount
      + sections.reduce(0) { $0 + Header.sectionRecordBytes + $1.compressed.count }
    guard total <= Int(Int32.max) else { throw .tooLarge(bytes: total) }
    header.fileBytes = UInt32(total)
    header.sectionCount = UInt32(sections.count)
    var body = try encoded(header)
    for section in sections { body += section.compressed }
    header.checksum = body.withUnsafeBytes {
      CRC32.of(UnsafeRawBufferPointer(rebasing: $0[Header.checksumStart...]))
    }
    let head = try encoded(header)
    body.replaceSubrange(0..<head.count, with: head)
    return body
  }

  private func encoded(_ header: Header) throws(PackError) -> [UInt8] {
    var writer = WordWriter()
    do {
      var header = header
      try header.code(&writer)
      for section in sections {
        var record = SectionRecord(
          kind: section.kind, compressedBytes: section.compressed.count, rawBytes: section.rawBytes)
        try record.code(&writer)
      }
    } catch {
      throw .selfCheckFailed(reason: "\(error)")
    }
    return writer.bytes
  }
}
