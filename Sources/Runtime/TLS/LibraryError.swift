internal import COpenSSL

/// What OpenSSL's error queue of this thread says. Clear it before each operation whose outcome is
/// asked for.
struct LibraryError {
  /// 0 when the queue was empty.
  let code: UInt

  /// Nearly always there is nothing in it, and to look costs a fifth of clearing it.
  static func clear() {
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  /// Takes the queue: its first error of `library` if there is one, or the first at all. The first
  /// is the cause, the later ones are what it led to.
  static func take(preferring library: Int32? = nil) -> LibraryError {
    var first: UInt = 0
    var preferred: UInt = 0
    while true {
      let code = ERR_get_error()
      if code == 0 { break }
      if first == 0 { first = code }
      if preferred == 0, library == ERR_GET_LIB(code) { preferred = code }
    }
    return LibraryError(code: preferred == 0 ? first : preferred)
  }

  var library: Int32 { ERR_GET_LIB(code) }
  var reason: Int32 { ERR_GET_REASON(code) }

  /// OpenSSL's word for it.
  var text: String {
    guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
      return "no reason given"
    }
    return unsafe String(cString: text)
  }
}
