#include "scrape/series.h"

#include <map>
#include <unordered_map>

#include "base/hash.h"
#include "scrape/labels.h"

namespace tidemark {
namespace {

class Labeller {
 public:
  Labeller(const ScrapeTarget& target, const std::string& version)
      : target_(target), version_(version) {
    page_.batches.push_back({target.resource, {}});
    UseVersion(&page_.batches[0].resource);
  }

  Result<void> Add(Point point) {
    const ScrapeJob& job = *target_.job;
    if (!job.honor_labels) RenameConflicts(&point.attributes);
    if (!job.metric_relabel_rules.empty() && !ApplyRules(&point)) {
      ++page_.dropped;
      return {};
    }
    if (job.label_limit > 0 &&
        point.attributes.size() + target_.labels.size() + 1 > job.label_limit) {
      return TooLarge(target_.metrics_url + ": a sample of '" + point.metric +
                      "' has more than label_limit " + std::to_string(job.label_limit) + " labels");
    }
    Store(std::move(point));
    if (job.sample_limit > 0 && page_.points > job.sample_limit) {
      return TooLarge(target_.metrics_url + ": more samples than sample_limit " +
                      std::to_string(job.sample_limit));
    }
    return {};
  }

  LabelledPage Take() { return std::move(page_); }

 private:
  void UseVersion(Resource* resource) const {
    if (resource->target.version.empty()) resource->target.version = version_;
  }

  void RenameConflicts(Attributes* labels) const {
    bool renamed = false;
    for (auto& label : *labels) {
      if (LabelOr(target_.labels, label.first).empty()) continue;
      std::string name = "exported_" + label.first;
      while (!LabelOr(*labels, name).empty() || !LabelOr(target_.labels, name).empty())
        name.insert(0, "exported_");
      label.first = std::move(name);
      renamed = true;
    }
    if (renamed) Normalize(labels);
  }

  // False when the rules drop the point.
  bool ApplyRules(Point* point) const {
    Attributes all = target_.labels;
    for (const auto& [name, value] : point->attributes) SetLabel(&all, name, value);
    SetLabel(&all, kMetricNameLabel, point->metric);
    if (!Relabel(target_.job->metric_relabel_rules, &all)) return false;
    point->metric = LabelOr(all, kMetricNameLabel);
    if (point->metric.empty()) return false;
    std::erase_if(all, [&](const auto& label) {
      return label.first.starts_with("__") || LabelOr(target_.labels, label.first) == label.second;
    });
    point->attributes = std::move(all);
    return true;
  }

  void Store(Point point) {
    size_t batch = BatchOf(&point.attributes);
    uint64_t series = Hash64(point.metric);
    for (const auto& [name, value] : point.attributes) {
      series = HashCombine(HashCombine(series, Hash64(name)), Hash64(value));
    }
    auto& points = page_.batches[batch].points;
    auto [known, fresh] =
        places_.emplace(std::make_pair(HashCombine(series, batch), point.time_ns), points.size());
    if (fresh) {
      points.push_back(std::move(point));
      ++page_.points;
    } else {
      points[known->second] = std::move(point);
      ++page_.duplicates;
    }
  }

  // The batch of a point's job and instance, which move from its labels into the batch's resource.
  size_t BatchOf(Attributes* labels) {
    std::string job(LabelOr(*labels, "job")), instance(LabelOr(*labels, "instance"));
    if (job.empty() && instance.empty()) return 0;
    RemoveLabel(labels, "job");
    RemoveLabel(labels, "instance");
    if (job.empty()) job = LabelOr(target_.labels, "job");
    if (instance.empty()) instance = LabelOr(target_.labels, "instance");
    if (job == LabelOr(target_.labels, "job") && instance == LabelOr(target_.labels, "instance"))
      return 0;
    auto [known, fresh] = others_.emplace(std::make_pair(job, instance), page_.batches.size());
    if (fresh) {
      MetricBatch batch;
      batch.resource.attributes = target_.labels;
      SetLabel(&batch.resource.attributes, "job", job);
      SetLabel(&batch.resource.attributes, "instance", instance);
      batch.resource.target = TargetOfLabels(batch.resource.attributes);
      page_.batches.push_back(std::move(batch));
    }
    return known->second;
  }

  struct PairHash {
    size_t operator()(const std::pair<uint64_t, int64_t>& key) const {
      return HashCombine(key.first, static_cast<uint64_t>(key.second));
    }
  };

  const ScrapeTarget& target_;
  const std::string& version_;
  LabelledPage page_;
  std::unordered_map<std::pair<uint64_t, int64_t>, size_t, PairHash>
      places_;  // series and time -> index of the point
  std::map<std::pair<std::string, std::string>, size_t> others_;  // job and instance -> batch
};

}  // namespace

std::string VersionOf(const MetricsPage& page) {
  for (const Point& point : page.points) {
    if (point.metric == "target_info")
      return std::string(LabelOr(point.attributes, "service_version"));
  }
  return "";
}

Result<LabelledPage> LabelPage(const ScrapeTarget& target, const std::string& version,
                               MetricsPage page) {
  Labeller labeller(target, version);
  for (Point& point : page.points) TIDEMARK_RETURN_IF_ERROR(labeller.Add(std::move(point)));
  return labeller.Take();
}

}  // namespace tidemark
