import CLinux
import Foundation
import Testing

/// A fresh folder for one test, removed with the value.
private final class Folder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func contents(_ path: String) -> Result<[UInt8], POSIXError> {
  var bytes: UnsafePointer<UInt8>?
  var count = 0
  let status = pare_map_file(path, &bytes, &count)
  guard status == 0 else { return .failure(POSIXError(POSIXErrorCode(rawValue: -status) ?? .EIO)) }
  defer { pare_unmap_file(bytes, count) }
  return .success(Array(UnsafeBufferPointer(start: bytes, count: count)))
}

@Suite struct FileTests {
  @Test(arguments: [0, 1, 4096, 300_000])
  func aWrittenFileReadsBack(_ count: Int) throws {
    let folder = try Folder()
    let head = Array("head".utf8)
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let path = folder.path + "/out.bin"
    #expect(pare_write_file(path, head, head.count, body, body.count) == 0)
    #expect(try contents(path).get() == head + body)
    // Nothing but the file itself is left behind.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out.bin"])
  }

  @Test func aFailedWriteLeavesTheOldFile() throws {
    let folder = try Folder()
    let path = folder.path + "/missing/out.bin"
    #expect(pare_write_file(path, [1], 1, [2], 1) == -ENOENT)
    let directory = folder.path + "/directory"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    #expect(pare_write_file(directory, [1], 1, [2], 1) < 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["directory"])
    let name = folder.path + "/" + String(repeating: "x", count: 5000)
    #expect(pare_write_file(name, [1], 1, [2], 1) == -ENAMETOOLONG)
  }

  @Test func pipesAreReadToTheirEnd() throws {
    let folder = try Folder()
    let path = folder.path + "/pipe"
    try #require(mkfifo(path, 0o600) == 0)
    let sent = [UInt8](repeating: 9, count: 200_001)
    let writer = Thread { _ = pare_write_file(path, sent, sent.count, sent, 0) }
    writer.start()
    #expect(try contents(path).get() == sent)
  }

  @Test func missingFilesAndFoldersAreErrors() throws {
    let folder = try Folder()
    #expect(throws: POSIXError(.ENOENT)) { try contents(folder.path + "/none").get() }
    #expect(throws: POSIXError.self) { try contents(folder.path).get() }
  }

  @Test func emptyFilesAreEmpty() throws {
    let folder = try Folder()
    try Data().write(to: URL(fileURLWithPath: folder.path + "/empty"))
    #expect(try contents(folder.path + "/empty").get() == [])
  }

  @Test func theKernelSaysHowMuchMemoryAndTimeWereUsed() {
    let before = pare_monotonic_nanoseconds()
    #expect(pare_peak_resident_bytes() > 1 << 20)
    #expect(pare_monotonic_nanoseconds() >= before)
    #expect(pare_cpu_count() >= 1)
    #expect(pare_argument_count() >= 1 && pare_argument(0) != nil)
    #expect(pare_argument(-1) == nil && pare_argument(pare_argument_count()) == nil)
  }
}
