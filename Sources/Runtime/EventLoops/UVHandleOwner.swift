internal import CUV

/// The Swift owner of a libuv handle: it lives until libuv has closed the handle.
///
/// libuv frees nothing and may touch a handle until its close callback, so the owner keeps itself
/// alive from ``adopt(_:)`` to that callback, and frees the memory there.
@safe package class UVHandleOwner {
  init() {}

  private var raw: UnsafeMutablePointer<uv_handle_t>?
  private var deallocate: (() -> Void)?

  /// Takes ownership of an initialized handle and frees it with `deallocate` once it is closed.
  final func adopt<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
    let generic = unsafe UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
    unsafe generic.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    unsafe raw = generic
    deallocate = { unsafe handle.deallocate() }
  }

  /// Closes the handle; its callbacks are not called any more. A second call does nothing.
  final func closeHandle() {
    guard let handle = unsafe raw else { return }
    unsafe raw = nil
    unsafe uv_close(handle) { handle in
      guard let data = unsafe handle?.pointee.data else { return }
      let owner = unsafe Unmanaged<UVHandleOwner>.fromOpaque(data).takeRetainedValue()
      owner.deallocate?()
      owner.deallocate = nil
    }
  }

  /// The loop ends: drop closures and close.
  func closeAtStop() { closeHandle() }
}

/// Lends the owner of a handle to `body`, as the type that its callback knows it to be. No
/// reference is counted: the owner lives until libuv has closed the handle, which no callback of it
/// does.
@inline(__always)
func withOwner<Owner: UVHandleOwner, Result>(
  of data: UnsafeMutableRawPointer?, as type: Owner.Type, _ body: (Owner) -> Result
) -> Result? {
  guard let data = unsafe data else { return nil }
  return unsafe Unmanaged<UVHandleOwner>.fromOpaque(data)._withUnsafeGuaranteedRef {
    body(unsafe unsafeDowncast($0, to: Owner.self))
  }
}
