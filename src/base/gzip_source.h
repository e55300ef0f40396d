// Inflates a gzip source on the fly, all its members one after the other.
#pragma once

#include "base/byte_source.h"

namespace tidemark {

// `source` itself when it is not compressed (told by its first two bytes, 1f 8b), else a source of
// the inflated bytes that rewinds where `source` does. Members that HotSpot wrote (the first one's
// comment reads "HPROF BLOCKSIZE=1048576") are inflated on two threads. Memory: 24 MiB.
// Errors here: the source's; when reading: corrupt, with the offset among the compressed bytes.
Result<std::unique_ptr<ByteSource>> MaybeGunzip(std::unique_ptr<ByteSource> source);

}  // namespace tidemark
