import ArgumentParser
import Foundation
import Measurement
import Targets

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Proves that a packed model gives the same bytes on a device as where it was packed.",
    discussion: """
      A .pare file carries golden vectors: input seeds and the checksum of every step's output. \
      Without --target they are run here with every instruction set this CPU has. With --target the \
      target's executable is built (or taken from --executable) and runs them, natively or under QEMU. \
      A difference ends with exit code 6 and names the first step that differs.

        pare verify model.pare
        pare verify model.pare --target raspberry-pi-4
      """)

  @Argument(help: "A .pare file.") var model: String
  @Option(help: "A target's id, or a .yaml file like those in targets/.") var target: String?
  @Option(help: "The target's pare-run, if it is already built.") var executable: String?
  @Option(help: "The checkout of Pare to build from.") var package: String?
  @OptionGroup var output: JSONOption

  func run() throws {
    let reports = try target.map(verifyOnTarget) ?? verifyHere()
    let report = VerificationReport(model: model, runs: reports)
    try output.print(report, else: report.table)
    if let bad = report.runs.first(where: { !$0.identical }) {
      throw CommandFailure("\(model): \(bad.isa) on \(bad.target): \(bad.detail)", .outputsDiffer)
    }
  }

  private func verifyHere() throws -> [VerificationReport.Run] {
    do throws(PackedNetworkError) { return try HostVerification(path: model).run() } catch { throw error.failure }
  }

  private func verifyOnTarget(_ id: String) throws -> [VerificationReport.Run] {
    let folder = try Reading.package(package)
    let device = try Reading.target(id, folder)
    let program = try executable.map { URL(fileURLWithPath: $0) } ?? build(device, folder)
    do throws(TargetVerificationError) {
      return try TargetVerification(target: device, executable: program).run(model: model)
    } catch { throw error.failure }
  }

  private func build(_ device: Target, _ folder: PackageFolder) throws -> URL {
    let place = folder.url.appendingPathComponent(".build/device/\(device.id)-pare-run")
    Console.note("building pare-run for \(device.name)")
    do throws(CrossBuildError) { _ = try CrossBuild(target: device, package: folder).build(to: place) } catch {
      throw error.failure
    }
    return place
  }
}

extension TargetVerificationError {
  var failure: CommandFailure {
    switch self {
    case .emulator(let error): error.failure
    case .notStarted(let program, let reason): CommandFailure("\(program) could not be started: \(reason)")
    case .failed(let isa, let status, let output):
      CommandFailure("the executable failed with status \(status) (\(isa)): \(output)")
    }
  }
}
