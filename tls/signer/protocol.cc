#include "tls/signer/protocol.h"

#include <algorithm>
#include <utility>

namespace sluice::signer {
namespace {

constexpr size_t kLengthOctets = 4;

// The largest of each kind fits.
constexpr size_t kIdAndOctet = 8 + 1;
static_assert(kIdAndOctet + 32 + 2 + kMostInput <= kMostBody);
static_assert(kIdAndOctet + 2 + kMostFiles * (32 + 2 + kMostPath) + kMostKept * 32 <= kMostBody);
static_assert(kIdAndOctet + 1 + kMostOutput <= kMostBody);

class Writer {
 public:
  Writer() : frame_(kLengthOctets, '\0') {}

  template <typename Number>
  void BigEndian(Number number) {
    for (size_t i = sizeof(Number); i > 0; --i) {
      frame_.push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * (i - 1)) & 0xff));
    }
  }
  void Key(const KeyId& key) { frame_.append(key.begin(), key.end()); }
  void Bytes(std::string_view bytes) { frame_.append(bytes); }

  std::string Take() && {
    const size_t size = frame_.size() - kLengthOctets;
    for (size_t i = 0; i < kLengthOctets; ++i) {
      frame_[i] = static_cast<char>(size >> (8 * (kLengthOctets - 1 - i)) & 0xff);
    }
    return std::move(frame_);
  }

 private:
  std::string frame_;
};

// Reads from the front; once something is missing, everything after it is.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number BigEndian() {
    uint64_t number = 0;
    for (const char octet : Bytes(sizeof(Number))) {
      number = number << 8 | static_cast<uint8_t>(octet);
    }
    return static_cast<Number>(number);
  }
  KeyId Key() {
    KeyId key{};
    const std::string_view bytes = Bytes(key.size());
    std::copy(bytes.begin(), bytes.end(), key.begin());
    return key;
  }
  std::string_view Bytes(size_t size) {
    if (size > rest_.size()) {
      complete_ = false;
      size = 0;
      rest_ = {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::string_view Rest() { return std::exchange(rest_, {}); }
  // Whether all that was asked for was there, and nothing else.
  bool complete() const { return complete_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool complete_ = true;
};

// False: too many of something, or a path that no file can have.
bool ReadLoad(Reader& reader, Request& request) {
  const size_t files = reader.BigEndian<uint8_t>();
  if (files > kMostFiles) return false;
  for (size_t i = 0; i < files; ++i) {
    KeyFile file;
    file.key = reader.Key();
    file.path = reader.Bytes(reader.BigEndian<uint16_t>());
    if (file.path.empty() || file.path.size() > kMostPath) return false;
    if (file.path.find('\0') != std::string::npos) return false;
    request.files.push_back(std::move(file));
  }
  const size_t kept = reader.BigEndian<uint8_t>();
  if (kept > kMostKept) return false;
  for (size_t i = 0; i < kept; ++i) request.keep.push_back(reader.Key());
  return true;
}

}  // namespace

std::string Encode(const Request& request) {
  Writer writer;
  writer.BigEndian(request.id);
  writer.BigEndian(static_cast<uint8_t>(request.operation));
  if (request.operation != Operation::kLoad) {
    writer.Key(request.key);
    if (request.operation == Operation::kSign) writer.BigEndian(request.algorithm);
    writer.Bytes(request.input);
    return std::move(writer).Take();
  }
  writer.BigEndian(static_cast<uint8_t>(request.files.size()));
  for (const KeyFile& file : request.files) {
    writer.Key(file.key);
    writer.BigEndian(static_cast<uint16_t>(file.path.size()));
    writer.Bytes(file.path);
  }
  writer.BigEndian(static_cast<uint8_t>(request.keep.size()));
  for (const KeyId& key : request.keep) writer.Key(key);
  return std::move(writer).Take();
}

std::string Encode(const Response& response) {
  Writer writer;
  writer.BigEndian(response.id);
  writer.BigEndian(static_cast<uint8_t>(response.fault));
  writer.BigEndian(response.file_index);
  writer.Bytes(response.output);
  return std::move(writer).Take();
}

std::optional<Request> DecodeRequest(std::string_view body) {
  Reader reader(body);
  Request request;
  request.id = reader.BigEndian<uint64_t>();
  request.operation = static_cast<Operation>(reader.BigEndian<uint8_t>());
  switch (request.operation) {
    case Operation::kSign:
    case Operation::kDecrypt:
      request.key = reader.Key();
      if (request.operation == Operation::kSign) request.algorithm = reader.BigEndian<uint16_t>();
      request.input = reader.Rest();
      if (request.input.size() > kMostInput) return std::nullopt;
      break;
    case Operation::kLoad:
      if (!ReadLoad(reader, request)) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  if (!reader.complete()) return std::nullopt;
  return request;
}

std::optional<Response> DecodeResponse(std::string_view body) {
  Reader reader(body);
  Response response;
  response.id = reader.BigEndian<uint64_t>();
  response.fault = static_cast<Fault>(reader.BigEndian<uint8_t>());
  response.file_index = reader.BigEndian<uint8_t>();
  response.output = reader.Rest();
  if (!reader.complete() || response.fault > kLastFault || response.file_index >= kMostFiles ||
      response.output.size() > kMostOutput) {
    return std::nullopt;
  }
  return response;
}

void FrameReader::Append(std::string_view bytes) {
  buffer_.erase(0, std::exchange(used_, 0));
  buffer_.append(bytes);
}

std::optional<std::string_view> FrameReader::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  if (broken_ || rest.size() < kLengthOctets) return std::nullopt;
  const size_t size = Reader(rest).BigEndian<uint32_t>();
  if (size == 0 || size > kMostBody) {
    broken_ = true;
    return std::nullopt;
  }
  if (rest.size() - kLengthOctets < size) return std::nullopt;
  used_ += kLengthOctets + size;
  return rest.substr(kLengthOctets, size);
}

}  // namespace sluice::signer
