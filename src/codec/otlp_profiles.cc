// ExportProfilesServiceRequest to profiles
// (opentelemetry/proto/profiles/v1development/profiles.proto).
//
// An OTLP profile has one sample type; the profiles of one scope that agree in time, duration and
// period become the columns of one Profile. Samples are the same when they agree in stack,
// attributes and link.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "base/hash.h"
#include "codec/json_to_proto.h"
#include "codec/otlp.h"
#include "codec/profile_layout.h"
#include "codec/profile_tables.h"

namespace tidemark {
namespace codec {
namespace {

// What a Profile message says beside its samples.
struct Head {
  View body;
  ValueType sample_type, period_type;
  int64_t time_ns = 0, duration_ns = 0, period = 0;
  std::vector<int64_t> attributes;
  std::vector<int64_t> comments;  // layout L4: string indices
};

struct SampleParts {
  int64_t stack = 0, link = 0;
  std::vector<int64_t> attributes;
  int64_t value = 0;
};

int64_t Sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t Clamped(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX));
}

// Columns that become one profile.
struct Group {
  std::vector<Head> heads;
};

class ProfilesReader {
 public:
  ProfilesReader(Place* place, ProfileLayout layout, const Dictionary* dictionary,
                 DecodedProfiles* out)
      : context_{place, &out->rejected, &dictionary->strings},
        layout_(layout),
        fields_(FieldsOf(layout)),
        importer_(dictionary, context_),
        out_(out) {}

  void ReadRequest(View body) {
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(1) ? ReadResourceProfiles(message.Text()) : message.skip();
    }
    WarnIfTruncated(&out_->rejected);
  }

