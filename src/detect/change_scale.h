// How much the level of an instance usually changes from block to block: the noise that a real fall
// must exceed.
#pragma once

#include <vector>

namespace tidemark::detector {

// Keeps the last 120 to 240 changes of all instances of a version. One thread.
class ChangeScale {
 public:
  void Add(double change_bytes);
  // Keeps memory bounded; called once a block.
  void Trim();
  // Robust standard deviation of one level: 1.4826 MAD of the last 120 changes over sqrt 2 (about
  // the median, since a sawtooth's steady climb is no noise). 1e18 with under 6 changes: nothing is
  // known yet.
  double Bytes() const;
  bool known() const { return changes_.size() >= 6; }

 private:
  std::vector<double> changes_;
};

}  // namespace tidemark::detector
