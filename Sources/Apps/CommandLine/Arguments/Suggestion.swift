/// Finds what somebody may have meant.
enum Suggestion {
  /// The name that needs the fewest changes, when those are few for its length.
  static func nearest(to text: String, in names: [String]) -> String? {
    let ranked = names.map { (name: $0, changes: distance(text, $0)) }
    guard let best = ranked.min(by: { $0.changes < $1.changes }) else { return nil }
    return best.changes <= max(1, best.name.count / 3) ? best.name : nil
  }

  /// Letters to insert, remove or replace to make one of the other (Levenshtein).
  static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var previous = Array(0...right.count)
    for (row, letter) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        let replaced = previous[column] + (letter == other ? 0 : 1)
        current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
      }
      previous = current
    }
    return previous[right.count]
  }
}
