#include "scrape/discovery.h"

#include <glob.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "scrape/labels.h"
#include "scrape/yaml_reader.h"

namespace tidemark {
namespace {

namespace json = boost::json;

Result<std::vector<StaticTargets>> ReadYamlGroups(const std::string& text,
                                                  const std::string& file) {
  TIDEMARK_ASSIGN_OR_RETURN(YAML::Node document, LoadYaml(text, file, kMaxTargetFileBytes));
  std::vector<StaticTargets> groups;
  if (document.IsNull()) return groups;
  if (!document.IsSequence()) return InvalidArgument(file + ": wants a list of target groups");
  YamlProblems problems(file);
  size_t index = 0;
  for (const auto& node : document) {
    StaticTargets group;
    YamlMap map(node, "[" + std::to_string(index++) + "]", &problems);
    map.Strings("targets", &group.targets);
    map.StringMap("labels", &group.labels);
    map.Finish();
    if (problems.any()) return problems.error();
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<StaticTargets> ReadJsonGroup(const json::value& value, const std::string& place) {
  if (!value.is_object()) return InvalidArgument(place + " wants an object");
  StaticTargets group;
  for (const auto& [key, entry] : value.get_object()) {
    if (key == "targets" && entry.is_array()) {
      for (const json::value& target : entry.get_array()) {
        if (!target.is_string()) return InvalidArgument(place + ".targets wants strings");
        group.targets.emplace_back(target.get_string());
      }
    } else if (key == "labels" && entry.is_object()) {
      for (const auto& [name, label] : entry.get_object()) {
        if (!label.is_string())
          return InvalidArgument(place + ".labels." + std::string(name) + " wants a string");
        group.labels.emplace_back(name, label.get_string());
      }
    } else {
      return InvalidArgument(place + ": unknown key or wrong type: " + std::string(key));
    }
  }
  Normalize(&group.labels);
  return group;
}

Result<std::vector<StaticTargets>> ReadJsonGroups(const std::string& text,
                                                  const std::string& file) {
  if (text.size() > kMaxTargetFileBytes) return TooLarge(file + ": larger than 8 MiB");
  boost::system::error_code ec;
  json::value document = json::parse(text, ec);
  if (ec) return InvalidArgument(file + ": " + ec.message());
  if (!document.is_array()) return InvalidArgument(file + ": wants a list of target groups");
  std::vector<StaticTargets> groups;
  for (const json::value& entry : document.get_array()) {
    TIDEMARK_ASSIGN_OR_RETURN(
        StaticTargets group,
        ReadJsonGroup(entry, file + ": [" + std::to_string(groups.size()) + "]"));
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<std::string> ReadTextFile(const std::string& file) {
  std::error_code ec;
  uint64_t size = std::filesystem::file_size(file, ec);
  if (ec) return IoError(file + ": " + ec.message());
  if (size > kMaxTargetFileBytes) return TooLarge(file + ": larger than 8 MiB");
  std::ifstream in(file, std::ios::binary);
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) return IoError(file + ": cannot be read");
  return text;
}

std::vector<std::string> FilesMatching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

}  // namespace

Result<std::vector<StaticTargets>> ParseTargetFile(const std::string& text,
                                                   const std::string& file) {
  try {
    auto groups = file.ends_with(".json") ? ReadJsonGroups(text, file) : ReadYamlGroups(text, file);
    if (!groups) return groups;
    for (const StaticTargets& group : *groups) {
      for (const auto& [name, value] : group.labels) {
        if (!IsLabelName(name))
          return InvalidArgument(file + ": '" + name + "' is not a label name");
      }
    }
    return groups;
  } catch (const std::exception& e) {
    return InvalidArgument(file + ": " + e.what());
  }
}

Discovery::Discovery(const ScrapeConfig& config, size_t max_targets)
    : config_(config), max_targets_(max_targets) {}

int64_t Discovery::refresh_interval_ns() const {
  int64_t shortest = 0;
  for (const ScrapeJob& job : config_.jobs) {
    for (const FileTargets& files : job.file_targets) {
      if (shortest == 0 || files.refresh_interval_ns < shortest)
        shortest = files.refresh_interval_ns;
    }
  }
  return shortest;
}

void Discovery::AddGroup(const ScrapeJob& job, const StaticTargets& group, const std::string& file,
                         DiscoveryResult* result) {
  for (const std::string& address : group.targets) {
    Attributes labels = group.labels;
    SetLabel(&labels, kAddressLabel, address);
    if (!file.empty()) SetLabel(&labels, "__meta_filepath", file);
    auto target = MakeTarget(job, std::move(labels));
    if (!target) {
      result->errors.push_back(target.error().message);
    } else if (!target->has_value()) {
      ++result->dropped;
    } else if (result->targets.size() >= max_targets_) {
      ++result->over_limit;
    } else {
      result->targets.push_back(std::move(**target));
    }
  }
}

void Discovery::ReadFiles(const ScrapeJob& job, const FileTargets& files, DiscoveryResult* result) {
  size_t count = 0;
  for (const std::string& pattern : files.files) {
    for (const std::string& file : FilesMatching(pattern)) {
      if (++count > kMaxFilesPerJob) {
        result->errors.push_back("job '" + job.name +
                                 "': more than 1000 target files; the rest is left out");
        return;
      }
      auto text = ReadTextFile(file);
      auto groups =
          text ? ParseTargetFile(*text, file) : Result<std::vector<StaticTargets>>(text.error());
      if (groups) {
        last_good_[file] = std::move(*groups);
      } else {
        result->errors.push_back(groups.error().message);
      }
      auto known = last_good_.find(file);
      if (known == last_good_.end()) continue;
      for (const StaticTargets& group : known->second) AddGroup(job, group, file, result);
    }
  }
}

DiscoveryResult Discovery::Refresh() {
  DiscoveryResult result;
  for (const ScrapeJob& job : config_.jobs) {
    for (const StaticTargets& group : job.static_targets) AddGroup(job, group, "", &result);
    for (const FileTargets& files : job.file_targets) ReadFiles(job, files, &result);
  }
  std::erase_if(last_good_,
                [](const auto& entry) { return !std::filesystem::exists(entry.first); });
  std::set<std::string> keys;
  std::erase_if(result.targets,
                [&](const ScrapeTarget& target) { return !keys.insert(target.Key()).second; });
  return result;
}

}  // namespace tidemark
