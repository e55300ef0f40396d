// A small heap as HotSpot would dump it: classes of the library, a program with a cache, a thread
// with a local, a weak and a soft reference.
#pragma once

#include "hprof/made_hprof.h"

namespace tidemark::hprof::made {

enum : uint64_t {
  kObjectClass = 0x1000,
  kClassClass = 0x1100,
  kReferenceClass = 0x1200,
  kWeakClass = 0x1300,
  kSoftClass = 0x1400,
  kLoadersClass = 0x1500,
  kThreadClass = 0x1600,
  kNodeClass = 0x1700,
  kArrayClass = 0x1800,
  kMainClass = 0x1900,
  kPluginClass = 0x1a00,
  kAppLoader = 0x2000,
  kOtherLoader = 0x2100,
  kMainThread = 0x2200,
  kLocal = 0x2300,
  kCacheArray = 0x2400,
  kNode = 0x2500,
  kBytes = 0x2600,
  kWeakReference = 0x2700,
  kSoftReference = 0x2800,
  kPluginObject = 0x2900,
  kPluginState = 0x2a00,
};

inline void Records(MadeHprof& dump) {
  dump.LoadClass(kObjectClass, "java/lang/Object", 1);
  dump.LoadClass(kClassClass, "java/lang/Class", 2);
  dump.LoadClass(kReferenceClass, "java/lang/ref/Reference", 3);
  dump.LoadClass(kWeakClass, "java/lang/ref/WeakReference", 4);
  dump.LoadClass(kSoftClass, "java/lang/ref/SoftReference", 5);
  dump.LoadClass(kLoadersClass, "jdk/internal/loader/ClassLoaders", 6);
  dump.LoadClass(kThreadClass, "java/lang/Thread", 7);
  dump.LoadClass(kNodeClass, "com/example/Node", 8);
  dump.LoadClass(kArrayClass, "[Lcom/example/Node;", 9);
  dump.LoadClass(kMainClass, "com/example/Main", 10);
  dump.LoadClass(kPluginClass, "com/example/Plugin", 11);
  dump.Frame(0x501, "run", "Main.java", 10, 12);
  dump.Frame(0x502, "main", "Main.java", 10, 40);
  dump.Trace(2, 1, {0x501, 0x502});
}

inline void Classes(MadeHprof& dump) {
  dump.Class(kObjectClass, 0, 0, {}, {});
  dump.Class(kClassClass, kObjectClass, 0, {}, {});
  dump.Class(kReferenceClass, kObjectClass, 0, {}, {{"referent"}, {"queue"}});
  dump.Class(kWeakClass, kReferenceClass, 0, {}, {});
  dump.Class(kSoftClass, kReferenceClass, 0, {}, {{"clock", kLong}});
  dump.Class(kLoadersClass, kObjectClass, 0, {{"APP_LOADER", kObject, kAppLoader}}, {});
  dump.Class(kThreadClass, kObjectClass, 0, {}, {});
  dump.Class(kNodeClass, kObjectClass, kAppLoader, {}, {{"next"}, {"hash", kInt}, {"value"}});
  dump.Class(kArrayClass, kObjectClass, kAppLoader, {}, {});
  dump.Class(kMainClass, kObjectClass, kAppLoader,
             {{"cache", kObject, kCacheArray}, {"count", kInt, 7}, {"empty"}}, {});
  dump.Class(kPluginClass, kObjectClass, kOtherLoader, {{"state", kObject, kPluginState}}, {});
}

inline void Objects(MadeHprof& dump) {
  dump.Instance(kAppLoader, kObjectClass, {});
  dump.Instance(kOtherLoader, kObjectClass, {});
  dump.Instance(kMainThread, kThreadClass, {});
  dump.PrimitiveArray(kLocal, kInt, 10);
  dump.ObjectArray(kCacheArray, kArrayClass, {0, kNode, 0});
  std::string values;
  MadeHprof::Big(&values, 0, 8);
  MadeHprof::Big(&values, 5, 4);
  MadeHprof::Big(&values, kBytes, 8);
  dump.InstanceOf(kNode, kNodeClass, values);
  dump.PrimitiveArray(kBytes, kByte, 100);
  dump.Instance(kWeakReference, kWeakClass, {kNode, kBytes});
  dump.Instance(kSoftReference, kSoftClass, {0, kNode, kLocal});
  dump.Instance(kPluginObject, kPluginClass, {});
  dump.Instance(kPluginState, kObjectClass, {});
}

inline void Roots(MadeHprof& dump) {
  dump.Root(kRootThreadObject, kMainThread, {1, 2});
  dump.Root(kRootJavaFrame, kLocal, {1, 0});
  dump.Root(kRootJniGlobal, kWeakReference);
  dump.Root(kRootStickyClass, kObjectClass);
  dump.Root(kUnreachable, kPluginObject);
}

inline std::string Program() {
  MadeHprof dump;
  Records(dump);
  Classes(dump);
  Roots(dump);
  dump.EndSegment();
  Objects(dump);
  return dump.Finish();
}

}  // namespace tidemark::hprof::made
