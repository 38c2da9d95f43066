import NumPyFormat
import TensorTypes
import Testing

/// A file of the version, with the header text padded by a line feed, and `dataBytes` zeros.
func numPyFile(_ header: String, version: UInt8 = 1, dataBytes: Int = 0) -> [UInt8] {
  let text = Array(header.utf8) + [0x0a]
  var file: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]
  file += [UInt8(text.count & 255), UInt8(text.count >> 8)]
  if version > 1 { file += [0, 0] }
  return file + text + [UInt8](repeating: 0, count: dataBytes)
}

func readHeader(_ file: [UInt8]) -> Result<NumPyHeader, NumPyError> {
  // A copy of exactly the file's size, so that the address sanitizer sees a read past its end.
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
  defer { bytes.deallocate() }
  bytes.copyBytes(from: file)
  do throws(NumPyError) {
    return .success(try NumPyHeader(UnsafeRawBufferPointer(bytes)))
  } catch {
    return .failure(error)
  }
}

func failure(_ file: [UInt8]) -> NumPyError? {
  switch readHeader(file) {
  case .success: nil
  case .failure(let error): error
  }
}

@Suite struct NumPyHeaderTests {
  @Test(arguments: [DType.float32, .uint8, .int8, .int32, .int64, .bool], [[], [5], [2, 3], [1, 1, 7, 1], [0, 4]])
  func readsWhatItWrites(_ dtype: DType, _ extents: [Int]) throws {
    var shape = InlineArray<8, Int>(repeating: 1)
    for (axis, extent) in extents.enumerated() { shape[axis] = extent }
    let count = extents.reduce(1, *)
    let bytes = try #require(NumPyHeader.bytes(dtype, shape, rank: extents.count))
    #expect(bytes.count % 64 == 0)
    let header = try readHeader(bytes + [UInt8](repeating: 0, count: count * dtype.byteCount)).get()
    #expect(header.dtype == dtype)
    #expect(header.rank == extents.count)
    #expect((0..<header.rank).map { header.shape[$0] } == extents)
    #expect(header.count == count)
    #expect(header.dataOffset == bytes.count)
  }

  @Test func writesTheHeaderThatNumPyWrites() throws {
    var shape = InlineArray<8, Int>(repeating: 1)
    (shape[0], shape[1]) = (2, 3)
    let bytes = try #require(NumPyHeader.bytes(.float32, shape, rank: 2))
    // numpy.save of zeros((2, 3), float32), numpy 2: 118 bytes of header text.
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    let padded = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    #expect(bytes == [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0] + Array(padded.utf8))
  }

  @Test(arguments: [UInt8(1), 2, 3])
  func readsEveryVersionAndKeyOrder(_ version: UInt8) throws {
    let text = #"{"shape":(4,),'fortran_order':True , "descr": "<i8"}"#
    let header = try readHeader(numPyFile(text, version: version, dataBytes: 32)).get()
    #expect(header.dtype == .int64)
    #expect(header.count == 4)
  }

  @Test(arguments: [
    ("", NumPyError.malformedHeader(offset: 11)),
    ("{'descr': '>f4', 'fortran_order': False, 'shape': (), }", .unsupportedType),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", .unsupportedType),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (), }", .unsupportedType),
    ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }", .unsupportedType),
    ("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", .fortranOrder),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", .tooManyDimensions(limit: 8)),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", .shapeTooLarge),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", .shapeTooLarge),
    ("{'descr': '<i8', 'fortran_order': False, 'shape': (2305843009213693952,), }", .shapeTooLarge),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", .malformedHeader(offset: 61)),
    ("{'descr': '<f4', 'descr': '<f4', 'shape': (), }", .malformedHeader(offset: 41)),
    ("{'descr': '<f4', 'shape': (), }", .malformedHeader(offset: 41)),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", .truncated(expected: 12, found: 8)),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", .trailingBytes(count: 4)),
  ])
  func namesTheFault(_ text: String, _ expected: NumPyError) {
    #expect(failure(numPyFile(text, dataBytes: 8)) == expected)
  }

  @Test func refusesOtherFilesAndVersions() {
    #expect(failure([]) == .notNumPy)
    #expect(failure(Array("PK\u{3}\u{4} not an array".utf8)) == .notNumPy)
    #expect(failure(numPyFile("{}", version: 4)) == .unsupportedVersion(4))
  }

  @Test func ignoresLeadingOnesOfTheShape() throws {
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 2), }"
    let header = try readHeader(numPyFile(text, dataBytes: 6)).get()
    let batch: InlineArray<8, Int> = [1, 3, 1, 2, 1, 1, 1, 1]
    #expect(header.hasShape(batch, rank: 4))
    #expect(!header.hasShape(batch, rank: 5))
    #expect(!header.hasShape([3, 2, 1, 1, 1, 1, 1, 1], rank: 3))
    #expect(!header.hasShape(batch, rank: 0))
  }

  /// Every way to cut or change one byte of a good file ends in a header whose elements fill the file, or in an error.
  @Test func damagedFilesNeverClaimMoreThanTheyHold() {
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    let good = numPyFile(text, version: 2, dataBytes: 24)
    for length in 0..<good.count { #expect(failure(Array(good.prefix(length))) != nil) }
    for position in good.indices {
      for value in UInt8.min...UInt8.max {
        var file = good
        file[position] = value
        guard let header = try? readHeader(file).get() else { continue }
        #expect(header.dataOffset + header.count * header.dtype.byteCount == file.count)
      }
    }
  }
}
