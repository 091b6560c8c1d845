/// How long to wait before a step is tried again: twice as long each time, up to a bound.
struct BackOff {
  var first = RegistryLimits.stepDelayFirst
  var longest = RegistryLimits.stepDelayMax

  /// The wait after failure number `failures`, counted from 1; at least what the carrier asked for,
  /// and never more than `longest`.
  func delay(after failures: Int, asked: Duration? = nil) -> Duration {
    let doublings = min(max(failures, 1) - 1, 20)
    let grown = first * (1 << doublings)
    return min(max(grown, asked ?? .zero), longest)
  }
}
