internal import EventLoops

/// How a channel comes to its connections: names, addresses, the policy's actions, states.
extension ClientCore {
  // MARK: Idle and not

  /// Connects if nothing is tried at the moment.
  func connectIfIdle() {
    guard isActive else { return leaveIdle() }
    if balancer.state == .idle, !lacksAddresses { perform(balancer.connectionWanted()) }
  }

  private func leaveIdle() {
    isActive = true
    setIdleTimer()
    switch target.kind {
    case .addresses(let addresses):
      use(addresses)
      perform(balancer.connectionWanted())
    case .name:
      lacksAddresses = true
      act(on: resolver.requested(now: .now))
      publish()
    }
  }

  private func setIdleTimer() {
    hadCall = false
    guard let timeout = configuration.idleTimeout else { return }
    idleTimer = loop.schedule(after: timeout) { [weak self] in
      guard let self else { return }
      if hasCalls || hadCall { setIdleTimer() } else { disconnect(isAbrupt: false) }
    }
  }

  /// Ends all connections; the next call connects again.
  func disconnect(isAbrupt: Bool) {
    isActive = false
    lacksAddresses = false
    idleTimer?.cancel()
    resolverTimer?.cancel()
    resolver = ResolverStateMachine(
      intervalMin: configuration.resolutionIntervalMin, backOff: configuration.backOff)
    balancer = LoadBalancer(configuration.loadBalancing)
    let all = subchannels
    subchannels = []
    publish()
    for subchannel in all { subchannel.shutDown(isAbrupt: isAbrupt) }
  }

  // MARK: Names

  private func act(on action: ResolverStateMachine.Action) {
    switch action {
    case .none:
      break
    case .wait(let delay):
      resolverTimer = loop.schedule(after: delay) { [weak self] in
        guard let self else { return }
        act(on: resolver.waitPassed())
      }
    case .resolve:
      guard case .name(let host, let port) = target.kind else { return }
      loop.resolve(host: host, port: port) { [weak self] in self?.resolved($0) }
    }
  }

  private func resolved(_ result: Result<[SocketAddress], EventLoopError>) {
    // The channel may be idle again, or closed.
    guard isActive else { return }
    switch result {
    case .success(let addresses) where !addresses.isEmpty:
      resolver.resolved(now: .now)
      let isFirst = lacksAddresses
      lacksAddresses = false
      use(addresses)
      if isFirst || hasWaitingCalls { perform(balancer.connectionWanted()) }
    case .success:
      lookUpFailed("name lookup found no address")
    case .failure(let error):
      lookUpFailed("\(error)")
    }
  }

  private func lookUpFailed(_ reason: String) {
    act(on: resolver.failed(chance: .random(in: -1...1)))
    // Addresses that were found before are still good.
    guard subchannels.isEmpty else { return }
    lacksAddresses = false
    noteFailure(reason)
    perform(balancer.addressesChanged([]))
  }

  /// Keeps what is known of addresses that stay.
  private func use(_ found: [SocketAddress]) {
    var addresses = found
    if case .pickFirst(shuffles: true) = configuration.loadBalancing { addresses.shuffle() }
    let before = subchannels
    var used: [Subchannel] = []
    for address in addresses where used.count < ChannelTarget.addressCountMax {
      let name = "\(address)"
      if used.contains(where: { $0.name == name }) { continue }
      used.append(before.first { $0.name == name } ?? makeSubchannel(address, name))
    }
    subchannels = used
    perform(balancer.addressesChanged(used.map(\.id)))
    for subchannel in before where !used.contains(where: { $0 === subchannel }) {
      subchannel.shutDown(isAbrupt: false)
    }
  }

  private func makeSubchannel(_ address: SocketAddress, _ name: String) -> Subchannel {
    subchannelCount += 1
    return Subchannel(SubchannelID(number: subchannelCount), address, name, self)
  }

  // MARK: The policy

  func subchannelChanged(_ subchannel: Subchannel, _ state: ConnectivityState) {
    perform(balancer.subchannelChanged(subchannel.id, state))
  }

  private func perform(_ actions: [LoadBalancingAction]) {
    publish()
    for action in actions {
      switch action {
      case .connect(let id): subchannels.first { $0.id == id }?.connect()
      case .disconnect(let id): subchannels.first { $0.id == id }?.disconnect()
      case .resolve: act(on: resolver.requested(now: .now))
      }
    }
  }

  /// Takes over what the policy says now, and gives calls that wait their due.
  private func publish() {
    let new = isActive && !lacksAddresses ? balancer.picker : .wait
    if new != picker {
      picker = new
      if case .ready(let ids) = new {
        ready = ids.compactMap { id in subchannels.first { $0.id == id } }
      } else {
        ready = []
      }
      pickerChanged()
    }
    change(to: lacksAddresses ? .connecting : isActive ? balancer.state : .idle)
    switch new {
    case .ready: startWaitingCalls()
    case .fail: failWaitingCalls()
    case .wait: if isActive, hasWaitingCalls { connectIfIdle() }
    }
  }

  func noteFailure(_ reason: String) { lastFailure = reason }

  // MARK: Connections

  func connectionDrains(_ connection: ClientConnection) {
    draining[ObjectIdentifier(connection)] = connection
  }

  func connectionClosed(_ connection: ClientConnection) {
    draining[ObjectIdentifier(connection)] = nil
  }

  /// A server closed a connection because of its pings: from now on they come half as often.
  func pingedTooOften() {
    guard let configured = configuration.keepalive?.time else { return }
    keepaliveTime = (keepaliveTime ?? configured) * 2
  }

  // MARK: States

  func change(to new: ConnectivityState) {
    guard new != state else { return }
    state = new
    for watcher in stateWatchers.values { watcher(new) }
  }

  /// Calls `watcher` with the state now and with each that follows, until it is removed by the
  /// number that this returns.
  func watchState(_ watcher: @escaping (ConnectivityState) -> Void) -> Int {
    stateWatcherCount += 1
    stateWatchers[stateWatcherCount] = watcher
    watcher(state)
    return stateWatcherCount
  }
}
