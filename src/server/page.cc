#include "server/page.h"

#include "base/gzip.h"
#include "web/embed/web_assets.h"

namespace tidemark {
namespace {

constexpr size_t kMaxAssetBytes = 16 << 20;
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse Serve(const HttpRequest& request, const WebAsset& asset) {
  HttpResponse response{.content_type = std::string(asset.content_type)};
  response.headers = {{"ETag", std::string(asset.etag)},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Vary", "Accept-Encoding"}};
  if (HeaderOr(request.headers, "If-None-Match") == asset.etag) {
    response.status = 304;
    return response;
  }
  if (HeaderOr(request.headers, "Accept-Encoding").find("gzip") != std::string::npos) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = asset.gzip_body;
  } else if (auto plain = Gunzip(asset.gzip_body, kMaxAssetBytes)) {
    response.body = std::move(*plain);
  }
  return response;
}

}  // namespace

HttpHandler MakePageHandler() {
  return [](const HttpRequest& request, const HttpResponder& respond) {
    const WebAsset* asset = FindWebAsset(request.path);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (asset == nullptr || !reads)
      return respond(
          {.status = asset == nullptr ? 404 : 405, .body = "nothing here; the page is at /\n"});
    respond(Serve(request, *asset));
  };
}

}  // namespace tidemark
