// The course of one stack over the instances of a service: pooled, restart-free, ready for the
// growth rules.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "detect/stack_history.h"

namespace tidemark {

// Columns of equal length [profiles]; values are means per instance. Empty: nothing to judge.
//
// Pooling: the instance with most profiles lends its times as the clock; between two ticks the
// changes of all instances that cover both (linear interpolation) are averaged and summed up. So an
// instance that joins or leaves moves nothing, and growth they share stands out of the noise that
// each has alone.
struct StackPath {
  int64_t origin_ns = 0;
  std::vector<double> time_s;    // since origin
  std::vector<double> inuse;     // ends at the newest mean in-use bytes
  std::vector<double> alloc;     // cumulative from 0; empty when unknown
  std::vector<double> linked;    // empty when unknown
  std::vector<double> requests;  // cumulative from 0; empty when unknown
  double object_bytes = 0;       // mean size of an object in use, newest
  double objects = 0;            // in use, newest
  double period_bytes = 0;       // newest mean
  double process_bytes = 0;      // newest in-use bytes of all stacks
  int instances = 0;
};

StackPath BuildStackPath(std::span<const StackHistory* const> histories, uint64_t stack_id);

// Variance of the estimate of `bytes` in use, made of objects of `object_bytes` each, under Poisson
// sampling every `period_bytes` (R): an object of s bytes is seen with p = 1 - exp(-s/R) and then
// stands for s/p, so each adds s^2 (1-p)/p, in all bytes * s / (exp(s/R) - 1). Small objects: bytes
// * R. 24 MiB of small objects at 512 KiB: sqrt(24 * 0.5) = 3.5 MiB standard error.
double SamplingVariance(double bytes, double object_bytes, double period_bytes);

}  // namespace tidemark
