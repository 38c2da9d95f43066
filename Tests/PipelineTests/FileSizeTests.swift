import Foundation
import Measurement
import Packing
import Testing

/// Bytes of files and arenas.
struct FileSizeTests {
  @Test(arguments: NetworkName.mlperfTiny)
  func int8FilesAreWithinFourKilobytesOfTheEntropyFloor(_ name: NetworkName) async throws {
    let ledger = try await Networks.shared.prepared(name).int8.ledger
    #expect(ledger.fileBytes - ledger.entropyBytes <= 4_096)
  }

  @Test func keywordSpottingFitsTwentyFourKilobytes() async throws {
    #expect(try await Networks.shared.prepared(.dscnnKWS).int8.ledger.fileBytes <= 24_576)
  }

  @Test(arguments: NetworkName.allCases, Precision.allCases)
  func theLedgerAddsUp(_ name: NetworkName, _ precision: Precision) async throws {
    let packed = try await Networks.shared.prepared(name).packed(precision)
    let ledger = packed.ledger
    #expect(ledger.fileBytes == packed.bytes.count)
    #expect(ledger.storedBytes == ledger.entries.reduce(0) { $0 + $1.storedBytes })
    #expect(abs(Double(ledger.overheadBytes) - ledger.overhead.total) <= 1)
    #expect(ledger.ratio == Double(4 * ledger.originalParameters) / Double(packed.bytes.count))
  }

  /// No plan can need less than the buffers alive in one step; these graphs are near chains, where little is lost.
  @Test(arguments: NetworkName.allCases, Precision.allCases)
  func theArenaIsWhatTheFileStatesAndNearItsLowerBound(_ name: NetworkName, _ precision: Precision) async throws {
    let network = try await Networks.shared.prepared(name)
    let packed = network.packed(precision)
    #expect(packed.arena.bytes == packed.ledger.arenaBytes)
    #expect(Int(try network.loaded(precision).model.header.arenaBytes) == packed.arena.bytes)
    #expect(packed.arena.bytes >= packed.arena.lowerBoundBytes)
    #expect(Double(packed.arena.bytes) <= 1.25 * Double(packed.arena.lowerBoundBytes))
  }
}
