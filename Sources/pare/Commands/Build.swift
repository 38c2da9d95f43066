import ArgumentParser
import Foundation
import Measurement
import Targets

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Cross-builds the standalone executable for a device.",
    discussion: """
      One static file that needs only the Linux kernel. With --model the network is inside and only \
      the steps that it uses are linked: the file is the application. Without it the executable is \
      `pare-run`, which takes any .pare file. The Swift toolchain is all it needs.

        pare build --target raspberry-pi-4 --model model.pare -o app
        pare build --list
      """)

  @Option(help: "A target's id, or a .yaml file like those in targets/.") var target: String?
  @Option(help: "A .pare file to build in.") var model: String?
  @Option(name: [.customShort("o"), .customLong("output")], help: "The executable; pare-run-TARGET if not given.")
  var path: String?
  @Option(help: "Fail with exit code 5 if the executable is larger than this many bytes.") var maxSize: Int?
  @Option(help: "The checkout of Pare to build from; the one this executable comes from if not given.")
  var package: String?
  @Flag(
    help: ArgumentHelp(
      "Compress the executable; it unpacks itself into memory when it starts.",
      discussion: """
        About half the bytes on the device, for some hundred microseconds at start and the unpacked size in memory. \
        Not for kernels whose policy forbids turning written pages into code.
        """))
  var compress = false
  @Flag(help: "List the targets.") var list = false
  @Flag(help: "Show what the compiler prints.") var verbose = false
  @OptionGroup var output: JSONOption

  func run() throws {
    let folder = try Reading.package(package)
    if list { return try printTargets(folder) }
    guard let target else { throw CommandFailure("name a target with --target, or see them with --list", .usage) }
    let device = try Reading.target(target, folder)
    let embedded = try model.map(embeddedModel)
    let destination = URL(fileURLWithPath: path ?? "pare-run-\(device.id)")
    Console.note("building for \(device.name) (\(device.architecture.rawValue))")
    let isVerbose = verbose
    let product: CrossBuild.Product
    do throws(CrossBuildError) {
      let crossBuild = CrossBuild(target: device, package: folder, model: embedded, isCompressed: compress)
      product = try crossBuild.build(to: destination) { line in
        if isVerbose { Console.write(line) }
      }
    } catch { throw error.failure }
    let report = BuildReport(
      executableBytes: product.executableBytes, modelBytes: product.modelBytes ?? 0, target: device.id,
      isa: device.instructionSets.map(\.rawValue))
    try output.print(report, else: describe(report, destination, linkedBytes: product.linkedBytes))
    if let maxSize, product.executableBytes > maxSize {
      throw CommandFailure(
        "the executable has \(product.executableBytes.grouped) bytes, above the gate of \(maxSize.grouped)",
        .sizeOrLatencyGate)
    }
  }

  private func embeddedModel(_ path: String) throws(CommandFailure) -> EmbeddedModel {
    do throws(EmbeddedModelError) { return try EmbeddedModel(path: path) } catch { throw error.failure }
  }

  private func describe(_ report: BuildReport, _ destination: URL, linkedBytes: Int) -> String {
    let unpacked = linkedBytes == report.executableBytes ? "" : " (\(linkedBytes.grouped) unpacked)"
    return """
      executable        \(destination.relativePath)
      target            \(report.target)
      size              \(report.executableBytes.grouped) bytes\(unpacked)
      model inside      \(report.modelBytes == 0 ? "none" : "\(report.modelBytes.grouped) bytes")
      instruction sets  \(report.isa.joined(separator: ", "))

      """
  }

  private func printTargets(_ folder: PackageFolder) throws {
    var table = TextTable([.init("target"), .init("device"), .init("architecture"), .init("instruction sets")])
    for id in Target.identifiers(in: folder.targets) {
      let device = try Reading.target(id, folder)
      table.add([
        id, device.name, device.architecture.rawValue,
        device.instructionSets.map(\.rawValue).joined(separator: ", "),
      ])
    }
    print(table.rendered, terminator: "")
  }
}
