#include "cli/detect_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tidemark {
namespace {

using ::testing::HasSubstr;

class DetectCommandTest : public ::testing::Test {
 protected:
  DetectCommandTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("detect_command_" +
                 std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::create_directories(folder_);
  }
  ~DetectCommandTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const char* name) const { return (folder_ / name).string(); }

  static std::string Read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Six hours of three pods that leak 50 MiB an hour from the second hour on.
  void WriteLeak(std::ostream& out) const {
    for (int t = 0; t < 6 * 3600; t += 10) {
      for (int pod = 0; pod < 3; ++pod) {
        const double heap =
            4e8 + 50.0 * (1 << 20) * std::max(0, t - 3600) / 3600 + (t * 7919 + pod) % 1000003;
        out << R"({"t": )" << 1767225600 + t
            << R"(, "service": "cart", "version": "v1", "instance": "pod-)" << pod
            << R"(", "metric": "heap", "value": )" << static_cast<int64_t>(heap) << "}\n";
      }
    }
  }

  std::filesystem::path folder_;
};

TEST_F(DetectCommandTest, FindsTheLeakInAFileWithBadLines) {
  {
    std::ofstream out(Path("points.jsonl"));
    out << "not json\n\n";
    WriteLeak(out);
    out << R"({"t": 1)";
  }
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunDetect(Path("points.jsonl"), Path("found.json"), DetectFormat::kText), 0);
  const std::string text = testing::internal::GetCapturedStdout();
  const std::string errors = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("cart v1: heap grows by "));
  EXPECT_THAT(errors, HasSubstr("points.jsonl:1: expected a JSON object at byte 0: \"not json\""));
  EXPECT_THAT(errors, HasSubstr("2 of 6483 lines could not be read"));
  const std::string json = Read(Path("found.json"));
  EXPECT_THAT(json, HasSubstr(R"({"detector": "tidemark", "incidents": [)"));
  EXPECT_THAT(
      json,
      HasSubstr(R"("service": "cart", "version": "v1", "instances": ["pod-0", "pod-1", "pod-2"])"));
  EXPECT_THAT(json, HasSubstr(R"("closed_at": null)"));
  EXPECT_THAT(json, HasSubstr(R"("kind": "heap")"));
}

TEST_F(DetectCommandTest, AnAbsentFileIsAnError) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunDetect(Path("none"), "", DetectFormat::kJson), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("cannot open " + Path("none")));
}

TEST_F(DetectCommandTest, AFileWithoutPointsIsAnError) {
  std::ofstream(Path("empty")) << std::string(200'000, 'x') << "\n\n";
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunDetect(Path("empty"), "", DetectFormat::kJson), 2);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr(R"("incidents": [)"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("no usable point in"));
}

TEST(WriteIncidentsTest, NamesAreEscaped) {
  Verdict verdict;
  verdict.service = "a\"b\\c\x01";
  std::ostringstream out;
  WriteIncidentsJson({verdict}, out);
  EXPECT_THAT(out.str(), HasSubstr(R"("service": "a\"b\\c\u0001")"));
}

}  // namespace
}  // namespace tidemark
