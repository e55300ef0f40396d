// tidemark detect POINTS.jsonl [--out FILE]: the metric level of the detector over recorded points.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "detect/fleet_detector.h"

namespace tidemark {

enum class DetectFormat : uint8_t { kText, kJson };

// Reads points in arrival order from the file at `path` ("-": standard input) and judges them as
// the server does. Incidents go to standard output in `format`, and as JSON to the file `out_path`
// when that is not empty. Lines that cannot be read are counted and the first 5 shown on standard
// error with number and value; they are not fatal. Returns the exit status: 0, or 2 when a file
// cannot be read or written or no line held a point.
int RunDetect(const std::string& path, const std::string& out_path, DetectFormat format);

// {"detector": ..., "incidents": [...]}, as documented for `tidemark detect --out`.
void WriteIncidentsJson(const std::vector<Verdict>& verdicts, std::ostream& out);

// A table for people, one line an incident.
void WriteIncidentsText(const std::vector<Verdict>& verdicts, std::ostream& out);

}  // namespace tidemark
