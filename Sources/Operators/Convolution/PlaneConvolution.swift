import HostTensors

/// A convolution in which each output plane is a sum of shifted copies of one input plane, as in a
/// depthwise one, and the ways back through it.
struct PlaneConvolution {
  private let shape: Convolution
  private let z: SpatialAxis
  private let y: SpatialAxis
  private let x: SpatialAxis
  private var inputPlane: Int { z.input * y.input * x.input }
  private var outputPlane: Int { z.output * y.output * x.output }
  private var tapCount: Int { z.kernel * y.kernel * x.kernel }

  /// `shape` has one input channel per group.
  init(_ shape: Convolution) {
    self.shape = shape
    let axes = shape.window.threeAxes
    (z, y, x) = (axes[0], axes[1], axes[2])
  }

  func run<T: RealElement>(
    input: UnsafePointer<T>, weight: UnsafePointer<T>, bias: UnsafePointer<T>?, output: UnsafeMutablePointer<T>
  ) {
    forEachPlane(shape.batch * shape.outChannels) { plane in
      let channel = plane % shape.outChannels
      let source = input + inputPlane * inputIndex(image: plane / shape.outChannels, channel)
      let target = output + outputPlane * plane
      target.update(repeating: bias?[channel] ?? 0, count: outputPlane)
      for tap in 0..<tapCount {
        let factor = weight[channel * tapCount + tap]
        forEachRow(tap) { from, to, count in
          let (source, target) = (source + from, target + to)
          if x.stride == 1 {
            for index in 0..<count { target[index] += factor * source[index] }
          } else {
            for index in 0..<count { target[index] += factor * source[index &* x.stride] }
          }
        }
      }
    }
  }

  func inputGradient<T: RealElement>(
    output: UnsafePointer<T>, weight: UnsafePointer<T>, input: UnsafeMutablePointer<T>
  ) {
    forEachPlane(shape.batch * shape.inChannels) { plane in
      let target = input + inputPlane * plane
      target.update(repeating: 0, count: inputPlane)
      let (image, group) = (plane / shape.inChannels, plane % shape.inChannels)
      for channel in group * shape.groupOut..<(group + 1) * shape.groupOut {
        let source = output + outputPlane * (image * shape.outChannels + channel)
        for tap in 0..<tapCount {
          let factor = weight[channel * tapCount + tap]
          forEachRow(tap) { to, from, count in
            let (source, target) = (source + from, target + to)
            if x.stride == 1 {
              for index in 0..<count { target[index] += factor * source[index] }
            } else {
              for index in 0..<count { target[index &* x.stride] += factor * source[index] }
            }
          }
        }
      }
    }
  }

  func weightGradient<T: RealElement>(
    input: UnsafePointer<T>, output: UnsafePointer<T>, weight: UnsafeMutablePointer<T>
  ) {
    forEachPlane(shape.outChannels, times: shape.batch) { channel in
      for tap in 0..<tapCount {
        var sum: T = 0
        for image in 0..<shape.batch {
          let source = input + inputPlane * inputIndex(image: image, channel)
          let upstream = output + outputPlane * (image * shape.outChannels + channel)
          forEachRow(tap) { from, to, count in
            let (source, upstream) = (source + from, upstream + to)
            if x.stride == 1 {
              sum += laneSum(count) { source[$0] * upstream[$0] }
            } else {
              sum += laneSum(count) { source[$0 &* x.stride] * upstream[$0] }
            }
          }
        }
        weight[channel * tapCount + tap] = sum
      }
    }
  }

  /// Index of the input plane that an output channel of an image reads.
  private func inputIndex(image: Int, _ channel: Int) -> Int { image * shape.inChannels + channel / shape.groupOut }

  /// Calls `body` for every plane below `count`, each of them the work of `times` planes, shared among threads.
  private func forEachPlane(_ count: Int, times: Int = 1, _ body: (Int) -> Void) {
    let work = max(1, tapCount * outputPlane * times)
    Parallel.forEachRange(count, grain: max(1, (elementGrain * 8) / work)) { for plane in $0 { body(plane) } }
  }

  /// Calls `body` for every output row that `tap` touches: where in the input and output planes it begins there, and
  /// how many positions it touches, which lie `x.stride` apart in the input.
  @inline(__always)
  private func forEachRow(_ tap: Int, _ body: (_ input: Int, _ output: Int, _ count: Int) -> Void) {
    let tapX = tap % x.kernel
    let tapY = tap / x.kernel % y.kernel
    let tapZ = tap / (x.kernel * y.kernel)
    let touched = x.outputs(touching: tapX)
    if touched.isEmpty { return }
    let firstX = x.start(touched.lowerBound) + tapX * x.dilation
    for outZ in z.outputs(touching: tapZ) {
      let inZ = z.start(outZ) + tapZ * z.dilation
      for outY in y.outputs(touching: tapY) {
        let inY = y.start(outY) + tapY * y.dilation
        body(
          (inZ * y.input + inY) * x.input + firstX, (outZ * y.output + outY) * x.output + touched.lowerBound,
          touched.count)
      }
    }
  }
}