 private:
  void ReadResourceProfiles(View body) {
    Resource resource;
    for (Message message(body, context_.place); message.Next();) {
      if (message.tag_and_type() == Bytes(1)) {
        ReadResource(message.Text(), context_, &resource.attributes);
      } else {
        message.skip();
      }
    }
    Normalize(&resource.attributes);
    resource.target = TargetOf(resource.attributes);
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(2) ? ReadScopeProfiles(message.Text(), resource)
                                         : message.skip();
    }
  }

  void ReadScopeProfiles(View body, const Resource& resource) {
    std::string default_type;
    std::vector<Group> groups;
    // The last group of each (time, duration, period type, period).
    std::map<std::tuple<int64_t, int64_t, std::string, std::string, int64_t>, size_t> last;
    for (Message message(body, context_.place); message.Next();) {
      switch (message.tag_and_type()) {
        case Bytes(1):
          ReadScope(message.Text(), &default_type);
          break;
        case Bytes(2): {
          Head head;
          if (!ReadHead(message.Text(), &head)) break;
          const auto key = std::tuple(head.time_ns, head.duration_ns, head.period_type.type,
                                      head.period_type.unit, head.period);
          const auto [at, added] = last.try_emplace(key, groups.size());
          if (added || HasType(groups[at->second], head.sample_type)) {
            at->second = groups.size();
            groups.emplace_back();
          }
          groups[at->second].heads.push_back(std::move(head));
          break;
        }
        default:
          message.skip();
      }
    }
    for (const Group& group : groups) ReadGroup(group, default_type, resource);
  }

  // Whether another profile of that type begins another group.
  static bool HasType(const Group& group, const ValueType& type) {
    if (group.heads.size() >= kMaxSampleTypes) return true;
    return std::any_of(group.heads.begin(), group.heads.end(),
                       [&](const Head& head) { return head.sample_type == type; });
  }

  void ReadScope(View body, std::string* default_type) {
    for (Message message(body, context_.place); message.Next();) {
      if (message.tag_and_type() != Bytes(3)) {
        message.skip();
        continue;
      }
      const KeyValue pair = ReadKeyValue(message.Text(), context_);
      if (pair.key == "pprof.scope.default_sample_type")
        *default_type = TextOf(pair.value, context_);
    }
  }

  // Counts the profile and returns false when it cannot be read.
  bool ReadHead(View body, Head* head) {
    head->body = body;
    if (++profiles_ > kMaxProfileMessages) {
      return Refuse("more than " + std::to_string(kMaxProfileMessages) +
                    " profiles in one request");
    }
    const uint32_t attributes = layout_ == ProfileLayout::kL4 ? 12 : 11;
    const auto add_attribute = [&](uint64_t i) {
      head->attributes.push_back(static_cast<int64_t>(i));
    };
    const auto add_comment = [&](uint64_t i) { head->comments.push_back(static_cast<int64_t>(i)); };
    View sample_type, period_type;
    for (Message message(body, context_.place); message.Next();) {
      const uint32_t key = message.tag_and_type();
      if (key == Bytes(1)) {
        sample_type = message.Text();
      } else if (key == Fixed64(3)) {
        head->time_ns = message.TimeNs();
      } else if (key == Varint(4)) {
        head->duration_ns = Clamped(message.get_uint64());
      } else if (key == Bytes(5)) {
        period_type = message.Text();
      } else if (key == Varint(6)) {
        head->period = message.get_int64();
      } else if (key == Bytes(attributes)) {
        message.EachPackedVarint(add_attribute);
      } else if (key == Varint(attributes)) {
        add_attribute(message.get_uint64());
      } else if (key == Bytes(7) && layout_ == ProfileLayout::kL4) {
        message.EachPackedVarint(add_comment);
      } else {
        message.skip();
      }
    }
    if (!importer_.ReadValueType(sample_type, &head->sample_type) ||
        !importer_.ReadValueType(period_type, &head->period_type)) {
      return Refuse(importer_.TakeProblem());
    }
    if (head->sample_type.type.empty()) return Refuse("a profile without a sample type");
    if (head->time_ns <= 0) return Refuse("a profile without a valid time_unix_nano");
    return true;
  }

  bool Refuse(const std::string& reason) {
    Reject(&out_->rejected, 1, "profile refused: " + reason);
    return false;
  }

  void ReadGroup(const Group& group, const std::string& default_type, const Resource& resource) {
    if (out_->batches.size() >= kMaxProfiles) {
      Reject(&out_->rejected, static_cast<int64_t>(group.heads.size()),
             "more than " + std::to_string(kMaxProfiles) + " profiles in one request");
      return;
    }
    ProfileBatch batch;
    Profile& profile = batch.profile;
    importer_.Start(&profile);
    places_.clear();
    for (const Head& head : group.heads) ReadColumn(head, &profile);
    if (profile.sample_types.empty()) return;
    const Head& head = group.heads.front();
    profile.time_ns = head.time_ns;
    profile.duration_ns = head.duration_ns;
    profile.period_type = head.period_type;
    profile.period = head.period;
    profile.default_sample_type = default_type;
    importer_.Finish();
    size_t size = resource.target.instance.size();
    for (const auto& [key, value] : resource.attributes) size += key.size() + value.size() + 64;
    if (!importer_.Charge(size)) {
      Reject(&out_->rejected, static_cast<int64_t>(profile.sample_types.size()),
             importer_.TakeProblem());
      return;
    }
    batch.resource = resource;
    out_->batches.push_back(std::move(batch));
  }

  // Reads one profile as the next value column, or refuses it and leaves `profile` as it was.
  void ReadColumn(const Head& head, Profile* profile) {
    const size_t samples_before = profile->samples.size();
    const size_t column = profile->sample_types.size();
    profile->sample_types.push_back(head.sample_type);
    for (Sample& sample : profile->samples) sample.values.push_back(0);
    bool good = importer_.Charge(samples_before * sizeof(int64_t));
    for (Message message(head.body, context_.place); good && message.Next();) {
      if (message.tag_and_type() == Bytes(2)) {
        good = ReadSample(message.Text(), column, profile);
      } else {
        message.skip();
      }
    }
    if (good && profile->comments.empty()) good = ReadProfileAttributes(head, profile);
    if (good) return;
    const std::string reason = importer_.TakeProblem();
    Refuse(reason.empty() ? problem_ : reason);
    profile->samples.resize(samples_before);
    profile->sample_types.pop_back();
    for (Sample& sample : profile->samples) sample.values.pop_back();
    std::erase_if(places_, [&](const auto& entry) { return entry.second >= samples_before; });
  }

  bool ReadSample(View body, size_t column, Profile* profile) {
    SampleParts parts;
    if (!ReadSampleParts(body, &parts)) return false;
    // Order and repetition of attributes say nothing.
    std::sort(parts.attributes.begin(), parts.attributes.end());
    parts.attributes.erase(std::unique(parts.attributes.begin(), parts.attributes.end()),
                           parts.attributes.end());
    std::erase(parts.attributes, 0);
    uint64_t identity =
        HashCombine(static_cast<uint64_t>(parts.stack), static_cast<uint64_t>(parts.link));
    identity = Hash64({reinterpret_cast<const char*>(parts.attributes.data()),
                       parts.attributes.size() * sizeof(int64_t)},
                      identity);
    const auto [at, added] =
        places_.try_emplace(identity, static_cast<uint32_t>(profile->samples.size()));
    if (added) {
      Sample& sample = profile->samples.emplace_back();
      sample.values.resize(column + 1);
      if (!importer_.Charge(sizeof(Sample) + (column + 1) * sizeof(int64_t)) ||
          !importer_.Stack(parts.stack, &sample.locations)) {
        return false;
      }
      for (const int64_t attribute : parts.attributes) {
        if (!importer_.Attribute(attribute, &sample.labels)) return false;
      }
      if (!importer_.Link(parts.link, &sample.labels)) return false;
    }
    int64_t& value = profile->samples[at->second].values[column];
    value = Sum(value, parts.value);
    return true;
  }

  // A sample has values, or timestamps that count 1 each, or both in pairs.
  bool ReadSampleParts(View body, SampleParts* parts) {
    uint64_t values = 0, timestamps = 0;
    const auto add_value = [&](uint64_t value) {
      ++values;
      parts->value = Sum(parts->value, static_cast<int64_t>(value));
    };
    const auto add_attribute = [&](uint64_t i) {
      parts->attributes.push_back(static_cast<int64_t>(i));
    };
    for (Message message(body, context_.place); message.Next();) {
      const uint32_t key = message.tag_and_type();
      if (key == Varint(1)) {
        parts->stack = static_cast<int64_t>(message.get_uint64());
      } else if (key == Bytes(fields_.attributes)) {
        message.EachPackedVarint(add_attribute);
      } else if (key == Varint(fields_.attributes)) {
        add_attribute(message.get_uint64());
      } else if (key == Varint(fields_.link)) {
        parts->link = static_cast<int64_t>(message.get_uint64());
      } else if (key == Bytes(fields_.values)) {
        message.EachPackedVarint(add_value);
      } else if (key == Varint(fields_.values)) {
        add_value(message.get_uint64());
      } else if (key == Bytes(5)) {
        message.EachPackedFixed64([&](uint64_t) { ++timestamps; });
      } else if (key == Fixed64(5)) {
        ++timestamps;
        message.skip();
      } else {
        message.skip();
      }
    }
    if (values == 0) parts->value = static_cast<int64_t>(timestamps);
    if (values + timestamps > 0 && (values == 0 || timestamps == 0 || values == timestamps))
      return true;
    problem_ = "a sample with " + std::to_string(values) + " values and " +
               std::to_string(timestamps) + " timestamps; expected one of them, or as many of each";
    return false;
  }

  bool ReadProfileAttributes(const Head& head, Profile* profile) {
    for (const int64_t index : head.comments) {
      std::string comment;
      if (!importer_.String(index, &comment)) return false;
      profile->comments.push_back(std::move(comment));
    }
    for (const int64_t index : head.attributes) {
      View key;
      AnyValue value;
      if (!importer_.RawAttribute(index, &key, &value)) return false;
      if (key == "pprof.profile.drop_frames") profile->drop_frames = TextOf(value, context_);
      if (key == "pprof.profile.keep_frames") profile->keep_frames = TextOf(value, context_);
      if (key == "pprof.profile.comment" && !ReadComments(value, profile)) return false;
    }
    return true;
  }

  bool ReadComments(const AnyValue& value, Profile* profile) {
    if (value.type != AnyValue::Type::kArray) {
      profile->comments.push_back(TextOf(value, context_));
      return importer_.Charge(profile->comments.back().size());
    }
    for (Message message(value.view, context_.place); message.Next();) {
      if (message.tag_and_type() != Bytes(1)) {
        message.skip();
        continue;
      }
      const AnyValue comment = ReadAnyValue(message.Text(), context_);
      profile->comments.push_back(comment.type == AnyValue::Type::kString
                                      ? Limited(comment.view, kMaxProfileStringBytes, context_)
                                      : TextOf(comment, context_));
      if (!importer_.Charge(sizeof(std::string) + profile->comments.back().size())) return false;
    }
    return true;
  }

  Context context_;
  ProfileLayout layout_;
  SampleFields fields_;
  Importer importer_;
  DecodedProfiles* out_;
  std::unordered_map<uint64_t, uint32_t>
      places_;  // of samples by identity, in the profile being read
  size_t profiles_ = 0;
  std::string problem_;
};

