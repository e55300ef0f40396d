#include "diagnose/cause.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

std::string CauseOf(const std::vector<FrameText>& frames) {
  return frames[CauseIndex(frames)].function;
}

TEST(CauseTest, CppAllocationPlumbingIsPassedOver) {
  EXPECT_EQ(CauseOf({{"operator new(unsigned long)", "", 0, "libtidemark.so"},
                     {"std::__cxx11::basic_string<char>::_M_create",
                      "/usr/include/c++/12/bits/basic_string.tcc", 1},
                     {"KeepEndedSpan", "/src/span_archive.cc", 31},
                     {"HandleCheckout", "/src/service.cc", 90}}),
            "KeepEndedSpan");
}

TEST(CauseTest, GoStandardLibraryAndModulesArePassedOver) {
  EXPECT_EQ(
      CauseOf({{"go.opentelemetry.io/otel/sdk/trace.(*tracer).newRecordingSpan",
                "/root/go/pkg/mod/go.opentelemetry.io/otel/sdk@v1.20.0/trace/tracer.go", 150},
               {"main.processRequest", "/app/main.go", 60},
               {"net/http.HandlerFunc.ServeHTTP", "/usr/local/go/src/net/http/server.go", 2220}}),
      "main.processRequest");
  EXPECT_EQ(CauseOf({{"fmt.Sprintf", "fmt/print.go", 239},
                     {"example.com/shop/cart.Add", "cart/cart.go", 7}}),
            "example.com/shop/cart.Add");
}

TEST(CauseTest, AStackWithoutOwnCodeNamesItsLeaf) {
  EXPECT_EQ(CauseOf({{"std::string::append", "", 0}, {"std::thread::run", "", 0}}),
            "std::string::append");
  EXPECT_EQ(CauseIndex({}), 0u);
}

}  // namespace
}  // namespace tidemark
