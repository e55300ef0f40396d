#include "span_archive.h"

#include <gtest/gtest.h>
#include <malloc.h>

namespace shop {
namespace {

// A checkout as the load generator sends it: the previews are cut at 700 bytes each.
tidemark::sdk::EndedSpan CheckoutSpan() {
  tidemark::sdk::EndedSpan ended;
  tidemark_span_begin(&ended.span, nullptr);
  tidemark_span_end(nullptr);
  ended.name = "POST /checkout";
  ended.route = "/checkout";
  ended.attributes = {{"http.request.method", "POST"},
                      {"url.path", "/checkout"},
                      {"client.address", "127.0.0.1"},
                      {"user_agent.original", "tidemark-load"},
                      {"http.response.status_code", "200"},
                      {"http.request.body.size", "900"},
                      {"http.response.body.size", "1100"},
                      {"http.request.body.preview", std::string(700, 'q')},
                      {"http.response.body.preview", std::string(700, 'a')}};
  return ended;
}

TEST(SpanArchiveTest, EachKeptSpanTakesAboutTwoAndAHalfKilobytesForEver) {
  constexpr size_t kSpans = 5000;
  const size_t kept_before = KeptSpans();
  const size_t before = mallinfo2().uordblks;
  for (size_t i = 0; i < kSpans; ++i) KeepEndedSpan(CheckoutSpan());
  EXPECT_EQ(KeptSpans(), kept_before + kSpans);
  const size_t each = (mallinfo2().uordblks - before) / kSpans;
  EXPECT_GE(each, 2200u);
  EXPECT_LE(each, 2800u);
}

}  // namespace
}  // namespace shop
