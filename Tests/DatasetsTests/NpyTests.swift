import Datasets
import Foundation
import HostTensors
import TensorTypes
import Testing

struct NpyTests {
  @Test(arguments: [NumPyFile.float32, NumPyFile.version2])
  func arrayOfNumPyReadsBack(file: String) throws {
    let scratch = try Scratch()
    for isCompressed in [false, true] {
      let bytes = try base64(file)
      let path = try scratch.write(isCompressed ? gzip(bytes) : bytes, as: "a.npy")
      let tensor = try Npy.read(path)
      #expect(tensor.shape == [2, 3])
      #expect(tensor.elements(as: Float.self) == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    }
  }

  @Test func writerGivesTheBytesThatNumPyGives() throws {
    let scratch = try Scratch()
    let tensor = Tensor(shape: [2, 3], elements: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] as [Float])
    try Npy.write(tensor, to: scratch.path("a.npy"))
    let written = try Data(contentsOf: URL(fileURLWithPath: scratch.path("a.npy")))
    #expect(try [UInt8](written) == base64(NumPyFile.float32))
  }

  @Test(arguments: DType.allCases.filter { $0 != .bfloat16 }, [[], [1], [7], [2, 0, 3], [2, 3, 4]])
  func everyTypeAndRankSurvivesWritingAndReading(dtype: DType, shape: [Int]) throws {
    let scratch = try Scratch()
    func roundTrip<T: TensorElement>(_ type: T.Type) throws {
      let elements = (0..<shape.elementCount).map { T(converting: Double($0 % 5)) }
      try Npy.write(Tensor(shape: shape, elements: elements), to: scratch.path("a.npy"))
      let found = try Npy.read(scratch.path("a.npy"))
      #expect(found.dtype == dtype)
      #expect(found.shape == shape)
      #expect(found.elements(as: T.self) == elements)
    }
    try dtype.withElementType { try roundTrip($0) }
  }

  @Test func bfloat16IsRefusedByTheWriter() throws {
    let tensor = Tensor(shape: [1], repeating: BFloat16(bitPattern: 0))
    #expect(throws: DatasetError.unsupportedVariant(path: "a", found: "element type bfloat16 as .npy")) {
      try Npy.write(tensor, to: "a")
    }
  }

  @Test func unwritablePathIsATypedError() {
    let tensor = Tensor(scalar: Float(1))
    #expect(throws: DatasetError.unwritable(path: "nowhere/a.npy", reason: "No such file or directory")) {
      try Npy.write(tensor, to: "nowhere/a.npy")
    }
  }

  @Test(arguments: [
    (NumPyFile.fortran, "Fortran order"), (NumPyFile.bigEndian, "big-endian element type >f4"),
    (NumPyFile.structured, "a structured element type"),
  ])
  func variantsThatAreNotReadAreRefusedByName(file: String, found: String) throws {
    let scratch = try Scratch()
    let path = try scratch.write(base64(file), as: "a.npy")
    #expect(throws: DatasetError.unsupportedVariant(path: path, found: found)) { try Npy.read(path) }
  }

  private func file(header: String, elements: [UInt8] = []) -> [UInt8] {
    [0x93] + [UInt8]("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
      + [UInt8](header.utf8) + elements
  }

  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "{", "", "{'descr': '<f4",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } trailing",
  ])
  func headerThatIsNotThatOfAnArrayIsMalformed(header: String) throws {
    let scratch = try Scratch()
    let path = try scratch.write(file(header: header, elements: [0, 0, 0, 0]), as: "a.npy")
    #expect {
      try Npy.read(path)
    } throws: { error in
      if case DatasetError.malformed = error { true } else { false }
    }
  }

  @Test func lengthMustBeTheOneDeclared() throws {
    let scratch = try Scratch()
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"
    let start = 10 + header.utf8.count
    let short = try scratch.write(file(header: header, elements: [1, 2]), as: "short.npy")
    #expect(throws: DatasetError.truncated(path: short, expectedBytes: start + 3, foundBytes: start + 2)) {
      try Npy.read(short)
    }
    let long = try scratch.write(file(header: header, elements: [1, 2, 3, 4]), as: "long.npy")
    #expect(throws: DatasetError.surplus(path: long, expectedBytes: start + 3)) { try Npy.read(long) }
  }

  @Test func declaredTerabytesInAFewBytesOfGzipAreTruncated() throws {
    let scratch = try Scratch()
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000,), }"
    let path = try scratch.write(gzip(file(header: header)), as: "a.npy.gz")
    #expect {
      try Npy.read(path)
    } throws: { error in
      if case DatasetError.truncated(path, _, _) = error { true } else { false }
    }
    let larger = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    try scratch.write(gzip(file(header: larger)), as: "a.npy.gz")
    #expect(throws: DatasetError.tooLarge(path: path, limitBytes: 4 << 30)) { try Npy.read(path) }
  }

  @Test func boolElementsAreZeroOrOne() throws {
    let scratch = try Scratch()
    let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }"
    let path = try scratch.write(file(header: header, elements: [0, 1, 2]), as: "a.npy")
    #expect(throws: DatasetError.malformed(path: path, field: "bool element 2", expected: "0 or 1", found: "2")) {
      try Npy.read(path)
    }
  }
}
