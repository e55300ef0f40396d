#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <protozero/pbf_writer.hpp>

#include "codec/describe_for_tests.h"
#include "codec/otlp.h"

namespace tidemark {
namespace {

using protozero::pbf_writer;
using ::testing::HasSubstr;

constexpr uint32_t kGauge = 5, kSum = 7, kHistogram = 9;

// One request with one metric; `write` fills the message of its data (kGauge, kSum, ...).
template <typename F>
std::string Request(uint32_t data, F write, const std::string& name = "m") {
  std::string out;
  {
    pbf_writer request(out);
    pbf_writer resource_metrics(request, 1);
    pbf_writer scope(resource_metrics, 2);
    pbf_writer metric(scope, 2);
    {
      pbf_writer data_out(metric, data);
      write(data_out);
    }
    // The name may follow the data.
    metric.add_string(1, name);
  }
  return out;
}

void WritePoint(pbf_writer& data, uint64_t time, double value) {
  pbf_writer point(data, 1);
  point.add_fixed64(3, time);
  point.add_double(4, value);
}

Result<DecodedMetrics> Decode(const std::string& body) {
  return DecodeMetrics(body, OtlpEncoding::kProtobuf);
}

TEST(OtlpMetricsTest, RefusedPointsAreCountedWithTheReason) {
  struct Case {
    const char* reason;
    std::string body;
    int64_t items;
  };
  const auto sum = [](uint64_t temporality) {
    return Request(kSum, [=](pbf_writer& data) {
      WritePoint(data, 1, 2);
      WritePoint(data, 2, 3);
      if (temporality != 0) data.add_uint64(2, temporality);
    });
  };
  const Case kCases[] = {
      {"time_unix_nano is 0", Request(kGauge, [](pbf_writer& d) { WritePoint(d, 0, 1); }), 1},
      {"after the year 2262", Request(kGauge, [](pbf_writer& d) { WritePoint(d, 1ull << 63, 1); }),
       1},
      {"not finite",
       Request(kGauge,
               [](pbf_writer& d) { WritePoint(d, 1, std::numeric_limits<double>::infinity()); }),
       1},
      {"neither as_double nor as_int",
       Request(kGauge, [](pbf_writer& d) { pbf_writer(d, 1).add_fixed64(3, 5); }), 1},
      {"without a name",
       Request(
           kGauge, [](pbf_writer& d) { WritePoint(d, 1, 1); }, ""),
       1},
      {"delta temporality", sum(1), 2},
      {"temporality 0", sum(0), 2},
      {"temporality 7", sum(7), 2},
      {"delta temporality",
       Request(kHistogram,
               [](pbf_writer& d) {
                 WritePoint(d, 1, 1);
                 d.add_uint64(2, 1);
               }),
       1},
  };
  for (const Case& c : kCases) {
    const auto decoded = Decode(c.body);
    ASSERT_TRUE(decoded) << c.reason;
    EXPECT_TRUE(decoded->batches.empty()) << c.reason;
    EXPECT_EQ(decoded->rejected.items, c.items) << c.reason;
    EXPECT_THAT(decoded->rejected.message, HasSubstr(c.reason));
  }
}

TEST(OtlpMetricsTest, EndedSeriesAreSkippedWithoutComplaint) {
  const auto decoded = Decode(Request(kGauge, [](pbf_writer& data) {
    pbf_writer point(data, 1);
    point.add_fixed64(3, 5);
    point.add_uint32(8, 1);
  }));
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->batches.empty());
  EXPECT_EQ(decoded->rejected.items, 0);
}

TEST(OtlpMetricsTest, NonMonotonicSumIsALevel) {
  const auto decoded = Decode(Request(kSum, [](pbf_writer& data) {
    WritePoint(data, 1, 2);
    data.add_uint64(2, 2);
  }));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).points.at(0).kind, PointKind::kGauge);
}

TEST(OtlpMetricsTest, HistogramWithoutASumHasACountOnly) {
  const auto decoded = Decode(Request(kHistogram, [](pbf_writer& data) {
    {
      pbf_writer point(data, 1);
      point.add_fixed64(3, 5);
      point.add_fixed64(4, 2);
    }
    data.add_uint64(2, 2);
  }));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batches.at(0).points.size(), 1u);
  EXPECT_EQ(decoded->batches.at(0).points.at(0).metric, "m.count");
  EXPECT_EQ(decoded->batches.at(0).points.at(0).value, 2);
}

TEST(OtlpMetricsTest, LastOfTwoValuesWins) {
  const auto decoded = Decode(Request(kGauge, [](pbf_writer& data) {
    pbf_writer point(data, 1);
    point.add_fixed64(3, 5);
    point.add_double(4, 1.5);
    point.add_sfixed64(6, -3);
  }));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).points.at(0).value, -3);
}

TEST(OtlpMetricsTest, AttributesBeyondTheLimitAreDroppedAndCounted) {
  const auto decoded = Decode(Request(kGauge, [](pbf_writer& data) {
    pbf_writer point(data, 1);
    point.add_fixed64(3, 5);
    point.add_double(4, 1.5);
    for (int i = 0; i < 200; ++i) {
      pbf_writer pair(point, 7);
      pair.add_string(1, "k" + std::to_string(i));
      pbf_writer(pair, 2).add_string(1, "v");
    }
  }));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).points.at(0).attributes.size(), 128u);
  EXPECT_EQ(decoded->rejected.truncated, 72);
  EXPECT_EQ(decoded->rejected.items, 0);
  EXPECT_THAT(decoded->rejected.message, HasSubstr("72 names or attributes"));
}

}  // namespace
}  // namespace tidemark
