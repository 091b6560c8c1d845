internal import Glibc

/// Runs libFuzzer over the target that FUZZ_TARGET names, with the arguments of the program.
@main
struct Fuzz {
  static func main() {
    _ = chosen
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
      unsafe CommandLine.unsafeArgv
    exit(unsafe runDriver(&count, &arguments, fuzzOneInput))
  }
}

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosen(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// libFuzzer as a library (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ oneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Every target by its name: what parses bytes from a network, and what is built of it. The list in
/// scripts/fuzz.sh is the same.
private let targets: [String: @Sendable () -> (@Sendable ([UInt8]) -> Void)] = [
  "frames": { FrameTarget.run },
  "metadata": { MetadataTarget.run },
  "timeout": { TimeoutTarget.run },
  "status": { StatusTarget.run },
  "protobuf": { MessageTarget.runWire },
  "json": { MessageTarget.runJSON },
  "session": { SessionTarget.run },
  "connection": { ConnectionTarget.shared.run },
  "client": { ClientTarget.shared.run },
  "tls": { TLSTarget.run },
  "web": { WebTarget.run },
  "query": { QueryTarget.run },
  "base64": { Base64Target.run },
  "trace": { TraceTarget.run },
  "http1": { HTTPServerTarget.shared.run },
  "form": { WebhookTarget.runForm },
  "signature": { WebhookTarget.runSignature },
  "answer": { WebhookTarget.runAnswer },
]

private let chosen: @Sendable ([UInt8]) -> Void = {
  let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
  guard let make = targets[name] else {
    preconditionFailure("FUZZ_TARGET is \(name); it is one of \(targets.keys.sorted())")
  }
  return make()
}()
