import Foundation
import Graph
import HostTensors
import ONNX
import Runtime

// Feeds damaged model files to the readers: `pare-fuzz COUNT SEED FILE...`. Every case must end in a
// typed error or a completed run; a trap or a sanitizer's report ends the process, and a case that takes
// longer than the limit counts as a hang. Build it with the address and undefined behaviour sanitizers.

/// What may be asked of memory in one case.
let memoryLimitBytes = 64 << 20
let secondsPerCase = 10.0

struct Tally {
  var accepted = 0
  var refused = 0
  var slow = 0
}

func runPacked(_ bytes: [UInt8], _ tally: inout Tally) {
  var options = LoadOptions()
  options.memoryLimitBytes = memoryLimitBytes
  let accepted = bytes.withUnsafeBytes { file in
    guard let model = try? Model(file, options: options) else { return false }
    // Work is stated in the header, and checked there: what states too much is not run.
    if model.header.multiplyAccumulates < 200_000_000 {
      model.run()
      _ = model.verify()
    }
    return true
  }
  if accepted { tally.accepted += 1 } else { tally.refused += 1 }
}

func runONNX(_ bytes: [UInt8], _ tally: inout Tally) {
  do {
    var graph = try importONNX(Data(bytes))
    try graph.inferShapes()
    let (simple, _) = try simplified(graph)
    let elements = simple.values.reduce(0) { $0 &+ ($1.info?.shape.elementCount ?? 0) }
    let inputs = simple.inputs.compactMap { simple[$0].info }
    if elements < 20_000_000, simple.multiplyAccumulates < 100_000_000 {
      _ = try Evaluator(simple).run(
        inputs.map { info in
          let storage = TensorStorage(zeroedByteCount: info.shape.elementCount * info.dtype.byteCount)
          return Tensor(dtype: info.dtype, shape: info.shape, storage: storage)
        })
    }
    tally.accepted += 1
  } catch {
    tally.refused += 1
  }
}

func packedCase(_ seed: PackedFile, _ raw: [UInt8], _ donor: PackedFile, _ mutation: inout Mutation) -> [UInt8] {
  var file = seed
  switch mutation.random.below(8) {
  case 0: return mutation.damage(raw, donor: donor.head)
  case 1: return PackedFile.sealed(mutation.damage(raw, donor: donor.head))
  case 2: file.head = mutation.damageWords(file.head)
  case 3:
    // A section of another file, or none.
    let place = mutation.random.below(file.sections.count)
    if mutation.random.below(3) == 0 {
      file.sections.remove(at: place)
    } else {
      file.sections[place] = donor.sections[mutation.random.below(donor.sections.count)]
    }
  case 4:
    let place = mutation.random.below(file.sections.count)
    file.sections[place].raw = mutation.damage(file.sections[place].raw, donor: donor.sections[0].raw)
  case 5:
    let part = mutation.random.below(3)
    if part == 0 { file.network.metadata = mutation.damage(file.network.metadata, donor: donor.network.metadata) }
    if part == 1 { file.network.golden = mutation.damageWords(file.network.golden) }
    if part == 2, !donor.network.tensors.isEmpty {
      file.network.tensors.insert(donor.network.tensors[0], at: 0)
    }
    file = file.recoded()
  default:
    file.network.program = mutation.damageWords(file.network.program)
    file = file.recoded()
  }
  return file.assembled()
}

let arguments = CommandLine.arguments
guard arguments.count >= 4, let count = Int(arguments[1]), let seed = UInt64(arguments[2]) else {
  print("usage: pare-fuzz COUNT SEED FILE...   (.pare or .onnx files, all of one kind)")
  exit(2)
}
let seeds = try arguments[3...].map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
let isPacked = arguments[3].hasSuffix(".pare")
let packed = isPacked ? seeds.compactMap(PackedFile.init) : []
guard !isPacked || packed.count == seeds.count else {
  print("a seed is not a whole .pare file")
  exit(1)
}
var mutation = Mutation(random: SplitMix64(seed: seed))
var tally = Tally()
for index in 0..<count {
  let choice = mutation.random.below(seeds.count)
  let other = mutation.random.below(seeds.count)
  let bytes =
    isPacked
    ? packedCase(packed[choice], seeds[choice], packed[other], &mutation)
    : mutation.damage(seeds[choice], donor: seeds[other])
  let start = ContinuousClock.now
  if isPacked { runPacked(bytes, &tally) } else { runONNX(bytes, &tally) }
  if start.duration(to: .now) > .seconds(secondsPerCase) {
    tally.slow += 1
    print("case \(index): took longer than \(secondsPerCase) s")
  }
}
print("\(count) cases: \(tally.refused) refused, \(tally.accepted) accepted and run, \(tally.slow) too slow")
exit(tally.slow == 0 ? 0 : 1)
