import CLinux
import ModelFormat
import NumPyFormat
import Runtime
import TensorTypes

/// `pare-run MODEL --input X.npy --output Y.npy`: one inference from files to files.
struct RunCommand {
  let model: Model

  static func run(_ invocation: Invocation) throws(Failure) {
    let command = RunCommand(model: try Session(invocation).model)
    try command.readInputs(invocation.inputs)
    command.model.run()
    if let path = invocation.output { try command.writeOutput(0, to: path) }
    if let folder = invocation.outputFolder { try command.writeOutputs(to: folder) }
    if invocation.output == nil, invocation.outputFolder == nil { try command.printGreatest(5) }
  }

  private func readInputs(_ arguments: [Argument]) throws(Failure) {
    var filled = [Bool](repeating: false, count: model.inputCount)
    for argument in arguments {
      let (index, path) = try destination(of: argument)
      if filled[index] { throw .inputTwice(InputFacts(model.input(index))) }
      filled[index] = true
      try readInput(index, from: path)
    }
    for index in 0..<model.inputCount where !filled[index] { throw .missingInput(InputFacts(model.input(index))) }
  }

  /// `NAME=FILE` names an input; a plain FILE is for the only one.
  private func destination(of argument: Argument) throws(Failure) -> (Int, Argument) {
    if let sign = argument.equalsSign {
      let name = UnsafeRawBufferPointer(rebasing: argument.bytes[0..<sign])
      for index in 0..<model.inputCount where RunCommand.areEqual(name, model.input(index).name) {
        return (index, argument.dropping(sign + 1))
      }
    }
    guard model.inputCount == 1 else { throw .unknownInput(argument) }
    return (0, argument)
  }

  private static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    for index in 0..<a.count where a[index] != b[index] { return false }
    return true
  }

  private func readInput(_ index: Int, from path: Argument) throws(Failure) {
    let file = try MappedFile(path)
    let header: NumPyHeader
    do throws(NumPyError) { header = try NumPyHeader(file.bytes) } catch { throw .numPy(path, error) }
    let interface = model.input(index)
    guard header.dtype == interface.dtype else {
      throw .inputType(path, expected: interface.dtype.name, found: header.dtype.name)
    }
    let target = model.inputBytes(index)
    guard header.hasShape(interface.shape, rank: interface.rank), file.bytes.count - header.dataOffset == target.count
    else { throw .inputShape(path, InputFacts(interface)) }
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[header.dataOffset...]))
  }

  private func writeOutput(_ index: Int, to path: Argument) throws(Failure) {
    let interface = model.output(index)
    guard let header = NumPyHeader.bytes(interface.dtype, interface.shape, rank: interface.rank) else {
      throw .outputType(interface.dtype.name)
    }
    let body = model.outputBytes(index)
    let status = header.withUnsafeBytes { head in
      guard path.equals("-") else {
        return pare_write_file(path.start, head.baseAddress, head.count, body.baseAddress, body.count)
      }
      let failed = pare_write(1, head.baseAddress, head.count)
      return failed != 0 ? failed : pare_write(1, body.baseAddress, body.count)
    }
    guard status == 0 else { throw .file(.writing, path, status) }
  }

  /// Writes every output as FOLDER/NAME.npy.
  private func writeOutputs(to folder: Argument) throws(Failure) {
    for index in 0..<model.outputCount {
      try writeOutput(index, to: outputPath(index, in: folder))
    }
  }

  /// A name from the model must not lead out of the folder: other characters than letters, digits, `-`,
  /// `_` and inner dots become `_`, and a number sets apart names that are the same afterwards.
  private func outputPath(_ index: Int, in folder: Argument) throws(Failure) -> Argument {
    var path = [UInt8](folder.bytes)
    path.append(UInt8(ascii: "/"))
    let name = RunCommand.safeName(model.output(index).name)
    for earlier in 0..<index where RunCommand.safeName(model.output(earlier).name) == name {
      let prefix = Text()
      prefix.add(index)
      path += prefix.bytes
      path.append(UInt8(ascii: "-"))
      break
    }
    path += name
    path += [0x2e, 0x6e, 0x70, 0x79, 0]
    guard path.count < 4096 else { throw .pathTooLong }
    // Kept until the process ends, as arguments are: an error may name it.
    let kept = UnsafeMutablePointer<CChar>.allocate(capacity: path.count)
    for index in 0..<path.count { kept[index] = CChar(bitPattern: path[index]) }
    return Argument(kept)
  }

  private static func safeName(_ name: UnsafeRawBufferPointer) -> [UInt8] {
    var safe: [UInt8] = []
    for byte in name {
      let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
      let isDigit = byte >= 0x30 && byte <= 0x39
      let isMark = byte == 0x2d || byte == 0x5f || (byte == 0x2e && !safe.isEmpty)
      safe.append(isLetter || isDigit || isMark ? byte : 0x5f)
    }
    if safe.isEmpty { safe.append(0x5f) }
    return safe
  }

  /// Prints the greatest elements of the first output, one to a line: index, value, class name if known.
  private func printGreatest(_ limit: Int) throws(Failure) {
    guard model.outputCount > 0 else { return }
    let interface = model.output(0)
    let bytes = model.outputBytes(0)
    let count = bytes.count / interface.dtype.byteCount
    var printed: [Int] = []
    let text = Text()
    while printed.count < min(limit, count) {
      var best = -1
      var greatest = -Float.infinity
      for index in 0..<count where !printed.contains(index) {
        let value = RunCommand.element(bytes, interface.dtype, index)
        if best < 0 || value > greatest { (best, greatest) = (index, value) }
      }
      printed.append(best)
      text.add(best)
      text.add(" ")
      text.add(greatest)
      let name = model.name(.className, best)
      if name.count > 0 {
        text.add(" ")
        text.addForeign(name)
      }
      text.add("\n")
    }
    try text.write(to: 1)
  }

  private static func element(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ index: Int) -> Float {
    let offset = index * dtype.byteCount
    switch dtype {
    case .float32: return bytes.loadUnaligned(fromByteOffset: offset, as: Float.self)
    case .int32: return Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    case .int64: return Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
    case .int8: return Float(Int8(bitPattern: bytes[offset]))
    case .uint8, .bool, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16: return Float(bytes[offset])
    }
  }
}
