import EntropyCoding

/// The contents of a network section: descriptions and coded tensors as one stream, and what each part takes.
struct NetworkStream {
  let bytes: [UInt8]
  /// Bits of the program, with the sizes of the three descriptions.
  let programBits: Double
  let metadataBits: Double
  let goldenBits: Double
  /// By tensor.
  private(set) var tensorBits: [Int: Double] = [:]

  init(
    program words: [UInt8], metadata: [UInt8], golden: [UInt8], _ program: Program, _ coded: CodedTensors
  ) throws(PackError) {
    var coder = ElementCoder(MeteredEncoder())
    var sizes = NetworkSizes(programBytes: words.count, metadataBytes: metadata.count, goldenBytes: golden.count)
    do throws(CodingError) {
      try sizes.code(&coder)
      try coder.codeBytes(words, width: 4)
      programBits = coder.coder.bits
      try coder.codeBytes(metadata, width: 1)
      metadataBits = coder.coder.bits - programBits
      try coder.codeBytes(golden, width: 4)
      goldenBits = coder.coder.bits - programBits - metadataBits
    } catch {
      throw .selfCheckFailed(reason: "\(error)")
    }
    for (index, tensor) in program.tensors.enumerated() {
      guard let plan = coded.plans[index], let bytes = tensor.constantBytes else { continue }
      tensorBits[index] = try coder.codeConstant(bytes, tensor.dtype, plan)
    }
    let encoder = coder.finish()
    bytes = encoder.finish()
  }
}

extension ElementCoder<MeteredEncoder> {
  fileprivate mutating func codeBytes(_ bytes: [UInt8], width: Int) throws(CodingError) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    try codeArray(copy, width: width)
  }
}
