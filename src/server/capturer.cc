#include "server/capturer.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/time.h"
#include "codec/pprof.h"
#include "net/http_client.h"

namespace tidemark {
namespace {

namespace json = boost::json;

constexpr size_t kMaxProfileBytes = 64 << 20;

Result<Profile> Pull(const CaptureOrder& order, int64_t timeout_ns) {
  if (order.url.empty()) return NotFound("the target serves no profile");
  // gc=1: what only garbage holds is not held. Others than Go ignore it.
  const std::string url =
      order.url + (order.url.find('?') == std::string::npos ? "?gc=1" : "&gc=1");
  TIDEMARK_ASSIGN_OR_RETURN(
      const HttpReply reply,
      Fetch({.url = url, .timeout_ns = timeout_ns, .max_response_bytes = kMaxProfileBytes}));
  if (reply.status != 200) return Unavailable(url + " answered " + std::to_string(reply.status));
  return DecodeProfile(reply.body);
}

std::string Describe(const CaptureOrder& order, const CaptureRef& ref, const Profile& profile,
                     size_t bytes) {
  json::array comments;
  for (const std::string& comment : profile.comments) comments.push_back(json::string(comment));
  return json::serialize(json::object{{"id", ref.id},
                                      {"time", FormatRfc3339(ref.time_ns)},
                                      {"service", order.resource.target.service},
                                      {"version", ref.version},
                                      {"instance", ref.instance},
                                      {"role", ref.role},
                                      {"trigger", ref.trigger},
                                      {"incident_id", order.annotations.incident},
                                      {"file", ref.file},
                                      {"bytes", static_cast<int64_t>(bytes)},
                                      {"comments", std::move(comments)}});
}

}  // namespace

Capturer::Capturer(CapturerOptions options, Store* store,
                   std::function<void(const CaptureOrder&, const CaptureRef&)> done)
    : options_(std::move(options)),
      store_(store),
      done_(std::move(done)),
      thread_([this] { Run(); }) {}

Capturer::~Capturer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

bool Capturer::Enqueue(CaptureOrder order) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.max_queued) {
      ++refused_;
      return false;
    }
    queue_.push_back(std::move(order));
  }
  ready_.notify_one();
  return true;
}

Result<std::string> Capturer::Read(const std::string& id) const {
  if (id.empty() || id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return NotFound("no capture '" + id + "'");
  }
  return ReadWholeFile(PathOf(id), kMaxProfileBytes);
}

uint64_t Capturer::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}
uint64_t Capturer::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}
uint64_t Capturer::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

Result<CaptureRef> Capturer::Take(const CaptureOrder& order) {
  auto pulled = Pull(order, options_.timeout_ns);
  if (!pulled && order.latest.samples.empty()) return pulled.error();
  Profile profile = pulled ? std::move(*pulled) : order.latest;
  Annotate(order.resource, order.annotations, &profile);
  if (!pulled)
    profile.comments.push_back("tidemark.note: the newest profile received; pulling failed: " +
                               pulled.error().message);
  if (profile.time_ns == 0) profile.time_ns = WallClockNs();

  CaptureRef ref{.id = order.id,
                 .role = order.annotations.role,
                 .instance = order.resource.target.instance,
                 .version = order.resource.target.version,
                 .trigger = order.annotations.trigger,
                 .time_ns = profile.time_ns,
                 .file = PathOf(order.id)};
  const std::string bytes = EncodePprof(profile);
  TIDEMARK_RETURN_IF_ERROR(WriteWholeFile(ref.file, bytes));
  TIDEMARK_RETURN_IF_ERROR(
      store_->PutDocument({.kind = "capture",
                           .id = ref.id,
                           .payload = Describe(order, ref, profile, bytes.size()),
                           .updated_ns = ref.time_ns}));
  ForgetOldest();
  return ref;
}

void Capturer::ForgetOldest() {
  std::multimap<std::filesystem::file_time_type, std::filesystem::path> files;
  std::error_code status;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory, status)) {
    files.emplace(entry.last_write_time(status), entry.path());
  }
  while (files.size() > options_.max_captures) {
    std::filesystem::remove(files.begin()->second, status);
    files.erase(files.begin());
  }
}

void Capturer::Run() {
  std::error_code status;
  std::filesystem::create_directories(options_.directory, status);
  for (;;) {
    CaptureOrder order;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      order = std::move(queue_.front());
      queue_.pop_front();
    }
    const auto ref = Take(order);
    {
      const std::lock_guard lock(mutex_);
      ++(ref ? taken_ : failed_);
    }
    if (ref) {
      done_(order, *ref);
    } else {
      spdlog::warn("capture of {} {}: {}", order.resource.target.service,
                   order.resource.target.instance, ref.error().message);
    }
  }
}

}  // namespace tidemark
