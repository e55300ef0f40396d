// From a page's points to what a target's series are: the target's labels, metric_relabel_configs,
// limits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/point.h"
#include "scrape/prometheus_text.h"
#include "scrape/scrape_target.h"

namespace tidemark {

struct LabelledPage {
  std::vector<MetricBatch> batches;  // [0] is the target's own, perhaps empty
  uint64_t points = 0;               // in all batches
  uint64_t dropped = 0;              // by metric_relabel_configs
  uint64_t duplicates = 0;           // same series twice on a page: the last counts
};

// Labels of a point that the target has too become exported_NAME, or with honor_labels replace the
// target's; then metric_relabel_configs see the target's and the point's labels together. Points
// that end up with another job or instance than the target's (federation, push gateways) go to a
// batch of that identity. `version` is used where labels name none. Errors: resource exhausted when
// sample_limit or label_limit is crossed; nothing is kept then.
Result<LabelledPage> LabelPage(const ScrapeTarget& target, const std::string& version,
                               MetricsPage page);

// What the page's target_info says of the version, or "".
std::string VersionOf(const MetricsPage& page);

}  // namespace tidemark
