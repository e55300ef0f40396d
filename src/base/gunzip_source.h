// A gzip stream as a source of the bytes inside it.
#pragma once

#include "base/byte_source.h"

namespace tidemark {

// Inflates all members of `compressed` as they are read, in 256 KiB of memory and zlib's window;
// a tail of zeros is passed over. Its size is not known. Rewind begins again from the first byte.
// Errors: those of `compressed`; corrupt, with the offset in the gzip stream, where it is damaged
// or cut short (what came before has been given out).
std::unique_ptr<ByteSource> GunzipSource(std::unique_ptr<ByteSource> compressed);

}  // namespace tidemark
