// The web page's files, embedded at build time (cmake/Web.cmake).
#pragma once

#include <string_view>

namespace tidemark {

// A file of the page. All views last as long as the program.
struct WebAsset {
  std::string_view path;          // as in a request: "/app.js"
  std::string_view content_type;  // value of Content-Type
  std::string_view etag;       // value of ETag, quotes included; of the content before compression
  std::string_view gzip_body;  // to be sent with Content-Encoding: gzip
};

// The file at this path, "/" being the page itself; null where there is none. Any thread may call.
const WebAsset* FindWebAsset(std::string_view path);

}  // namespace tidemark
