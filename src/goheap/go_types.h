// Keys of Go types in events. A type's key is the address of its descriptor in the program that
// was dumped. What an interface says of the object behind its data word is less than a type:
//
//   interface holds T as it is       var x any = T{...}   data word -> a T            key T
//   T is a pointer (map, chan, func) var x any = &E{...}  data word is the T itself   PointeeOf(T)
//   which of the two is not known    (a heap dump does not say it for 8-byte types)
//   BehindInterface(T)
//
// A heap dump has no element types, so its reader tells derived keys, and whoever has the
// executable turns them into the key of what is really there.
// Events of these keys have a name that a person can read, until a later OnType names them better.
#pragma once

#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

using heapgraph::TypeKey;

// Addresses of user space on amd64 and arm64 end below bit 56.
constexpr TypeKey kPointeeBit = TypeKey{1} << 63;
constexpr TypeKey kBehindInterfaceBit = TypeKey{1} << 62;
constexpr TypeKey kDescriptorMask = kBehindInterfaceBit - 1;

// What values of the pointer-shaped type `descriptor` point to: E of *E, the header of a map, of a
// channel, the closure of a func.
constexpr TypeKey PointeeOf(TypeKey descriptor) { return descriptor | kPointeeBit; }
// What the data word of an interface with dynamic type `descriptor` points to: a `descriptor`, or
// PointeeOf(descriptor) when that type is pointer-shaped (Kind & 32 up to Go 1.25, TFlag & 32
// since).
constexpr TypeKey BehindInterface(TypeKey descriptor) { return descriptor | kBehindInterfaceBit; }

constexpr TypeKey DescriptorOf(TypeKey key) { return key & kDescriptorMask; }
constexpr bool IsPointee(TypeKey key) { return (key & kPointeeBit) != 0; }
constexpr bool IsBehindInterface(TypeKey key) { return (key & kBehindInterfaceBit) != 0; }

}  // namespace tidemark::goheap
