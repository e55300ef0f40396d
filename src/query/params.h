// Query parameters of the HTTP API, read strictly: a wrong value is an error that names parameter
// and value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "storage/store.h"

namespace tidemark {

// Errors: invalid argument for a parameter that is not in `known`, so that a misspelt filter does
// not match everything.
Result<void> CheckParams(const HttpRequest& request, const std::vector<std::string>& known);

TargetFilter FilterFrom(const HttpRequest& request);

// RFC 3339 or epoch seconds; 0 when absent.
Result<int64_t> TimeParam(const HttpRequest& request, const std::string& name);

// "30s", "5m" or plain seconds; 0 when absent.
Result<int64_t> DurationParam(const HttpRequest& request, const std::string& name);

// One of `allowed`; the first of them when absent.
Result<std::string> ChoiceParam(const HttpRequest& request, const std::string& name,
                                const std::vector<std::string>& allowed);

}  // namespace tidemark
