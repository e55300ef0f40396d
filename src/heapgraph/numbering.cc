#include "heapgraph/numbering.h"

#include <algorithm>
#include <cstring>
#include <future>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kStraysAlways = 4096, kObjectsAStray = 256;  // how many strays are few
constexpr uint64_t kChunk = 4096;  // elements moved between two breaths

using Run = AscendingRuns::Run;
uint64_t LengthOf(const Run& run) { return run.end - run.next; }

template <typename T>
void Move(T* all, uint64_t from, uint64_t to, uint64_t count, Scratch& scratch) {
  for (uint64_t done = 0, step = 0; done < count && from != to; done += step) {
    step = std::min(kChunk, count - done);
    const uint64_t at = to < from ? done : count - done - step;
    scratch.Breathe();
    std::memmove(all + to + at, all + from + at, step * sizeof(T));
  }
}

}  // namespace

Result<ToldIds> Numbering::Number() {
  std::vector<Run> runs = told_.runs.Take();
  const auto main = std::max_element(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return LengthOf(a) < LengthOf(b);
  });
  if (main != runs.end() && FindStrays(*main, runs) && LieApart(*main)) return InsertStrays(*main);
  return Sort(std::move(runs));
}

// False when they are many.
bool Numbering::FindStrays(const Run& main, const std::vector<Run>& runs) {
  const uint64_t objects = told_.addresses.size();
  if (objects - LengthOf(main) > kStraysAlways + objects / kObjectsAStray) return false;
  for (const Run& run : runs) {
    if (run.next == main.next) continue;
    for (uint64_t position = run.next; position < run.end; ++position) {
      strays_.push_back({position, told_.addresses[position], told_.shapes[position], 0});
    }
  }
  std::sort(strays_.begin(), strays_.end(),
            [](const Stray& a, const Stray& b) { return a.address < b.address; });
  const auto addresses = told_.addresses.span().subspan(main.next, LengthOf(main));
  for (Stray& stray : strays_) {
    scratch_.Breathe();
    const auto behind = std::lower_bound(addresses.begin(), addresses.end(), stray.address);
    stray.before = static_cast<uint64_t>(behind - addresses.begin());
  }
  return true;
}

// Whether none of all objects begins inside another, or where it does.
bool Numbering::LieApart(const Run& main) const {
  if (!told_.runs.apart()) return false;
  uint64_t last = 0, end = 0;
  for (const Stray& stray : strays_) {
    const uint64_t behind = main.next + stray.before;
    if (stray.before > 0) {
      last = std::max(last, told_.addresses[behind - 1]);
      end = std::max(end, EndOf(told_.addresses[behind - 1], told_.shapes[behind - 1]));
    }
    const bool first = &stray == &strays_.front() && stray.before == 0;
    if (!first && (stray.address <= last || stray.address < end)) return false;
    last = stray.address;
    end = EndOf(stray.address, stray.shape);
    if (behind < main.end && (told_.addresses[behind] <= last || told_.addresses[behind] < end))
      return false;
  }
  return true;
}

