internal import Telemetry

/// Which calls of one loop are recorded. Time and chance are handed in.
///
/// A sampled parent is followed, as OpenTelemetry's ParentBased sampler does, but a caller outside
/// must not decide how many spans a server makes: see ``ParentTrust``.
struct TraceSampler {
  private let rootRatio: Double
  private let trust: ParentTrust
  private var budget: LineBudget

  /// The sampler of one of `loopCount` loops.
  init(_ configuration: TracingConfiguration, loopCount: Int) {
    rootRatio = configuration.rootRatio
    trust = configuration.parentTrust
    let rate = if case .upTo(let rate) = trust { (rate + loopCount - 1) / loopCount } else { 0 }
    budget = LineBudget(burst: rate, perSecond: rate)
  }

  /// Whether a call is recorded at `now`, in nanoseconds. `chance` gives a number from 0 to 1, the
  /// 1 left out.
  mutating func records(parent: TraceContext?, at now: UInt64, chance: () -> Double) -> Bool {
    if let parent {
      switch trust {
      case .all:
        return parent.isSampled
      case .upTo:
        guard parent.isSampled else { return false }
        if budget.take(now: now) != nil { return true }
      case .none: break
      }
    }
    return rootRatio >= 1 || chance() < rootRatio
  }
}
