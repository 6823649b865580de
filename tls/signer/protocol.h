// What the daemon and the signer process say to each other, over a stream socket:
//
//   frame    = length body                         length: of the body, be32, 1 to kMostBody
//   request  = id (sign / decrypt / load)          id: be64, of the daemon's choice
//   sign     = %x01 key algorithm input            algorithm: be16, a TLS SignatureScheme
//   decrypt  = %x02 key input                      input: one RSA block
//   load     = %x03 files *file keeps *key         files, keeps: how many, one octet each
//   file     = key path-length path                path-length: be16; the key that it has to hold
//   response = id fault file-index output          output: a signature, a block; empty after load
//   key      = 32OCTET                             SHA-256 of its SubjectPublicKeyInfo
//   fault    = OCTET                               %x00: none; see Fault
//   file-index = OCTET                             load: the file that the fault is of; else %x00
//
// Many requests may be under way; they are answered in any order. A load takes all its files or
// none, and from then on the signer has these keys and those of the list behind them (of what it
// had), and no other. Whoever reads what is not of this grammar ends the connection.
//
// Of the standard library alone: the signer process links nothing else of ours. Not thread-safe.
#ifndef SLUICE_TLS_SIGNER_PROTOCOL_H_
#define SLUICE_TLS_SIGNER_PROTOCOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::signer {

// Of this grammar; each side names its own when the signer starts.
inline constexpr int kProtocolVersion = 1;

inline constexpr size_t kMostInput = 4096;  // what TLS has signed is a few hundred octets
inline constexpr size_t kMostPath = 4096;
inline constexpr size_t kMostFiles = 4;
inline constexpr size_t kMostKept = 64;
inline constexpr size_t kMostOutput = 1024;
inline constexpr size_t kMostBody = 32 * 1024;

using KeyId = std::array<uint8_t, 32>;

struct KeyFile {
  KeyId key{};
  std::string path;  // PEM
};

enum class Operation : uint8_t { kSign = 1, kDecrypt = 2, kLoad = 3 };

struct Request {
  uint64_t id = 0;
  Operation operation = Operation::kSign;
  KeyId key{};             // sign, decrypt
  uint16_t algorithm = 0;  // sign
  std::string input;       // sign, decrypt
  std::vector<KeyFile> files;
  std::vector<KeyId> keep;
};

enum class Fault : uint8_t {
  kNone = 0,
  kUnknownKey = 1,  // not loaded
  kUnfit = 2,       // the key cannot do this: its kind, its size, the algorithm
  kFailed = 3,      // the cryptography failed
  kUnreadable = 4,  // load: the file
  kNoKey = 5,       // load: nothing in it that is a private key without a password
  kOtherKey = 6,    // load: it is another key than was named
};
inline constexpr Fault kLastFault = Fault::kOtherKey;

struct Response {
  uint64_t id = 0;
  Fault fault = Fault::kNone;
  uint8_t file_index = 0;
  std::string output;
};

// Whole frames. Nothing in them is over its bound (the caller's to hold).
std::string Encode(const Request& request);
std::string Encode(const Response& response);

// Of a body. nullopt: it is not of the grammar, or something in it is over its bound.
std::optional<Request> DecodeRequest(std::string_view body);
std::optional<Response> DecodeResponse(std::string_view body);

// Cuts a stream into bodies.
//
//   reader.Append(bytes);
//   while (std::optional<std::string_view> body = reader.Next()) …
//   if (reader.broken()) …
class FrameReader {
 public:
  void Append(std::string_view bytes);
  // Valid until the next Append. nullopt: no whole frame is there, or the stream is broken.
  std::optional<std::string_view> Next();
  // A length is out of bounds: where the next frame begins is not known any more.
  bool broken() const { return broken_; }

 private:
  std::string buffer_;
  size_t used_ = 0;
  bool broken_ = false;
};

}  // namespace sluice::signer

#endif  // SLUICE_TLS_SIGNER_PROTOCOL_H_
