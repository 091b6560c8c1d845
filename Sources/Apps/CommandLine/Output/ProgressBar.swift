/// How far something is, on one line of a terminal that is written over.
enum ProgressBar {
  private static let width = 30

  static func text(done: Int, of total: Int, _ words: String) -> String {
    let full = min(width, max(0, done * width / max(1, total)))
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: width - full)
    return "\r[\(bar)] \(done)/\(total)\(words)"
  }
}
