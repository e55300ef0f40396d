#include "hprof/known_classes.h"

#include <algorithm>

#include "hprof/hprof_format.h"

namespace tidemark::hprof {
namespace {

// Sorted. Arrays of these are internal as well.
constexpr std::string_view kInternal[] = {
    "java/lang/ThreadLocal$ThreadLocalMap",
    "java/lang/ThreadLocal$ThreadLocalMap$Entry",
    "java/lang/ref/Finalizer",
    "java/util/Collections$SetFromMap",
    "java/util/Collections$SynchronizedCollection",
    "java/util/Collections$SynchronizedList",
    "java/util/Collections$SynchronizedMap",
    "java/util/Collections$SynchronizedRandomAccessList",
    "java/util/Collections$SynchronizedSet",
    "java/util/Collections$UnmodifiableCollection",
    "java/util/Collections$UnmodifiableList",
    "java/util/Collections$UnmodifiableMap",
    "java/util/Collections$UnmodifiableRandomAccessList",
    "java/util/Collections$UnmodifiableSet",
    "java/util/HashMap$Node",
    "java/util/HashMap$TreeNode",
    "java/util/Hashtable$Entry",
    "java/util/IdentityHashMap$Entry",
    "java/util/LinkedHashMap$Entry",
    "java/util/LinkedList$Node",
    "java/util/TreeMap$Entry",
    "java/util/WeakHashMap$Entry",
    "java/util/concurrent/ConcurrentHashMap$Node",
    "java/util/concurrent/ConcurrentHashMap$TreeBin",
    "java/util/concurrent/ConcurrentHashMap$TreeNode",
    "java/util/concurrent/ConcurrentLinkedDeque$Node",
    "java/util/concurrent/ConcurrentLinkedQueue$Node",
    "java/util/concurrent/ConcurrentSkipListMap$Index",
    "java/util/concurrent/ConcurrentSkipListMap$Node",
    "java/util/concurrent/LinkedBlockingDeque$Node",
    "java/util/concurrent/LinkedBlockingQueue$Node",
    "java/util/concurrent/LinkedTransferQueue$Node",
};
static_assert(std::is_sorted(std::begin(kInternal), std::end(kInternal)));

bool Known(std::string_view name) {
  return std::binary_search(std::begin(kInternal), std::end(kInternal), name);
}

}  // namespace

bool IsContainerInternal(std::string_view name) {
  if (name == "[Ljava/lang/Object;") return true;
  while (name.starts_with("[")) name.remove_prefix(1);
  if (name.starts_with("L") && name.ends_with(";")) name = name.substr(1, name.size() - 2);
  return Known(name);
}

std::string_view PrimitiveArrayName(uint8_t type) {
  constexpr std::string_view kNames[] = {"",          "",        "",        "",
                                         "boolean[]", "char[]",  "float[]", "double[]",
                                         "byte[]",    "short[]", "int[]",   "long[]"};
  return type < std::size(kNames) ? kNames[type] : "";
}

}  // namespace tidemark::hprof
