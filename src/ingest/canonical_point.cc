#include "ingest/canonical_point.h"

namespace tidemark {

std::string_view SeriesRoleName(SeriesRole role) {
  switch (role) {
    case SeriesRole::kHeap:
      return "heap";
    case SeriesRole::kRss:
      return "rss";
    case SeriesRole::kLimit:
      return "limit";
    case SeriesRole::kActiveSpans:
      return "active_spans";
    case SeriesRole::kReqRate:
      return "req_rate";
  }
  return "";
}

}  // namespace tidemark
