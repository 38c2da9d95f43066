import HostTensors

/// A float type with elementary functions and matrix products of its own precision.
typealias ProductElement = RealElement & MatrixElement
