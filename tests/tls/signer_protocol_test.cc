#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tls/signer/protocol.h"

namespace sluice::signer {
namespace {

using testing::ElementsAre;

KeyId Key(uint8_t octet) {
  KeyId key;
  key.fill(octet);
  return key;
}

Request SignRequest() {
  Request request;
  request.id = 0x0102030405060708;
  request.key = Key('k');
  request.algorithm = 0x0804;
  request.input = "what is signed";
  return request;
}

Request LoadRequest() {
  Request request;
  request.id = 9;
  request.operation = Operation::kLoad;
  request.files = {{Key('a'), "/etc/rsa.key"}, {Key('b'), "p384.key"}};
  request.keep = {Key('c')};
  return request;
}

// Without its length.
std::string Body(const std::string& frame) { return frame.substr(4); }

TEST(SignerProtocolTest, HasTheGrammarOfItsHeader) {
  const std::string key(32, 'k');
  EXPECT_EQ(Encode(SignRequest()),
            std::string("\0\0\0\x39\1\2\3\4\5\6\7\x08\1", 13) + key + "\x08\x04what is signed");

  Request decrypt = SignRequest();
  decrypt.operation = Operation::kDecrypt;
  EXPECT_EQ(Encode(decrypt),
            std::string("\0\0\0\x37\1\2\3\4\5\6\7\x08\2", 13) + key + "what is signed");

  const std::string load = std::string("\0\0\0\0\0\0\0\x09\3\2", 10) + std::string(32, 'a') +
                           std::string("\0\x0c", 2) + "/etc/rsa.key" + std::string(32, 'b') +
                           std::string("\0\x08", 2) + "p384.key\1" + std::string(32, 'c');
  EXPECT_EQ(Body(Encode(LoadRequest())), load);

  EXPECT_EQ(Encode(Response{7, Fault::kOtherKey, 1, ""}),
            std::string("\0\0\0\x0a\0\0\0\0\0\0\0\7\6\1", 14));
  EXPECT_EQ(Encode(Response{7, Fault::kNone, 0, "signature"}),
            std::string("\0\0\0\x13\0\0\0\0\0\0\0\7\0\0", 14) + "signature");
}

TEST(SignerProtocolTest, IsReadAsItWasWritten) {
  const auto sign = DecodeRequest(Body(Encode(SignRequest())));
  ASSERT_TRUE(sign.has_value());
  EXPECT_EQ(sign->id, 0x0102030405060708u);
  EXPECT_EQ(sign->operation, Operation::kSign);
  EXPECT_EQ(sign->key, Key('k'));
  EXPECT_EQ(sign->algorithm, 0x0804);
  EXPECT_EQ(sign->input, "what is signed");

  const auto load = DecodeRequest(Body(Encode(LoadRequest())));
  ASSERT_TRUE(load.has_value());
  ASSERT_EQ(load->files.size(), 2u);
  EXPECT_EQ(load->files[0].key, Key('a'));
  EXPECT_EQ(load->files[0].path, "/etc/rsa.key");
  EXPECT_EQ(load->files[1].path, "p384.key");
  EXPECT_THAT(load->keep, ElementsAre(Key('c')));

  const auto response = DecodeResponse(Body(Encode(Response{7, Fault::kNoKey, 3, "x"})));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->id, 7u);
  EXPECT_EQ(response->fault, Fault::kNoKey);
  EXPECT_EQ(response->file_index, 3);
  EXPECT_EQ(response->output, "x");
}

TEST(SignerProtocolTest, RefusesWhatIsCutShortOrGoesOn) {
  const std::string load = Body(Encode(LoadRequest()));
  for (size_t size = 0; size < load.size(); ++size) {
    EXPECT_FALSE(DecodeRequest(load.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeRequest(load + "x").has_value());
  const std::string sign = Body(Encode(SignRequest()));
  const size_t before_input = 8 + 1 + 32 + 2;
  for (size_t size = 0; size < before_input; ++size) {
    EXPECT_FALSE(DecodeRequest(sign.substr(0, size)).has_value()) << size;
  }
  EXPECT_TRUE(DecodeRequest(sign.substr(0, before_input)).has_value());  // nothing to sign
  for (size_t size = 0; size < 10; ++size) {
    EXPECT_FALSE(DecodeResponse(std::string(size, '\0')).has_value()) << size;
  }
  EXPECT_TRUE(DecodeResponse(std::string(10, '\0')).has_value());
}

TEST(SignerProtocolTest, RefusesOtherOperationsAndFaults) {
  std::string request = Body(Encode(SignRequest()));
  for (const int operation : {0, 4, 255}) {
    request[8] = static_cast<char>(operation);
    EXPECT_FALSE(DecodeRequest(request).has_value()) << operation;
  }
  std::string response = Body(Encode(Response{1, Fault::kNone, 0, "x"}));
  response[8] = static_cast<char>(kLastFault) + 1;
  EXPECT_FALSE(DecodeResponse(response).has_value());
}

TEST(SignerProtocolTest, HoldsEveryBound) {
  Request sign = SignRequest();
  sign.input.assign(kMostInput, 'x');
  EXPECT_TRUE(DecodeRequest(Body(Encode(sign))).has_value());
  sign.input += 'x';
  EXPECT_FALSE(DecodeRequest(Body(Encode(sign))).has_value());

  Request load;
  load.operation = Operation::kLoad;
  load.files.assign(kMostFiles, {Key('a'), std::string(kMostPath, '/')});
  load.keep.assign(kMostKept, Key('k'));
  EXPECT_TRUE(DecodeRequest(Body(Encode(load))).has_value());
  Request over = load;
  over.files.push_back(load.files[0]);
  EXPECT_FALSE(DecodeRequest(Body(Encode(over))).has_value());
  over = load;
  over.files[0].path += '/';
  EXPECT_FALSE(DecodeRequest(Body(Encode(over))).has_value());
  over = load;
  over.keep.push_back(Key('k'));
  EXPECT_FALSE(DecodeRequest(Body(Encode(over))).has_value());
  for (const std::string& path : {std::string(), std::string("a\0b", 3)}) {
    over = load;
    over.files[0].path = path;
    EXPECT_FALSE(DecodeRequest(Body(Encode(over))).has_value());
  }

  Response response{1, Fault::kNone, 0, std::string(kMostOutput, 'x')};
  EXPECT_TRUE(DecodeResponse(Body(Encode(response))).has_value());
  response.output += 'x';
  EXPECT_FALSE(DecodeResponse(Body(Encode(response))).has_value());
  EXPECT_FALSE(
      DecodeResponse(Body(Encode(Response{1, Fault::kNoKey, kMostFiles, ""}))).has_value());
}

TEST(SignerFrameReaderTest, CutsAStreamHoweverItComes) {
  const std::string stream = Encode(SignRequest()) + Encode(LoadRequest()) + Encode(SignRequest());
  for (const size_t step : {size_t{1}, size_t{3}, size_t{64}, stream.size()}) {
    FrameReader reader;
    std::vector<std::string> bodies;
    for (size_t i = 0; i < stream.size(); i += step) {
      reader.Append(std::string_view(stream).substr(i, step));
      while (const auto body = reader.Next()) bodies.emplace_back(*body);
    }
    EXPECT_FALSE(reader.broken());
    EXPECT_THAT(bodies, ElementsAre(Body(Encode(SignRequest())), Body(Encode(LoadRequest())),
                                    Body(Encode(SignRequest()))));
  }
}

TEST(SignerFrameReaderTest, IsBrokenByALengthOutOfBounds) {
  FrameReader largest;
  largest.Append(std::string("\0\0\x80\0", 4) + std::string(kMostBody, 'x'));
  EXPECT_TRUE(largest.Next().has_value());
  for (const std::string& length : {std::string("\0\0\0\0", 4), std::string("\0\0\x80\1", 4),
                                    std::string("\xff\xff\xff\xff")}) {
    FrameReader reader;
    reader.Append(Encode(SignRequest()) + length + Encode(SignRequest()));
    EXPECT_TRUE(reader.Next().has_value());
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_TRUE(reader.broken());
    EXPECT_FALSE(reader.Next().has_value());  // and stays so
  }
}

}  // namespace
}  // namespace sluice::signer