Result<DecodedProfiles> ReadProfiles(View body, Place* place) {
  TIDEMARK_ASSIGN_OR_RETURN(const ProfileLayout layout, DetectLayout(body, place));
  Dictionary dictionary;
  for (Message message(body, place); message.Next();) {
    if (message.tag_and_type() == Bytes(2)) {
      TIDEMARK_RETURN_IF_ERROR(dictionary.Append(message.Text(), place));
    } else {
      message.skip();
    }
  }
  DecodedProfiles decoded;
  if (!dictionary.strings.empty() && !dictionary.strings[0].empty()) {
    decoded.rejected.message =
        "string_table[0] of the profiles dictionary is not empty; index 0 is read as \"not set\"";
  }
  ProfilesReader(place, layout, &dictionary, &decoded).ReadRequest(body);
  return decoded;
}

}  // namespace
}  // namespace codec

Result<DecodedProfiles> DecodeProfiles(std::string_view body, OtlpEncoding encoding) {
  using namespace codec;  // NOLINT: the readers of this file
  std::string transcoded;
  if (encoding == OtlpEncoding::kJson) {
    TIDEMARK_ASSIGN_OR_RETURN(transcoded, JsonToProto(body, JsonRoot::kProfiles));
    body = transcoded;
  }
  return Guarded<DecodedProfiles>(body, "OTLP profiles",
                                  [&](Place* place) { return ReadProfiles(body, place); });
}

}  // namespace tidemark