// The main run stays where it is, but for the room that strays need: no further memory.
Result<ToldIds> Numbering::InsertStrays(const Run& main) {
  const uint64_t strays = strays_.size();
  // What lies before stray number i and behind the one before it moves to its place.
  const auto move_all = [&](auto* all, auto Stray::*value) {
    const auto move = [&](uint64_t i) {
      const uint64_t begin = i == 0 ? 0 : strays_[i - 1].before;
      const uint64_t end = i == strays ? LengthOf(main) : strays_[i].before;
      Move(all, main.next + begin, begin + i, end - begin, scratch_);
    };
    // Those that go down, from the first; then those that go up, from the last: none is written
    // over before it was moved.
    for (uint64_t i = 0; i <= std::min(main.next, strays); ++i) move(i);
    for (uint64_t i = strays; i > main.next; --i) move(i);
    for (uint64_t i = 0; i < strays; ++i) all[strays_[i].before + i] = strays_[i].*value;
  };
  auto shapes = std::async(scratch_.spills() ? std::launch::deferred : std::launch::async,
                           [&] { move_all(told_.shapes.span().data(), &Stray::shape); });
  move_all(told_.addresses.span().data(), &Stray::address);
  shapes.get();

  ToldIds ids;
  for (uint64_t i = 0; i <= strays; ++i) {
    const uint64_t begin = i == 0 ? 0 : strays_[i - 1].before;
    const uint64_t end = i == strays ? LengthOf(main) : strays_[i].before;
    if (begin < end) {
      ids.stretches_.push_back({main.next + begin, static_cast<ObjectId>(begin + i)});
    }
    if (i == strays) break;
    ids.stretches_.push_back({strays_[i].position, static_cast<ObjectId>(strays_[i].before + i)});
  }
  std::sort(ids.stretches_.begin(), ids.stretches_.end(),
            [](const auto& a, const auto& b) { return a.position < b.position; });

  const uint32_t holders = graph_.holder_count();
  TIDEMARK_RETURN_IF_ERROR(told_.addresses.Reserve(holders));
  TIDEMARK_RETURN_IF_ERROR(told_.shapes.Reserve(holders));
  for (const Holder& holder : graph_.holders_) {
    told_.addresses.Push(holder.address);
    told_.shapes.Push({0, 0});
  }
  graph_.bytes_ = told_.bytes;
  TIDEMARK_ASSIGN_OR_RETURN(graph_.address_, told_.addresses.Finish());
  TIDEMARK_ASSIGN_OR_RETURN(graph_.shape_, told_.shapes.Finish());
  NoteLargeObjects();
  return ids;
}

Result<ToldIds> Numbering::Sort(std::vector<Run> runs) {
  const uint64_t all = told_.addresses.size() + graph_.holder_count();
  TIDEMARK_ASSIGN_OR_RETURN(const auto order,
                            AddressOrder::Make(told_.addresses.span(), std::move(runs), scratch_));
  TIDEMARK_ASSIGN_OR_RETURN(graph_.address_, Array<uint64_t>::Make(scratch_, all));
  TIDEMARK_ASSIGN_OR_RETURN(graph_.shape_, Array<Shape>::Make(scratch_, all));
  ObjectId next = Fill(order);
  told_.addresses.Reset();
  for (const Holder& holder : graph_.holders_) graph_.address_[next++] = holder.address;
  if (next < all) {
    TIDEMARK_RETURN_IF_ERROR(graph_.address_.Resize(next));
    TIDEMARK_RETURN_IF_ERROR(graph_.shape_.Resize(next));
  }
  NoteLargeObjects();
  ToldIds ids;
  ids.in_place_of_bytes_ = told_.shapes.span();
  return ids;
}

// How many objects there are.
ObjectId Numbering::Fill(const AddressOrder& order) {
  ObjectId next = 0;
  uint64_t last = 0, end = 0;
  graph_.bytes_ = told_.bytes;
  order.ForEach(scratch_, [&](uint64_t position) {
    const uint64_t address = told_.addresses[position];
    Shape& told = told_.shapes[position];
    if (next > 0 && (address < end || address == last)) {
      ++graph_.losses_.overlapping_objects;
      graph_.bytes_ -= BytesOf(address, told);
      told.bytes = kNoObject;
      return;
    }
    graph_.address_[next] = last = address;
    graph_.shape_[next] = told;
    end = EndOf(address, told);
    told.bytes = next++;
  });
  return next;
}

uint64_t Numbering::BytesOf(uint64_t address, Shape shape) const {
  return shape.bytes != HeapGraph::kLargeBytes ? shape.bytes : told_.large_bytes.at(address);
}

uint64_t Numbering::EndOf(uint64_t address, Shape shape) const {
  if (told_.addresses_are_ids()) return address;
  return address + std::min(BytesOf(address, shape), ~uint64_t{0} - address);
}

void Numbering::NoteLargeObjects() {
  const auto addresses = graph_.address_.span().first(graph_.object_count());
  for (const auto& [address, bytes] : told_.large_bytes) {
    const auto found = std::lower_bound(addresses.begin(), addresses.end(), address);
    if (found == addresses.end() || *found != address) continue;
    const auto id = static_cast<ObjectId>(found - addresses.begin());
    if (graph_.shape_[id].bytes == HeapGraph::kLargeBytes) graph_.large_bytes_[id] = bytes;
  }
}

}  // namespace tidemark::heapgraph
