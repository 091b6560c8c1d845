internal import CUV

/// Gives memory that nobody uses back to the system.
///
/// The allocator keeps what was freed below anything still in use: a server that was attacked,
/// or was sent large messages, would stay as large as it was then.
enum FreeMemory {
  /// How much free memory is kept: it will be used again, and giving it back has its price.
  static let keptMax = 32 << 20
  /// How often it is looked at.
  static let period = Duration.seconds(30)

  /// Looks at it again and again on `loop`. Call it on the loop.
  static func giveBackRegularly(on loop: EventLoop) {
    loop.schedule(after: period) { [unowned loop] in
      giveBack()
      giveBackRegularly(on: loop)
    }
  }

  /// Some milliseconds for each 100 MB that are given back; next to nothing otherwise.
  private static func giveBack() {
    if cuv_free_memory() > keptMax { cuv_trim_memory() }
  }
}
