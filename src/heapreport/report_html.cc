#include "heapreport/report_html.h"

#include <string_view>

#include "heapreport/report_json.h"

namespace tidemark {
namespace {

#include "report_page.inc"  // kPageHTML, kPageCSS, kPageJS: the files under page/

// JSON that may stand inside a script element: nothing in it can end that element or open a
// comment (HTML, "Restrictions for contents of script elements").
std::string ForScript(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 16);
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string HeapReportHtml(const HeapReport& report) {
  std::string_view rest = kPageHTML;
  std::string page;
  const auto fill = [&](std::string_view mark, std::string_view text) {
    const size_t at = rest.find(mark);
    page += rest.substr(0, at);
    page += text;
    rest.remove_prefix(at + mark.size());
  };
  fill("@CSS@", kPageCSS);
  fill("@REPORT@", ForScript(HeapReportJson(report)));
  fill("@JS@", kPageJS);
  return page += rest;
}

}  // namespace tidemark
