package import Buffers
internal import CZlib

/// Inflates one text after another, each fed in pieces of any size. Owns the `z_stream` and frees
/// it exactly once; about 44 KiB once a text has begun.
///
/// ```
/// reading ──end of the text──▶ ended ──reset──▶ reading
///    │                          └──more gzip──▶ reading
///    └──error──▶ failed ──reset──▶ reading
/// ```
///
/// It belongs to the executor that made it.
@safe package struct Inflater: ~Copyable {
  private enum State {
    case reading
    /// The text is whole; in gzip another member may follow.
    case ended
    case failed(InflationError)
  }

  /// The most bytes asked of zlib at once, which bounds what is kept beyond a limit.
  private static let chunkMax = 64 << 10

  package let format: CompressionFormat
  /// On the heap, since zlib's state points back at it.
  private let stream: UnsafeMutablePointer<z_stream>
  private var state = State.reading
  /// Of the text being read.
  private var consumed = 0
  private var produced = 0

  package init(_ format: CompressionFormat) {
    self.format = format
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let code = unsafe CZlib_inflateInit2(stream, format.windowBits)
    precondition(code == Z_OK, "inflateInit2: \(code)")
  }

  deinit {
    unsafe _ = inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Appends to `output` what `input` stands for. After an error only ``reset()`` helps.
  package mutating func inflate(
    _ input: RawSpan, limits: InflationLimits, into output: inout ByteWriter
  ) throws(InflationError) {
    if case .failed(let error) = state { throw error }
    do throws(InflationError) {
      try read(input, limits, into: &output)
    } catch {
      state = .failed(error)
      throw error
    }
  }

  /// Says that no more comes: the text has to be whole by now.
  package mutating func finish() throws(InflationError) {
    switch state {
    case .ended: break
    case .reading: throw .truncated(format)
    case .failed(let error): throw error
    }
  }

  /// Begins the next text.
  package mutating func reset() {
    unsafe _ = inflateReset(stream)
    state = .reading
    consumed = 0
    produced = 0
  }

  private mutating func read(
    _ input: RawSpan, _ limits: InflationLimits, into output: inout ByteWriter
  ) throws(InflationError) {
    var offset = 0
    // Whether zlib may hold something back because its room was full.
    var isFull = false
    while offset < input.byteCount || isFull {
      if case .ended = state { try beginMember() }
      let (offsetBefore, producedBefore) = (offset, produced)
      let chunk = chunkSize(input.byteCount - offset, limits)
      let code = step(input, &offset, chunk, into: &output)
      consumed += offset - offsetBefore
      isFull = produced - producedBefore == chunk
      switch code {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END:
        state = .ended
        isFull = false
      case Z_DATA_ERROR, Z_NEED_DICT: throw .corrupt(format)
      default: preconditionFailure("inflate: \(code)")
      }
      try check(limits)
    }
  }

  /// More bytes after the end: in gzip another member (RFC 1952, section 2.2).
  private mutating func beginMember() throws(InflationError) {
    guard format == .gzip else { throw .trailingBytes(format) }
    unsafe _ = inflateReset(stream)
    state = .reading
  }

  /// How much room to lend zlib: some times what came, and no more than a byte beyond the limit.
  private func chunkSize(_ inputSize: Int, _ limits: InflationLimits) -> Int {
    let wanted = min(max(inputSize, 256) * 4, Self.chunkMax)
    return max(min(wanted, limits.sizeMax - produced + 1), 1)
  }

  private mutating func step(
    _ input: RawSpan, _ offset: inout Int, _ chunk: Int, into output: inout ByteWriter
  ) -> Int32 {
    let start = offset
    var code: Int32 = 0
    var taken = 0
    var written = 0
    unsafe input.withUnsafeBytes { bytes in
      let size = min(bytes.count - start, Int(UInt32.max))
      let first = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      // zlib reads through a pointer that is not const in its header.
      unsafe stream.pointee.next_in = unsafe first.map {
        unsafe UnsafeMutablePointer(mutating: $0 + start)
      }
      unsafe stream.pointee.avail_in = UInt32(max(size, 0))
      unsafe output.withReserved(chunk) { room in
        unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(room.count)
        unsafe code = CZlib.inflate(stream, Z_NO_FLUSH)
        written = unsafe room.count - Int(stream.pointee.avail_out)
        return written
      }
      taken = unsafe max(size, 0) - Int(stream.pointee.avail_in)
      unsafe stream.pointee.next_in = nil
    }
    offset = start + taken
    produced += written
    return code
  }

  private func check(_ limits: InflationLimits) throws(InflationError) {
    if produced > limits.sizeMax { throw .tooLarge(limit: limits.sizeMax) }
    if produced > limits.ratioFreeSize, produced / limits.ratioMax > consumed {
      throw .ratioExceeded(compressedSize: consumed, limit: limits.ratioMax)
    }
  }
}
