internal import EventLoops

/// One try to connect: the hosts in their order, each address of each in turn, until a server fits.
/// Confined to its loop; it keeps itself alive until it has ended.
///
/// libpq would resolve names with the loop waiting, so that each address is handed to it in digits,
/// beside the name that a certificate is compared with.
final class PostgresConnecting {
  /// How it ends.
  enum Outcome {
    case connected(PostgresHandle)
    /// Why no address did, in one line.
    case failed(String)
  }

  private let loop: EventLoop
  private let target: PostgresTarget
  private let timeout: Duration
  private let makeNotices: () -> PostgresNotices
  private var finish: ((Outcome) -> Void)?
  private var hosts: ArraySlice<PostgresTarget.Host>
  /// The addresses of the first host that are still to be tried; nil is libpq's own choice.
  private var addresses: ArraySlice<String?> = []
  private var handle: PostgresHandle?
  private var watch: FileWatch?
  private var timer: TimerHandle?
  private var failures: [String] = []

  /// Begins. `finish` is called once on the loop, never before this returns.
  init(
    loop: EventLoop, target: PostgresTarget, timeout: Duration,
    makeNotices: @escaping () -> PostgresNotices, finish: @escaping (Outcome) -> Void
  ) {
    self.loop = loop
    self.target = target
    self.timeout = target.connectTimeout ?? timeout
    self.makeNotices = makeNotices
    self.finish = finish
    hosts = target.hosts[...]
    loop.schedule(after: .zero) { self.tryHost() }
  }

  /// Gives up; `finish` is not called any more.
  func cancel() {
    finish = nil
    dropHandle()
  }

  private func tryHost() {
    guard finish != nil else { return }
    guard let host = hosts.first else {
      return end(.failed(failures.joined(separator: "; ")))
    }
    if host.isUnix || host.name == nil || host.literal != nil {
      addresses = [host.literal]
      return tryAddress()
    }
    let name = host.name ?? ""
    startTimer(for: "the name lookup of \(name)") { $0.hostFailed() }
    loop.resolve(host: name, port: 0) { [weak self] result in
      guard let self, self.hosts.first == host, self.addresses.isEmpty else { return }
      self.resolved(name, result)
    }
  }

  private func resolved(_ name: String, _ result: Result<[SocketAddress], EventLoopError>) {
    guard finish != nil else { return }
    stopTimer()
    switch result {
    case .success(let found) where !found.isEmpty:
      addresses = found.prefix(Self.addressesPerHostMax).map { $0.host }[...]
      tryAddress()
    case .success:
      note("\(name) has no address")
      hostFailed()
    case .failure(let error):
      note("\(name): \(error)")
      hostFailed()
    }
  }

  /// Addresses of one name that are tried.
  private static let addressesPerHostMax = 8
  /// Characters of one server's failure that are kept.
  private static let failureLengthMax = 200

  private func hostFailed() {
    addresses = []
    hosts.removeFirst()
    tryHost()
  }

  private func tryAddress() {
    guard finish != nil, let host = hosts.first else { return }
    guard let address = addresses.first else { return hostFailed() }
    let parameters = target.parameters(host: host, address: address)
    guard let handle = PostgresHandle(parameters: parameters, notices: makeNotices()) else {
      note("no memory for a connection")
      return addressFailed()
    }
    self.handle = handle
    startTimer(for: "the connection to \(host.name ?? address ?? "the server")") {
      $0.addressFailed()
    }
    if handle.isBad { failed(handle) } else { wait(.writable) }
  }

  private func addressFailed() {
    dropHandle()
    addresses.removeFirst()
    tryAddress()
  }

  /// Waits for the socket once. libpq closes it and opens another between two steps, so that no
  /// watch may outlive a step.
  private func wait(_ events: FileEvents) {
    guard let handle, let descriptor = handle.fileDescriptor else {
      note("the connection has no socket")
      return addressFailed()
    }
    do throws(EventLoopError) {
      watch = try loop.watch(fileDescriptor: descriptor, events) { [weak self] _ in
        self?.advance()
      }
    } catch {
      note("\(error)")
      addressFailed()
    }
  }

  private func advance() {
    watch?.close()
    watch = nil
    guard let handle else { return }
    switch handle.advance() {
    case .toRead: wait(.readable)
    case .toWrite: wait(.writable)
    case .failed: failed(handle)
    case .done:
      guard handle.beginPipeline() else { return failed(handle) }
      self.handle = nil
      stopTimer()
      end(.connected(handle))
    }
  }

  private func failed(_ handle: PostgresHandle) {
    note(handle.errorText)
    addressFailed()
  }

  private func note(_ text: String) {
    failures.append(String(target.redacted(text).prefix(Self.failureLengthMax)))
  }

  private func startTimer(for what: String, _ body: @escaping (PostgresConnecting) -> Void) {
    stopTimer()
    timer = loop.schedule(after: timeout) { [weak self] in
      guard let self else { return }
      self.note("\(what) took longer than \(self.timeout)")
      body(self)
    }
  }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
  }

  private func dropHandle() {
    stopTimer()
    watch?.close()
    watch = nil
    handle?.close()
    handle = nil
  }

  private func end(_ outcome: Outcome) {
    let finish = self.finish
    self.finish = nil
    dropHandle()
    finish?(outcome)
  }
}
