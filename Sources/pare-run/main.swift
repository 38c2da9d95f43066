import CLinux

#if os(Linux)
  // For its link of libm: an ordinary executable finds the square root there, a freestanding one in CLinux.
  import Glibc
#endif

let usage: StaticString = """
  usage: pare-run [MODEL.pare] --input X.npy --output Y.npy
         pare-run bench  [MODEL.pare] [--runs N] [--warmup N] [--profile] [--json]
         pare-run verify [MODEL.pare] [--json]
         pare-run info   [MODEL.pare] [--json]

  MODEL.pare is left out where the executable was built with a model inside.
    --input FILE       the only input; NAME=FILE once for each of several; - is standard input
    --output FILE      where the first output goes; - is standard output
    --outputs DIR      where every output goes, as NAME.npy
                       (with neither, the five greatest elements of the first output are printed)
    --threads N        threads that share the work, 1 to 256 (1)
    --isa NAME         kernels to use, for example scalar (the best that the CPU runs)
    --runs N           timed runs (200)
    --warmup N         runs before them (10)
    --profile          mean time of every step
    --json             one JSON object

  exit codes: 0 ok, 1 failure, 2 usage, 3 unsupported or invalid model, 6 outputs differ

  """

func runCommandLine() -> Int32 {
  do throws(Failure) {
    let invocation = try Invocation(hasEmbeddedModel: Session.embedded != nil)
    if invocation.isHelp {
      let text = Text()
      text.add(usage)
      try text.write(to: 1)
      return 0
    }
    switch invocation.command {
    case .run: try RunCommand.run(invocation)
    case .bench: try BenchCommand.run(invocation)
    case .verify: try VerifyCommand.run(invocation)
    case .info: try InfoCommand.run(invocation)
    }
    return 0
  } catch {
    error.report()
    return error.exitCode
  }
}

pare_exit(runCommandLine())
