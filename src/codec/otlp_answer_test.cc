#include <gtest/gtest.h>

#include "codec/otlp.h"
#include "codec/text.h"

namespace tidemark {
namespace {

constexpr auto kProtobuf = OtlpEncoding::kProtobuf;
constexpr auto kJson = OtlpEncoding::kJson;

TEST(OtlpAnswerTest, FullSuccessIsAnEmptyMessage) {
  EXPECT_EQ(EncodeExportResponse(OtlpSignal::kTraces, {}, kProtobuf), "");
  EXPECT_EQ(EncodeExportResponse(OtlpSignal::kTraces, {}, kJson), "{}");
}

TEST(OtlpAnswerTest, PartialSuccessNamesTheSignalsItems) {
  EXPECT_EQ(EncodeExportResponse(OtlpSignal::kMetrics, {3, "no \"time\"", 0}, kJson),
            R"({"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"no \"time\""}})");
  EXPECT_EQ(EncodeExportResponse(OtlpSignal::kProfiles, {1, "x", 0}, kJson),
            R"({"partialSuccess":{"rejectedProfiles":"1","errorMessage":"x"}})");
  EXPECT_EQ(codec::EncodeHex(EncodeExportResponse(OtlpSignal::kTraces, {300, "ab", 0}, kProtobuf)),
            "0a07"      // partial_success, 7 bytes
            "08ac02"    // rejected_spans = 300
            "12026162"  // error_message = "ab"
  );
}

TEST(OtlpAnswerTest, WarningHasAMessageAndNoItems) {
  EXPECT_EQ(codec::EncodeHex(EncodeExportResponse(OtlpSignal::kTraces, {0, "w", 0}, kProtobuf)),
            "0a03120177");
}

TEST(OtlpAnswerTest, StatusCarriesRetryInfo) {
  EXPECT_EQ(codec::EncodeHex(EncodeStatus(3, "bad", 0, kProtobuf)), "08031203626164");
  EXPECT_EQ(EncodeStatus(3, "bad", 0, kJson), R"({"code":3,"message":"bad"})");
  EXPECT_EQ(
      EncodeStatus(8, "busy", 7, kJson),
      R"({"code":8,"message":"busy","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]})");
  const std::string type = "type.googleapis.com/google.rpc.RetryInfo";
  EXPECT_EQ(EncodeStatus(8, "b", 7, kProtobuf),
            "\x08\x08\x12\x01"
            "b\x1a\x30\x0a\x28" +
                type + "\x12\x04\x0a\x02\x08\x07");
}

}  // namespace
}  // namespace tidemark
