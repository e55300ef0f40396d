// The embedded web page as an HTTP handler.
#pragma once

#include "net/http_server.h"

namespace tidemark {

// Serves the page's files with ETag, gzip and a content security policy that allows the page itself
// and nothing else. Paths that are no file get 404.
HttpHandler MakePageHandler();

}  // namespace tidemark
