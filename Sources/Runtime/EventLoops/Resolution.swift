internal import CUV
internal import Glibc

/// One name lookup of ``EventLoop/resolve(host:port:_:)``.
@safe final class Resolution {
  private let port: UInt16
  private let body: (Result<[SocketAddress], EventLoopError>) -> Void

  init(port: UInt16, body: @escaping (Result<[SocketAddress], EventLoopError>) -> Void) {
    self.port = port
    self.body = body
  }

  func begin(on loop: EventLoop, host: String) {
    let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    unsafe request.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_protocol = Int32(IPPROTO_TCP)
    let code = unsafe uv_getaddrinfo(loop.handle, request, nameResolved, host, nil, &hints)
    if code != 0 {
      loop.schedule(after: .zero) { unsafe nameResolved(request, status: code, nil) }
    }
  }

  func finish(status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    guard status == 0 else {
      return body(.failure(EventLoopError("name lookup", code: status)))
    }
    var addresses: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      var storage = sockaddr_storage()
      let length = min(
        Int(unsafe entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
      if let address = unsafe entry.pointee.ai_addr {
        unsafe withUnsafeMutableBytes(of: &storage) { target in
          unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
        }
        addresses.append(SocketAddress(storage, length: socklen_t(length)).with(port: port))
      }
      unsafe next = unsafe entry.pointee.ai_next
    }
    body(.success(addresses))
  }
}

private func nameResolved(
  _ request: UnsafeMutablePointer<uv_getaddrinfo_t>?, status: Int32,
  _ list: UnsafeMutablePointer<addrinfo>?
) {
  guard let request = unsafe request, let data = unsafe request.pointee.data else { return }
  let resolution = unsafe Unmanaged<Resolution>.fromOpaque(data).takeRetainedValue()
  unsafe request.deallocate()
  unsafe resolution.finish(status: status, list)
  unsafe uv_freeaddrinfo(list)
}
