extension DecisionMap {
  /// A straight piece of a contour, in the units of the axes.
  struct Segment {
    var from: (x: Double, y: Double)
    var to: (x: Double, y: Double)
  }

  /// Where the values cross `level`: marching squares over the centres of the cells (Lorensen and Cline 1987, in two
  /// dimensions), crossings by linear interpolation. Squares with a corner that is not finite have none.
  func contour(at level: Double) -> [Segment] {
    var segments: [Segment] = []
    for row in 0..<grid.rows - 1 {
      for column in 0..<grid.columns - 1 {
        // Around the square: lower left, lower right, upper right, upper left.
        let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map { (column: column + $0.0, row: row + $0.1) }
        let heights = corners.map { values[$0.row * grid.columns + $0.column] - level }
        guard heights.allSatisfy(\.isFinite) else { continue }
        let crossings = (0..<4).compactMap { side -> (x: Double, y: Double)? in
          let (from, to) = (side, (side + 1) % 4)
          guard (heights[from] >= 0) != (heights[to] >= 0) else { return nil }
          let share = heights[from] / (heights[from] - heights[to])
          let x = Double(corners[from].column) + share * Double(corners[to].column - corners[from].column)
          let y = Double(corners[from].row) + share * Double(corners[to].row - corners[from].row)
          return (grid.position(x, grid.xRange, grid.columns), grid.position(y, grid.yRange, grid.rows))
        }
        switch crossings.count {
        case 2: segments.append(Segment(from: crossings[0], to: crossings[1]))
        case 4:
          // A saddle: the mean decides which pair of opposite corners is joined.
          let joinsFirstCorner = (heights.reduce(0, +) >= 0) == (heights[0] >= 0)
          let pairs = joinsFirstCorner ? [(0, 1), (2, 3)] : [(3, 0), (1, 2)]
          segments += pairs.map { Segment(from: crossings[$0.0], to: crossings[$0.1]) }
        default: break
        }
      }
    }
    return segments
  }
}
